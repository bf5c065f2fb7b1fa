"""Expected costs: in proportion to the work, and said before a run that takes long."""

import copy
import re
import subprocess
import sys

import cost
import pytest
import yaml
from config.model import validate
from copies import ROOT, environment, snakemake, with_config

CONFIGS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "config").glob("*.yaml")}


@pytest.fixture(autouse=True)
def _root(monkeypatch):
    monkeypatch.chdir(ROOT)


def estimate(scale):
    return cost.estimate(validate(CONFIGS[scale]))


def test_the_scale_of_reference_costs_what_it_was_measured_to():
    timed = cost._timed()
    whole = estimate("laptop")
    assert whole.total == pytest.approx(sum(timed[rule] for rules in cost.STAGES.values() for rule in rules))
    assert {rule for rules in cost.STAGES.values() for rule in rules} <= set(timed)
    assert cost.text("laptop", whole) == ""


def test_a_study_of_twice_the_size_costs_twice_as_much():
    twice = copy.deepcopy(CONFIGS["laptop"])
    for cell in twice["propagation"]["widths"]:
        cell["networks"] *= 2
    twice["training"]["seeds"] *= 2
    twice["kernels"]["errors"]["evaluations"] *= 2
    before, after = (cost.work(validate(config)) for config in (CONFIGS["laptop"], twice))
    changed = {rule for rule in before if after[rule] != before[rule]}
    assert changed == {"simulate_depth", "null_band_depth", "train", "simulate_kernel_errors"}
    assert all(after[rule] == pytest.approx(2 * before[rule]) for rule in changed)


def test_weights_drawn_at_the_paper_scale():
    """18.9 days at 6 ns per weight, counted by hand (25 settings, 100 000 networks of depth 100, widths 3 to 1 000)."""
    pairs, plain, controls, networks, depth = 2 * 8, 5, 4, 100_000, 100
    weights = sum(n**2 for n in (3, 10, 30, 100, 300, 1000)) * networks * depth * (pairs + plain + controls)
    expected = 6e-9 * weights
    assert estimate("paper").stages["propagation"] == pytest.approx(expected, rel=0.5)


def test_a_run_that_takes_long_says_so():
    words = cost.text("paper", estimate("paper"))
    assert words.startswith("Scale paper is expected to take ")
    assert all(stage in " ".join(words.split()) for stage in cost.STAGES)
    assert "a stop loses" in words
    assert max(map(len, words.splitlines())) <= 100


def test_the_readme_says_what_it_costs():
    days = re.search(r"the full study costs \((\d+) days of one core", (ROOT / "README.md").read_text())
    assert int(days[1]) == round(estimate("paper").total / 86400)


def test_cells_are_smaller_than_their_study():
    whole = estimate("paper")
    assert 3600 < whole.longest < 0.1 * whole.total


@pytest.mark.dag
def test_it_is_said_before_the_first_job(built):
    widths = [{"width": 1000, "networks": 10**6}]
    config = with_config(built, scale="large", propagation={"widths": widths})
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "density", "--cores", "1", "--configfile", config], cwd=built,
        env=environment(built), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
    )  # fmt: skip
    said = re.search(r"Scale large is expected to take [\d.]+ days", run.stdout)
    begun = re.search(r"^(local)?rule derive_density:", run.stdout, re.MULTILINE)
    assert said.start() < begun.start()
    # a dry run starts nothing, and says it only for `make plan`
    assert "expected to take" not in snakemake(built, "density", "--dry-run", "--forceall", config=config)
