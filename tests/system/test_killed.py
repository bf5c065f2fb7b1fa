"""The smoke scale, killed ten times on its way, ends with the results of a run that was left in peace."""

import os
import random
import re
import shutil
import signal
import subprocess
import time

import plan
import psutil
from copies import copy_of_the_project, environment, hashes, make

TARGETS = ("CORES=2", "SCALE=smoke")
KILLS = 10


def snakemakes(pid):
    """The Snakemake of a `make`, and the jobs under it."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill(process, victim):
    if victim == "everything":
        os.killpg(process.pid, signal.SIGKILL)
        return
    below = snakemakes(process.pid)
    if victim == "make":
        process.kill()
    elif below:
        below[0].kill()  # Snakemake itself; its jobs survive


def test_ten_kills_change_nothing(finished, tmp_path):
    project = copy_of_the_project(tmp_path)
    whole = sum(plan.recorded_durations("smoke", finished).values()) / 2  # on two cores
    command, rng = make(project, "reproduce", *TARGETS), random.Random(2205)
    outputs = []
    k = 0
    while k < KILLS:
        log = tmp_path / f"{k}.out"
        with log.open("w") as out:
            process = subprocess.Popen(
                command, cwd=project, env=environment(project), stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        # from the very start of a run to some jobs later; all ten before its end
        moment = rng.uniform(0.2, 0.16 * whole)
        time.sleep(moment)
        if process.poll() is not None:  # a fast machine: everything is there before the last kill
            assert process.returncode == 0, log.read_text()
            shutil.rmtree(project / "data" / "smoke")
            continue
        victim = ("snakemake", "make", "everything")[k % 3]
        kill(process, victim)
        process.wait(30)
        outputs.append(log.read_text())
        k += 1
        print(f"kill {k}: {victim} after {moment:.1f} s")
    last = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True)
    assert last.returncode == 0, last.stdout + last.stderr
    assert "Verdicts in tables/smoke/verdicts_numbers.csv" in last.stdout + last.stderr
    outputs.append(last.stdout + last.stderr)
    # survivors there were
    assert sum("processes of a run that was killed" in output for output in outputs) >= KILLS // 3
    expected, found = hashes(finished), hashes(project)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
    again = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True)
    assert re.search("Nothing to be done", again.stdout + again.stderr)
    # nothing half-written is left
    hidden = [
        p
        for top in ("data", "figures", "tables")
        for p in (project / top).rglob(".*")
        if p.name != ".gitkeep"
    ]
    assert hidden == []
