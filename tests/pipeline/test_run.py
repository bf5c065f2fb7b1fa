"""One run at a time, and what a killed one leaves behind, with a Snakefile of two jobs in a folder of its own.

The whole pipeline is killed in tests/system/test_killed.py.
"""

import json
import os
import py_compile
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from copies import ROOT

SNAKEFILE = """
rule all:
    input: "done"
rule slow:
    output: "slow"
    shell: "echo $$ > started; sleep {config[seconds]}; echo whole > {output}"
rule done:
    input: "slow"
    output: "done"
    shell: "cp {input} {output}"
"""
MAKEFILE = (
    "all:\n\t@{python} workflow/run.py snakemake --cores 1 --rerun-incomplete --config seconds=$(SECONDS)\n"
)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "workflow").mkdir()
    for name in ("run.py", "surroundings.py"):
        shutil.copy(ROOT / "workflow" / name, tmp_path / "workflow")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "Makefile").write_text(MAKEFILE.format(python=sys.executable))
    yield tmp_path
    for process in psutil.process_iter():  # whatever a failed test has left
        try:
            if process.cwd() == str(tmp_path):
                process.kill()
        except psutil.Error:
            continue


def start(project, *command):
    return subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )  # fmt: skip


def run(project, *command):
    done = subprocess.run(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    return done.returncode, done.stdout


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def job_of(project):
    """Process id of the slow job, once it runs."""
    path = project / "started"
    return int(until(lambda: path.is_file() and path.read_text().strip()))


def alone(*command):
    return (sys.executable, "workflow/run.py", *command)


def is_running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_second_run_is_refused_and_told_who_is_running(project):
    first = start(project, *alone("sleep", "30"))
    until(lambda: "sleep" in psutil.Process(first.pid).name())
    status, output = run(project, *alone("touch", "second"))
    assert status == 1
    assert re.search(
        rf"another run is at work here: process {first.pid} on \S+ since \S+ \S+; wait for it or stop it. Nothing was "
        "changed",
        output,
    )
    assert not (project / "second").exists()
    first.kill()
    first.wait()
    assert run(project, *alone("touch", "second")) == (0, "")


@pytest.mark.parametrize("victim", ["snakemake", "make", "make and snakemake", "all"])
def test_after_a_kill_the_next_make_finishes(project, victim):
    """Whichever process is killed: the job that survives is ended, so that it does not write over newer results."""
    make = start(project, "make", "SECONDS=8")
    job = job_of(project)
    snakemake = next(p for p in psutil.Process(make.pid).children() if "snakemake" in " ".join(p.cmdline()))
    if victim == "all":
        os.killpg(make.pid, signal.SIGKILL)
    if "snakemake" in victim:
        snakemake.kill()
    if victim.startswith("make"):
        make.kill()
    make.wait(20)
    if victim != "all":
        assert is_running(job)
    (project / "started").unlink()
    status, output = run(project, "make", "SECONDS=0")
    assert status == 0, output
    assert (project / "done").read_text() == "whole\n"
    assert not is_running(job)
    if victim == "make":
        assert f"run: the make of an earlier run was killed; ending it: process {snakemake.pid} on" in output
    elif victim != "all":
        assert re.search(r"run: ending \d+ processes of a run that was killed", output)
    if victim != "make":  # there Snakemake is asked to end, and opens its lock itself if it has the time
        assert "run: unlocking after a run that was killed" in output
    status, output = run(project, "make", "SECONDS=0")
    assert status == 0
    assert "Nothing to be done" in output


def test_plain_snakemake_names_the_way_to_unlock(project):
    by_hand = start(project, sys.executable, "-m", "snakemake", "--cores", "1", "--config", "seconds=20")
    job_of(project)
    plain = (sys.executable, "-m", "snakemake", "--cores", "1", "--config", "seconds=0")
    status, output = run(project, *plain)
    assert status == 1
    assert "Directory cannot be locked" in output
    assert "--unlock" in output
    # a run that is alive keeps its lock
    status, output = run(project, "make", "SECONDS=0")
    assert status == 2
    assert f"a Snakemake that was started by hand is at work here, process {by_hand.pid}" in output
    assert is_running(by_hand.pid)
    os.killpg(by_hand.pid, signal.SIGKILL)
    by_hand.wait()
    status, output = run(project, "make", "SECONDS=0")
    assert status == 0, output
    assert "run: unlocking after a run that was killed" in output
    assert (project / "done").read_text() == "whole\n"


def record(project):
    return json.loads((project / ".run.lock").read_text())


def test_a_run_of_another_machine_is_never_touched(project):
    """Its process ids mean nothing here: that its make is not found does not say that it was killed."""
    first = start(project, *alone("sleep", "30"))
    until(lambda: "sleep" in psutil.Process(first.pid).name())
    far = record(project) | {"place": ["far", "boot", "namespace"], "make": [2**22 + 1, 1.0]}
    (project / ".run.lock").write_text(json.dumps(far))
    status, output = run(project, *alone("touch", "second"))
    assert status == 1
    assert f"another run is at work here: process {first.pid} on far" in output
    assert is_running(first.pid)
    # nor is the lock that it left with Snakemake opened
    first.kill()
    first.wait()
    locks = project / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").touch()
    (project / ".run.lock").write_text(json.dumps(far))
    status, output = run(project, *alone("touch", "second"))
    assert status == 1
    assert "was not here and left Snakemake's lock" in output
    assert list(locks.iterdir())
    assert not (project / "second").exists()


def test_the_record_of_a_dead_run_is_not_that_of_a_new_one(project):
    """Two at once, after a run whose make is gone: one runs, the other is refused, nobody is ended."""
    (project / "Makefile").write_text(f"a b:\n\t@{sys.executable} workflow/run.py sleep 0.5\n")
    run(project, "make", "a")
    for _ in range(5):
        dead = record(project)
        dead["make"] = [2**22 + 1, 1.0]
        (project / ".run.lock").write_text(json.dumps(dead))
        _, output = run(project, "make", "--keep-going", "--jobs=2", "a", "b")
        assert output.count("another run is at work here") == 1, output
        assert "ending" not in output


def test_who_looks_at_a_log_is_no_snakemake(project):
    log = project / ".snakemake" / "log" / "x.snakemake.log"
    log.parent.mkdir(parents=True)
    log.touch()
    (project / ".snakemake" / "locks").mkdir()
    (project / ".snakemake" / "locks" / "0.input.lock").touch()
    reader = start(project, "tail", "-f", str(log))
    assert run(project, *alone("true")) == (0, "run: unlocking after a run that was killed\n")
    assert reader.poll() is None
    reader.kill()
    reader.wait()


def test_the_environment_of_a_run_is_not_made_anew(project):
    """A changed pyproject.toml makes a new .venv, but not under the hands of a run."""
    shutil.copy(ROOT / "Makefile", project)
    for folder in (".venv", "config", "profiles/default"):
        (project / folder).mkdir(parents=True)
    (project / "config/laptop.yaml").touch()
    for name in (".venv/.installed", "requirements.lock", "pyproject.toml"):
        (project / name).touch()
    os.utime(project / ".venv/.installed", (1, 1))
    first = start(project, *alone("sleep", "30"))
    until(lambda: "sleep" in psutil.Process(first.pid).name())
    status, output = run(project, "make", f"PYTHON={sys.executable}", "install")
    assert status == 2
    assert "a run is at work in this checkout, with the environment that would be made anew" in output
    assert sorted(path.name for path in (project / ".venv").iterdir()) == [".installed"]
    first.kill()
    first.wait()


def test_processes_of_other_checkouts_are_left_alone(project, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(project, other, dirs_exist_ok=True)
    first = start(other, *alone("sleep", "30"))
    until(lambda: "sleep" in psutil.Process(first.pid).name())
    assert run(project, *alone("true")) == (0, "")
    assert first.poll() is None
    first.kill()
    first.wait()


def test_what_was_begun_is_swept(project):
    """Files of jobs that were killed, and compiled modules that a full disk has cut off."""
    whole = py_compile.compile(str(project / "workflow" / "run.py"))
    cut = project / "src" / "__pycache__" / "module.cpython-311.pyc"
    begun, kept = project / "data" / "smoke" / ".123.table.parquet", project / "data" / ".gitkeep"
    for path in (cut, begun, kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Path(whole).read_bytes()[:200])
    assert run(project, *alone("true")) == (0, "")
    assert not cut.exists()
    assert not begun.exists()
    assert kept.exists()
    assert Path(whole).exists()


def test_the_status_of_the_command_is_that_of_the_run(project):
    assert run(project, *alone("false"))[0] == 1
    assert run(project, *alone()) == (1, "run: say which command\n")


def test_caches_of_the_user_are_respected(project, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert run(project, *alone("printenv", "XDG_CACHE_HOME"))[1] == f"{project / '.cache'}\n"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert run(project, *alone("printenv", "XDG_CACHE_HOME"))[1] == "/elsewhere\n"
