"""The import closure declares every module of the library that a script loads."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from import_closure import UnresolvedImport, closure, imports

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workflow/scripts"
SCRIPTS = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.py"))
READERS = [name for name in SCRIPTS if Path(name).name.startswith(("plot_", "table_"))]
PACKAGES = ("preactivations", "replication")


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


# imports the large packages once; then each script's imports run in a fork of their own
PROBE = (
    f"OURS = {PACKAGES}\n"
    + """import json, os, sys
import matplotlib.pyplot, pandas, scipy.stats, sklearn.datasets
for name, code in json.loads(sys.stdin.read()).items():
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        exec(code, {})
        files = [getattr(m, "__file__", None) or "" for n, m in sys.modules.items() if n.startswith(OURS)]
        os.write(write, json.dumps([files, "torch" in sys.modules]).encode())
        os._exit(0)
    os.close(write)
    found = b""
    while part := os.read(read, 1 << 16):
        found += part
    os.close(read)
    os.waitpid(child, 0)
    print(json.dumps([name, json.loads(found or b"null")]))
"""
)


def probe(scripts, first=""):
    """(files of modules of ours, whether torch is there) after the import statements of each script have run."""
    codes = {}
    for script in scripts:
        tree = ast.parse((FOLDER / script).read_text())
        statements = [
            ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        codes[script] = "\n".join(s for s in statements if "__future__" not in s)
    output = subprocess.run(
        [sys.executable, "-c", first + PROBE], input=json.dumps(codes), capture_output=True, text=True, check=True,
        env={"PYTHONPATH": f"{ROOT}/src", "OMP_NUM_THREADS": "1"},
    ).stdout  # fmt: skip
    return dict(json.loads(line) for line in output.splitlines())


@pytest.fixture(scope="module")
def loaded():
    """Of figures and tables without torch, and of the others, most of which import it, after torch."""
    found = probe(READERS) | probe([script for script in SCRIPTS if script not in READERS], "import torch\n")
    assert f"{ROOT}/src/preactivations/training/ensembles.py" in found["training/train.py"][0], (
        "the probe works"
    )
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_closure_covers_what_is_loaded(script, loaded):
    assert loaded[script] is not None, "its imports failed"
    ours = {str(Path(file).relative_to(ROOT)) for file in loaded[script][0]}
    assert {file for file in ours if not file.endswith("__init__.py")} <= set(
        closure(f"workflow/scripts/{script}")
    )


MODULES = {
    "src/pre/__init__.py": "",
    "src/pre/kernels/__init__.py": "",
    "src/study/__init__.py": "",
    "src/pre/weights.py": "import numpy\n",
    "src/pre/kernels/maps.py": "from pre import weights\n",
    "src/pre/kernels/deep.py": "import pre.kernels.maps as maps\n",
    "src/study/jobs.py": "def f():\n    from pre.kernels.deep import y\n",
    "src/study/broken.py": "import os\nfrom pre import gone\n",
    "scripts/near.py": "",
    "scripts/around/inner.py": "",
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
        ("import pre.kernels.nothing as n", "pre.kernels has no module nothing"),
        ("from pre import nothing", "pre has no module nothing"),
        ("from pre.kernels import gram", "pre.kernels has no module gram; a name that it forwards"),
        ("from pre import kernels", "pre.kernels is a package"),
        ("import pre", "pre is a package"),
        ("from pre.kernels import *", r"pre.kernels has no module \*"),
        ("from . import near", "relative import"),
        ("import pre.kernels.deep", "lets every module be reached"),
        ("from importlib import import_module\nimport_module('pre.kernels.deep')", "import by a text"),
        ("from src.pre import weights", "src.pre is neither in a package of src nor a module beside"),
        ("from around.inner import x", "around.inner is neither in a package of src nor a module beside"),
        ("from study.broken import x", r"src/study/broken.py:2: package pre has no module gone"),
    ],
)
def test_imports_that_lead_to_no_file_are_errors(text, reason, script):
    with pytest.raises(UnresolvedImport, match=reason):
        closure(script(text))


def names_of(statement):
    """Full names that an import statement asks for."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        return [f"{statement.module}.{alias.name}" for alias in statement.names]
    return []


