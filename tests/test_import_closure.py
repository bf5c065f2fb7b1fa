"""The import closure declares every module of the library that a script loads."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from import_closure import UnresolvedImport, closure, imports

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


MODULES = {
    "src/pre/__init__.py": "",
    "src/pre/kernels/__init__.py": "",
    "src/study/__init__.py": "",
    "src/pre/weights.py": "import numpy\n",
    "src/pre/kernels/maps.py": "from pre import weights\n",
    "src/pre/kernels/deep.py": "import pre.kernels.maps\n",
    "src/study/jobs.py": "def f():\n    from pre.kernels.deep import y\n",
    "src/study/broken.py": "import os\nfrom pre import gone\n",
    "scripts/near.py": "",
}


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A function that writes a script beside the packages `pre` and `study`, and gives its path."""
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    imports.cache_clear()

    def write(text):
        Path("scripts/start.py").write_text(text)
        return "scripts/start.py"

    return write


ALL = ["src/pre/kernels/deep.py", "src/pre/kernels/maps.py", "src/pre/weights.py"]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("from pre.kernels.maps import x", ALL[1:]),
        ("from pre.kernels import deep, maps", ALL),
        ("import pre.kernels.deep as d", ALL),
        ("from study.jobs import job", [*ALL, "src/study/jobs.py"]),
        ("from study import jobs", [*ALL, "src/study/jobs.py"]),
        ("from near import x\nimport numpy.linalg, scipy", ["scripts/near.py"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pre.nowhere import x", []),
    ],
)
def test_closure_follows_packages_at_any_depth(text, files, script):
    assert closure(script(text)) == sorted(files)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from pre.nothing.x import y", "no module pre.nothing.x"),
        ("import pre.kernels.nothing", "pre.kernels has no module nothing"),
        ("from pre import nothing", "pre has no module nothing"),
        ("from pre.kernels import gram", "pre.kernels has no module gram; a name that it forwards"),
        ("from pre import kernels", "pre.kernels is a package"),
        ("import pre", "pre is a package"),
        ("from pre.kernels import *", r"pre.kernels has no module \*"),
        ("from . import near", "relative import"),
        ("from study.broken import x", r"src/study/broken.py:2: package pre has no module gone"),
    ],
)
def test_imports_that_lead_to_no_file_are_errors(text, reason, script):
    with pytest.raises(UnresolvedImport, match=reason):
        closure(script(text))


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
