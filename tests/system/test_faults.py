"""Disks that are full or read-only, no network: what is said, and that nothing good is lost."""

import subprocess
import sys

import pytest
from copies import SMOKE, copy_of_the_project, environment, hashes, with_config
from sandbox import sandbox

SNAKEMAKE = (
    sys.executable, "workflow/run.py", "snakemake", "density", "activation", "two_layer", "--cores", "2",
    "--workflow-profile", "profiles/default", "--configfile", "config/smoke.yaml",
)  # fmt: skip


@pytest.mark.parametrize("free_kb", [60, 200, 400])
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
        _, free = place.run("stat", "-f", "--format=%a %S", ".", **where)  # blocks, and their size
        blocks, size = map(int, free.split())
        ballast = blocks * size // 1024 - free_kb
        status, output = place.run("dd", "if=/dev/zero", "of=ballast", "bs=1024", f"count={ballast}", **where)
        assert status == 0, output
        status, output = place.run(*SNAKEMAKE, **where)
        assert status != 0
        assert "No space left on device" in output
        # finished cells of a stopped job are kept, and are no results
        there = {name: value for name, value in hashes(place.seen(project)).items() if "/.cells." not in name}
        assert there.items() <= expected.items()
        place.run("rm", "ballast", **where)
        status, output = place.run(*SNAKEMAKE, **where)
        assert status == 0, output
        # finished cells of a stopped job are kept, and are no results
        there = {name: value for name, value in hashes(place.seen(project)).items() if "/.cells." not in name}
        assert there.items() <= expected.items()
        assert "figures/smoke/propagation_two_layer.png" in there


def test_read_only_results(tmp_path):
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


def test_no_network(tmp_path):
    """Downloads are the only thing that needs one; without it the message says what to do by hand."""
    project = copy_of_the_project(tmp_path)
    study = SMOKE["propagation"]["correlations"] | {"datasets": ["mnist"]}
    config = with_config(project, scale="images", propagation={"correlations": study})
    target = "data/images/propagation/mnist.blocks.parquet"
    command = [
        sys.executable,
        "-m",
        "snakemake",
        target,
        "--cores",
        "1",
        "--show-failed-logs",
        "--configfile",
        config,
    ]
    where = {key: value for key, value in environment(project).items() if key != "PREACTIVATIONS_DATA"}
    with sandbox("true") as place:
        status, output = place.run(*command, cwd=project, env=where)
    assert status != 0
    assert "DataError: train-images-idx3-ubyte.gz could not be had:" in output
    assert (
        "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz: ConnectionError" in output
    )
    assert "name a folder that has it in PREACTIVATIONS_DATA" in output
    assert [
        path for path in (project / "data/raw").rglob("*") if path.is_file() and path.name != ".gitkeep"
    ] == []
