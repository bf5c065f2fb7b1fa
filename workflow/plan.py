"""What would run, why, and how long it will take: a dry run of Snakemake on one screen (`make plan`).

    python workflow/plan.py --scale laptop --cores 2 [target ...] [--forcerun rule ...]

Durations are those of the benchmark files of earlier runs on this machine; where there are none, those of
data/reference/durations.csv (`--record` writes them), or of other jobs of the same rule. The time on several cores is
that of a list schedule of the jobs, longest first.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import os
import re
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

BENCHMARKS = Path("benchmarks/results")
SHIPPED = Path("data/reference/durations.csv")
WIDTH = 100
_FOLLOWS = "an input is made anew by one of the above"
_PER_JOB = 0.3  # seconds of Snakemake around a job, measured: 86 jobs


class Job(NamedTuple):
    """A job of a dry run; paths as Snakemake prints them."""

    rule: str
    wildcards: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    benchmark: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.rule} ({self.wildcards})" if self.wildcards else self.rule


def jobs_of(dry_run: str) -> list[Job]:
    """Jobs that a dry run lists, without the target rules, which do nothing."""
    jobs = []
    for rule, body in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", dry_run, re.MULTILINE):
        field = dict(re.findall(r"^    (\w+): (.*)$", body, re.MULTILINE))
        if "output" not in field:
            continue
        wildcards = ", ".join(re.findall(r"\w+=([^,]+)", field.get("wildcards", "")))
        inputs, outputs = (frozenset(filter(None, field.get(k, "").split(", "))) for k in ("input", "output"))
        jobs.append(
            Job(rule, wildcards, inputs, outputs, field.get("benchmark", ""), field.get("reason", ""))
        )
    return jobs


def why(reason: str) -> str:
    """The first cause of a job in a few words."""
    if found := re.search(r"Updated input files: ([^;]*)", reason):
        files = sorted(found.group(1).split(", "))
        return (
            " and ".join(files[:2]) + (f" and {len(files) - 2} more" if len(files) > 2 else "") + " changed"
        )
    if "Code has changed" in reason:
        return "its script changed"
    if "Params have changed" in reason:
        found = re.search(r"before: (.*?) now: (.*?)\s*$", reason)
        short = found and len(found.group(0)) < 60
        return f"parameters changed: {found[1]} -> {found[2]}" if found and short else "parameters changed"
    if "Forced execution" in reason:
        return "asked for"
    if "Missing output files" in reason:
        return "no result yet"
    if "updated by another job" in reason:
        return _FOLLOWS
    if "Set of input files has changed" in reason:
        return "other inputs than before"
    return reason.split(":")[0].lower() or "asked for"


def durations(jobs: list[Job], scale: str) -> tuple[dict[Job, float | None], int]:
    """Seconds of each job, None where nothing is known, and how many were timed on this machine."""
    recorded = recorded_durations(scale)
    shipped: dict[str, float] = {}
    if SHIPPED.exists():
        with SHIPPED.open() as file:
            shipped = {
                row["job"]: float(row["seconds"]) for row in csv.DictReader(file) if row["scale"] == scale
            }
    by_rule = defaultdict(list)
    for name, value in (shipped | recorded).items():
        by_rule[name.split("/")[0]].append(value)

    def seconds(job: Job) -> float | None:
        name = job.benchmark.removeprefix(f"{BENCHMARKS / scale}/").removesuffix(".tsv")
        known = recorded.get(name, shipped.get(name))
        others = by_rule[name.split("/")[0]]
        return known if known is not None else mean(others) if others else None

    ours = sum(Path(job.benchmark).exists() for job in jobs if job.benchmark)
    return {job: None if (s := seconds(job)) is None else s + _PER_JOB for job in jobs}, ours


def recorded_durations(scale: str, project: Path = Path()) -> dict[str, float]:
    """Seconds by job, from the benchmark files of this machine."""
    folder = project / BENCHMARKS / scale
    found = {}
    for path in sorted(folder.rglob("*.tsv")):
        lines = path.read_text().splitlines()
        if len(lines) > 1:
            found[str(path.relative_to(folder).with_suffix(""))] = float(lines[-1].split("\t")[0])
    return found


def schedule(seconds: dict[Job, float], cores: int) -> float:
    """Time until the last of the jobs is done, each on one core, longest first of those that are ready."""
    maker = {path: job for job in seconds for path in job.outputs}
    waits = {job: {maker[path] for path in job.inputs if path in maker} for job in seconds}
    followers = defaultdict(list)
    for job, before in waits.items():
        for other in before:
            followers[other].append(job)
    ready = [(-seconds[job], number, job) for number, job in enumerate(seconds) if not waits[job]]
    heapq.heapify(ready)
    running: list[tuple[float, int, Job]] = []
    now, number = 0.0, len(seconds)
    while ready or running:
        while ready and len(running) < cores:
            duration, _, job = heapq.heappop(ready)
            heapq.heappush(running, (now - duration, number, job))
            number += 1
        now, _, done = heapq.heappop(running)
        for job in followers[done]:
            waits[job].discard(done)
            if not waits[job]:
                heapq.heappush(ready, (-seconds[job], number, job))
                number += 1
    return now


def text(jobs: list[Job], scale: str, cores: int) -> str:
    """The plan in words."""
    if not jobs:
        return f"Scale {scale}: nothing would run, all results are up to date."
    known, ours = durations(jobs, scale)
    timed = {job: seconds for job, seconds in known.items() if seconds is not None}
    head = f"Scale {scale}: {_count(len(jobs), 'job')} would run"
    if timed:
        estimate = schedule({job: known[job] or 0.0 for job in jobs}, cores)
        work = readable_time(sum(timed.values()))
        head += f", about {readable_time(estimate)} on {_count(cores, 'core')} (work {work})"
    groups = defaultdict(list)
    for job in jobs:
        groups[why(job.reason)].append(job)
    lines = [head + ".", ""]

    def place(cause: str) -> tuple[bool, float, str]:
        return cause == _FOLLOWS, -sum(known[job] or 0 for job in groups[cause]), cause

    for cause in sorted(groups, key=place):
        group = groups[cause]
        work = (
            readable_time(sum(known[job] or 0 for job in group)) if any(known[job] for job in group) else "?"
        )
        lines.append(f"{cause}: {_count(len(group), 'job')}, {work}")
        by_rule = defaultdict(list)
        for job in group:
            by_rule[job.rule].append(job)
        cost = {rule: sum(known[job] or 0 for job in some) for rule, some in by_rule.items()}
        named = [
            _named(by_rule[rule]) + (f" {readable_time(cost[rule])}" if cost[rule] else "")
            for rule in sorted(cost, key=lambda rule: -cost[rule])
        ]
        # a job and its time stay on one line
        joined = ", ".join(name.replace(" ", "\xa0") for name in named)
        wrapped = textwrap.wrap(joined, WIDTH, initial_indent="    ", subsequent_indent="    ")
        lines += [line.replace("\xa0", " ") for line in wrapped]
    if timed:
        sources = [f"{ours} timed here before"] if ours else []
        if other := len(timed) - ours:
            sources.append(f"{other} by {SHIPPED} or by other jobs of their rule")
        lines.append("\nDurations: " + ", ".join(sources) + ".")
    if missing := len(jobs) - len(timed):
        lines.append(f"No duration is known for {_count(missing, 'job')}.")
    return "\n".join(lines)


def dry_run(scale: str, targets: Sequence[str] = (), forced: Sequence[str] = ()) -> str:
    """What Snakemake says; ends this program with its message where it refuses."""
    command = [
        *(sys.executable, "-m", "snakemake", *targets, "--dry-run", "--cores", "1", "--nolock"),
        *("--configfile", f"config/{scale}.yaml"),
        *(("--forcerun", *forced) if forced else ()),
    ]
    run = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PREACTIVATIONS_PLAN": "1"}
    )
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    return run.stdout + run.stderr


def record(scale: str) -> None:
    """Replace the shipped durations of a scale by those of this machine."""
    rows = []
    if SHIPPED.exists():
        with SHIPPED.open() as file:
            rows = [row for row in csv.DictReader(file) if row["scale"] != scale]
    rows += [
        {"scale": scale, "job": job, "seconds": f"{seconds:.1f}"}
        for job, seconds in recorded_durations(scale).items()
    ]
    with SHIPPED.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["scale", "job", "seconds"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _named(jobs: list[Job]) -> str:
    """Jobs of a rule, by their wildcards where these are few."""
    rule = jobs[0].rule
    if len(jobs) == 1:
        return jobs[0].name
    wildcards = "; ".join(sorted(job.wildcards for job in jobs))
    return f"{rule} ({wildcards})" if len(wildcards) <= WIDTH // 2 else f"{rule} x {len(jobs)}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def readable_time(seconds: float) -> str:
    """In the unit that suits it."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}" if seconds >= 10 * size else f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _available() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    parser = argparse.ArgumentParser(description="What would run, why, and how long it will take.")
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--cores", default="all")
    parser.add_argument("--forcerun", nargs="*", default=[], help="rules to run in any case")
    parser.add_argument("--record", action="store_true", help="ship the durations of this machine")
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.scale)
        return
    cores = _available() if arguments.cores == "all" else int(arguments.cores)
    output = dry_run(arguments.scale, arguments.targets, arguments.forcerun)
    if warning := re.search(r"^Scale \w+ is expected to take(.+\n)+", output, re.MULTILINE):
        print(warning.group(0))
    print(text(jobs_of(output), arguments.scale, cores))


if __name__ == "__main__":
    main()
