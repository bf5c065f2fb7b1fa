"""The plan of a run: jobs and causes as Snakemake has them, durations as recorded."""

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import plan
import pytest
from copies import ROOT, environment, make, snakemake, with_config
from plan import Job
from snakemake.jobs import Reason
from snakemake.persistence import ParamsChange

FOLLOWS = "depends on a job listed above"


def reason(**attributes):
    made = Reason()
    for name, value in attributes.items():
        setattr(made, f"_{name}" if isinstance(value, set) else name, value)
    return made


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (reason(updated_input={"b.py", "a.py"}), "a.py and b.py changed"),
        (reason(updated_input={"c.py", "b.py", "a.py"}), "a.py and b.py and 1 more changed"),
        # one that an earlier job makes again has not changed yet
        (reason(updated_input={"a.py", "b.csv"}, updated_input_run={"b.csv"}), "a.py changed"),
        (reason(missing_output={"a.csv"}, updated_input_run={"b.csv"}), "no result yet"),
        (reason(params_changed=ParamsChange({"200"}, {"33"})), "parameters changed: 200 -> 33"),
        (reason(params_changed=ParamsChange(set(), {"33"})), "parameters changed: none -> 33"),
        (reason(params_changed=ParamsChange({"x" * 80}, {"1"})), "parameters changed"),
        (reason(updated_input_run={"a.csv"}), FOLLOWS),
        (reason(input_changed=True), "other inputs than before"),
        (reason(forced=True, updated_input={"a.py"}), "asked for"),
        (
            reason(software_stack_changed=True),
            "Software environment definition has changed since last execution",
        ),
    ],
)
def test_causes_in_words(reason, words):
    assert plan.why(reason) == words


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of recorded runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "RECORDED", tmp_path / "durations.csv")

    def write(*rows):
        plan.RECORDED.write_text("\n".join(["scale,job,seconds,jobs,source", *rows, ""]))

    write()
    return write


def duration(rule, job):
    """Of a job of which Snakemake says no more than this."""
    job = SimpleNamespace(
        rule=SimpleNamespace(name=rule),
        wildcards=[],
        output=["x"],
        benchmark=f"benchmarks/results/x/{job}.tsv",
    )
    workflow = SimpleNamespace(config={"scale": "x"})
    dag = SimpleNamespace(
        workflow=workflow, needrun_jobs=lambda exclude_finished: [job], reason=lambda _: reason()
    )
    planned = plan.jobs_of(dag)[0]
    return planned.seconds, planned.source


def seconds(rule, job):
    return duration(rule, job)[0]


def test_durations_of_this_machine_come_first(table, tmp_path):
    table(
        "x,fit/weibull_3,8,1,recorded",
        "x,plot,2,1,recorded",
        "y,plot,99,1,recorded",
        "x,train,60,4,extrapolated",
    )
    assert seconds("fit", "fit/weibull_3") == 8
    assert seconds("plot", "plot") == 2
    assert seconds("other", "other") == 0
    # a row of several jobs gives each of them its share
    assert seconds("train", "train/digits") == 15
    path = tmp_path / "benchmarks/results/x/fit/weibull_3.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\n1.5\t0:00:01\n2.5\t0:00:02\n")
    assert duration("fit", "fit/weibull_3") == (2.5, "timed here before")
    # other jobs of the rule stand for one that was never timed
    assert seconds("fit", "fit/weibull_9") == 2.5
    plan.record("x")
    assert plan.RECORDED.read_text() == (
        "scale,job,seconds,jobs,source\ny,plot,99,1,recorded\nx,fit/weibull_3,2.5,1,recorded\n"
    )


