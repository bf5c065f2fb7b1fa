"""The package as a whole: lazy imports, stable names, docstrings that run, the README's example."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import preactivations

ROOT = Path(__file__).parents[2]
MODULES = sorted(m.name for m in pkgutil.walk_packages(preactivations.__path__, "preactivations."))
TEXTS = ("README.md", "docs/results.md", "docs/index.md")
HEAVY = ("torch", "torch._dynamo", "scipy.stats", "pandas", "matplotlib", "snakemake")


def loaded_after(statement):
    """Which of the heavy packages are loaded in a new interpreter."""
    code = f"import sys; {statement}; print([m for m in {HEAVY} if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    "statement",
    [
        "import preactivations",
        "import preactivations as pre; pre.GaussianPair(pre.SymmetricWeibull(3)).phi(1.0)",
        "import preactivations as pre; pre.GaussianFactor(pre.SphericalMarginal(1)).isf(0.5)",
        "import preactivations as pre; pre.propagation.simulate; pre.gaussianity.ks_statistic([0.0, 1.0])",
    ],
)
def test_heavy_packages_load_when_they_are_needed(statement):
    assert loaded_after(statement) == "[]"


def test_torch_comes_with_the_activation():
    """Without its compiler, whose import takes a second."""
    names = "[getattr(preactivations, name) for name in preactivations.__all__]"
    used = (
        "preactivations.GaussianActivation(preactivations.SymmetricWeibull(3))(__import__('torch').ones(3))"
    )
    assert loaded_after(f"import preactivations; {names}; {used}") == "['torch']"


def test_public_names():
    assert 20 <= len(preactivations.__all__) <= 35
    for name in preactivations.__all__:
        assert getattr(preactivations, name) is not None
        assert name in dir(preactivations)
    for name in (
        "SymmetricWeibull",
        "GaussianPair",
        "GaussianActivation",
        "init",
        "edge_of_chaos",
        "propagation",
    ):
        assert name in preactivations.__all__
    with pytest.raises(AttributeError, match="No preactivations attribute nonsense"):
        preactivations.nonsense  # noqa: B018


@pytest.mark.parametrize("module", ["preactivations", *MODULES])
def test_docstrings(module):
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    for name in getattr(loaded, "__all__", []):
        value = getattr(loaded, name)
        if callable(value) and not isinstance(value, type(list[int])):
            assert value.__doc__ or name in ("ArrayMap", "Kind"), f"{module}.{name} has no docstring"
    assert doctest.testmod(loaded).failed == 0


def test_the_example_of_the_package_runs():
    """What help(preactivations) shows first, in its __init__.py."""
    assert doctest.testmod(preactivations) == doctest.TestResults(failed=0, attempted=3)


@pytest.mark.parametrize("name", TEXTS)
def test_examples_run(name):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, name, "exec"), {})


def test_figures_of_the_readme_exist():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / path).is_file()
