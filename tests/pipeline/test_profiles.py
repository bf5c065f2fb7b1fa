"""Profiles: one job at a time on a GPU, and what rules ask a cluster for."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml
from copies import ROOT, snakemake, with_config

PROFILES = ROOT / "profiles"
RULES = {
    rule: path.stem
    for path in (ROOT / "workflow" / "rules").glob("*.smk")
    for rule in re.findall(r"^(?:use rule \w+ as|rule) (\w+)", path.read_text(), re.MULTILINE)
}
TWO_JOBS = """
rule all:
    input: "a", "b"
rule job:
    output: "{name}"
    wildcard_constraints: name="[ab]"
    resources: gpu=1
    shell: "date +%s.%N > {output}; sleep 2; date +%s.%N >> {output}"
"""


@pytest.mark.parametrize(("options", "together"), [((), False), (("--resources", "gpu=2"), True)])
def test_one_job_at_a_time_on_the_gpu_unless_told_otherwise(tmp_path, options, together):
    (tmp_path / "Snakefile").write_text(TWO_JOBS)
    profile = shutil.copytree(PROFILES / "default", tmp_path / "profile")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "2",
        "--workflow-profile",
        str(profile),
        *options,
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    first, second = sorted([float(line) for line in (tmp_path / name).read_text().split()] for name in "ab")
    assert (second[0] < first[1]) == together


def test_groups_of_the_cluster_are_rules_that_simulate_nothing():
    profile = yaml.safe_load((PROFILES / "slurm" / "config.yaml").read_text())
    assert set(profile["groups"]) <= set(RULES)
    assert set(profile["group-components"]) <= set(profile["groups"].values())
    light = re.compile(
        r"plot_|table_|analyse_|derive_density|derive_activation|check_constraints|run_notebook"
    )
    assert all(light.match(rule) for rule in profile["groups"])
    # every table and figure is in a group
    assert {rule for rule in RULES if rule.startswith(("plot_", "table_"))} <= set(profile["groups"])


@pytest.mark.dag
def test_every_job_says_what_it_needs(built):
    """Memory and time; a GPU where networks are simulated, if there is one to use."""
    config = with_config(built, gpu="always")
    profile = ("--workflow-profile", "profiles/default")
    output = snakemake(built, "--dry-run", "--forceall", *profile, config=config)
    jobs = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", output, re.MULTILINE)
    assert len(jobs) > 60
    on_gpu = set()
    for rule, body in jobs:
        if "    output: " not in body:
            continue
        needs = dict(
            re.findall(r"(\w+)=([^,\n]+)", re.search(r"^    resources: (.*)$", body, re.MULTILINE)[1])
        )
        assert int(needs["mem_mb"]) >= 500, rule
        assert int(needs["runtime"]) >= 5, rule
        if needs.get("gpu") == "1":
            on_gpu.add(rule)
    assert on_gpu == {
        "simulate_depth", "simulate_depth_fitted", "simulate_correlations", "simulate_edge_of_chaos",
        "train", "train_fitted", "train_persistence",
        "simulate_isometry", "train_isometry", "train_kernels",
        "train_fractional",
    }  # fmt: skip