def test_plan_in_words():
    assert plan.text([], "x", 2) == "Scale x: nothing would run, all results are up to date."
    jobs = [
        Job("plot", "", FOLLOWS, 2.0, "timed here before"),
        Job("fit", "weibull_3, 3_10", "src/a.py changed", 7200.0, "by the table"),
        Job("fit", "weibull_9, 3_10", "src/a.py changed", 1800.0, "by the table"),
        Job("fetch", "mnist", "no result yet", 0.0, "not known"),
    ]
    assert plan.text(jobs, "x", 1).startswith(
        "Scale x: 4 jobs would run, about 2.5 h on 1 core (work 2.5 h).\n"
    )
    assert plan.text(jobs, "x", 2).splitlines() == [
        "Scale x: 4 jobs would run, about 2.0 h on 2 cores (work 2.5 h).",  # not before the longest job
        "",
        "src/a.py changed: 2 jobs, 2.5 h",
        "    fit (weibull_3, 3_10; weibull_9, 3_10) 2.5 h",
        "no result yet: 1 job, ?",
        "    fetch (mnist) ?",
        f"{FOLLOWS}: 1 job, 2 s",
        "    plot 2 s",
        "",
        "Durations: 2 by the table, 1 timed here before, 1 not known.",
    ]
    assert plan.text(jobs[3:], "x", 2).startswith("Scale x: 1 job would run.\n")


def test_a_run_that_takes_long_says_so(table):
    table("x,train,80000,4,extrapolated from laptop", "x,fit/a,8000,1,recorded", "x,fit/b,8000,1,recorded")
    words = " ".join(plan.expected("x").split())
    assert words.startswith("Scale x is expected to take 27 h of one CPU core if nothing of it is there yet")
    assert "(most of it train 22 h, fit 4.4 h; extrapolated from laptop and recorded: " in words
    assert "a stop loses" in words
    assert max(map(len, plan.expected("x").splitlines())) <= 100
    table("x,train,3599,4,recorded")
    assert plan.expected("x") == ""
    assert plan.expected("y").startswith("Scale y: no run of it is recorded in ")


