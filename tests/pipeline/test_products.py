"""What a run of the pipeline leaves behind."""

import re

import pytest
from copies import SMOKE, copy_of_the_project, hashes, snakemake, with_config

pytestmark = pytest.mark.dag


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
    assert header == "paper,item,target,source,ours,uncertainty,tolerance,verdict,note"
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
    results = [
        path
        for top in ("data/smoke", "figures/smoke", "tables/smoke")
        for path in (built / top).rglob("*.*")
        if path.is_file()
    ]
    beginnings = {".parquet": b"PAR1", ".pdf": b"%PDF", ".png": b"\x89PNG", ".html": b"<!", ".json": b""}
    texts = {".csv", ".md", ".tex", ".ipynb", ".json", ".html"}
    assert {path.suffix for path in results} <= set(beginnings) | texts
    for path in results:
        content = path.read_bytes()
        assert content.startswith(beginnings.get(path.suffix, b"")), path
        if path.suffix in texts:
            content.decode()  # UTF-8
    code = [path for top in ("src", "workflow") for path in (built / top).rglob("*.py")]
    for path in code:
        assert not re.search(
            r"import (pickle|joblib|shelve)|torch\.save|allow_pickle=True|to_pickle", path.read_text()
        ), path


def test_everything_is_documented(built):
    text = (built / "data/README.md").read_text()
    import pandas as pd

    for path in (built / "data/smoke").rglob("*.parquet"):
        folder = path.relative_to(built / "data/smoke").parts[0]
        assert f"{folder}/" in text
        for column in pd.read_parquet(path).columns:
            assert f"`{re.sub('product_[0-9]+', 'product_<n>', column)}`" in text, f"{path.name}: {column}"


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
