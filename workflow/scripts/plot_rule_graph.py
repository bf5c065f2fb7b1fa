"""Figure: the graph of the rules, as Snakemake sees it."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import networkx as nx
import yaml
from matplotlib.figure import Figure

from replication.figures import TEXT_WIDTH, save, style
from replication.jobs import job

snakemake: Any  # Snakemake puts it here


def rule_graph(config: dict[str, object]) -> nx.DiGraph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        dot = subprocess.run(
            [sys.executable, "-m", "snakemake", "--rulegraph", "--nolock", "--configfile", str(path)],
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
    names = dict(re.findall(r'(\d+)\[label = "([^"]+)"', dot))
    return reduced((names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", dot))


def reduced(edges: Iterable[tuple[str, str]]) -> nx.DiGraph:
    """The graph without arrows that others imply, in alphabetical order: files are the same in every run."""
    graph = nx.transitive_reduction(nx.DiGraph(edges))
    ordered = nx.DiGraph()
    ordered.add_nodes_from(sorted(graph))
    ordered.add_edges_from(sorted(graph.edges))
    return ordered


def stages(files: list[str]) -> dict[str, str]:
    """Stage of each rule: the name of its file, in the order of `files`."""
    return {
        rule: Path(name).stem
        for name in files
        for rule in re.findall(
            r"^(?:use rule \w+ as|rule) (\w+)", Path(name).read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def lanes(graph: nx.DiGraph, stage: dict[str, str]) -> tuple[dict[str, tuple[float, float]], dict[str, int]]:
    """Place of each rule, and last row of each stage: a band per stage, results to the right of what they need."""
    column = {rule: k for k, rules in enumerate(nx.topological_generations(graph)) for rule in rules}
    place: dict[str, tuple[float, float]] = {}
    bottom: dict[str, int] = {}
    first = 0
    for name in dict.fromkeys(stage.values()):
        cells: dict[int, list[str]] = {}
        for rule in (r for r in stage if r in graph and stage[r] == name):
            cells.setdefault(column[rule], []).append(rule)
        height = max(map(len, cells.values()), default=0)
        for at, rules in cells.items():
            for k, rule in enumerate(rules):
                place[rule] = (at, first + (k + 0.5) * height / len(rules))
        if cells:
            first += height
            bottom[name] = first
    return place, bottom


def chain(graph: nx.DiGraph, stage: dict[str, str]) -> nx.DiGraph:
    """The graph of the stages: which one reads results of which other, directly."""
    return reduced((stage[a], stage[b]) for a, b in graph.edges if stage[a] != stage[b])


def plot_rules(graph: nx.DiGraph, stage: dict[str, str]) -> Figure:
    place, bottom = lanes(graph, stage)
    last, right = max(bottom.values()), max(x for x, _ in place.values())
    figure, ax = plt.subplots(figsize=(TEXT_WIDTH, 0.2 + 0.27 * last), layout="constrained")
    top = 0
    for k, (name, end) in enumerate(bottom.items()):
        ax.axhspan(top, end, color="0.95" if k % 2 else "white", lw=0, zorder=0)
        ax.text(-1.02, (top + end) / 2, name.replace("_", " "), va="center", fontsize=8, fontweight="bold")
        top = end
    arrows = {(a, b): stage[a] != stage[b] for a, b in graph.edges}
    draw(ax, {rule: rule for rule in place}, place, arrows, 7)
    ax.set(xlim=(-1.05, right + 0.5), ylim=(last, 0))
    return figure


def plot_stages(stages: nx.DiGraph, order: list[str]) -> Figure:
    """From left to right, each stage next to those that read it; from top to bottom in `order`."""
    from_the_end = {
        name: -k for k, names in enumerate(nx.topological_generations(stages.reverse())) for name in names
    }
    columns: dict[int, list[str]] = {}
    for name in sorted(stages, key=order.index):
        columns.setdefault(from_the_end[name], []).append(name)
    place = {
        name: (x, (k + 0.5) / len(names)) for x, names in columns.items() for k, name in enumerate(names)
    }
    figure, ax = plt.subplots(figsize=(TEXT_WIDTH, 2.4), layout="constrained")
    labels = {name: name.replace("_", " ") for name in place}
    draw(ax, labels, place, dict.fromkeys(stages.edges, True), 9)
    ax.set(xlim=(min(columns) - 0.4, 0.4), ylim=(1.02, -0.02))
    return figure


def draw(ax: Any, labels: Any, place: Any, arrows: dict[tuple[str, str], bool], size: float) -> None:
    """Boxes and arrows; those between stages are blue."""
    boxes = {}
    for name, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.3", "fc": "white", "ec": "0.4", "lw": 0.8}
        boxes[name] = ax.text(x, y, labels[name], ha="center", va="center", fontsize=size, zorder=3, bbox=box)
    for (a, b), between in arrows.items():
        ends = {"patchA": boxes[a].get_bbox_patch(), "patchB": boxes[b].get_bbox_patch()}
        arrow = {
            "arrowstyle": "-|>",
            "color": "#0072B2" if between else "0.35",
            "lw": 0.6 if between else 0.8,
            "alpha": 0.7 if between else 1,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        ax.annotate("", place[b], place[a], arrowprops=arrow | ends, zorder=1 if between else 2)
    ax.set_axis_off()
    ax.grid(False)


with job(snakemake), style():
    graph, stage = rule_graph(snakemake.params.config), stages(snakemake.input.rules)
    graph.remove_nodes_from(["all", "run_notebook"])  # they read almost everything
    for name, figure in (
        ("rules", plot_rules(graph, stage)),
        ("stages", plot_stages(chain(graph, stage), list(stage.values()))),
    ):
        save(figure, snakemake.output[name], snakemake.params.dpi)
