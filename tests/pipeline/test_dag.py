"""Which jobs run after which change: in a copy of the project whose results are up to date."""

import re
import shutil
import subprocess
import sys

import networkx
import pytest
from copies import SMOKE, environment, make, planned, snakemake, with_config
from expected_jobs import (
    AFTER_CORRELATE,
    AFTER_EXACT,
    AFTER_EXACT_KS,
    AFTER_FITS,
    AFTER_KS,
    AFTER_STUDY,
    AFTER_TRAIN,
    ANALYSED,
    CELLS,
    CORRELATE,
    EOC,
    EOC_FAMILIES,
    EOC_FITTED,
    EOC_SHOWN,
    EXACT,
    EXTENDED,
    FITTED,
    FRACTIONAL,
    FRACTIONAL_COST,
    FRACTIONAL_TRAIN,
    FRACTIONAL_TRAINED,
    ISOMETRY,
    ISOMETRY_ANALYSED,
    ISOMETRY_SIMULATE,
    ISOMETRY_TRAINED,
    KERNEL_ANALYSED,
    KERNEL_DRAWN,
    KERNEL_TRAIN,
    KERNEL_TRAINED,
    KS_PLOTS,
    PLOT_TRAINING,
    READ_BY,
    STUDY,
    STUDY_FITTED,
    TRAIN,
    TRAIN_FITTED,
    VERDICTS,
    each,
    fits,
    notebooks_of,
)

pytestmark = pytest.mark.dag


def changed(project, *arguments, **settings):
    """Planned jobs without the notebooks that read their results, which must be planned too."""
    jobs = planned(project, *arguments, **settings)
    if not arguments:
        assert notebooks_of(jobs) <= jobs
    return jobs - notebooks_of(jobs)


def test_second_run_has_nothing_to_do(built):
    assert "Nothing to be done" in snakemake(built)


def test_module_that_no_job_imports(built, edit):
    edit("src/preactivations/__init__.py", '\n"""Another docstring."""\n')
    assert changed(built) == set()


# networks and maps, of both routes
NETWORKS = (
    each("simulate_two_layer", CELLS) | each("simulate_two_layer_fitted", FITTED) | AFTER_EXACT_KS
    | STUDY | STUDY_FITTED | AFTER_STUDY | CORRELATE | AFTER_CORRELATE
    | EOC | EOC_FITTED | EOC_FAMILIES | TRAIN | TRAIN_FITTED | AFTER_TRAIN | KERNEL_TRAINED
)  # fmt: skip


def test_edit_of_the_points_reruns_the_networks(built, edit):
    edit("src/preactivations/edge_of_chaos/critical.py", "\n# edited\n")
    assert changed(built) == NETWORKS


def test_exact_numerics_that_change_no_table_rerun_nothing_behind_the_tables(built, edit):
    """With `make`, which makes densities and activations first."""
    edit("src/preactivations/pairs/factor.py", "\n# edited\n")
    behind = {("simulate_depth", "weibull_4,3_10"), ("train", "digits,weibull_4,widths_3_10")}
    assert EXACT | behind | {("derive_edge_of_chaos", "")} <= changed(built)
    snakemake(built, "density", "activation")
    # notebooks let the reader compute exact pairs, and are executed anew
    assert {job for job in changed(built) if job[0] != "run_notebook"} == EOC_FAMILIES


