"""Wheel and sdist build; in an empty environment the wheel is the library alone, and its examples run."""

import ast
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from copies import ROOT, copy_of_the_project

PIPELINE = {"snakemake", "pandas", "pyarrow", "pydantic", "matplotlib", "scikit-learn", "jupyterlab"}
LIBRARY_SECTION = (ROOT / "README.md").read_text().split("\n## Library\n")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def built_packages(tmp_path_factory):
    project = copy_of_the_project(tmp_path_factory.mktemp("project"))
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", "dist"], cwd=project, check=True, capture_output=True
    )
    (wheel,) = (project / "dist").glob("*.whl")
    (sdist,) = (project / "dist").glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def python(built_packages, tmp_path_factory):
    """Of an environment in which nothing but the wheel was asked for."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wheel, _ = built_packages
    subprocess.run(
        [folder / "bin/pip", "install", "--quiet", "--constraint", ROOT / "requirements.lock", wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "bin/python"


def test_what_is_packed(built_packages):
    wheel, sdist = built_packages
    names = zipfile.ZipFile(wheel).namelist()
    modules = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src/preactivations").rglob("*")
        if path.suffix in (".py", ".pyi", ".typed")
    }
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert "preactivations/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(sdist) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "src/preactivations/py.typed"} <= inside


def test_the_library_comes_without_the_pipeline(python):
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    installed = {line.split("==")[0].lower() for line in listed.stdout.splitlines()}
    assert {"preactivations", "numpy", "scipy", "torch", "threadpoolctl"} <= installed
    assert not PIPELINE & installed


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", LIBRARY_SECTION, re.DOTALL))
def test_examples_of_the_readme_run(python, example, tmp_path):
    run = subprocess.run([python, "-W", "error", "-c", example], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_everything_public_comes_without_the_pipeline(python, tmp_path):
    program = "from preactivations import *; print(sorted(set(dir()) - {'__builtins__'}))"
    run = subprocess.run([python, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert {"GaussianPair", "init", "kernels", "datasets"} <= set(ast.literal_eval(run.stdout.split("\n")[0]))


def test_a_typed_program_is_checked(python, tmp_path):
    """py.typed: types of the installed library are seen by mypy, right and wrong ones."""
    program = tmp_path / "program.py"
    program.write_text(
        "import preactivations as pre\n"
        "pair = pre.GaussianPair(pre.SymmetricWeibull(4), kind='odd')\n"
        "reveal_type(pre.edge_of_chaos.eoc_point(pair).chi)\n"
        "pre.GaussianPair(pre.SymmetricWeibull(4), kind='even')\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--python-executable",
        str(python),
        "--cache-dir",
        str(tmp_path),
        "program.py",
    ]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert re.search(r'program.py:3: note: Revealed type is "(builtins.)?float"', checked.stdout)
    assert 'program.py:4: error: Argument "kind" to "GaussianPair" has incompatible type' in checked.stdout
    assert "Found 1 error" in checked.stdout
