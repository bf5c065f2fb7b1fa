"""Disks that are full or read-only: what is said, and that nothing good is lost."""

import subprocess
import sys

import pytest
from pipeline import copy_of_the_project, environment, hashes
from sandbox import sandbox

SNAKEMAKE = (
    sys.executable, "workflow/run.py", "snakemake", "exact", "ks_study", "--cores", "2", "--workflow-profile",
    "workflow/profiles/default", "--configfile", "config/smoke.yaml",
)  # fmt: skip


@pytest.mark.parametrize("free_kb", [60, 400, 1500])
def test_full_disk(finished, tmp_path, free_kb):
    """The whole checkout is on a disk with little room; where there is room again the run goes on."""
    source, project = tmp_path / "source", tmp_path / "full"
    source.mkdir()
    project.mkdir()
    copy_of_the_project(source)
    expected = hashes(finished)
    size = int(subprocess.check_output(["du", "-sk", source], text=True).split()[0]) + 20_000
    mounts = f"""
        mount -t tmpfs -o size={size}k none {project}
        cp -r {source}/. {project}
    """
    with sandbox(mounts) as place:
        where = {"cwd": project, "env": environment(project)}
        _, free = place.run("stat", "-f", "--format=%a", ".", **where)  # blocks of 4 kB
        ballast = 4 * int(free) - free_kb
        status, output = place.run("dd", "if=/dev/zero", "of=ballast", "bs=1024", f"count={ballast}", **where)
        assert status == 0, output
        status, output = place.run(*SNAKEMAKE, **where)
        print(output)
        assert status != 0
        assert "No space left on device" in output
        there = hashes(place.seen(project))
        assert there.items() <= expected.items()
        place.run("rm", "ballast", **where)
        status, output = place.run(*SNAKEMAKE, **where)
        assert status == 0, output
        there = hashes(place.seen(project))
        assert there.items() <= expected.items()
        assert "figures/smoke/ks_two_layer.png" in there


def test_read_only_results(finished, tmp_path):
    project = copy_of_the_project(tmp_path)
    (project / "tables" / "smoke").mkdir()
    mounts = f"""
        mount --bind {project}/tables {project}/tables
        mount -o remount,ro,bind {project}/tables
    """
    with sandbox(mounts) as place:
        status, output = place.run(*SNAKEMAKE, cwd=project, env=environment(project))
    assert status != 0
    assert "results go to tables/smoke, which can't be written to" in output
    assert not (project / "data" / "smoke").exists()  # before any job
    mounts = f"mount --bind {project} {project}; mount -o remount,ro,bind {project}"
    with sandbox(mounts) as place:
        status, output = place.run(*SNAKEMAKE, cwd=project, env=environment(project))
    assert status == 1
    assert "results are kept in the checkout, which must be writable" in output
    assert "Traceback" not in output
