"""Jobs that fail, stop or lack data: what is said, and what is kept."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from copies import SMOKE, environment, hashes, planned, snakemake, with_config

pytestmark = pytest.mark.dag


def test_bad_fit_fails_with_theta_and_loss_curve(built):
    density = SMOKE["density"]["fitted"] | {"learning_rate": 1, "epochs": 20, "ramp": 10}
    config = with_config(built, scale="bad", density={"fitted": density})
    target = "data/bad/density/fitted/weibull_4.json"
    code, output = snakemake(built, "--show-failed-logs", target, config=config, check=False)
    assert code != 0
    curve = "logs/bad/fit_density/weibull_4.losses.csv"
    assert re.search(rf"FitError: theta = 4: the loss .*; the loss curve is in {curve}", output)
    assert (built / curve).read_text().startswith("epoch,loss\n0,")
    assert not (built / target).exists()
    assert "theta = 4" in (built / "logs/bad/fit_density/weibull_4.log").read_text()


def test_a_stopped_job_goes_on_where_it_was(built):
    """The second cell does not fit into the memory; with more, the first one is not computed again."""
    target = "data/stopped/propagation/tanh.widths_3_30000.layers.parquet"
    widths = [{"width": 3, "networks": 200}, {"width": 30_000, "networks": 200}]
    config = with_config(built, scale="stopped", propagation={"widths": widths, "memory_mb": 15})
    code, output = snakemake(built, "--show-failed-logs", target, config=config, check=False)
    assert code != 0
    assert "memory = 1.5e+07 bytes is too small: one block of widths [1, 30000, 30000" in output
    kept = built / "data/stopped/propagation/.cells.tanh.widths_3_30000.layers"
    assert len(list(kept.iterdir())) == 1
    config = with_config(built, scale="stopped", propagation={"widths": widths, "memory_mb": 40})
    snakemake(built, "--show-failed-logs", target, config=config)
    log = (built / "logs/stopped/simulate_depth/tanh.widths_3_30000.log").read_text()
    assert log.count("kept from a run that was stopped") == 1
    assert not kept.exists()
    # the result is that of a run that was not stopped
    import pandas as pd

    stopped = pd.read_parquet(built / target)
    (built / target).unlink()
    snakemake(built, "--show-failed-logs", target, config=config)
    pd.testing.assert_frame_equal(stopped, pd.read_parquet(built / target))


def test_an_interrupted_training_keeps_its_cells(built):
    """Stopped after the first cell; the next run goes on from there, to the result of a run that was not stopped."""
    target = "data/killed/training/digits.others.widths_3.runs.parquet"
    smoke = SMOKE["training"]
    datasets = [smoke["datasets"][0] | {"epochs": 40}]
    config = with_config(built, scale="killed", training={"datasets": datasets, "widths": [3]})
    command = [sys.executable, "-m", "snakemake", target, "--cores", "1", "--configfile", config]
    process = subprocess.Popen(
        command, cwd=built, env=environment(built),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    kept = built / "data/killed/training/.cells.digits.others.widths_3.runs"
    deadline = time.perf_counter() + 120
    while not (kept.is_dir() and any(p for p in kept.iterdir() if not p.name.startswith("."))):
        assert process.poll() is None
        assert time.perf_counter() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (built / target).exists()
    snakemake(built, "--unlock", target, config=config)
    snakemake(built, "--rerun-incomplete", "--show-failed-logs", target, config=config)
    log = (built / "logs/killed/train/digits.others.widths_3.log").read_text()
    assert log.count("kept from a run that was stopped") >= 1
    assert not kept.exists()
    import pandas as pd

    stopped = pd.read_parquet(built / target)
    (built / target).unlink()
    snakemake(built, "--show-failed-logs", target, config=config)
    pd.testing.assert_frame_equal(stopped, pd.read_parquet(built / target))


def test_missing_data_set_is_said_and_not_in_the_way(built):
    """A scale that does not ask for a data set has no rule for it; one that does says what is missing."""
    assert not [job for job in planned(built, "--forceall") if job[0] == "fetch_dataset"]
    study = SMOKE["propagation"]["correlations"] | {"datasets": ["mnist"]}
    # asked for by two stages
    training = {
        "datasets": [SMOKE["training"]["datasets"][0] | {"name": "mnist"}],
        "persistence": SMOKE["training"]["persistence"] | {"dataset": "mnist"},
    }
    config = with_config(
        built, scale="images", data_mirror="nowhere", propagation={"correlations": study}, training=training
    )
    assert ("fetch_dataset", "mnist") in planned(built, "training", config=config)
    for target in (
        "data/images/propagation/mnist.blocks.parquet",
        "data/images/training/mnist.others.widths_3_10.runs.parquet",
    ):
        code, output = snakemake(built, "--show-failed-logs", target, config=config, check=False)
        assert code != 0
        assert (
            "train-images-idx3-ubyte.gz is needed, but the mirror nowhere of data sets is not a folder"
            in output
        )
        assert not (built / target).exists()


DAMAGES = {
    "cut off": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "one bit": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_intermediate_is_named_and_made_anew(built, damage):
    """Also where one bit is another one: a number that would look like any other."""
    path = built / "data/smoke/activation/constraints.parquet"
    good = path.read_bytes()
    before = hashes(built)
    path.write_bytes(DAMAGES[damage](good))
    code, output = snakemake(built, "constraints", "--show-failed-logs", check=False)
    assert code != 0
    assert re.search(
        r"DamagedFile: data/smoke/activation/constraints\.parquet can't be read: .*\. Delete it, and the next run "
        "makes it anew",
        output,
    )
    path.unlink()
    snakemake(built, "constraints")
    assert hashes(built) == before


def test_damaged_json_is_named(built):
    path = built / "data/smoke/density/fitted/weibull_4.json"
    good = path.read_bytes()
    path.write_bytes(good[:-20])
    code, output = snakemake(built, "tables/smoke/activation_fitted.csv", "--show-failed-logs", check=False)
    assert code != 0
    assert "DamagedFile: data/smoke/density/fitted/weibull_4.json can't be read" in output
    path.write_bytes(good)
    snakemake(built)


def test_a_missing_intermediate_is_made_anew(built):
    """With what depends on it, which comes out as it was; also where all tables and figures are there."""
    path = built / "data/smoke/kernels/errors.parquet"
    before = hashes(built)
    path.unlink()
    expected = {
        ("simulate_kernel_errors", ""),
        ("analyse_kernels", ""),
        ("table_kernels", ""),
        ("plot_kernels", ""),
        ("table_verdicts", ""),
    }
    jobs = planned(built)
    assert {job for job in jobs if job[0] != "run_notebook"} == expected
    assert {job[1] for job in jobs if job[0] == "run_notebook"} == {"kernels", "overview"}
    snakemake(built)
    assert hashes(built) == before
    assert planned(built) == set()


def test_a_damaged_cell_is_computed_again(built):
    """A part of a job that was stopped: it is not worth an error."""
    target = "data/cells/fractional/tails.parquet"
    heavy = SMOKE["fractional"]
    config = with_config(built, scale="cells", fractional={"tails": heavy["tails"] | {"networks": 100_000}})
    snakemake(built, target, config=config)
    whole = (built / target).read_bytes()
    (built / target).unlink()
    kept = built / "data/cells/fractional/.cells.constants"
    # stopped in the middle: the first cells are there, one of them cut off
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", target, "--cores", "1", "--configfile", config], cwd=built,
        env=environment(built), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.perf_counter() + 60
    while len(cells := [folder for folder in kept.glob("*") if not folder.name.startswith(".")]) < 2:
        assert process.poll() is None
        assert time.perf_counter() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    file = next(cells[0].glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:100])
    snakemake(built, "--unlock", target, config=config)
    snakemake(built, "--rerun-incomplete", target, config=config)
    log = (built / "logs/cells/simulate_fractional.log").read_text()
    assert log.count("computed again: ") == 1
    assert "kept from a run that was stopped" in log
    assert (built / target).read_bytes() == whole
