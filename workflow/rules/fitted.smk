# The paper's own numerical route: density fit, interpolation, activation fit, and what they cost in accuracy.
FITTED_LAWS = [f"weibull_{number(theta)}" for theta in cfg.thetas if theta > 2]
EXTENDED_LAWS = [
    f"weibull_{number(theta)}" for theta in cfg.fitted.extended_thetas if theta > 2
]
FITTED = DATA / "fitted"


rule fit:
    input:
        published="data/reference/fit_losses.csv",
        code=code("density/fit.py"),
    output:
        density=FITTED / "{law}.density.json",
        table=FITTED / "{law}.interpolated.parquet",
        activation=FITTED / "{law}.activation.json",
    log:
        log_of("fit/{law}"),
    benchmark:
        benchmark_of("fit/{law}")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        kinds=lambda wildcards: (
            ["odd"] if wildcards.law in EXTENDED_LAWS else ["odd", "positive"]
        ),
        density=cfg.fitted.density.model_dump(),
        activation=cfg.fitted.activation.model_dump(),
    script:
        "../scripts/density/fit.py"


rule assess_fit:
    input:
        density=rules.fit.output.density,
        activation=rules.fit.output.activation,
        code=code("activation/assess_fit.py"),
    output:
        assessment=FITTED / "{law}.assessment.parquet",
        curves=FITTED / "{law}.curves.parquet",
        points=DATA / "ks_two_layer" / "{law}.fitted.parquet",
    log:
        log_of("assess_fit/{law}"),
    benchmark:
        benchmark_of("assess_fit/{law}")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        batch_mb=int(KS.memory_mb),  # not a parameter: it changes no number
    params:
        # the network study is for the thetas of the study only
        settings=lambda wildcards: KS.model_dump(include={"widths", "n_samples"})
        | {"sweeps": [] if wildcards.law in EXTENDED_LAWS else KS.sweeps},
        product_samples=cfg.fitted.product_samples,
        grid=cfg.exact.model_dump(include={"x_max", "y_max", "n_points"}),
        seed=cfg.seed,
    script:
        "../scripts/activation/assess_fit.py"


rule table_fitted:
    input:
        densities=expand(rules.fit.output.density, law=FITTED_LAWS + EXTENDED_LAWS),
        activations=expand(rules.fit.output.activation, law=FITTED_LAWS + EXTENDED_LAWS),
        assessments=expand(
            rules.assess_fit.output.assessment, law=FITTED_LAWS + EXTENDED_LAWS
        ),
        published="data/reference/fit_losses.csv",
        code=code("activation/table_fitted.py"),
    output:
        table=tabled(
            "fitted", "Fitted route", "Fitted against exact", caption="fitted_table"
        ),
    log:
        log_of("table_fitted"),
    benchmark:
        benchmark_of("table_fitted")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/activation/table_fitted.py"


rule plot_fitted:
    input:
        curves=expand(rules.assess_fit.output.curves, law=FITTED_LAWS),
        code=code("activation/plot_fitted.py"),
    output:
        figure=drawn("fitted", "Fitted route", "Fitted against exact"),
    log:
        log_of("plot_fitted"),
    benchmark:
        benchmark_of("plot_fitted")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/activation/plot_fitted.py"


rule plot_fit_losses:
    input:
        densities=expand(rules.fit.output.density, law=FITTED_LAWS),
        activations=expand(rules.fit.output.activation, law=FITTED_LAWS),
        published="data/reference/fit_losses.csv",
        code=code("density/plot_fit_losses.py"),
    output:
        figure=drawn("fit_losses", "Fitted route", "Losses of the fits"),
    log:
        log_of("plot_fit_losses"),
    benchmark:
        benchmark_of("plot_fit_losses")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/density/plot_fit_losses.py"


rule fitted:
    input:
        rules.table_fitted.output,
        rules.plot_fitted.output,
        rules.plot_fit_losses.output,
