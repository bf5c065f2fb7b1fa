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
    graph = nx.DiGraph()
    graph.add_nodes_from(names.values())
    graph.add_edges_from((names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", dot))
    return nx.transitive_reduction(graph)


with job(snakemake), style():
    graph = rule_graph(snakemake.params.config)
    for layer, nodes in enumerate(nx.topological_generations(graph)):
        for node in nodes:
            graph.nodes[node]["layer"] = layer
    position = nx.multipartite_layout(graph, subset_key="layer", align="horizontal")
    figure, ax = plt.subplots(figsize=(TEXT_WIDTH, 4.0), layout="constrained")
    nx.draw_networkx_edges(graph, position, ax=ax, edge_color="0.6", arrowsize=8, node_size=900)
    for node, (x, y) in position.items():
        box = {"boxstyle": "round,pad=0.3", "fc": "white", "ec": "0.4", "lw": 0.8}
        ax.text(x, y, node.replace("_", "_\n", 1), ha="center", va="center", fontsize=6.5, bbox=box)
    ax.margins(0.08)
    ax.set_axis_off()
    save(figure, snakemake.output.figure, snakemake.params.dpi)
