# Notebooks are executed on the results of the run; the executed copy and an HTML page are kept.
NOTEBOOKS = {
    "density_and_activations": [
        *rules.exact_pairs.output.tables,
        *table("ks_two_layer"),
        *table("constraints"),
    ],
    "edge_of_chaos": [
        *rules.eoc_theory.output,
        *rules.eoc_simulate.output,
        *rules.table_edge_of_chaos.output,
    ],
    "propagation": [
        *rules.table_propagation.output,
        *expand(rules.correlate.output.means, dataset=CORRELATIONS.datasets),
    ],
    "dynamical_isometry": [
        *rules.relu_law_theory.output,
        *rules.relu_law_simulate.output,
        *rules.table_relu_law.output,
    ],
    "kernels": [
        *rules.kernel_simulate.output,
        *rules.kernel_inputs.output,
        *rules.table_kernels.output,
    ],
    "heavy_tails": [
        *rules.heavy_tails_simulate.output,
        *rules.table_heavy_tails.output,
    ],
    "training": [*rules.table_training.input.runs, *rules.table_training.output],
}


rule run_notebook:
    input:
        notebook="notebooks/{name}.ipynb",
        results=lambda wildcards: NOTEBOOKS[wildcards.name],
        code=lambda wildcards: code("run_notebook.py")
        + closure(f"notebooks/{wildcards.name}.py"),
    output:
        html=report(
            DATA / "notebooks" / "{name}.html",
            category="Notebooks",
            caption="../report/notebook.rst",
        ),
        executed=DATA / "notebooks" / "{name}.ipynb",
    log:
        log_of("run_notebook/{name}"),
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
        expand(rules.run_notebook.output.html, name=NOTEBOOKS),
