"""The pipeline itself, in a throw-away copy of the project: what runs, what does not, and why."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SMOKE = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text())
pytestmark = pytest.mark.dag

CELLS = ["weibull_2.05", "weibull_4", "relu", "tanh"]
FITTED = ["weibull_2.05", "weibull_4"]
EXTENDED = ["weibull_6"]


def copy_of_the_project(folder):
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def snakemake(project, *arguments, config="config/smoke.yaml", check=True):
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", config, *arguments],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "src"), "CI": "true"},
        capture_output=True,
        text=True,
    )
    output = run.stdout + run.stderr
    if check:
        assert run.returncode == 0, output
    return output if check else (run.returncode, output)


def planned(project, *arguments, **settings):
    """{(rule, wildcards)} of a dry run, without the target rules."""
    jobs = set()
    output = snakemake(project, "--dry-run", *arguments, **settings)
    for rule, body in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", output, re.MULTILINE):
        wildcards = re.search(r"^    wildcards: (.*)$", body, re.MULTILINE)
        value = ",".join(re.findall(r"\w+=([^,]+)", wildcards.group(1))) if wildcards else ""
        jobs.add((rule, value))
    return {job for job in jobs if job[0] not in ("all", *arguments)}


def each(rule, values):
    return {(rule, value) for value in values}


KS_PLOTS = each("plot_ks_two_layer", ["ks_two_layer", "ks_two_layer_standardized"])
AFTER_EXACT = {("plot_density", ""), ("plot_activations", "")}
AFTER_KS = KS_PLOTS | {("table_ks_two_layer", ""), ("table_replication", "")}
AFTER_FITS = {("table_fitted", ""), ("plot_fitted", ""), ("plot_fit_losses", "")}
NOTEBOOK = {("run_notebook", "density_and_activations")}
DEPTH_CELLS = ["weibull_4", "relu", "tanh", "control"]
STUDY = each("propagate", [f"{cell},3_10" for cell in DEPTH_CELLS])
AFTER_STUDY = {(rule, "") for rule in ("plot_depth", "plot_dependence", "table_propagation")}
STUDY_NOTEBOOK = {("run_notebook", "propagation")}
EOC_NOTEBOOK = {("run_notebook", "edge_of_chaos")}
EOC_SHOWN = {("plot_edge_of_chaos", ""), ("table_edge_of_chaos", "")} | EOC_NOTEBOOK
EOC = {("eoc_theory", ""), ("eoc_simulate", ""), ("unified_view", ""), ("table_replication", "")} | EOC_SHOWN
CORRELATE = {("correlate", "digits")}
AFTER_CORRELATE = {("plot_correlations", "digits"), ("plot_dependence", ""), ("table_propagation", "")}
TRAIN = each("train", [f"digits,{group},widths_3_10" for group in ("weibull_4", "others", "control")])
TRAIN |= {("train_persistence", "")}
PLOT_TRAINING = {("plot_training", "digits,sgd"), ("plot_persistence", "")}
AFTER_TRAIN = {("table_training", ""), ("run_notebook", "training")} | PLOT_TRAINING
RELU_THEORY, RELU_SIMULATE = {("relu_law_theory", "")}, {("relu_law_simulate", "")}
SCHEMES = "he_and_orthogonal_and_mirrored_gaussian_and_mirrored_orthogonal"
ISOMETRY_TRAIN = {("isometry_train", f"digits,{SCHEMES}")}
RELU_SHOWN = {("table_relu_law", ""), ("plot_relu_law", ""), ("run_notebook", "dynamical_isometry")}
RELU_LAW = RELU_THEORY | RELU_SIMULATE | RELU_SHOWN | {("table_replication", "")}
KERNEL_SHOWN = {("table_kernels", ""), ("plot_kernels", ""), ("run_notebook", "kernels")}
KERNEL_TRAINED = {("kernel_inputs", "")} | KERNEL_SHOWN  # the rows that training leaves
FRACTIONAL_TRAIN = {("fractional_train", "digits,relu_and_leaky_relu_and_linear")}
HEAVY_SHOWN = {("table_heavy_tails", ""), ("plot_heavy_tails", ""), ("run_notebook", "heavy_tails")}
FRACTIONAL = FRACTIONAL_TRAIN | HEAVY_SHOWN
HEAVY = {("heavy_tails_simulate", ""), ("table_replication", "")} | FRACTIONAL
KERNEL_DRAWN = {("kernel_simulate", ""), ("kernel_errors", ""), ("table_replication", "")}
# the points of the two-layer study are in the figure and the text of the dependence
AFTER_EXACT_KS = AFTER_KS | {("plot_dependence", ""), ("table_propagation", "")} | STUDY_NOTEBOOK
NULL_BANDS = {("null_band", ""), ("null_band_of_depth", "")}


def fits(laws, assessed):
    return each("fit", laws) | each("assess_fit", assessed)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A copy of the project in which the smoke scale has been run."""
    project = copy_of_the_project(tmp_path_factory.mktemp("built"))
    output = snakemake(project)
    assert "Verdicts in tables/smoke/replication.csv" in output
    return project


