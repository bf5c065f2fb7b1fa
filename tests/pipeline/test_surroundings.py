"""No result depends on the user's environment or on the path of the checkout; one that can't be used is refused first.

Each case by itself is in tests/system/test_users.py.
"""

import ast
import subprocess
import sys

import pytest
import surroundings
from copies import ROOT
from users import TOGETHER, rebuilt


@pytest.mark.dag
def test_nothing_of_the_user_reaches_the_results(finished, tmp_path):
    rebuilt(TOGETHER, finished, tmp_path, "make")


def test_what_is_replaced_and_what_is_passed_on(tmp_path):
    given = {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "1",
        "PREACTIVATIONS_DATA": "/mirror",
        "https_proxy": "proxy",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANGUAGE": "de",
        "LC_NUMERIC": "de_DE",
        "MATPLOTLIBRC": "mine",
        "PYTHONPATH": "/elsewhere",
        "JUPYTER_PATH": "/elsewhere",
        "OMP_NUM_THREADS": "9",
    }
    own = surroundings.surroundings(given, tmp_path)
    assert own["PYTHONPATH"] == str(tmp_path / "src")
    assert {name: own[name] for name in list(given)[:5]} == dict(list(given.items())[:5])
    assert not {"LANGUAGE", "LC_NUMERIC", "MATPLOTLIBRC", "JUPYTER_PATH", "OMP_NUM_THREADS"} & own.keys()
    # a job that starts another Snakemake
    assert surroundings.surroundings(own, tmp_path) == own


STRANGE = [
    "with space",
    "quote'",
    'quote"',
    "a;b",
    "a&b",
    "$HOME",
    "(a)",
    "{a}",
    "a*",
    "a#b",
    "back\\slash",
    "a:b",
]


@pytest.mark.parametrize("name", STRANGE)
def test_a_path_that_a_shell_would_not_read_is_refused(name):
    assert f"the path /tmp/{name}/x contains " in surroundings.refusal(f"/tmp/{name}/x")
    assert surroundings.refusal("/tmp/Übung_ζ_名/a+b=c@d,e%f~g-1.2") == ""


@pytest.mark.parametrize("command", [["make", "SCALE=smoke"], [sys.executable, "workflow/run.py", "true"]])
def test_it_is_refused_before_anything_is_installed(tmp_path, command):
    project = tmp_path / "with a space"
    for folder in ("workflow", "config", "profiles/default"):
        (project / folder).mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml", "config/smoke.yaml"):
        (project / name).write_bytes((ROOT / name).read_bytes())
    for name in ("run.py", "surroundings.py"):
        (project / "workflow" / name).write_bytes((ROOT / "workflow" / name).read_bytes())
    before = sorted(project.rglob("*"))
    run = subprocess.run(
        [*command, *[f"PYTHON={sys.executable}"] * (command[0] == "make")],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "with a space contains ' ': Snakemake starts jobs through a shell" in run.stderr
    assert [path for path in sorted(project.rglob("*")) if "__pycache__" not in path.parts] == before


FILES = [
    path for top in ("src", "workflow", "notebooks", "docs") for path in sorted((ROOT / top).rglob("*.py"))
]
_TEXT = {"read_text", "write_text", "open"}


def without_encoding(path):
    """Calls that read or write text, or may, without saying how it is encoded."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        binary = any(isinstance(value, str) and "b" in value and len(value) < 4 for value in values)
        other = owner in ("os", "gzip", "tarfile", "image")  # binary, or no file at all
        if name in _TEXT and not (
            binary or other or any(keyword.arg == "encoding" for keyword in node.keywords)
        ):
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_text_is_read_and_written_in_utf_8():
    assert len(FILES) > 150
    assert [call for path in FILES for call in without_encoding(path)] == []
