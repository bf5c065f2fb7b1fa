"""Figure: the graph of the rules, as Snakemake sees it."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import networkx as nx
import yaml
from job import job

from preactivations.plotting import TEXT_WIDTH, save, style

snakemake: Any  # Snakemake puts it here


def rule_graph(config: dict[str, object]) -> nx.DiGraph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        dot = subprocess.run(
            [sys.executable, "-m", "snakemake", "--rulegraph", "--nolock", "--configfile", str(path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    names = dict(re.findall(r'(\d+)\[label = "([^"]+)"', dot))
    graph = nx.DiGraph((names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", dot))
    # in an order of its own: Snakemake's is another one in every run
    ordered = nx.DiGraph()
    ordered.add_nodes_from(sorted(names.values()))
    ordered.add_edges_from(sorted(nx.transitive_reduction(graph).edges))
    return ordered


with job(snakemake), style():
    graph = rule_graph(snakemake.params.config)
    graph.remove_node("all")
    # a rule stands left of everything that needs it, as far right as that allows
    layers = list(nx.topological_generations(graph.reverse()))
    column = {node: -k for k, nodes in enumerate(layers) for node in nodes}
    row: dict[str, float] = {}
    for nodes in layers:
        wanted = {n: sum(row[m] for m in graph.successors(n)) / max(1, graph.out_degree(n)) for n in nodes}
        for k, node in enumerate(sorted(nodes, key=lambda n: (wanted[n], n))):
            row[node] = (k + 0.5) / len(nodes)
    figure, ax = plt.subplots(figsize=(TEXT_WIDTH, 0.6 + 0.38 * max(map(len, layers))), layout="constrained")
    boxes = {}
    for node in graph:
        boxes[node] = ax.text(
            column[node],
            row[node],
            node,
            ha="center",
            va="center",
            fontsize=8,
            zorder=2,
            bbox={"boxstyle": "round,pad=0.35", "fc": "white", "ec": "0.4", "lw": 0.8},
        )
    for a, b in graph.edges:
        ends = {"patchA": boxes[a].get_bbox_patch(), "patchB": boxes[b].get_bbox_patch()}
        arrow = {"arrowstyle": "-|>", "color": "0.55", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (column[b], row[b]), (column[a], row[a]), arrowprops=arrow | ends, zorder=1)
    ax.set(xlim=(min(column.values()) - 0.45, 0.45), ylim=(0, 1))
    ax.set_axis_off()
    save(figure, snakemake.output.figure, snakemake.params.dpi)
