"""What would run, why, and how long recorded runs of it took: a dry run of Snakemake on one screen (`make plan`).

    python workflow/plan.py --configfile config/laptop.yaml --cores 2 [target ...] [--forcerun rule ...] | record laptop

A job takes as long as its last run on this machine (benchmark files), else as in data/reference/durations.csv (to which
`record` writes the runs of this machine), else as other jobs of its rule on average. The time on several cores is a
lower bound: the work divided by the cores, or the longest job.
"""

from __future__ import annotations

import csv
import logging
import sys
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

BENCHMARKS = Path("benchmarks/results")
RECORDED = Path("data/reference/durations.csv")
PROFILE = "profiles/default"
WIDTH = 100
_FOLLOWS = "depends on a job listed above"


class Job(NamedTuple):
    """A job that would run, the first cause of it in a few words, and what is known of its duration."""

    rule: str
    wildcards: str
    cause: str
    seconds: float
    source: str


def graph(arguments: Sequence[str]) -> Any:
    """Snakemake's graph of jobs after a dry run with arguments of its command line; ends this program if it refuses."""
    from snakemake.api import SnakemakeApi
    from snakemake.cli import parse_args
    from snakemake.settings import types as settings

    _, parsed = parse_args([*arguments, "--workflow-profile", PROFILE])
    same = ("targets", "forceall", "forcerun", "rerun_triggers", "max_checksum_file_size")
    options = {name: getattr(parsed, name) for name in same}
    output = settings.OutputSettings(log_level_override=logging.WARNING, enable_file_logging=False)
    with SnakemakeApi(output) as api:
        try:
            config = settings.ConfigSettings(configfiles=parsed.configfile)
            workflow = api.workflow(settings.ResourceSettings(cores=parsed.cores), config)
            dag = workflow.dag(settings.DAGSettings(**options, force_incomplete=parsed.rerun_incomplete))
            dag.execute_workflow("dryrun", execution_settings=settings.ExecutionSettings(lock=False))
            return workflow._workflow.dag
        except Exception as error:
            api.print_exception(error)
            sys.exit(1)


def jobs_of(dag: Any) -> list[Job]:
    """Jobs that would run, without the target rules, which do nothing."""
    scale = dag.workflow.config["scale"]
    here = {name: (seconds, 1) for name, seconds in recorded_durations(scale).items()}
    timed = {row["job"]: (float(row["seconds"]), int(row["jobs"])) for row in rows_of(scale)} | here

    def duration(job: Any) -> tuple[float, str]:
        name = str(job.benchmark).removeprefix(f"{BENCHMARKS / scale}/").removesuffix(".tsv")
        alike = [name] if name in timed else [key for key in timed if key.split("/")[0] == job.rule.name]
        seconds, jobs = (sum(timed[key][k] for key in alike) for k in (0, 1))
        source = "timed here before" if name in here else f"by {RECORDED} or by other jobs of their rule"
        return (seconds / jobs, source) if jobs else (0.0, "not known")

    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if job.output]
    return sorted(
        Job(job.rule.name, ", ".join(job.wildcards), why(dag.reason(job)), *duration(job)) for job in jobs
    )


def why(reason: Any) -> str:
    """The first cause of a job in a few words, from Snakemake's reasons (`snakemake.jobs.Reason`)."""
    files = sorted(map(str, reason.updated_input - reason.updated_input_run))
    more = f" and {len(files) - 2} more" if len(files) > 2 else ""
    params = reason.params_changed
    before, now = (",".join(sorted(values)) or "none" for values in (params.only_old, params.only_new))
    causes = {
        "asked for": reason.forced,
        f"{' and '.join(files[:2])}{more} changed": files,
        f"parameters changed: {before} -> {now}": params and len(before + now) < 45,
        "parameters changed": params,
        "no result yet": reason.missing_output,
        _FOLLOWS: reason.updated_input_run,
        "other inputs than before": reason.input_changed,
    }
    return next((words for words, applies in causes.items() if applies), str(reason))


def recorded_durations(scale: str, project: Path = Path()) -> dict[str, float]:
    """Seconds by job, from the benchmark files of this machine."""
    folder = project / BENCHMARKS / scale
    tables = {path: path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.rglob("*.tsv"))}
    return {
        str(path.relative_to(folder).with_suffix("")): float(lines[-1].split("\t")[0])
        for path, lines in tables.items()
        if len(lines) > 1  # a header, and a row per run
    }


