"""The import closure declares every module of the library that a script loads."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from import_closure import closure

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(p.name for p in (ROOT / "workflow/scripts").glob("*.py"))


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


# imports the large packages once; then each script's imports run in a fork of their own
PROBE = """
import json, os, sys
import matplotlib.pyplot, pandas, scipy.stats, sklearn.datasets, torch
for name, code in json.loads(sys.stdin.read()).items():
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        exec(code, {})
        os.write(write, json.dumps([m for m in sys.modules if m.startswith("preactivations.")]).encode())
        os._exit(0)
    os.close(write)
    found = b""
    while part := os.read(read, 1 << 16):
        found += part
    os.close(read)
    os.waitpid(child, 0)
    print(json.dumps([name, json.loads(found or b"null")]))
"""


@pytest.fixture(scope="module")
def loaded():
    """Modules of the library that are there after the import statements of each script have run."""
    codes = {}
    for script in SCRIPTS:
        tree = ast.parse((ROOT / "workflow/scripts" / script).read_text())
        statements = [
            ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        codes[script] = "\n".join(s for s in statements if "__future__" not in s)
    output = subprocess.run(
        [sys.executable, "-c", PROBE], input=json.dumps(codes), capture_output=True, text=True, check=True,
        env={"PYTHONPATH": f"{ROOT}/src:{ROOT}/workflow/scripts", "OMP_NUM_THREADS": "1"},
    ).stdout  # fmt: skip
    found = dict(json.loads(line) for line in output.splitlines())
    assert "preactivations.ensembles" in found["train.py"], "the probe sees what is loaded"
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_closure_covers_what_is_loaded(script, loaded):
    assert loaded[script] is not None, "its imports failed"
    ours = {f"src/preactivations/{m.split('.')[1]}.py" for m in loaded[script]}
    assert ours <= set(closure(f"workflow/scripts/{script}"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_import_submodules_only(script):
    """`from preactivations import x` goes through the package and would hide the dependency."""
    for node in ast.walk(ast.parse((ROOT / "workflow/scripts" / script).read_text())):
        if isinstance(node, ast.Import):
            assert "preactivations" not in {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.module != "preactivations"


def test_library_does_not_know_the_pipeline():
    for path in (ROOT / "src/preactivations").glob("*.py"):
        text = path.read_text()
        for word in ("snakemake", "workflow", "config_model", "yaml"):
            assert f"import {word}" not in text
            assert f"from {word}" not in text


def test_figures_and_tables_never_load_torch_or_the_simulation():
    for script in SCRIPTS:
        if script.startswith(("plot_", "table_")):
            files = {Path(name).stem for name in closure(f"workflow/scripts/{script}")}
            assert files <= {
                "job",
                "plotting",
                "tables",
                "replication",
                "gaussianity",
                "conclusions",
                "_claims",
                "companion_replication",
                "eoc_claims",
                "heavy_tails_claims",
                "kernel_claims",
                "relu_law_claims",
                "streams",
                "training_claims",
                "training_comparisons",
                "training_results",
            }, script


SIMULATION = {
    "propagation",
    "_torch_engine",
    "ensembles",
    "training",
    "networks",
    "layer_statistics",
    "datasets",
}


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name.startswith(("plot_", "table_"))])
def test_figures_and_tables_only_read(script):
    """No simulation behind them, and no torch: a colour costs seconds."""
    modules = {Path(path).stem for path in closure(f"workflow/scripts/{script}")}
    assert not SIMULATION & modules
