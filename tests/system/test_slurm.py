"""The smoke scale through a real Slurm of one node on loopback: the same results, and limits as the rules say."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from copies import copy_of_the_project, environment, hashes, make
from one_node_slurm import missing_programs, one_node

# one node of two cores without accounting, asked often; a group of jobs may not ask for more cores than it has
HERE = [
    "--cores", "2", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1",
    "--seconds-between-status-checks", "1",
]  # fmt: skip
PROFILE = ("--workflow-profile", "profiles/slurm")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    missing = missing_programs()
    assert not missing, f"{missing} are missing: tests/system/programs --install slurm"
    with one_node(tmp_path_factory.mktemp("slurm")) as found:
        yield found


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("project"))


def command(project, *arguments):
    """`make` on the cluster, and how this one wants to be asked."""
    return make(
        project,
        "reproduce",
        "PROFILE=slurm",
        "SCALE=smoke",
        f"SNAKEMAKE_FLAGS={' '.join([*HERE, *arguments])}",
    )


def squeue(cluster, columns):
    run = subprocess.run(
        ["squeue", "--states=all", "--noheader", f"--format={columns}"], env=cluster, capture_output=True, text=True
    )  # fmt: skip
    return [line.split("|") for line in run.stdout.splitlines()]


def test_killed_on_the_cluster_and_run_again(cluster, project, finished):
    """make is killed while jobs are in the queue; the next one cancels them, finishes, and has the same results."""
    where = environment(project) | cluster
    with (project / "first.out").open("w") as out:
        first = subprocess.Popen(
            command(project), cwd=project, env=where, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )  # fmt: skip
    deadline = time.monotonic() + 120
    while ["RUNNING"] not in squeue(cluster, "%T"):
        assert first.poll() is None, (project / "first.out").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = {row[0] for row in squeue(cluster, "%i")}
    second = subprocess.run(command(project), cwd=project, env=where, capture_output=True, text=True)
    output = second.stdout + second.stderr
    assert second.returncode == 0, output
    assert re.search(r"run: cancelling \d+ Slurm jobs of a run that was killed", output)
    assert "Verdicts in tables/smoke/verdicts_numbers.csv" in output
    expected, found = hashes(finished), hashes(project)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
    jobs = {row[0]: row[1:] for row in squeue(cluster, "%i|%T|%C|%m|%l|%k")}
    assert all(state == "COMPLETED" for number, (state, *_) in jobs.items() if number not in before)
    # what rules ask for is what Slurm gives; short jobs go together
    asked = {row[-1]: row[1:4] for number, row in jobs.items() if number not in before}
    assert asked["rule_train_persistence"] == ["1", "6000M", "7-00:00:00"]
    # analysis first, then table and figure side by side
    assert asked["rule_kernels_analyse_kernels_plot_kernels_table_kernels"][0] == "2"
    assert not any(comment.startswith("rule_plot") for comment in asked)
    # of both parts: densities and activations, then the rest
    steps = sum(map(int, re.findall(r"of (\d+) steps \(100%\) done", output)))
    assert len(asked) < 0.6 * steps


def test_gpu_jobs_wait_for_the_gpu(cluster, project):
    """The node has one (in name): Slurm is asked for it, and runs one such job at a time."""
    cells = [f"data/smoke/propagation/{name}.widths_3_10.layers.parquet" for name in ("tanh", "relu")]
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", *cells, *PROFILE, *HERE, "--set-resources", "simulate_depth:gpu=1",
         "--forcerun", "simulate_depth", "--configfile", "config/smoke.yaml"],
        cwd=project, env=environment(project) | cluster, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    shown = subprocess.run(
        ["scontrol", "--oneliner", "show", "job"], env=cluster, capture_output=True, text=True
    )
    jobs = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in shown.stdout.splitlines()]
    jobs = [job for job in jobs if "gpu" in job.get("TresPerJob", "")]
    assert [job["TresPerJob"] for job in jobs] == ["gres:gpu:1"] * 2
    assert all(job["Comment"].startswith("rule_simulate_depth") for job in jobs)
    (_, end), (start, _) = sorted((job["StartTime"], job["EndTime"]) for job in jobs)
    assert end <= start
