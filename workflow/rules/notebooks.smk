# For reading: notebooks are executed on the results of the run (the executed copy and an HTML page are kept); the graph
# of the rules.
TRAINED_FIRST = f"{TRAINING.datasets[0].name}_{TRAINING.optimizers[0].name}"
NOTEBOOKS = {
    "overview": [
        *rules.table_verdicts.output,
        *rules.plot_two_layer.output.raw,
        *rules.plot_depth.output.ks,
        *rules.table_edge_of_chaos.output.pairs,
        *rules.table_training.output.text,
        *rules.table_isometry.output.claims,
        *rules.table_kernels.output.claims,
        *rules.table_fractional.output.claims,
    ],
    "density": [
        *expand(rules.derive_density.output, law=sorted(EXACT_LAWS)),
        *expand(rules.derive_activation.output.curves, law=sorted(EXACT_LAWS)),
        *rules.table_constraints.output,
    ],
    "two_layer": [
        *expand(rules.simulate_two_layer.output.line, cell=KS_CELLS),
        *rules.table_two_layer.output,
        *rules.plot_two_layer.output.raw,
    ],
    "activation": [
        *rules.table_activation.output,
        *rules.plot_fitted.output,
        *rules.plot_fit_losses.output,
    ],
    "propagation": [
        *rules.table_propagation.output,
        *rules.plot_depth.output.ks,
        *expand(rules.simulate_correlations.output.means, dataset=CORRELATIONS.datasets),
    ],
    "edge_of_chaos": [
        *rules.derive_edge_of_chaos.output,
        *rules.simulate_edge_of_chaos.output,
        *rules.table_edge_of_chaos.output,
        *rules.plot_edge_of_chaos.output.curves,
    ],
    "training": [
        *rules.analyse_training.input.runs,
        *rules.table_training.output,
        *figure(f"training_accuracy_{TRAINED_FIRST}"),
    ],
    "isometry": [
        *rules.derive_isometry.output,
        *rules.simulate_isometry.output,
        *rules.table_isometry.output,
        *rules.plot_isometry.output.training,
    ],
    "kernels": [
        *rules.simulate_kernels.output,
        *rules.analyse_kernel_inputs.output,
        *rules.table_kernels.output,
        *rules.plot_kernels.output.depth,
    ],
    "fractional": [
        *rules.simulate_fractional.output,
        *rules.table_fractional.output,
        *rules.plot_fractional.output.densities,
    ],
}


rule run_notebook:
    input:
        notebook="notebooks/{name}.ipynb",
        results=lambda wildcards: NOTEBOOKS[wildcards.name],
        code=lambda wildcards: code("run_notebook.py") + closure(f"notebooks/{wildcards.name}.py"),
    output:
        html=reported(
            DATA / "notebooks" / "{name}.html",
            "Notebook",
            "notebooks",
            "{name}",
            "notebook",
        ),
    log:
        f"logs/{SCALE}/run_notebook/{{name}}.log",
        notebook=f"logs/{SCALE}/notebooks/{{name}}.ipynb",
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        scale=SCALE,
    script:
        "../scripts/run_notebook.py"


rule plot_rule_graph:
    input:
        rules=[f"workflow/rules/{name}.smk" for name in ("datasets", *STAGES, "notebooks", "targets")],
        code=code("plot_rule_graph.py"),
    output:
        rules=drawn("rules", "graph", "Graph of the rules"),
        stages=drawn("rules", "stages", "How the stages are linked"),
    params:
        config=lambda wildcards: {key: config[key] for key in sorted(config) if key != "parameters"},
        dpi=cfg.figures.dpi,
    script:
        "../scripts/plot_rule_graph.py"


rule notebooks:
    input:
        pages(*NOTEBOOKS),
