# Notebooks are executed on the results of the run; the executed copy and an HTML page are kept.
TRAINED_FIRST = f"{TRAINING.datasets[0].name}_{TRAINING.optimizers[0].name}"
NOTEBOOKS = {
    "overview": [
        *rules.table_replication.output,
        *rules.plot_ks_two_layer.output.raw,
        *rules.plot_depth.output.ks,
        *rules.table_edge_of_chaos.output.pairs,
        *rules.table_training.output.text,
        *rules.table_relu_law.output.claims,
        *rules.table_kernels.output.claims,
        *rules.table_heavy_tails.output.claims,
    ],
    "density_and_activations": [
        *rules.exact_pairs.output.tables,
        *rules.table_constraints.output,
    ],
    "two_layer_study": [
        *expand(rules.ks_two_layer.output.line, cell=KS_CELLS),
        *rules.table_ks_two_layer.output,
        *rules.plot_ks_two_layer.output.raw,
    ],
    "fitted_activations": [
        *rules.table_fitted.output,
        *rules.plot_fitted.output,
        *rules.plot_fit_losses.output,
    ],
    "propagation": [
        *rules.table_propagation.output,
        *rules.plot_depth.output.ks,
        *expand(rules.correlate.output.means, dataset=CORRELATIONS.datasets),
    ],
    "edge_of_chaos": [
        *rules.eoc_theory.output,
        *rules.eoc_simulate.output,
        *rules.table_edge_of_chaos.output,
        *rules.plot_edge_of_chaos.output.curves,
    ],
    "training": [
        *rules.table_training.input.runs,
        *rules.table_training.output,
        *figure(f"training_accuracy_{TRAINED_FIRST}"),
    ],
    "dynamical_isometry": [
        *rules.relu_law_theory.output,
        *rules.relu_law_simulate.output,
        *rules.table_relu_law.output,
        *rules.plot_relu_law.output.training,
    ],
    "kernels": [
        *rules.kernel_simulate.output,
        *rules.kernel_inputs.output,
        *rules.table_kernels.output,
        *rules.plot_kernels.output.depth,
    ],
    "heavy_tails": [
        *rules.heavy_tails_simulate.output,
        *rules.table_heavy_tails.output,
        *rules.plot_heavy_tails.output.densities,
    ],
}


rule run_notebook:
    input:
        notebook="notebooks/{name}.ipynb",
        results=lambda wildcards: NOTEBOOKS[wildcards.name],
        code=lambda wildcards: code("run_notebook.py")
        + closure(f"notebooks/{wildcards.name}.py"),
    output:
        html=reported(
            DATA / "notebooks" / "{name}.html",
            "Notebook",
            "Notebooks",
            "{name}",
            "notebook",
        ),
    log:
        log_of("run_notebook/{name}"),
        notebook=f"logs/{SCALE}/notebooks/{{name}}.ipynb",
    benchmark:
        benchmark_of("run_notebook/{name}")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        scale=SCALE,
    script:
        "../scripts/run_notebook.py"


rule notebooks:
    input:
        pages(*NOTEBOOKS),
