# What the stages share: the validated configuration, names of files, and the code that a script depends on.
import ast
import csv
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, workflow.source_path("../config_model.py").rsplit("/", 1)[0])
from config_model import validate

try:
    cfg = validate(config)
except ValueError as error:
    raise WorkflowError(str(error)) from None

SCALE = cfg.scale
DATA, FIGURES, TABLES = (Path(top) / SCALE for top in ("data", "figures", "tables"))
SCRIPTS, LIBRARY = Path("workflow/scripts"), Path("src/preactivations")


def number(value):
    """Shortest text of a float: 4.0 -> "4", 2.05 -> "2.05"."""
    return repr(float(value)).removesuffix(".0")


def figure(name):
    return [str(FIGURES / f"{name}.{extension}") for extension in ("pdf", "png")]


def table(name):
    return [str(TABLES / f"{name}.{extension}") for extension in ("csv", "md", "tex")]


def log_of(name):
    return f"logs/{SCALE}/{name}.log"


def benchmark_of(name):
    return f"benchmarks/results/{SCALE}/{name}.tsv"


@cache
def imports(path):
    """Files of the library and of the scripts that a file imports itself."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):  # imports for type checkers do not run
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {
                f"{node.module}.{alias.name}" for alias in node.names
            }
    files = {SCRIPTS / f"{name}.py" for name in names}
    files |= {
        LIBRARY / f"{name.removeprefix('preactivations.')}.py"
        for name in names
        if name.startswith("preactivations.")
    }
    return frozenset(file for file in files if file.is_file())


def code(script):
    """The modules behind a script: an edit in one of them makes its results out of date.

    Snakemake watches the script itself. `preactivations/__init__.py` only forwards names, so it does not count.
    """
    found, new = set(), {SCRIPTS / script}
    while new:
        found |= new
        new = {imported for file in new for imported in imports(file)} - found
    return sorted(str(file) for file in found - {SCRIPTS / script})


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
