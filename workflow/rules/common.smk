# What the stages share: the validated configuration, names of files, and the code that a script depends on.
import csv
import os
import sys
from pathlib import Path

# jsonschema, which comes with nbformat, would load a grammar of web addresses: 2 s in every process, for nothing here
sys.modules.setdefault("rfc3987_syntax", None)
# caches of what jobs use stay in the checkout; they hold nothing that a result depends on
CACHE = Path(workflow.basedir) / ".cache"
for variable in ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
    os.environ.setdefault(variable, str(CACHE / variable.split("_")[0].lower()))
sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))
from config_model import validate
from import_closure import closure

try:
    cfg = validate(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None

SCALE = cfg.scale
DATA, FIGURES, TABLES = (Path(top) / SCALE for top in ("data", "figures", "tables"))


def code(script):
    """A script of the pipeline and the modules behind it."""
    path = f"workflow/scripts/{script}"
    return [path, *closure(path)]


def number(value):
    """Shortest text of a float: 4.0 -> "4", 2.05 -> "2.05"."""
    return repr(float(value)).removesuffix(".0")


def figure(name):
    return [str(FIGURES / f"{name}.{extension}") for extension in ("pdf", "png")]


def table(name):
    return [
        str(TABLES / f"{name}.{extension}")
        for extension in ("csv", "md", "tex", "html")
    ]


def words(name):
    return [str(TABLES / f"{name}.{extension}") for extension in ("md", "html")]


# Menu of the report, which sorts it: a paper each, the first one by stages.
CATEGORIES = {"Verdicts": "1 Verdicts"} | {
    stage: "2 Gaussian pre-activations"
    for stage in (
        "Exact pairs",
        "Two-layer study",
        "Fitted route",
        "Propagation",
        "Edge of Chaos",
        "Training",
    )
}
CATEGORIES |= {
    "Dynamical isometry": "3 Dynamical isometry",
    "Rectified MLPs": "4 Rectified MLPs",
    "Fractional moments": "5 Fractional moments",
    "Notebooks": "6 Notebooks",
    "Rules": "7 Graph of the rules",
}


def reported(path, kind, stage, title, caption):
    """A result that the report shows."""
    return report(
        path,
        category=CATEGORIES[stage],
        subcategory=stage,
        caption=f"../report/{caption}.rst",
        labels={"result": f"{kind}: {title}"},
    )


def drawn(name, stage, title, caption=None):
    """Files of a figure."""
    pdf, png = figure(name)
    return [pdf, reported(png, "Figure", stage, title, caption or name)]


def tabled(name, stage, title, caption=None):
    """Files of a table."""
    *others, html = table(name)
    return [*others, reported(html, "Table", stage, title, caption or name)]


def worded(name, stage, title, caption=None):
    """Files of an answer in words."""
    markdown, html = words(name)
    return [markdown, reported(html, "Text", stage, title, caption or name)]


def pages(*names):
    """Executed notebooks."""
    return [DATA / "notebooks" / f"{name}.html" for name in names]


def groups(values, size):
    """Consecutive parts of a list, as lists."""
    return [values[k : k + size] for k in range(0, len(values), size)]


def log_of(name):
    return f"logs/{SCALE}/{name}.log"


def benchmark_of(name):
    return f"benchmarks/results/{SCALE}/{name}.tsv"


def cost():
    """What long simulations will take, before they start."""
    study = cfg.propagation
    cells = sum(len(names) for names in DEPTH_CELLS.values())
    weights = cells * sum(
        cell.networks * (study.depth - 1) * cell.width**2 for cell in study.widths
    )
    propagation, training = weights * 6e-9 / 3600, training_hours()
    if propagation + training > 1:
        print(
            f"\nScale {SCALE}, if nothing of it is there yet, on one CPU core: the propagation study draws {weights:.1e} "
            f"random weights, about {propagation / 24:.1f} days (6 ns per weight; correlations of images beside it not "
            f"counted); training takes about {training / 24:.1f} days (convolutional networks not counted). A GPU or a "
            "cluster is meant for it. It runs cell by cell and keeps finished ones; see `make plan`.\n",
            flush=True,
        )


def training_hours():
    """Of one core, for the perceptrons of all stages (measured)."""
    study, isometry = cfg.training, cfg.relu_law.training
    fractional = cfg.heavy_tails.training
    images = {"digits": 1437, "mnist": 60_000, "cifar10": 50_000}

    def steps(data, study):
        return data.epochs * images[data.name] * (1 - study.validation_share) / 100

    def seconds(width):
        """Per hidden layer, run and step of 100 images: 1.3 us per neuron, more for wide ones."""
        return 1.3e-6 * width * (1 + width / 300)

    runs = sum(len(optimizer.learning_rates) for optimizer in study.optimizers)
    settings = sum(len(cells) for cells in TRAINED.values())
    layers = sum(map(seconds, study.widths)) * sum(study.depths)
    pairs = sum(steps(data, study) for data in study.datasets if data.perceptrons)
    schemes = 4 * len(isometry.optimizer.learning_rates) * isometry.seeds
    deep = seconds(isometry.width) * sum(isometry.depths)
    orders = sum(
        len(fractional.learning_rates[name])
        * (fractional.linear_depth if name == "linear" else fractional.depth)
        for name in fractional.orders
    )
    images_seen = sum(  # per hundred, times runs of each of four schemes
        4
        * data.seeds
        * data.epochs
        * images[data.name]
        * (1 - fractional.validation_share)
        / 100
        for data in fractional.datasets
    )
    return (
        settings * runs * study.seeds * pairs * layers
        + schemes * deep * sum(steps(data, isometry) for data in isometry.datasets)
        + orders * seconds(fractional.width) * images_seen
    ) / 3600


def summary():
    """What was built, where, and what failed acceptance."""
    replication = TABLES / "replication.csv"
    print(
        f"\nScale {SCALE}: figures in {FIGURES}, tables in {TABLES}, intermediates in {DATA}."
    )
    if not replication.exists():
        return
    with replication.open() as file:
        rows = list(csv.DictReader(file))
    counts = {}
    for row in rows:
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
    print(
        f"Verdicts in {replication}: "
        + ", ".join(f"{n} {v}" for v, n in sorted(counts.items()))
        + "."
    )
    for row in rows:
        if row["verdict"] == "fails":
            print(
                f"  FAILS: {row['item']}: ours {row['ours']}, published {row['published'] or 'none'}; {row['note']}"
            )
