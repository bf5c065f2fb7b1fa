"""Snakemake in throw-away copies of the project, for the tests of the pipeline."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from config.model import read

ROOT = Path(__file__).parent.parent
SMOKE = read(ROOT / "config" / "smoke.yaml")


def copy_of_the_project(folder):
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def environment(project):
    return os.environ | {"PYTHONPATH": str(project / "src"), "CI": "true"}


def snakemake(project, *arguments, config="config/smoke.yaml", check=True):
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", config],
        cwd=project, env=environment(project), capture_output=True, text=True,
    )  # fmt: skip
    output = run.stdout + run.stderr
    if check:
        assert run.returncode == 0, output
    return output if check else (run.returncode, output)


def make(project, *arguments):
    """A command that starts `make` in the copy, with the environment that is there already."""
    stamps = project / ".venv"
    stamps.mkdir(exist_ok=True)
    for name in (".installed", ".cluster", ".system"):
        (stamps / name).touch()
    return ["make", f"BIN={Path(sys.executable).parent}", "PYTHON=false", *arguments]


def script(project, *command):
    """Exit status and output of a script of the project."""
    run = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=project, env=environment(project), capture_output=True, text=True,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


PLANNED = (
    "import plan, sys; print([(job.rule, job.wildcards) for job in plan.jobs_of(plan.graph(sys.argv[1:]))])"
)


def planned(project, *arguments, config="config/smoke.yaml"):
    """{(rule, wildcards)} of a dry run as that of `make plan`, without the target rules."""
    path = os.pathsep.join(str(project / folder) for folder in ("src", "workflow"))
    run = subprocess.run(
        [sys.executable, "-c", PLANNED, *arguments, "--configfile", config],
        cwd=project, env=environment(project) | {"PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    jobs = run.stdout.splitlines()[-1]
    return {(rule, wildcards.replace(", ", ",")) for rule, wildcards in ast.literal_eval(jobs)}


def with_config(project, **changes):
    config = SMOKE | {key: (SMOKE[key] | v if isinstance(v, dict) else v) for key, v in changes.items()}
    path = project / "changed.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def hashes(project):
    """sha256 of the results that are the same in every run: not notebooks, provenance and timings."""
    paths = [p for top in ("data", "figures", "tables") for p in (project / top / "smoke").rglob("*.*")]
    return {
        str(p.relative_to(project)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in paths
        if p.is_file()
        and "notebooks" not in p.parts
        and not p.name.endswith(".provenance.json")
        and p.name != "manifest.json"
    }
