# Published numbers beside ours with verdicts, and the graph of the rules.
rule table_replication:
    input:
        points=expand(rules.ks_two_layer.output.points, cell=KS_CELLS) + FITTED_POINTS,
        densities=expand(rules.fit.output.density, law=FITTED_LAWS),
        assessments=expand(rules.assess_fit.output.assessment, law=FITTED_LAWS),
        constants=rules.eoc_theory.output.constants,
        ranges=rules.eoc_theory.output.ranges,
        relu_constants=rules.relu_law_theory.output.constants,
        relu_ks=rules.relu_law_simulate.output.ks,
        jacobians=rules.relu_law_simulate.output.jacobians,
        kernel_constants=rules.kernel_simulate.output.constants,
        kernel_errors=rules.kernel_errors.output.errors,
        heavy_constants=rules.heavy_tails_simulate.output.constants,
        heavy_widths=rules.heavy_tails_simulate.output.widths,
        heavy_tails=rules.heavy_tails_simulate.output.tails,
        published="data/reference/fig11_sweep_iii.csv",
        published_losses="data/reference/fit_losses.csv",
        code=code("verdicts/table_replication.py"),
    output:
        table=tabled("replication", "Verdicts", "Published numbers and ours"),
        verdicts=tabled("verdicts", "Verdicts", "Counted by paper"),
    log:
        log_of("table_replication"),
    benchmark:
        benchmark_of("table_replication")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        fit_from=KERNELS.errors.fit_from,
    script:
        "../scripts/verdicts/table_replication.py"


rule plot_rule_graph:
    input:
        rules=["Snakefile", *sorted(map(str, Path("workflow/rules").glob("*.smk")))],
        code=code("plot_rule_graph.py"),
    output:
        figure=drawn("rule_graph", "Rules", "Graph of the rules"),
    log:
        log_of("plot_rule_graph"),
    benchmark:
        benchmark_of("plot_rule_graph")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        config=lambda wildcards: {key: config[key] for key in sorted(config)},
        dpi=cfg.figures.dpi,
    script:
        "../scripts/plot_rule_graph.py"


rule replication:
    input:
        rules.table_replication.output,