@pytest.fixture
def edit(built):
    """Appends a line to files of the copy, and takes the edits back."""
    saved = {}

    def append(name, line):
        path = built / name
        saved.setdefault(path, (path.read_bytes(), path.stat().st_mtime_ns))
        path.write_text(path.read_text() + line)

    yield append
    for path, (content, mtime) in saved.items():
        path.write_bytes(content)
        os.utime(path, ns=(mtime, mtime))


def with_config(project, **changes):
    config = SMOKE | {key: (SMOKE[key] | v if isinstance(v, dict) else v) for key, v in changes.items()}
    path = project / "changed.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_products(built):
    figures = ("density", "activations", "ks_two_layer", "ks_two_layer_standardized", "rule_graph")
    depth = [f"depth_{name}" for name in ("ks", "ks_standardized", "moments", "quantiles", "heat_map")]
    correlations = ["correlation_digits", "correlation_matrices_digits_10", "dependence", "coordinate_check"]
    edge = [f"eoc_{name}" for name in ("curves", "heat_map", "maps", "correlations", "depth_scales")]
    trained = [f"training_{name}_digits_sgd" for name in ("loss", "accuracy", "share", "predictors")]
    trained.append("training_persistence")
    trained += [f"relu_law_{name}" for name in ("density", "deviations", "eigenvalues", "correlations")]
    trained += ["isometry_singular_values", "isometry_training"]
    for name in (*figures, "fitted", "fit_losses", *depth, *correlations, *edge, "unified_view", *trained):
        assert (built / f"figures/smoke/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (built / f"figures/smoke/{name}.png").read_bytes().startswith(b"\x89PNG")
    header = (built / "tables/smoke/ks_two_layer.csv").read_text().splitlines()[0]
    assert header == "route,activation,theta,sweep,n,ks,ks_standardized,n_samples"
    header = (built / "tables/smoke/replication.csv").read_text().splitlines()[0]
    assert header == "paper,item,published,ours,uncertainty,tolerance,verdict,note"
    for name in (
        "ks_two_layer",
        "constraints",
        "replication",
        "fitted",
        "propagation_widths",
        "eoc_points",
        "eoc_claims",
        "unified_view",
        "training",
        "training_comparisons",
        "relu_law_deviations",
        "relu_law_claims",
        "isometry_training",
        "isometry_comparisons",
        "isometry_jacobians",
    ):
        for ending in ("csv", "md", "tex"):
            assert (built / f"tables/smoke/{name}.{ending}").stat().st_size > 100
    text = (built / "tables/smoke/propagation.md").read_text()
    assert "## From which width on is it Gaussian?" in text
    assert "## Claims" in text
    text = (built / "tables/smoke/training_conclusions.md").read_text()
    assert "## digits, sgd" in text
    assert "Does it stay Gaussian" in text
    assert "nan" not in text
    for name in ("density_and_activations", "propagation", "edge_of_chaos", "training", "dynamical_isometry"):
        assert "Traceback" not in (built / f"data/smoke/notebooks/{name}.html").read_text()
    leftovers = [p for p in built.rglob(".*.*") if re.match(r"\.\d+\.", p.name)]
    assert leftovers == []


def test_no_result_is_a_pickle(built):
    kinds = {
        p.suffix
        for top in ("data/smoke", "figures/smoke", "tables/smoke")
        for p in (built / top).rglob("*.*")
    }
    assert kinds <= {".parquet", ".json", ".pdf", ".png", ".csv", ".md", ".tex", ".html", ".ipynb"}


def test_everything_is_documented(built):
    text = (built / "data/README.md").read_text()
    import pandas as pd

    for path in (built / "data/smoke").rglob("*.parquet"):
        folder = path.relative_to(built / "data/smoke").parts[0]
        assert f"{folder}/" in text
        for column in pd.read_parquet(path).columns:
            assert f"`{re.sub('product_[0-9]+', 'product_<n>', column)}`" in text, f"{path.name}: {column}"


def test_second_run_has_nothing_to_do(built):
    start = time.perf_counter()
    output = snakemake(built)
    assert "Nothing to be done" in output
    assert time.perf_counter() - start < 10


def test_module_that_no_job_imports(built, edit):
    edit("src/preactivations/__init__.py", '\n"""Another docstring."""\n')
    assert planned(built) == set()


def test_edit_of_the_maps_reruns_the_propagation_study(built, edit):
    edit("src/preactivations/edge_of_chaos.py", "\n# edited\n")
    assert planned(built) == (
        STUDY
        | AFTER_STUDY
        | CORRELATE
        | AFTER_CORRELATE
        | STUDY_NOTEBOOK
        | EOC
        | TRAIN
        | AFTER_TRAIN
        | KERNEL_TRAINED
    )


def test_edit_of_the_conclusions_computes_nothing_anew(built, edit):
    edit("src/preactivations/conclusions.py", "\n# edited\n")
    assert planned(built) == AFTER_CORRELATE | STUDY_NOTEBOOK | EOC_SHOWN | AFTER_TRAIN


def test_edit_of_the_training_code_trains_and_of_its_words_does_not(built, edit):
    edit("src/preactivations/training_claims.py", "\n# edited\n")
    assert planned(built) == AFTER_TRAIN
    edit("src/preactivations/ensembles.py", "\n# edited\n")
    assert planned(built) == TRAIN | AFTER_TRAIN | ISOMETRY_TRAIN | RELU_SHOWN | KERNEL_TRAINED | FRACTIONAL


def test_edit_of_the_second_companion_stays_in_it(built, edit):
    edit("src/preactivations/relu_law_claims.py", "\n# edited\n")
    assert planned(built) == RELU_SHOWN
    edit("src/preactivations/mirrored.py", "\n# edited\n")
    # init, which holds the mirrored initializers too, starts the networks of the fourth companion
    assert (
        planned(built)
        == RELU_SIMULATE | ISOMETRY_TRAIN | RELU_SHOWN | {("table_replication", "")} | FRACTIONAL
    )
    edit("src/preactivations/_norm_laws.py", "\n# edited\n")
    assert planned(built) == RELU_LAW | ISOMETRY_TRAIN | HEAVY


def test_edit_of_the_third_companion_stays_in_it(built, edit):
    edit("src/preactivations/kernel_claims.py", "\n# edited\n")
    assert planned(built) == KERNEL_SHOWN | {("table_replication", "")}
    edit("src/preactivations/trained_kernels.py", "\n# edited\n")
    assert planned(built) == KERNEL_TRAINED | {("table_replication", "")}
    edit("src/preactivations/row_laws.py", "\n# edited\n")
    assert planned(built) == KERNEL_TRAINED | KERNEL_DRAWN


def test_edit_of_the_fourth_companion_stays_in_it(built, edit):
    edit("src/preactivations/heavy_tails_claims.py", "\n# edited\n")
    assert planned(built) == HEAVY_SHOWN | {("table_replication", "")}
    edit("src/preactivations/fractional_training.py", "\n# edited\n")
    assert planned(built) == FRACTIONAL | {("table_replication", "")}
    edit("src/preactivations/heavy_tails_study.py", "\n# edited\n")
    assert planned(built) == HEAVY


def test_edit_of_weights_reruns_what_depends_on_it(built, edit):
    edit("src/preactivations/weights.py", "\n# edited\n")
    assert planned(built) == (
        {("exact_pairs", "")} | each("ks_two_layer", CELLS) | AFTER_EXACT | AFTER_EXACT_KS | NOTEBOOK
        | fits(FITTED + EXTENDED, FITTED + EXTENDED) | AFTER_FITS
        | {("check_constraints", ""), ("table_constraints", "")}
        | STUDY | AFTER_STUDY | CORRELATE | AFTER_CORRELATE | EOC | TRAIN | AFTER_TRAIN | RELU_LAW | ISOMETRY_TRAIN
        | KERNEL_TRAINED | FRACTIONAL
    )  # fmt: skip


def test_edit_of_the_fast_activation_leaves_the_exact_tables(built, edit):
    edit("src/preactivations/nn.py", "\n# edited\n")
    assert planned(built) == (
        each("ks_two_layer", CELLS)
        | AFTER_EXACT_KS
        | NOTEBOOK
        | STUDY
        | AFTER_STUDY
        | CORRELATE
        | AFTER_CORRELATE
        | EOC
        | TRAIN
        | AFTER_TRAIN
        | ISOMETRY_TRAIN
        | RELU_SHOWN
        | KERNEL_TRAINED
        | FRACTIONAL
    )


def test_edit_of_a_plot_script_redraws_one_figure(built, edit):
    edit("workflow/scripts/plot_density.py", "\n# edited\n")
    assert planned(built) == {("plot_density", "")}


def test_touch_without_change_runs_nothing(built):
    (built / "src/preactivations/weights.py").touch()
    assert planned(built) == set()


def test_new_theta_computes_only_itself(built):
    config = with_config(built, thetas=[2.05, 3.3, 4])
    assert planned(built, config=config) == (
        {("exact_pairs", ""), ("ks_two_layer", "weibull_3.3"), ("plot_rule_graph", "")}
        | fits(["weibull_3.3"], ["weibull_3.3"]) | AFTER_EXACT | AFTER_EXACT_KS | AFTER_FITS | NOTEBOOK
        | {("eoc_theory", "")} | EOC_SHOWN
    )  # fmt: skip


def test_parameters_reach_their_stage_only(built):
    plots = AFTER_EXACT | KS_PLOTS | {("plot_rule_graph", ""), ("plot_fitted", ""), ("plot_fit_losses", "")}
    plots |= {
        ("plot_depth", ""),
        ("plot_dependence", ""),
        ("plot_correlations", "digits"),
        ("plot_edge_of_chaos", ""),
        ("plot_relu_law", ""),
        ("plot_kernels", ""),
        ("plot_heavy_tails", ""),
    } | PLOT_TRAINING
    assert planned(built, config=with_config(built, figures={"dpi": 90})) == plots
    config = with_config(built, ks_two_layer={"n_samples": 6000})
    assert planned(built, config=config) == (
        each("ks_two_layer", CELLS) | AFTER_EXACT_KS | NOTEBOOK | {("null_band", ""), ("plot_rule_graph", "")}
        | each("assess_fit", FITTED + EXTENDED) | {("table_fitted", ""), ("plot_fitted", "")}
    )  # fmt: skip
    study = SMOKE["propagation"]
    config = with_config(built, propagation={"depth": 6})
    assert planned(built, config=config) == STUDY | AFTER_STUDY | STUDY_NOTEBOOK | {("plot_rule_graph", "")}
    config = with_config(built, propagation={"correlations": study["correlations"] | {"images_per_class": 3}})
    assert planned(built, config=config) == CORRELATE | AFTER_CORRELATE | STUDY_NOTEBOOK | {
        ("plot_rule_graph", "")
    }
    # a new theta of the study is a new cell (and the correlations, which are one job per data set)
    config = with_config(built, propagation={"thetas": [4, 3.3]})
    assert planned(built, config=config) == (
        {("propagate", "weibull_3.3,3_10"), ("plot_rule_graph", "")} | AFTER_STUDY | CORRELATE | AFTER_CORRELATE
        | STUDY_NOTEBOOK
    )  # fmt: skip
    config = with_config(built, propagation={"quantile_depths": [3]})
    assert planned(built, config=config) == {("plot_depth", ""), ("plot_rule_graph", "")}
    config = with_config(built, edge_of_chaos={"depth": 12})
    assert planned(built, config=config) == (
        {("eoc_simulate", ""), ("unified_view", ""), ("plot_rule_graph", "")} | EOC_SHOWN
    )
    config = with_config(built, edge_of_chaos={"heat_points": 12})
    assert planned(built, config=config) == (
        {("eoc_theory", ""), ("table_replication", ""), ("plot_rule_graph", "")} | EOC_SHOWN
    )
    config = with_config(built, training={"seeds": 3})
    assert planned(built, config=config) == (
        (TRAIN - {("train_persistence", "")}) | AFTER_TRAIN | {("plot_rule_graph", "")}
    )
    config = with_config(built, training={"thetas": [4, 3.3]})
    assert planned(built, config=config) == (
        {("train", "digits,weibull_3.3,widths_3_10"), ("plot_rule_graph", "")} | AFTER_TRAIN
    )
    config = with_config(built, training={"persistence": SMOKE["training"]["persistence"] | {"seeds": 4}})
    assert planned(built, config=config) == (
        {("train_persistence", ""), ("plot_rule_graph", "")} | AFTER_TRAIN | KERNEL_TRAINED
    )
    config = with_config(built, kernels={"errors": SMOKE["kernels"]["errors"] | {"evaluations": 20_000}})
    assert planned(built, config=config) == (
        {("kernel_errors", ""), ("table_replication", ""), ("plot_rule_graph", "")} | KERNEL_SHOWN
    )
    config = with_config(built, kernels={"pairs": 30})
    assert planned(built, config=config) == {("plot_rule_graph", "")} | KERNEL_TRAINED
    config = with_config(built, kernels={"controls": ["student_1.5"]})
    assert planned(built, config=config) == (
        {("kernel_simulate", ""), ("table_replication", ""), ("plot_rule_graph", "")} | KERNEL_SHOWN
    )
    smoke = SMOKE["heavy_tails"]
    config = with_config(built, heavy_tails={"training": smoke["training"] | {"width": 9}})
    assert planned(built, config=config) == FRACTIONAL | {("plot_rule_graph", "")}
    config = with_config(built, heavy_tails={"tails": smoke["tails"] | {"depth": 60}})
    assert planned(built, config=config) == HEAVY - FRACTIONAL_TRAIN | {("plot_rule_graph", "")}
    smoke = SMOKE["relu_law"]
    config = with_config(built, relu_law={"training": smoke["training"] | {"seeds": 3}})
    assert planned(built, config=config) == ISOMETRY_TRAIN | RELU_SHOWN | {("plot_rule_graph", "")}
    config = with_config(built, relu_law={"jacobian": smoke["jacobian"] | {"networks": 6}})
    assert planned(built, config=config) == (
        RELU_SIMULATE | RELU_SHOWN | {("table_replication", ""), ("plot_rule_graph", "")}
    )
    config = with_config(built, relu_law={"eigenvalue_widths": [5, 30]})
    assert planned(built, config=config) == RELU_LAW - RELU_SIMULATE | {("plot_rule_graph", "")}
    config = with_config(
        built, propagation={"memory_mb": 80}, relu_law={"memory_mb": 80}, data_mirror="elsewhere"
    )
    assert planned(built, config=config) == {("plot_rule_graph", "")}
    # the batch size changes no number, so it makes nothing out of date
    config = with_config(built, ks_two_layer={"memory_mb": 20})
    assert planned(built, config=config) == {("plot_rule_graph", "")}


def test_named_targets(built):
    (built / "figures/smoke/density.png").rename(built / "away.png")
    try:
        assert planned(built, "density") == planned(built, "figures") == {("plot_density", "")}
        for target in (
            "activation",
            "ks_study",
            "fitted",
            "propagation",
            "edge_of_chaos",
            "training",
            "relu_law",
            "companions",
            "tables",
            "notebooks",
        ):
            assert planned(built, target) == set()
    finally:
        (built / "away.png").rename(built / "figures/smoke/density.png")


def test_wrong_configuration_stops_before_any_job(built):
    config = with_config(built, thetas=[1.9], typo=1)
    code, output = snakemake(built, config=config, check=False)
    assert code != 0
    assert "thetas.0: Input should be greater than or equal to 2 (got 1.9)" in output
    assert "typo: Extra inputs are not permitted" in output
    assert "rule " not in output


def test_bad_fit_fails_with_theta_and_loss_curve(built):
    density = SMOKE["fitted"]["density"] | {"learning_rate": 1, "epochs": 20, "ramp": 10}
    config = with_config(built, scale="bad", fitted={"density": density})
    target = "data/bad/fitted/weibull_4.density.json"
    code, output = snakemake(built, "--show-failed-logs", target, config=config, check=False)
    assert code != 0
    curve = "logs/bad/fit/weibull_4.losses.csv"
    assert re.search(rf"FitError: theta = 4: the loss .*; the loss curve is in {curve}", output)
    assert (built / curve).read_text().startswith("epoch,loss\n0,")
    assert not (built / target).exists()
    assert "theta = 4" in (built / "logs/bad/fit/weibull_4.log").read_text()


def test_edit_of_the_fits_leaves_the_exact_route(built, edit):
    edit("src/preactivations/fitted.py", "\n# edited\n")
    assert planned(built) == fits(FITTED + EXTENDED, FITTED + EXTENDED) | AFTER_FITS | AFTER_KS | NOTEBOOK


def test_a_stopped_job_goes_on_where_it_was(built):
    """The second cell does not fit into the memory; with more, the first one is not computed again."""
    target = "data/stopped/propagation/tanh.widths_3_300.layers.parquet"
    widths = [{"width": 3, "networks": 60}, {"width": 300, "networks": 2}]
    config = with_config(built, scale="stopped", propagation={"widths": widths, "memory_mb": 8})
    code, output = snakemake(built, "--show-failed-logs", target, config=config, check=False)
    assert code != 0
    assert "memory = 8e+06 bytes is too small: one block of widths [1, 300, 300" in output
    kept = built / "data/stopped/propagation/.cells.tanh.widths_3_300.layers"
    assert len(list(kept.iterdir())) == 1
    config = with_config(built, scale="stopped", propagation={"widths": widths, "memory_mb": 40})
    snakemake(built, "--show-failed-logs", target, config=config)
    log = (built / "logs/stopped/propagate/tanh.widths_3_300.log").read_text()
    assert log.count("kept from a run that was stopped") == 1
    assert not kept.exists()
    # the result is that of a run that was not stopped
    import pandas as pd

    stopped = pd.read_parquet(built / target)
    (built / target).unlink()
    snakemake(built, "--show-failed-logs", target, config=config)
    pd.testing.assert_frame_equal(stopped, pd.read_parquet(built / target))


def test_an_interrupted_training_keeps_its_cells(built):
    """Stopped after the first cell; the next run goes on from there, to the result of a run that was not stopped."""
    target = "data/killed/training/digits.others.widths_3.runs.parquet"
    smoke = SMOKE["training"]
    datasets = [smoke["datasets"][0] | {"epochs": 40}]
    config = with_config(built, scale="killed", training={"datasets": datasets, "widths": [3]})
    command = [sys.executable, "-m", "snakemake", target, "--cores", "1", "--configfile", config]
    process = subprocess.Popen(
        command, cwd=built, env=os.environ | {"PYTHONPATH": str(built / "src"), "CI": "true"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    kept = built / "data/killed/training/.cells.digits.others.widths_3.runs"
    deadline = time.perf_counter() + 120
    while not (kept.is_dir() and any(p for p in kept.iterdir() if not p.name.startswith("."))):
        assert process.poll() is None
        assert time.perf_counter() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (built / target).exists()
    snakemake(built, "--unlock", target, config=config)
    snakemake(built, "--rerun-incomplete", "--show-failed-logs", target, config=config)
    log = (built / "logs/killed/train/digits.others.widths_3.log").read_text()
    assert log.count("kept from a run that was stopped") >= 1
    assert not kept.exists()
    import pandas as pd

    stopped = pd.read_parquet(built / target)
    (built / target).unlink()
    snakemake(built, "--show-failed-logs", target, config=config)
    pd.testing.assert_frame_equal(stopped, pd.read_parquet(built / target))


def test_missing_data_set_is_said_and_not_in_the_way(built):
    """A scale that does not ask for a data set has no rule for it; one that does says what is missing."""
    assert not [job for job in planned(built, "--forceall") if job[0] == "fetch_dataset"]
    study = SMOKE["propagation"]["correlations"] | {"datasets": ["mnist"]}
    # asked for by two stages
    training = {
        "datasets": [SMOKE["training"]["datasets"][0] | {"name": "mnist"}],
        "persistence": SMOKE["training"]["persistence"] | {"dataset": "mnist"},
    }
    config = with_config(
        built, scale="images", data_mirror="nowhere", propagation={"correlations": study}, training=training
    )
    assert ("fetch_dataset", "mnist") in planned(built, "training", config=config)
    for target in (
        "data/images/propagation/mnist.blocks.parquet",
        "data/images/training/mnist.others.widths_3_10.runs.parquet",
    ):
        code, output = snakemake(built, "--show-failed-logs", target, config=config, check=False)
        assert code != 0
        assert (
            "train-images-idx3-ubyte.gz is needed, but the mirror nowhere of data sets is not a folder"
            in output
        )
        assert not (built / target).exists()


def hashes(project):
    paths = [p for top in ("data", "figures", "tables") for p in (project / top / "smoke").rglob("*.*")]
    return {
        str(p.relative_to(project)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in paths
        if "notebooks" not in p.parts
        and not p.name.endswith(".provenance.json")
        and "rule_graph" not in p.name
    }


def test_results_do_not_depend_on_cores_or_batches(built, tmp_path):
    project = copy_of_the_project(tmp_path)
    study = SMOKE["propagation"]
    smaller = {"memory_mb": 20, "correlations": study["correlations"] | {"memory_mb": 20}}
    config = with_config(
        project,
        ks_two_layer={"memory_mb": 8},
        propagation=smaller,
        edge_of_chaos={"memory_mb": 20},
        relu_law={"memory_mb": 20},
    )
    # the last two companions have no batches, and one thread per job
    stages = ["ks_study", "fitted", "propagation", "edge_of_chaos", "relu_law"]
    snakemake(project, "--cores", "1", *stages, config=config)
    found, expected = hashes(project), hashes(built)
    assert len(found) > 25
    assert found == {name: expected[name] for name in found}


def test_rules_are_written_in_full():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            if "script:" in rule:
                for part in ("input", "output", "log", "benchmark", "threads", "resources", "conda"):
                    assert f"    {part}:" in rule, f"{path.name}: {rule.split(':')[0]} has no {part}"
                assert "mem_mb=" in rule
                assert "runtime=" in rule
