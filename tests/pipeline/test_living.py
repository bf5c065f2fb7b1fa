"""The six things that people do with results: each command of the README runs here, and plans exactly these jobs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from copies import ROOT, environment, planned
from expected_jobs import (
    AFTER_CORRELATE,
    AFTER_EXACT,
    AFTER_EXACT_KS,
    AFTER_FITS,
    EOC,
    EOC_FITTED,
    EOC_SHOWN,
    KERNEL_ANALYSED,
    KERNEL_DRAWN,
    KERNEL_TRAIN,
    KERNEL_TRAINED,
    each,
    fits,
    notebooks_of,
)

pytestmark = pytest.mark.dag

SECTION = "## Six things that people do"
BLOCKS = re.findall(
    r"^### (?P<title>\d\. [^\n]*)\n\n.*?```\n(?P<console>\$ .*?)\n```",
    (ROOT / "README.md").read_text().split(SECTION)[1].split("\n## ")[0],
    re.MULTILINE | re.DOTALL,
)
GRAPH = {("plot_rule_graph", "")}
EXPECTED = {
    "1. Rerun one stage": KERNEL_DRAWN | KERNEL_TRAIN | KERNEL_TRAINED,
    "2. Change one parameter": (
        EOC - {("derive_edge_of_chaos", ""), ("plot_fitted_edge", "")} | GRAPH
    ),
    "3. Edit a library function": KERNEL_ANALYSED,
    "4. Redraw one figure": {("plot_density", "")},
    "5. Add a theta": (
        each("derive_density", ["weibull_3.3"]) | each("derive_activation", ["weibull_3.3"])
        | {("simulate_two_layer", "weibull_3.3"), ("derive_edge_of_chaos", "")}
        | fits(["weibull_3.3"], ["weibull_3.3"])
        | AFTER_EXACT | AFTER_EXACT_KS | AFTER_FITS | EOC_SHOWN | EOC_FITTED | GRAPH
    ),
    "6. Add a data set": (
        {(rule, "mnist") for rule in ("simulate_correlations", "fetch_dataset", "plot_correlations")}
        | (AFTER_CORRELATE - {("plot_correlations", "digits")}) | GRAPH
    ),
}  # fmt: skip


def untimed(text):
    """Durations differ from machine to machine."""
    text = re.sub(r"\n\nDurations: .*", "", text, flags=re.DOTALL)
    text = re.sub(r",? about [\d.]+ \w+ on \d cores? \(work [\d.]+ \w+\)", "", text)
    return re.sub(r" [\d.]+ (s|min|h|days)\b", " #", text)


def unordered(text):
    """Lines are wrapped, and causes and rules sorted, by duration."""
    head, *groups = re.split(r"\n(?=\S)", untimed(text))
    return head, sorted(
        (cause, sorted(re.split(r", (?![^(]*\))", " ".join(rules.split()))))
        for cause, _, rules in (group.partition("\n") for group in groups)
    )


def test_readme_shows_all_six():
    assert [title for title, _ in BLOCKS] == list(EXPECTED)


@pytest.mark.parametrize(("title", "console"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_each_plans_these_jobs_and_the_readme_shows_them(built, title, console):
    command, shown = console.removeprefix("$ ").split("\n", 1)
    saved = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in edited(built, command)}
    # the environment of the tests stands for the one that make would install
    stamp = built / ".venv/.installed"
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()
    variables = f"BIN={Path(sys.executable).parent} PYTHON=false CORES=2"
    run = subprocess.run(
        ["bash", "-c", command],
        cwd=built,
        env=environment(built) | {"MAKEFLAGS": f"--no-print-directory -- {variables}"},
        capture_output=True,
        text=True,
    )
    try:
        assert run.returncode == 0, run.stdout + run.stderr
        if title == "1. Rerun one stage":  # forced, not out of date
            rules = {rule for rule, _ in EXPECTED[title] if rule != "table_verdicts"}
            jobs = planned(built, "--forcerun", *sorted(rules))
        else:
            jobs = planned(built)
        assert jobs == EXPECTED[title] | notebooks_of(EXPECTED[title])
        assert unordered(run.stdout.strip()) == unordered(shown)
    finally:
        for path, (content, mtime) in saved.items():
            path.write_bytes(content)
            os.utime(path, ns=(mtime, mtime))
    assert planned(built) == set()


def edited(project, command):
    return [project / name for name in re.findall(r"(?:config|src|workflow)/[\w/]+\.(?:yaml|py)", command)]
