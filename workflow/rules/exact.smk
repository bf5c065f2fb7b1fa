# The exact density and activations, one small table per weight law.
PAPER_LAWS = [f"weibull_{number(theta)}" for theta in cfg.thetas]
LIMITS = ["weibull_2", "spherical_0"]  # theta = 2, and weights +-1: theta = infinity
LAWS = PAPER_LAWS + [law for law in LIMITS if law not in PAPER_LAWS]


rule exact_pairs:
    input:
        code=code("density/exact_pairs.py"),
    output:
        tables=[str(DATA / "exact" / f"{law}.parquet") for law in LAWS],
    log:
        log_of("exact_pairs"),
    benchmark:
        benchmark_of("exact_pairs")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        laws=LAWS,
        settings=cfg.exact.model_dump(),
    script:
        "../scripts/density/exact_pairs.py"


rule plot_density:
    input:
        tables=rules.exact_pairs.output.tables,
        code=code("density/plot_density.py"),
    output:
        figure=drawn("density", "Exact pairs", "Density of the factor Y"),
    log:
        log_of("plot_density"),
    benchmark:
        benchmark_of("plot_density")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/density/plot_density.py"


rule plot_activations:
    input:
        tables=rules.exact_pairs.output.tables,
        code=code("activation/plot_activations.py"),
    output:
        figure=drawn("activations", "Exact pairs", "Exact activations"),
    log:
        log_of("plot_activations"),
    benchmark:
        benchmark_of("plot_activations")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        x_zoom=cfg.exact.x_zoom,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/activation/plot_activations.py"


rule density:
    input:
        rules.plot_density.output,


rule activation:
    input:
        rules.plot_activations.output,


rule exact:
    input:
        rules.density.input,
        rules.activation.input,
