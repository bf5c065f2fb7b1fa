"""What a run of the pipeline leaves behind."""

import re

import pytest
from copies import SMOKE, copy_of_the_project, hashes, snakemake, with_config

pytestmark = pytest.mark.dag


def test_products(built):
    figures = {
        "density": ["density"],
        "activation": ["exact", "fitted", "fit_losses"],
        "propagation": [
            *("two_layer", "two_layer_standardized", "depth_ks", "depth_ks_standardized", "depth_moments"),
            *(
                "depth_quantiles",
                "depth_widths",
                "depth_heat_map",
                "correlation_digits",
                "correlation_matrices_digits_10",
            ),
            *("dependence", "coordinate_check"),
        ],
        "edge_of_chaos": ["curves", "heat_map", "maps", "correlations", "depth_scales", "unified_view"],
        "training": [
            *(f"{name}_digits_sgd" for name in ("loss", "accuracy", "share", "predictors")),
            "persistence",
        ],
        "isometry": [
            *("density", "deviations", "eigenvalues", "correlations", "singular_values", "training"),
        ],
        "rules": ["graph"],
    }
    for stage, names in figures.items():
        for name in names:
            path = built / "figures/smoke" / (stage if name == stage else f"{stage}_{name}")
            assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
            assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    header = (built / "tables/smoke/ks_two_layer.csv").read_text().splitlines()[0]
    assert header == "route,activation,theta,sweep,n,ks,ks_standardized,n_samples"
    header = (built / "tables/smoke/verdicts_numbers.csv").read_text().splitlines()[0]
    assert header == "paper,block,item,target,source,ours,uncertainty,shared,tolerance,verdict,note"
    for name in (
        "ks_two_layer",
        "activation_constraints",
        "verdicts_numbers",
        "verdicts_claims",
        "verdicts_blocks",
        "verdicts_counts",
        "activation_claims",
        "activation_fitted",
        "propagation_distances",
        "edge_of_chaos_points",
        "edge_of_chaos_claims",
        "edge_of_chaos_unified_view",
        "training_cells",
        "training_comparisons",
        "isometry_deviations",
        "isometry_claims",
        "isometry_training",
        "isometry_comparisons",
        "isometry_jacobians",
        "isometry_units",
        "isometry_shapes",
    ):
        for ending in ("csv", "md", "tex"):
            assert (built / f"tables/smoke/{name}.{ending}").stat().st_size > 100
    text = (built / "tables/smoke/propagation_claims.md").read_text()
    assert "## How far from Gaussian?" in text
    assert "## Claims" in text
    text = (built / "tables/smoke/training_claims.md").read_text()
    assert "## digits, sgd" in text
    assert "Does it stay Gaussian" in text
    assert "nan" not in text
    for name in ("density", "propagation", "edge_of_chaos", "training", "isometry"):
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
    smaller |= {"two_layer": study["two_layer"] | {"memory_mb": 8}}
    config = with_config(
        project,
        propagation=smaller,
        edge_of_chaos={"memory_mb": 20},
        isometry={"memory_mb": 20},
    )
    # the last two companions have no batches, and one thread per job
    stages = ["activation", "propagation", "edge_of_chaos", "isometry"]
    snakemake(project, "--cores", "1", *stages, config=config)
    found, expected = hashes(project), hashes(built)
    assert len(found) > 25
    assert found == {name: expected[name] for name in found}