def rows_of(scale: str) -> list[dict[str, str]]:
    """Rows of the table of recorded runs: `seconds` of so many `jobs`, by `job`, which is a rule or one job of it."""
    with RECORDED.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["scale"] == scale]


def expected(scale: str) -> str:
    """How long a whole run of a scale takes, by the table of recorded runs, in words; empty below an hour."""
    rows = [Job(r["job"].split("/")[0], "", "", float(r["seconds"]), r["source"]) for r in rows_of(scale)]
    if not rows:
        return f"Scale {scale}: no run of it is recorded in {RECORDED}, so that its duration is not known."
    if _work(rows) < 3600:  # seconds
        return ""
    rules = [f"{rule} {readable_time(_work(some))}" for rule, some in _grouped(rows, "rule").items()]
    return textwrap.fill(
        f"Scale {scale} is expected to take {readable_time(_work(rows))} of one CPU core if nothing of it is there yet "
        f"(most of it {', '.join(rules[:6])}; {' and '.join(_grouped(rows, 'source'))}: {RECORDED}). A GPU or a "
        'cluster is meant for it: README, "On a cluster". Long jobs keep what is finished cell by cell: a stop loses '
        "the cells at work. `make plan` says what is left to do.",
        WIDTH,
    )


def text(jobs: list[Job], scale: str, cores: int) -> str:
    """The plan in words."""
    if not jobs:
        return f"Scale {scale}: nothing would run, all results are up to date."
    time = readable_time(max(_work(jobs) / cores, *(job.seconds for job in jobs)))
    about = f", about {time} on {cores} core{'s' * (cores > 1)} (work {readable_time(_work(jobs))})"
    count = f"{len(jobs)} job{'s' * (len(jobs) > 1)}"
    lines = [f"Scale {scale}: {count} would run{about if _work(jobs) else ''}.", ""]
    for cause, some in sorted(_grouped(jobs, "cause").items(), key=lambda group: group[0] == _FOLLOWS):
        lines.append(f"{cause}: {len(some)} job{'s' * (len(some) > 1)}, {readable_time(_work(some))}")
        # a job and its time stay on one line
        named = ", ".join(_named(alike).replace(" ", "\xa0") for alike in _grouped(some, "rule").values())
        wrapped = textwrap.fill(named, WIDTH, initial_indent="    ", subsequent_indent="    ")
        lines.append(wrapped.replace("\xa0", " "))
    sources = ", ".join(f"{len(some)} {source}" for source, some in _grouped(jobs, "source").items())
    return "\n".join([*lines, f"\nDurations: {sources}."])


def _work(jobs: list[Job]) -> float:
    return sum(job.seconds for job in jobs)


def _grouped(jobs: list[Job], key: str) -> dict[str, list[Job]]:
    """Jobs by one of their attributes, most work first."""
    groups = defaultdict(list)
    for job in jobs:
        groups[getattr(job, key)].append(job)
    return dict(sorted(groups.items(), key=lambda group: -_work(group[1])))


def _named(jobs: list[Job]) -> str:
    """Jobs of a rule, by their wildcards where these are few, and their time."""
    wildcards = "; ".join(sorted(job.wildcards for job in jobs))
    long = len(jobs) > 1 and len(wildcards) > WIDTH // 2
    which = f" x {len(jobs)}" if long else f" ({wildcards})" if wildcards else ""
    return f"{jobs[0].rule}{which} {readable_time(_work(jobs))}"


def readable_time(seconds: float) -> str:
    """In the unit that suits it; a question mark for nothing."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}" if seconds >= 10 * size else f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds else "?"


def record(scale: str) -> None:
    """Replace the rows of a scale in the table of recorded runs by the durations of this machine."""
    with RECORDED.open(encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row[0] != scale]
    rows += [[scale, job, f"{time:.1f}", "1", "recorded"] for job, time in recorded_durations(scale).items()]
    with RECORDED.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main() -> None:
    match sys.argv[1:]:
        case ["record", scale]:
            return record(scale)
        case [] | ["record", *_]:
            sys.exit(__doc__)
    dag = graph(sys.argv[1:])
    jobs, scale = jobs_of(dag), dag.workflow.config["scale"]
    if jobs and (words := expected(scale)):
        print(f"{words}\n")
    print(text(jobs, scale, dag.workflow.resource_settings.cores))


if __name__ == "__main__":
    main()
