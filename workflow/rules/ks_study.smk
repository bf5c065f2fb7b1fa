# The two-layer KS study: one job per theta (both kinds of activation), one for ReLU and tanh.
KS = cfg.ks_two_layer
FITTED_POINTS = [
    str(DATA / "ks_two_layer" / f"weibull_{number(theta)}.fitted.parquet")
    for theta in cfg.thetas
    if theta > 2
]
KS_CELLS = {
    **(
        {
            f"weibull_{number(theta)}": [
                k for k in KS.activations if k in ("odd", "positive")
            ]
            for theta in cfg.thetas
        }
        if {"odd", "positive"} & set(KS.activations)
        else {}
    ),
    **{name: [name] for name in KS.activations if name in ("relu", "tanh")},
}


rule ks_two_layer:
    input:
        code=code("propagation/ks_two_layer.py"),
    output:
        points=DATA / "ks_two_layer" / "{cell}.points.parquet",
        line=DATA / "ks_two_layer" / "{cell}.line.parquet",
    log:
        log_of("ks_two_layer/{cell}"),
    benchmark:
        benchmark_of("ks_two_layer/{cell}")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        batch_mb=int(KS.memory_mb),  # not a parameter: it changes no number
        runtime=30,
    params:
        activations=lambda wildcards: KS_CELLS[wildcards.cell],
        settings=KS.model_dump(exclude={"activations", "memory_mb", "n_replicates"}),
        seed=cfg.seed,
    script:
        "../scripts/propagation/ks_two_layer.py"


rule null_band:
    input:
        code=code("propagation/null_band.py"),
    output:
        table=DATA / "ks_two_layer" / "null_band.parquet",
    log:
        log_of("null_band"),
    benchmark:
        benchmark_of("null_band")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        n_samples=[KS.n_samples],
        n_replicates=KS.n_replicates,
        seed=cfg.seed,
    script:
        "../scripts/propagation/null_band.py"


rule table_ks_two_layer:
    input:
        points=expand(rules.ks_two_layer.output.points, cell=KS_CELLS) + FITTED_POINTS,
        code=code("propagation/table_ks_two_layer.py"),
    output:
        table=tabled(
            "ks_two_layer",
            "Two-layer study",
            "All points of the study",
            caption="ks_two_layer_table",
        ),
    log:
        log_of("table_ks_two_layer"),
    benchmark:
        benchmark_of("table_ks_two_layer")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/propagation/table_ks_two_layer.py"


rule plot_ks_two_layer:
    input:
        points=expand(rules.ks_two_layer.output.points, cell=KS_CELLS) + FITTED_POINTS,
        lines=expand(rules.ks_two_layer.output.line, cell=KS_CELLS),
        null=rules.null_band.output.table,
        code=code("propagation/plot_ks_two_layer.py"),
    output:
        raw=drawn("ks_two_layer", "Two-layer study", "KS statistic against width"),
        standardized=drawn(
            "ks_two_layer_standardized",
            "Two-layer study",
            "KS statistic against width, standardized",
            caption="ks_two_layer",
        ),
    log:
        log_of("plot_ks_two_layer"),
    benchmark:
        benchmark_of("plot_ks_two_layer")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_ks_two_layer.py"


rule ks_study:
    input:
        rules.plot_ks_two_layer.output,
        rules.table_ks_two_layer.output,