def test_all_asks_for_all_intermediates_that_are_made(built):
    """One that is missing is made anew, also where nothing that was made from it is out of date."""
    code = (
        "import plan, sys; dag = plan.graph(sys.argv[1:]); made = {str(f) for job in dag.jobs for f in job.output}; "
        "asked = {str(f) for job in dag.jobs if job.rule.name == 'all' for f in job.input}; "
        "print(sorted(f for f in made - asked if f.startswith('data/')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, "--configfile", "config/smoke.yaml"],
        cwd=built,
        env=environment(built) | {"PYTHONPATH": f"{built}/src:{built}/workflow"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[-1] == "[]"


def test_activations_come_first(built):
    """`make` names two targets, which have all that later stages read of densities and activations."""
    (built / "data/smoke/away").mkdir()
    folders = [built / "data/smoke" / name for name in ("density", "activation")]
    try:
        for folder in folders:
            folder.rename(built / "data/smoke/away" / folder.name)
        made = {"derive_density", "fit_density", "derive_activation", "fit_activation"}
        first = {job for job in planned(built, "density", "activation") if job[0] in made}
        assert first == {job for job in planned(built) if job[0] in made}
    finally:
        for folder in folders:
            (built / "data/smoke/away" / folder.name).rename(folder)
        (built / "data/smoke/away").rmdir()


def test_edit_of_the_conclusions_computes_nothing_anew(built, edit):
    edit("src/replication/propagation/claims.py", "\n# edited\n")
    assert changed(built) == VERDICTS | {("table_propagation", "")}


def test_edit_of_the_training_code_trains_and_of_its_words_does_not(built, edit):
    edit("src/replication/training/claims.py", "\n# edited\n")
    assert changed(built) == VERDICTS | {("table_training", "")}
    edit("src/replication/training/comparisons.py", "\n# edited\n")
    assert changed(built) == AFTER_TRAIN
    edit("src/preactivations/training/ensembles.py", "\n# edited\n")
    assert changed(built) == (
        TRAIN
        | TRAIN_FITTED
        | AFTER_TRAIN
        | ISOMETRY_TRAINED
        | KERNEL_TRAINED
        | KERNEL_TRAIN
        | FRACTIONAL_TRAINED
    )


def test_edit_of_the_second_companion_stays_in_it(built, edit):
    edit("src/replication/isometry/claims.py", "\n# edited\n")
    assert changed(built) == VERDICTS | {("table_isometry", "")}
    edit("src/preactivations/init/mirrored.py", "\n# edited\n")
    assert changed(built) == ISOMETRY_SIMULATE | ISOMETRY_TRAINED
    edit("src/preactivations/relu_law/norm_laws.py", "\n# edited\n")
    # exact distances of ReLU networks, and the schemes of the unified view
    assert changed(built) == (
        ISOMETRY | ISOMETRY_TRAINED | FRACTIONAL | FRACTIONAL_COST | ANALYSED
        | EOC_SHOWN | {("simulate_unified_view", "")}
    )  # fmt: skip


def test_edit_of_the_third_companion_stays_in_it(built, edit):
    edit("src/replication/kernels/claims.py", "\n# edited\n")
    assert changed(built) == VERDICTS | {("table_kernels", "")}
    edit("src/replication/kernels/images.py", "\n# edited\n")
    assert changed(built) == KERNEL_TRAINED
    edit("src/preactivations/rows.py", "\n# edited\n")
    # the kernel of a layer is also that of the correlations in the second companion
    assert changed(built) == KERNEL_TRAINED | KERNEL_DRAWN | KERNEL_TRAIN | ISOMETRY


def test_edit_of_the_fourth_companion_stays_in_it(built, edit):
    edit("src/replication/fractional/claims.py", "\n# edited\n")
    assert changed(built) == VERDICTS | {("table_fractional", "")}
    edit("src/replication/fractional/networks.py", "\n# edited\n")
    assert changed(built) == FRACTIONAL_TRAINED | FRACTIONAL_COST
    edit("src/replication/fractional/study.py", "\n# edited\n")
    assert changed(built) == FRACTIONAL | FRACTIONAL_COST


def test_edit_of_weights_reruns_what_depends_on_it(built, edit):
    edit("src/preactivations/weights.py", "\n# edited\n")
    assert changed(built) == (
        EXACT | AFTER_EXACT | fits(FITTED + EXTENDED, FITTED + EXTENDED) | AFTER_FITS
        | {("check_constraints", ""), ("table_constraints", "")}
        | NETWORKS | ISOMETRY | ISOMETRY_TRAINED | FRACTIONAL_TRAINED | FRACTIONAL_COST | KERNEL_TRAIN
    )  # fmt: skip


def test_edit_of_the_fast_activation_leaves_the_tables(built, edit):
    edit("src/preactivations/activations/modules.py", "\n# edited\n")
    assert changed(built) == NETWORKS | ISOMETRY_TRAINED | FRACTIONAL_TRAINED | KERNEL_TRAIN


def test_edit_of_a_plot_script_redraws_one_figure(built, edit):
    edit("workflow/scripts/density/plot_density.py", "\n# edited\n")
    assert changed(built) == {("plot_density", "")}


def test_edit_of_a_notebook_runs_it_alone(built, edit):
    edit("notebooks/kernels.ipynb", "\n")
    assert planned(built) == {("run_notebook", "kernels")}
    edit("notebooks/results.py", "\n# edited\n")
    assert planned(built) == each(
        "run_notebook", sorted({name for names in READ_BY.values() for name in names})
    )


TOPS = (
    "Snakefile",
    "Makefile",
    "pyproject.toml",
    "config",
    "profiles",
    "workflow",
    "src",
    "notebooks",
    "data",
    "docs",
)


def test_touched_files_run_nothing(finished, tmp_path):
    """All at once, as another checkout has them: scripts, modules, rules, captions, notebooks, settings, data."""
    # a copy of its own: in that of other tests jobs have run with edited modules
    project = shutil.copytree(finished, tmp_path / "project", symlinks=True)
    files = [path for top in TOPS for path in [project / top, *(project / top).rglob("*")] if path.is_file()]
    touched = [path for path in files if "__pycache__" not in path.parts]
    assert len(touched) > 400
    for path in touched:
        path.touch()
    assert planned(project) == set()
    assert "Nothing to be done" in snakemake(project, "--dry-run")


def test_edit_of_what_is_no_code(built, edit):
    """A caption is read by the report alone; settings count by their values."""
    edit("workflow/report/kernels/curves.rst", "Edited.\n")
    edit("config/smoke.yaml", "# edited\n")
    edit("profiles/default/config.yaml", "# edited\n")
    assert changed(built) == set()
    edit("workflow/rules/kernels.smk", "# edited\n")
    edit("data/reference/fig11_sweep_iii.csv", "odd,99,1,0.5\n")
    assert changed(built) == {("plot_rule_graph", ""), ("table_verdicts", "")}


NEW_LAW = {("derive_density", "weibull_3.3"), ("derive_activation", "weibull_3.3")}


def test_new_theta_computes_only_itself(built):
    config = with_config(built, thetas=[2.05, 3.3, 4])
    assert changed(built, config=config) == (
        NEW_LAW | {("simulate_two_layer", "weibull_3.3"), ("plot_rule_graph", "")}
        | fits(["weibull_3.3"], ["weibull_3.3"]) | AFTER_EXACT | AFTER_EXACT_KS | AFTER_FITS
        | {("derive_edge_of_chaos", "")} | EOC_SHOWN | EOC_FITTED
    )  # fmt: skip


def test_parameters_reach_their_stage_only(built):
    plots = AFTER_EXACT | KS_PLOTS | {("plot_rule_graph", ""), ("plot_fitted", ""), ("plot_fit_losses", "")}
    plots |= {
        ("plot_depth", ""),
        ("plot_dependence", ""),
        ("plot_drift", ""),
        ("plot_correlations", "digits"),
        ("plot_edge_of_chaos", ""),
        ("plot_fitted_edge", ""),
        ("plot_isometry", ""),
        ("plot_kernels", ""),
        ("plot_fractional", ""),
    } | PLOT_TRAINING
    assert changed(built, config=with_config(built, figures={"dpi": 90})) == plots
    study = SMOKE["propagation"]
    config = with_config(built, propagation={"two_layer": study["two_layer"] | {"n_samples": 6000}})
    assert changed(built, config=config) == (
        each("simulate_two_layer", CELLS) | AFTER_EXACT_KS | {("null_band_two_layer", ""), ("plot_rule_graph", "")}
        | each("simulate_two_layer_fitted", FITTED)
    )  # fmt: skip
    config = with_config(built, propagation={"depth": 6})
    assert changed(built, config=config) == STUDY | STUDY_FITTED | AFTER_STUDY | {("plot_rule_graph", "")}
    config = with_config(built, propagation={"correlations": study["correlations"] | {"images_per_class": 3}})
    assert changed(built, config=config) == CORRELATE | AFTER_CORRELATE | {("plot_rule_graph", "")}
    # a new theta of the study is a new cell; images have thetas of their own, in one job per data set
    config = with_config(built, propagation={"thetas": [4, 3.3]})
    study_of_law = NEW_LAW | {("simulate_depth", "weibull_3.3,3_10"), ("plot_rule_graph", "")} | AFTER_STUDY
    assert changed(built, config=config) == study_of_law
    images = study["correlations"] | {"thetas": [4, 3.3]}
    config = with_config(built, propagation={"thetas": [4, 3.3], "correlations": images})
    assert changed(built, config=config) == study_of_law | CORRELATE | AFTER_CORRELATE
    config = with_config(built, propagation={"quantile_depths": [3]})
    assert changed(built, config=config) == {("plot_depth", ""), ("plot_rule_graph", "")}
    config = with_config(built, edge_of_chaos={"depth": 12})
    assert changed(built, config=config) == (
        EOC - {("derive_edge_of_chaos", ""), ("plot_fitted_edge", "")} | {("plot_rule_graph", "")}
    )
    config = with_config(built, edge_of_chaos={"heat_points": 12})
    assert changed(built, config=config) == (
        {
            ("derive_edge_of_chaos", ""),
            ("plot_fitted_edge", ""),
            ("table_verdicts", ""),
            ("plot_rule_graph", ""),
        }
        | EOC_SHOWN
    )
    config = with_config(built, training={"seeds": 3})
    assert changed(built, config=config) == (
        (TRAIN - {("train_persistence", "")}) | TRAIN_FITTED | AFTER_TRAIN | {("plot_rule_graph", "")}
    )
    config = with_config(built, training={"thetas": [4, 3.3]})
    assert changed(built, config=config) == (
        NEW_LAW | {("train", "digits,weibull_3.3,widths_3_10"), ("plot_rule_graph", "")} | AFTER_TRAIN
    )
    config = with_config(built, training={"persistence": SMOKE["training"]["persistence"] | {"seeds": 4}})
    assert changed(built, config=config) == (
        {("train_persistence", ""), ("plot_rule_graph", "")} | AFTER_TRAIN | KERNEL_TRAINED
    )
    config = with_config(built, kernels={"errors": SMOKE["kernels"]["errors"] | {"evaluations": 20_000}})
    assert changed(built, config=config) == (
        {("simulate_kernel_errors", ""), ("plot_rule_graph", "")} | KERNEL_ANALYSED
    )
    config = with_config(built, kernels={"training": SMOKE["kernels"]["training"] | {"seeds": 4}})
    assert changed(built, config=config) == KERNEL_TRAIN | {("plot_rule_graph", "")}
    config = with_config(built, kernels={"pairs": 30})
    assert changed(built, config=config) == {("plot_rule_graph", "")} | KERNEL_TRAINED
    config = with_config(built, kernels={"controls": ["student_1.5"]})
    assert changed(built, config=config) == (
        {("simulate_kernels", ""), ("plot_rule_graph", "")} | KERNEL_ANALYSED
    )
    smoke = SMOKE["fractional"]
    config = with_config(built, fractional={"training": smoke["training"] | {"width": 9}})
    assert changed(built, config=config) == FRACTIONAL_TRAINED | FRACTIONAL_COST | {("plot_rule_graph", "")}
    config = with_config(built, fractional={"training": smoke["training"] | {"validation_share": 0.3}})
    assert changed(built, config=config) == FRACTIONAL_TRAINED | {("plot_rule_graph", "")}
    config = with_config(built, fractional={"tails": smoke["tails"] | {"depth": 60}})
    assert changed(built, config=config) == FRACTIONAL - FRACTIONAL_TRAIN | {("plot_rule_graph", "")}
    smoke = SMOKE["isometry"]
    config = with_config(built, isometry={"training": smoke["training"] | {"seeds": 3}})
    assert changed(built, config=config) == ISOMETRY_TRAINED | {("plot_rule_graph", "")}
    config = with_config(built, isometry={"jacobian": smoke["jacobian"] | {"networks": 6}})
    assert changed(built, config=config) == (
        ISOMETRY_SIMULATE | ISOMETRY_ANALYSED | {("table_verdicts", ""), ("plot_rule_graph", "")}
    )
    config = with_config(built, isometry={"eigenvalue_widths": [5, 30]})
    assert changed(built, config=config) == ISOMETRY - ISOMETRY_SIMULATE | {("plot_rule_graph", "")}
    config = with_config(
        built, propagation={"memory_mb": 80}, isometry={"memory_mb": 80}, data_mirror="elsewhere"
    )
    assert changed(built, config=config) == {("plot_rule_graph", "")}
    # the batch size changes no number, so it makes nothing out of date
    config = with_config(built, propagation={"two_layer": study["two_layer"] | {"memory_mb": 20}})
    assert changed(built, config=config) == {("plot_rule_graph", "")}


def test_named_targets(built):
    (built / "figures/smoke/density.png").rename(built / "away.png")
    try:
        assert changed(built, "density") == changed(built, "figures") == {("plot_density", "")}
        for target in (
            "activation",
            "two_layer",
            "constraints",
            "propagation",
            "edge_of_chaos",
            "training",
            "isometry",
            "companions",
            "tables",
            "notebooks",
        ):
            assert changed(built, target) == set()
    finally:
        (built / "away.png").rename(built / "figures/smoke/density.png")


def test_wrong_configuration_stops_before_any_job(built):
    config = with_config(built, thetas=[1.9], typo=1)
    code, output = snakemake(built, config=config, check=False)
    assert code != 0
    assert "thetas.0: Input should be greater than or equal to 2 (got 1.9)" in output
    assert "typo: unknown key" in output
    assert "rule " not in output


def test_edit_of_the_fits_leaves_the_exact_route(built, edit):
    edit("src/preactivations/pairs/fitted.py", "\n# edited\n")
    assert changed(built) == (
        fits(FITTED + EXTENDED, FITTED + EXTENDED) | AFTER_FITS | AFTER_KS
        | STUDY_FITTED | ANALYSED | EOC_FITTED | TRAIN_FITTED | AFTER_TRAIN
    )  # fmt: skip


def test_every_job_has_a_log_and_timings_of_its_own(built):
    listed = snakemake(built, "--dry-run", "--forceall")
    jobs = re.findall(r"^rule (?!all:)(\w+):\n((?:    .*\n)*)", listed, re.MULTILINE)
    logs, timings = (
        re.findall(rf"^    {part}: ([^,\n]+)", listed, re.MULTILINE) for part in ("log", "benchmark")
    )
    assert len(jobs) == len(set(logs)) == len(set(timings)) > 80
    for rule, job in jobs:
        assert re.search(rf"    log: logs/smoke/{rule}[./]", job), job
        assert re.search(rf"    benchmark: benchmarks/results/smoke/{rule}[./]", job), job


def test_the_docs_have_a_sentence_for_each_arrow_between_stages(built):
    """The first picture of the documentation is drawn from the same graph."""
    dot = snakemake(built, "--rulegraph")
    names = dict(re.findall(r'(\d+)\[label = "([^"]+)"', dot))
    stage = {
        rule: path.stem
        for path in (built / "workflow/rules").glob("*.smk")
        for rule in re.findall(r"^(?:use rule \w+ as|rule) (\w+)", path.read_text(), re.MULTILINE)
    }
    between = networkx.DiGraph(
        (stage[names[a]], stage[names[b]])
        for a, b in re.findall(r"(\d+) -> (\d+)", dot)
        if names[b] not in ("all", "run_notebook") and stage[names[a]] != stage[names[b]]
    )
    told = re.findall(r"^\* (\w+) → (\w+): ", (built / "docs/index.md").read_text(), re.MULTILINE)
    assert set(told) == set(networkx.transitive_reduction(between).edges)


def test_make_makes_activations_first(built):
    shown = subprocess.run(
        make(built, "-n", "reproduce", "SCALE=smoke"), cwd=built, capture_output=True, text=True, check=True
    ).stdout
    first, then = [line for line in shown.splitlines() if "run.py snakemake" in line]
    assert "density activation --configfile" in first
    assert "density" not in then
