"""CONTRIBUTING.md, followed for real: an activation, a weight law, a stage, a figure, a data set, in a copy."""

import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from config.model import read
from copies import copy_of_the_project, environment, planned, script, snakemake


@pytest.fixture
def project(tmp_path):
    folder = copy_of_the_project(tmp_path)

    def edit(name, *replacements):
        path = folder / name
        text = path.read_text()
        for old, new in replacements:
            assert text.count(old) == 1, f"{name}: {text.count(old)} times {old!r}"
            text = text.replace(old, new)
        path.write_text(text)

    def write(name, text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def tests(*arguments):
        status, output = script(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
        assert status == 0, output
        return output

    def configure(change):
        path = folder / "config" / "smoke.yaml"
        config = read(path)
        change(config)
        path.write_text(yaml.safe_dump(config))

    def schema():
        assert script(folder, "workflow/schema.py", "write")[0] == 0

    return SimpleNamespace(
        folder=folder, edit=edit, write=write, tests=tests, configure=configure, schema=schema
    )


SOFTSIGN = """        _smooth(
            "softsign",
            lambda x: x / (1 + np.abs(x)),
            lambda x: (1 + np.abs(x)) ** -2.0,
            "torch.nn:Softsign",
            kinks=(0.0,),
        ),
"""


def test_an_activation(project):
    last = '        _smooth("softplus"'
    project.edit("src/preactivations/activations/registry.py", (last, f"{SOFTSIGN}{last}"))
    project.configure(lambda config: config["edge_of_chaos"]["activations"].append("softsign"))
    output = project.tests(
        "tests/library/activations/test_registry.py",
        "tests/library/edge_of_chaos/test_edge_of_chaos.py",
        "tests/library/training/test_ensembles.py",
        "-rA",
        "-k",
        "softsign or tails",
    )
    assert output.count("softsign") >= 4
    assert ("derive_edge_of_chaos", "") in planned(project.folder, "edge_of_chaos")
    snakemake(project.folder, "data/smoke/edge_of_chaos/curves.parquet")
    curves = pd.read_parquet(project.folder / "data/smoke/edge_of_chaos/curves.parquet")
    assert (curves.activation == "softsign").sum() > 5


LAW = '''

@dataclass(frozen=True)
class Triangular:
    """Symmetric triangular law on (-1, 1)."""

    variance: float = 1 / 6
    tail_exponent: float = math.inf

    def moment(self, s: float) -> float:
        return 2 / ((s + 1) * (s + 2))

    def survival(self, w: ArrayLike) -> Array:
        return (1 - np.clip(w, 0, 1)) ** 2

    def small_ball(self, w: ArrayLike) -> Array:
        w = np.clip(w, 0, 1)
        return w * (2 - w)

    def density(self, w: ArrayLike) -> Array:
        return np.maximum(1 - np.abs(w), 0)

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        return np.asarray(rng.random(size) - rng.random(size))

    def sample32(self, size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
        out = np.empty(size, np.float32) if out is None else out
        out[...] = self.sample(size, rng)
        return out


'''


def test_a_weight_law(project):
    normal = '    if weights == "normal":\n'
    project.edit(
        "src/preactivations/weights.py",
        ('"SymmetricWeibull", "WeightLaw", "as_law"', '"SymmetricWeibull", "Triangular", "WeightLaw", "as_law"'),
        ("\n\ndef as_law(", f"{LAW}def as_law("),
        (normal, f'    if weights == "triangular":\n        return Triangular()\n{normal}'),
    )  # fmt: skip
    project.edit(
        "tests/library/test_weights.py",
        ("    Normal(0.5),\n]", "    Normal(0.5),\n    Triangular(),\n]"),
        ("SymmetricWeibull, WeightLaw", "SymmetricWeibull, Triangular, WeightLaw"),
    )
    project.configure(lambda config: config["activation"]["constraints"]["laws"].append("triangular"))
    output = project.tests("tests/library/test_weights.py", "-rA", "-k", "Triangular or law")
    assert output.count("PASSED") >= 3
    snakemake(project.folder, "constraints")
    table = pd.read_csv(project.folder / "tables/smoke/activation_constraints.csv").set_index("weights")
    assert not table.loc["triangular"].gaussian.any()
    example = (
        "import numpy as np; from preactivations.propagation import simulate;"
        "from preactivations.streams import Stream;"
        "z = simulate([1, 50, 50], np.tanh, weights='triangular', n_networks=2000, stream=Stream(0));"
        "print(0 < z.var() < 1)"
    )
    assert script(project.folder, "-c", example) == (0, "True\n")


CLAIM = """

@claim("wider layers lose less of a correlation", "our question", "an example")
def _wider(rows: DataFrame) -> Finding:
    return Finding("mean loss by width", f"{len(rows)} widths", rows.loss.diff().iloc[1:] < 0)
"""
TRIED = """
import pandas as pd
from replication.isometry import claims

rows = pd.DataFrame({"width": [10, 20, 40], "loss": [0.3, 0.2, 0.25]})
print(*[claims._wider(rows[:n])["verdict"] for n in range(4)], sep=", ")
names = ("laws", "unit_tests", "unit_scores", "norms", "shape_tests", "roots", "indices", "angles", "spectra")
tables = dict.fromkeys((*names, "comparisons"), pd.DataFrame())
table = claims.isometry_claims(tables | {"losses": rows}, pd.DataFrame(), {}).set_index("claim")
print(table.verdict["wider layers lose less of a correlation"], set(table.verdict))
"""


def test_a_claim(project):
    """A function and its call; the verdict is that of the cases, and no case says nothing."""
    last = '        _isometry(results["spectra"]),\n'
    path = "src/replication/isometry/claims.py"
    project.edit(path, (last, f'{last}        _wider(results["losses"]),\n'))
    project.write(path, (project.folder / path).read_text() + CLAIM)
    status, output = script(project.folder, "-c", TRIED)
    assert status == 0, output
    verdicts, table = output.splitlines()
    assert verdicts == "not tested, not tested, confirmed, in part"
    assert table in ("in part {'not tested', 'in part'}", "in part {'in part', 'not tested'}")


RULES = """# A stage of the test.
rule squares:
    input:
        code=code("demo/squares.py"),
    output:
        table=DATA / "demo" / "squares.parquet",
    params:
        depth=cfg.propagation.depth,
    script:
        "../scripts/demo/squares.py"


rule plot_squares:
    input:
        table=rules.squares.output.table,
        code=code("demo/plot_squares.py"),
    output:
        figure=drawn("demo", "squares", "Squares"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/demo/plot_squares.py"


rule demo:
    input:
        rules.squares.output,
        rules.plot_squares.output,
"""
SIMULATION = '''"""Squares of depths."""

from typing import Any

import pandas as pd
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    depth = range(1, snakemake.params.depth + 1)
    write_parquet(pd.DataFrame({"depth": depth, "square": [d * d for d in depth]}), snakemake.output.table)
'''
PLOT = '''"""Figure: squares of depths."""

from typing import Any

import matplotlib.pyplot as plt
from replication.files import read_parquet
from replication.jobs import job

from replication.figures import TEXT_WIDTH, save, style

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    table = read_parquet(snakemake.input.table)
    figure, ax = plt.subplots(figsize=(0.5 * TEXT_WIDTH, 2.0), layout="constrained")
    ax.plot(table.depth, table.square)
    ax.set(xlabel="depth", ylabel="square")
    save(figure, snakemake.output.figure, snakemake.params.dpi)
'''


def test_a_stage_with_a_figure(project):
    project.write("workflow/rules/demo.smk", RULES)
    project.write("workflow/scripts/demo/squares.py", SIMULATION)
    project.write("workflow/scripts/demo/plot_squares.py", PLOT)
    project.write("workflow/report/demo/squares.rst", "Squares of depths.\n")
    project.edit("Snakefile", ('    "verdicts",\n', '    "verdicts",\n    "demo",\n'))
    snakemake(project.folder, "demo")
    assert (project.folder / "figures/smoke/demo_squares.png").stat().st_size > 1000
    assert (project.folder / "data/smoke/demo/squares.parquet.provenance.json").exists()
    # it is linted, follows its parameter and its code, and is part of the figures
    lint = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint"],
        cwd=project.folder, env=environment(project.folder), capture_output=True, text=True,
    )  # fmt: skip
    assert lint.returncode == 0, lint.stdout + lint.stderr
    project.configure(lambda config: config["propagation"].update(depth=6))
    assert planned(project.folder, "demo") == {("squares", ""), ("plot_squares", "")}
    project.write("workflow/scripts/demo/plot_squares.py", f"{PLOT}# a remark\n")
    project.configure(lambda config: config["propagation"].update(depth=5))
    assert planned(project.folder, "demo") == {("plot_squares", "")}
    assert ("plot_squares", "") in planned(project.folder, "figures")


STRIPES = """

def _stripes(split: Split) -> Dataset:
    labels = np.arange(1000 if split == "train" else 200, dtype=np.int64) % 10
    waves = np.sin(np.arange(64)[None] * (1 + labels[:, None]) / 10)
    return Dataset("stripes", (0.5 + 0.5 * waves).astype(np.float32).reshape(-1, 1, 8, 8), labels)


"""


def test_a_data_set(project):
    project.edit(
        "src/preactivations/datasets.py",
        ('NAMES = ("digits", "mnist", "cifar10")', 'NAMES = ("digits", "mnist", "cifar10", "stripes")'),
        ('\n\n_IN_MEMORY = {"digits": _digits}', f'{STRIPES}_IN_MEMORY = {{"digits": _digits, "stripes": _stripes}}'),
    )  # fmt: skip
    project.edit(
        "workflow/config/base.py",
        (
            "fetched=True),\n}",
            'fetched=True),\n    "stripes": DataFacts("stripes", 1000, 64, fetched=False),\n}',
        ),
        ('"digits", "mnist", "cifar10"]', '"digits", "mnist", "cifar10", "stripes"]'),
    )
    project.schema()
    project.configure(lambda config: config["propagation"]["correlations"]["datasets"].append("stripes"))
    project.tests("tests/pipeline/test_config.py", "-k", "schema or shipped or data_sets")
    figure = "figures/smoke/propagation_correlation_stripes.png"
    assert ("simulate_correlations", "stripes") in planned(project.folder, figure)
    snakemake(project.folder, figure)
    assert (project.folder / figure).exists()
