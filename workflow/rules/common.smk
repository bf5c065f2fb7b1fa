# What the stages share: the validated configuration, names of files, and the code that a script depends on.
import csv
import itertools
import math
import os
import re
import sys
from pathlib import Path

# jsonschema, which comes with nbformat, would load a grammar of web addresses: 2 s in every process, for nothing here
sys.modules.setdefault("rfc3987_syntax", None)
sys.path[:0] = [str(Path(workflow.basedir) / folder) for folder in ("src", "workflow")]
import plan
from config.base import DATASETS
from config.model import validate
from import_closure import closure
from preactivations.names import number_text as number
from snakemake.io import strip_wildcard_constraints
from surroundings import refusal, surroundings

if reason := refusal(sys.executable):
    raise WorkflowError(reason)

# of the jobs, which inherit it
own = surroundings(os.environ, Path(workflow.basedir))
for variable in os.environ.keys() - own.keys():
    del os.environ[variable]
os.environ.update(own)

try:
    cfg = validate(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    cell="[^/]+",
    group="[^/]+",
    law=r"[a-z]+_[0-9.]*[0-9]",


SCALE = cfg.scale
DATA, FIGURES, TABLES = (Path(top) / SCALE for top in ("data", "figures", "tables"))


def code(script):
    """A script of the pipeline and the modules behind it."""
    path = f"workflow/scripts/{script}"
    return [path, *closure(path)]


def raw(dataset):
    """The list of verified files of a data set, for those that have files."""
    return [f"data/raw/{dataset}.json"] if DATASETS[dataset].fetched else []


def weibull(thetas):
    return [f"weibull_{number(theta)}" for theta in thetas]


def spherical(bs):
    return [f"spherical_{number(b)}" for b in bs]


KINDS = ["odd", "positive"]


def pairs(laws, names=KINDS, route="exact"):
    """Files of the activations of these laws that settings of these names are built from."""
    kinds = [kind for kind in KINDS if any(kind in name.split("_") for name in names)]
    return [str(DATA / "activation" / route / f"{law}.{kind}.parquet") for law in laws for kind in kinds]


def pairs_of(cells):
    """Files of the exact activations of [activation, law] cells."""
    return [path for activation, law in cells for path in pairs([law], [activation])]


def figure(name):
    return [str(FIGURES / f"{name}.{extension}") for extension in ("pdf", "png")]


def table(name):
    return [str(TABLES / f"{name}.{extension}") for extension in ("csv", "md", "tex", "html")]


def words(name):
    return [str(TABLES / f"{name}.{extension}") for extension in ("md", "html")]


# Menu of the report, which sorts it: a paper each, the first one by stages.
CATEGORIES = {
    "verdicts": "1 Verdicts",
    **dict.fromkeys(
        ("density", "activation", "propagation", "edge_of_chaos", "training"),
        "2 Gaussian pre-activations",
    ),
    "isometry": "3 Dynamical isometry",
    "kernels": "4 Rectified MLPs",
    "fractional": "5 Fractional moments",
    "notebooks": "6 Notebooks",
    "rules": "7 Graph of the rules",
}


def parameters(section, name=""):
    """What captions say of the parameters of each section and subsection, by its path."""
    parts = {k: v for k, v in section.items() if isinstance(v, dict)}
    own = "; ".join(f"{k} ``{section[k]}``" for k in section if k not in parts)
    texts = {name: f"Parameters (scale {SCALE}, seed {cfg.seed}, section {name}): {own}."}
    for key, part in parts.items():
        texts |= parameters(part, f"{name}.{key}" if name else key)
    return texts


# read by captions, which can include no file
config["parameters"] = parameters(cfg.model_dump())


def reported(path, kind, stage, title, caption):
    """A result that the report shows."""
    return report(
        path,
        category=CATEGORIES.get(stage, stage),
        subcategory=stage,
        caption=f"../report/{stage}/{caption}.rst",
        labels={"result": f"{kind}: {title}"},
    )


def named(stage, result):
    """File name of a result: the stage, and what it shows."""
    return stage if result == stage else f"{stage}_{result}"


def drawn(stage, result, title, caption=None):
    """Files of a figure."""
    pdf, png = figure(named(stage, result))
    return [pdf, reported(png, "Figure", stage, title, caption or result)]


def tabled(stage, result, title, caption=None, name=None):
    """Files of a table."""
    *others, html = table(name or named(stage, result))
    return [*others, reported(html, "Table", stage, title, caption or result)]


def worded(stage, result, title, caption=None):
    """Files of an answer in words."""
    markdown, html = words(named(stage, result))
    return [markdown, reported(html, "Text", stage, title, caption or result)]


def pages(*names):
    """Executed notebooks."""
    return [DATA / "notebooks" / f"{name}.html" for name in names]


def made_by(*made):
    """Outputs of rules by their names, as inputs of another one."""
    return {name: path for rule in made for name, path in rule.output.items()}


def of_stages(folder):
    """What the stages make in a folder."""
    made = [path for stage in STAGES for path in getattr(rules, stage).input]
    return [path for path in made if Path(path).is_relative_to(folder)]


def groups(values, size):
    """Consecutive parts of a list, as lists."""
    return [values[k : k + size] for k in range(0, len(values), size)]


def width_groups(study, cell):
    """Jobs of a cell of a study: by the name of a group of widths, those with their numbers of networks."""
    factor, largest = study.network_factors.get(cell, 1), study.largest_widths.get(cell, math.inf)
    sizes = [
        {"width": size.width, "networks": max(100, round(factor * size.networks))}
        for size in study.widths
        if size.width <= largest
    ]
    return {
        "_".join(str(size["width"]) for size in group): group for group in groups(sizes, study.widths_per_job)
    }


def complete(jobs):
    """Log, benchmark and environment of rules that run a script and state none, named by rule and wildcards.

    Snakemake has no directive for what all rules share; this sets what the parser would set from directives.
    """
    for job in filter(lambda job: job.is_script and job.output, jobs):
        job.log_modifier = job.benchmark_modifier = job.output_modifier
        wildcards = re.search(r"\{.*\}", strip_wildcard_constraints(job.output[0]))
        name = f"{job.name}/{wildcards[0]}" if wildcards else job.name
        if not job.log:
            job.set_log(f"logs/{SCALE}/{name}.log")
        job.benchmark = job.benchmark or f"benchmarks/results/{SCALE}/{name}.tsv"
        job.conda_env = job.conda_env or "../../environment.yml"


def expected_cost():
    """What long simulations will take, before they start."""
    if words := plan.expected(SCALE):
        print(f"\n{words}\n", flush=True)


def check_folders():
    """Before any job: can results be written?"""
    for folder in (DATA, FIGURES, TABLES):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(there, os.W_OK):
            raise WorkflowError(
                f"results go to {folder}, which can't be written to ({there} is read-only here)"
            )


def summary():
    """What was built, where, and what does not hold: numbers that fail, statements that are not confirmed."""
    print(f"\nScale {SCALE}: figures in {FIGURES}, tables in {TABLES}, intermediates in {DATA}.")
    found = {name: TABLES / f"verdicts_{name}.csv" for name in ("counts", "numbers", "claims")}
    if not all(path.exists() for path in found.values()):
        return
    counts, numbers, claims = (
        list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) for path in found.values()
    )
    print(f"Verdicts in {found['numbers']} and {found['claims']}, by paper and source:")
    for (paper, kind, source), rows in itertools.groupby(
        counts, lambda row: (row["paper"], row["kind"], row["source"])
    ):
        words = ", ".join(f"{row['count']} {row['verdict']}" for row in rows)
        print(f"  paper {paper}, {kind}s, {source}: {words}")
    for row in numbers:
        if row["verdict"] == "fails":
            print(
                f"  FAILS: {row['item']}: ours {row['ours']}, {row['source']} {row['target']}; {row['note']}"
            )
    for row in claims:
        if row["verdict"] != "confirmed":
            number = f": {row['number']}" if row["number"] else ""
            print(
                f"  {row['verdict'].upper()} (paper {row['paper']}, {row['source']}): {row['claim']}{number}"
            )
