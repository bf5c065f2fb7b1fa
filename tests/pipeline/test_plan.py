"""The plan of a run: jobs, causes and times from what Snakemake says in a dry run."""

import itertools

import numpy as np
import plan
import pytest
from plan import Job, jobs_of, schedule, why

DRY_RUN = """\
Building DAG of jobs...
[Thu Nov 26 08:04:32 2026]
rule fit:
    input: src/a.py, data/x/b.json
    output: data/x/weibull_3.json
    log: logs/x/fit/weibull_3.log
    jobid: 4
    benchmark: benchmarks/results/x/fit/weibull_3.tsv
    reason: Updated input files: src/a.py
    wildcards: law=weibull_3, group=3_10
    resources: tmpdir=/tmp
[Thu Nov 26 08:04:32 2026]
rule plot:
    input: data/x/weibull_3.json
    output: figures/x/a.pdf, figures/x/a.png
    benchmark: benchmarks/results/x/plot.tsv
    reason: Input files updated by another job: data/x/weibull_3.json; Set of input files has changed
[Thu Nov 26 08:04:32 2026]
localrule all:
    input: figures/x/a.pdf
    jobid: 0
    reason: Input files updated by another job: figures/x/a.pdf
"""


def job(name, needs=()):
    return Job(name, "", frozenset(needs), frozenset([name]), "", "")


def test_jobs_of_a_dry_run():
    fit, plot = jobs_of(DRY_RUN)
    assert fit.name == "fit (weibull_3, 3_10)"
    assert fit.inputs == {"src/a.py", "data/x/b.json"}
    assert plot.outputs == {"figures/x/a.pdf", "figures/x/a.png"}
    assert fit.benchmark == "benchmarks/results/x/fit/weibull_3.tsv"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Updated input files: b.py, a.py", "a.py and b.py changed"),
        ("Updated input files: c.py, b.py, a.py", "a.py and b.py and 1 more changed"),
        ("Code has changed since last execution", "its script changed"),
        ("Missing output files: a.csv; Input files updated by another job: b.csv", "no result yet"),
        (
            "Params have changed since last execution: Union of exclusive params before and now across all output: "
            "before: 200 now: 33 ",
            "parameters changed: 200 -> 33",
        ),
        ("Params have changed since last execution: before: " + "x" * 80 + " now: 1", "parameters changed"),
        ("Input files updated by another job: a.csv", "an input is made anew by one of the above"),
        ("Set of input files has changed since last execution", "other inputs than before"),
        ("Forced execution", "asked for"),
    ],
)
def test_causes_in_words(reason, words):
    assert why(reason) == words


def test_a_chain_takes_the_sum_and_free_jobs_share_the_cores():
    chain = [job("a"), job("b", ["a"]), job("c", ["b"])]
    assert schedule(dict(zip(chain, (1.0, 2.0, 3.0), strict=True)), 4) == 6
    free = {job(f"job {i}"): 1.0 for i in range(7)}
    assert schedule(free, 1) == 7
    assert schedule(free, 2) == 4
    assert schedule(free, 7) == 1


def test_schedule_is_within_grahams_bound():
    """A list schedule ends before (work + (cores - 1) longest chain) / cores, and not before either bound below."""
    rng = np.random.default_rng(0)
    for cores, size in itertools.product((1, 2, 3), (1, 5, 30)):
        jobs, ends = [], []
        seconds = rng.uniform(0.1, 5, size)
        for i in range(size):
            before = [k for k in range(i) if rng.random() < 2 / size]
            jobs.append(job(str(i), [str(k) for k in before]))
            ends.append(seconds[i] + max((ends[k] for k in before), default=0))
        took = schedule(dict(zip(jobs, map(float, seconds), strict=True)), cores)
        work, longest = seconds.sum(), max(ends)
        assert max(work / cores, longest) - 1e-9 <= took
        assert took <= (work + (cores - 1) * longest) / cores + 1e-9


def test_durations_of_this_machine_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "SHIPPED", tmp_path / "durations.csv")
    plan.SHIPPED.write_text("scale,job,seconds\nx,fit/weibull_3,8\nx,plot,2\ny,plot,99\n")
    jobs = jobs_of(DRY_RUN)
    known, ours = plan.durations(jobs, "x")
    assert list(known.values()) == [pytest.approx(8 + plan._PER_JOB), pytest.approx(2 + plan._PER_JOB)]
    assert ours == 0
    path = tmp_path / jobs[0].benchmark
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\n1.5\t0:00:01\n2.5\t0:00:02\n")
    known, ours = plan.durations(jobs, "x")
    assert known[jobs[0]] == pytest.approx(2.5 + plan._PER_JOB)
    assert ours == 1
    # another job of the rule stands for one that was never timed
    other = jobs[0]._replace(benchmark="benchmarks/results/x/fit/weibull_9.tsv")
    assert plan.durations([other], "x")[0][other] == pytest.approx(2.5 + plan._PER_JOB)
    plan.record("x")
    assert plan.SHIPPED.read_text() == "scale,job,seconds\ny,plot,99\nx,fit/weibull_3,2.5\n"


def test_plan_in_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "SHIPPED", tmp_path / "durations.csv")
    assert plan.text([], "x", 2) == "Scale x: nothing would run, all results are up to date."
    assert "No duration is known for 2 jobs." in plan.text(jobs_of(DRY_RUN), "x", 2)
    plan.SHIPPED.write_text("scale,job,seconds\nx,fit/weibull_3,7200\nx,plot,2\n")
    lines = plan.text(jobs_of(DRY_RUN), "x", 2).splitlines()
    assert lines[0] == "Scale x: 2 jobs would run, about 2.0 h on 2 cores (work 2.0 h)."
    assert lines[2:] == [
        "src/a.py changed: 1 job, 2.0 h",
        "    fit (weibull_3, 3_10) 2.0 h",
        "an input is made anew by one of the above: 1 job, 2 s",
        "    plot 2 s",
        "",
        f"Durations: 2 by {plan.SHIPPED} or by other jobs of their rule.",
    ]
