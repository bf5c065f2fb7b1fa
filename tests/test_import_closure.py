"""The import closure declares every module of the library that a script loads."""

import ast
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


@pytest.mark.parametrize("script", SCRIPTS)
def test_closure_covers_what_is_loaded(script):
    tree = ast.parse((ROOT / "workflow/scripts" / script).read_text())
    statements = [
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    statements = [s for s in statements if "__future__" not in s]
    code = "\n".join([*statements, "import sys", "print(*sys.modules)"])
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": f"{ROOT}/src:{ROOT}/workflow/scripts"},
    ).stdout.split()  # fmt: skip
    ours = {f"src/preactivations/{m.split('.')[1]}.py" for m in loaded if m.startswith("preactivations.")}
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
                "eoc_claims",
                "heavy_tails_claims",
                "kernel_claims",
                "relu_law_claims",
                "streams",
                "training_claims",
                "training_comparisons",
                "training_results",
            }, script