def test_shipped_rows(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert plan.expected("smoke") == plan.expected("laptop") == ""
    assert plan.expected("paper").startswith("Scale paper is expected to take ")
    assert {row["source"] for row in plan.rows_of("laptop")} == {"recorded"}


def test_the_readme_says_what_it_costs(monkeypatch):
    monkeypatch.chdir(ROOT)
    days = re.search(r"the full study costs \((\d+) days of one core", (ROOT / "README.md").read_text())
    assert int(days[1]) == round(sum(float(row["seconds"]) for row in plan.rows_of("paper")) / 86400)


SNAKEFILE = """
rule done:
    input: big="big", code="script.py"
    output: "done"
    script: "script.py"
rule big:
    output: "big"
    shell: "head -c 3000000 /dev/zero > {output}"
"""


def test_a_file_that_was_only_touched_has_not_changed(tmp_path, monkeypatch):
    """Whatever its size, and also the script of a rule, which Snakemake alone would go by the date of."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / plan.PROFILE, tmp_path / plan.PROFILE)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "script.py").write_text("open(snakemake.output[0], 'w').write('1')\n")
    (tmp_path / "config.json").write_text('{"scale": "x"}')
    (tmp_path / plan.RECORDED).parent.mkdir(parents=True)
    (tmp_path / plan.RECORDED).write_text("scale,job,seconds,jobs,source\n")
    arguments = ["--cores", "1", "--configfile", "config.json"]

    def planned():
        return [(job.rule, job.cause) for job in plan.jobs_of(plan.graph(arguments))]

    assert planned() == [("big", "no result yet"), ("done", "no result yet")]
    subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments, "--workflow-profile", plan.PROFILE], check=True
    )
    assert planned() == []
    for name in ("big", "script.py"):
        path = tmp_path / name
        path.touch()
        assert path.stat().st_mtime > (tmp_path / "done").stat().st_mtime
        assert planned() == []
        path.write_bytes(path.read_bytes() + b"\n")
        assert planned() == [("done", f"{name} changed")]
        path.write_bytes(path.read_bytes()[:-1])
        assert planned() == []


RULES = """
import plan, sys
dag = plan.graph(sys.argv[1:])
for job in dag.jobs:
    if job.output:
        path = "workflow/scripts/" + job.rule.script.partition("scripts/")[2] if job.rule.script else None
        print("job", path in map(str, job.input), job.rule.name)
"""


@pytest.mark.dag
def test_the_script_of_each_rule_is_an_input(built):
    """So that leaving out the trigger by the date of a script loses no change; nor is there a rule without a script."""
    run = subprocess.run(
        [sys.executable, "-c", RULES, "--configfile", "config/smoke.yaml"], cwd=built, capture_output=True, text=True,
        env=environment(built) | {"PYTHONPATH": f"{built / 'src'}:{built / 'workflow'}"}, check=True,
    )  # fmt: skip
    jobs = [line.split() for line in run.stdout.splitlines() if line.startswith("job ")]
    assert len(jobs) > 50
    assert [rule for _, declared, rule in jobs if declared != "True"] == []


@pytest.mark.dag
@pytest.mark.parametrize("scale", ["paper", "large"])
def test_it_is_said_before_the_first_job(built, scale):
    config = with_config(built, scale=scale)
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "density", "--cores", "1", "--configfile", config], cwd=built,
        env=environment(built), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
    )  # fmt: skip
    words = {"paper": r"is expected to take [\d.]+ days", "large": "no run of it is recorded"}[scale]
    said = re.search(rf"Scale {scale}:? {words}", run.stdout)
    begun = re.search(r"^(local)?rule derive_density:", run.stdout, re.MULTILINE)
    assert said.start() < begun.start()
    # a dry run starts nothing
    assert f"Scale {scale}" not in snakemake(built, "density", "--dry-run", "--forceall", config=config)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("plan SCALE=lptop", "SCALE=lptop is unknown; SCALE is one of: laptop mnist paper smoke workstation"),
        (
            "reproduce SCALE=lptop",
            "SCALE=lptop is unknown; SCALE is one of: laptop mnist paper smoke workstation",
        ),
        ("plan STAGE=foo", "STAGE=foo is unknown; STAGE is one of: activation density "),
        ("rerun STAGE=foo", "STAGE=foo is unknown; STAGE is one of: activation density "),
        ("rerun", "STAGE= is unknown; STAGE is one of: activation density "),
        ("PROFILE=slrum", "PROFILE=slrum is unknown; PROFILE is one of: default slurm"),
        ("TARGETS=trianing", "TARGETS=trianing is unknown; TARGETS is one of: activation all companions "),
        (
            "plan TARGETS=trianing",
            "TARGETS=trianing is unknown; TARGETS is one of: activation all companions ",
        ),
        ("SCLAE=smoke", "SCLAE is no variable of this Makefile; they are: SCALE CORES PROFILE "),
        ("reprot", "make=reprot is unknown; make is one of: bench clean dist docs install "),
    ],
)
def test_a_name_with_a_mistake_is_refused_with_those_allowed(command, message):
    """Before anything is installed: here there is no Python to do it with."""
    command = ["make", "--no-print-directory", "BIN=/none", "VENV=/none", "PYTHON=false", *command.split()]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 2
    assert message in run.stderr
    assert run.stdout == ""


def test_the_targets_that_are_named_are_those_of_the_readme():
    run = subprocess.run(["make", "TARGETS=x"], cwd=ROOT, capture_output=True, text=True)
    named = set(run.stderr.split("TARGETS is one of: ")[1].split(".  Stop")[0].split())
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if "| make one part |" in line)
    assert named == {"all", *re.findall(r"`([a-z_]+)`", row)}


@pytest.mark.dag
@pytest.mark.parametrize("stated", ["", "scale: smoke\n"])
def test_a_scale_is_named_as_its_file(built, stated):
    """Else its results would go to the folders of another scale."""
    file = built / "config" / "mine.yaml"
    file.write_text(f"{stated}seed: 7\n")
    command = make(built, "plan", "SCALE=mine")
    run = subprocess.run(command, cwd=built, capture_output=True, text=True, env=environment(built))
    file.unlink()
    assert run.returncode == 2
    assert 'config/mine.yaml must say "scale: mine", as its name does' in run.stdout
