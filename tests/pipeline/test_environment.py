"""environment.yml, pyproject.toml and the lock agree."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "snakemake": "snakemake-minimal"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def split(requirement):
    name, constraint = re.match(r"([A-Za-z0-9_.-]+)(.*)", requirement).groups()
    return name.lower(), constraint.strip()


def test_conda_environment_has_the_ranges_of_pyproject():
    wanted = dict(map(split, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["pipeline"]))
    wanted = {CONDA_NAMES.get(name, name): constraint for name, constraint in wanted.items()}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert all(isinstance(entry, str) for entry in environment), (
        "no pip section: conda can't pass options to pip"
    )
    conda = dict(map(split, environment))
    assert conda.pop("python") == PROJECT["requires-python"]
    conda.pop("pip")
    assert conda == wanted


def test_library_needs_no_pipeline():
    assert {split(r)[0] for r in PROJECT["dependencies"]} == {
        "numpy",
        "scipy",
        "torch",
        "threadpoolctl",
        "lazy_loader",
    }
    assert set(PROJECT["optional-dependencies"]) == {
        "fast", "datasets", "pipeline", "cluster", "test", "system", "docs",
    }  # fmt: skip
    for extra in ("fast", "datasets"):
        assert set(PROJECT["optional-dependencies"][extra]) <= set(
            PROJECT["optional-dependencies"]["pipeline"]
        )


def test_lock_is_a_plain_constraints_file_that_covers_everything():
    lines = (ROOT / "requirements.lock").read_text().split()
    for line in lines:
        # no hashes, no local versions, no paths
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.!]*", line), line
    locked = {re.sub("[-_.]+", "-", line.split("==")[0]).lower() for line in lines}
    extras = PROJECT["optional-dependencies"]
    for requirements in (
        PROJECT["dependencies"],
        *map(extras.get, ("pipeline", "cluster", "test", "system", "docs")),
    ):
        for requirement in requirements:
            assert re.sub("[-_.]+", "-", split(requirement)[0]) in locked