SOURCES = sorted(path for package in PACKAGES for path in (ROOT / "src" / package).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_the_walls(path):
    """The library knows neither the replication nor the pipeline; private modules are their own package's."""
    package = ".".join(path.relative_to(ROOT / "src").parent.parts)
    for name in (n for node in ast.walk(ast.parse(path.read_text())) for n in names_of(node)):
        first, *rest = name.split(".")
        if package.startswith("preactivations"):
            assert first not in ("replication", "snakemake", "config", "yaml", "pandas", "matplotlib"), name
        assert first not in ("workflow", "snakemake"), name
        if first in PACKAGES:
            for depth, part in enumerate(rest, 1):
                assert not part.startswith("_") or ".".join([first, *rest][:depth]) == package, name


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name == "__init__.py"], ids=lambda p: p.parent.name)
def test_packages_hold_names_only(path):
    """Nothing that a result could depend on: a docstring, and in the library the names that it forwards."""
    docstring, *rest = ast.parse(path.read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(docstring.value, ast.Constant)
    if path.is_relative_to(ROOT / "src/replication"):
        assert not rest
    elif path.parent.name == "preactivations":
        assert [type(node) for node in rest] == [ast.ImportFrom, ast.Import, ast.Try, ast.Assign]
    else:
        attach = ast.parse("__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)")
        assert [ast.dump(node) for node in rest] == [
            ast.dump(node) for node in (ast.parse("import lazy_loader as lazy").body + attach.body)
        ]


SIMULATION = [
    f"src/preactivations/{name}"
    for name in (
        "activations/modules",
        "activations/array_map",
        "datasets",
        "propagation",
        "training",
    )
]
# exact activations, which networks get from files
EXACT = [
    f"src/preactivations/{name}"
    for name in (
        "activations/gaussian",
        "pairs/_",
        "pairs/constraints",
        "pairs/factor",
        "pairs/fitted",
        "pairs/gaussian",
    )
]


@pytest.mark.parametrize("script", READERS)
def test_figures_and_tables_only_read(script, loaded):
    """No simulation behind them, and no torch: a colour costs seconds."""
    assert not loaded[script][1]
    for path in closure(f"workflow/scripts/{script}"):
        assert not path.startswith(tuple(SIMULATION + EXACT)), path


def test_networks_are_built_from_files_of_activations():
    """No job of a later stage derives an exact activation, but for the curves over families of laws."""
    later = [
        name
        for name in SCRIPTS
        if name.startswith(("propagation/", "edge_of_chaos/", "training/"))
        and name != "edge_of_chaos/derive_families.py"
    ]
    assert len(later) > 15
    modules = [
        "src/preactivations/pairs/table.py",
        "src/preactivations/activations/registry.py",
        "src/preactivations/activations/modules.py",
        "src/preactivations/propagation/engine.py",
        "src/replication/settings.py",
        *map(str, Path("src/preactivations/edge_of_chaos").glob("[a-z]*.py")),
    ]
    for path in [*(f"workflow/scripts/{name}" for name in later), *modules]:
        assert not [file for file in closure(path) if file.startswith(tuple(EXACT))], path
    assert any(
        file.startswith(tuple(EXACT)) for file in closure("workflow/scripts/edge_of_chaos/derive_families.py")
    )


@pytest.mark.parametrize("script", [name for name in READERS if Path(name).name.startswith("plot_")])
def test_no_figure_depends_on_claims(script):
    """A claim that is reworded redraws nothing."""
    assert not {"claims", "published", "verdicts"} & {
        Path(path).stem for path in closure(f"workflow/scripts/{script}")
    }


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda path: path.name)
def test_folders_stay_small(folder):
    assert len(list(folder.glob("*.py"))) <= 16
