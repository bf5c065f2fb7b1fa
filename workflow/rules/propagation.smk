# Propagation with depth: distribution and dependence per cell (weight law or activation), correlations per data set.
STUDY = cfg.propagation
CORRELATIONS = STUDY.correlations
PAIRS_OF = [kind for kind in STUDY.activations if kind in ("odd", "positive")]
DEPTH_CELLS = {
    **(
        {f"weibull_{number(theta)}": PAIRS_OF for theta in STUDY.thetas}
        if PAIRS_OF
        else {}
    ),
    **(
        {f"spherical_{number(b)}": PAIRS_OF for b in STUDY.spherical}
        if PAIRS_OF
        else {}
    ),
    **{name: [name] for name in STUDY.activations if name not in ("odd", "positive")},
    **(
        {"control": [f"normalized_{name}" for name in STUDY.controls]}
        if STUDY.controls
        else {}
    ),
}
WIDTH_GROUPS = {
    "_".join(str(cell.width) for cell in group): group
    for group in groups(STUDY.widths, STUDY.widths_per_job)
}


rule propagate:
    input:
        code=code("propagation/propagate.py"),
    output:
        layers=DATA / "propagation" / "{cell}.widths_{group}.layers.parquet",
        quantiles=DATA / "propagation" / "{cell}.widths_{group}.quantiles.parquet",
    log:
        log_of("propagate/{cell}.widths_{group}"),
    benchmark:
        benchmark_of("propagate/{cell}.widths_{group}")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=int(1000 + 2 * STUDY.memory_mb),
        batch_mb=int(STUDY.memory_mb),  # not a parameter: it changes no number
        runtime=7 * 24 * 60,
        gpu=cfg.gpus,
    params:
        activations=lambda wildcards: DEPTH_CELLS[wildcards.cell],
        widths=lambda wildcards: [
            cell.model_dump() for cell in WIDTH_GROUPS[wildcards.group]
        ],
        depth=STUDY.depth,
        control_theta=lambda wildcards: (
            STUDY.control_theta if wildcards.cell == "control" else None
        ),
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/propagation/propagate.py"


rule fetch_dataset:
    input:
        code=code("fetch_dataset.py"),
    output:
        manifest="data/raw/{dataset}.json",
    log:
        log_of("fetch_dataset/{dataset}"),
    benchmark:
        benchmark_of("fetch_dataset/{dataset}")
    wildcard_constraints:
        dataset="|".join(name for name in DATASETS if DATASETS[name].fetched),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=120,
        mirror=cfg.data_mirror or "",
    script:
        "../scripts/fetch_dataset.py"


rule correlate:
    input:
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("propagation/correlate.py"),
    output:
        means=DATA / "propagation" / "{dataset}.correlations.parquet",
        blocks=DATA / "propagation" / "{dataset}.blocks.parquet",
    log:
        log_of("correlate/{dataset}"),
    benchmark:
        benchmark_of("correlate/{dataset}")
    wildcard_constraints:
        dataset="|".join(DATASETS),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=int(2000 + 2 * CORRELATIONS.memory_mb),
        batch_mb=int(CORRELATIONS.memory_mb),
        mirror=cfg.data_mirror or "",
        runtime=7 * 24 * 60,
        gpu=cfg.gpus,
    params:
        cells={cell: names for cell, names in DEPTH_CELLS.items() if cell != "control"},
        study=CORRELATIONS.model_dump(exclude={"datasets", "memory_mb"}),
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/propagation/correlate.py"


rule null_band_of_depth:
    input:
        code=code("propagation/null_band.py"),
    output:
        table=DATA / "propagation" / "null_band.parquet",
    log:
        log_of("null_band_of_depth"),
    benchmark:
        benchmark_of("null_band_of_depth")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=600,
    params:
        n_samples=sorted({cell.networks for cell in STUDY.widths}),
        n_replicates=STUDY.n_replicates,
        seed=cfg.seed,
    script:
        "../scripts/propagation/null_band.py"


DEPTH_LAYERS = expand(
    rules.propagate.output.layers, cell=DEPTH_CELLS, group=WIDTH_GROUPS
)


rule plot_depth:
    input:
        layers=DEPTH_LAYERS,
        quantiles=expand(
            rules.propagate.output.quantiles, cell=DEPTH_CELLS, group=WIDTH_GROUPS
        ),
        null=rules.null_band_of_depth.output.table,
        code=code("propagation/plot_depth.py"),
    output:
        ks=drawn("depth_ks", "Propagation", "KS statistic against depth"),
        standardized=drawn(
            "depth_ks_standardized",
            "Propagation",
            "KS statistic against depth, standardized",
            caption="depth_ks",
        ),
        moments=drawn("depth_moments", "Propagation", "Variance and excess kurtosis"),
        quantiles=drawn("depth_quantiles", "Propagation", "Quantiles"),
        heat=drawn("depth_heat_map", "Propagation", "KS statistic by width and depth"),
    log:
        log_of("plot_depth"),
    benchmark:
        benchmark_of("plot_depth")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        quantile_depths=STUDY.quantile_depths,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_depth.py"


rule plot_dependence:
    input:
        layers=DEPTH_LAYERS,
        points=expand(rules.ks_two_layer.output.points, cell=KS_CELLS),
        correlations=expand(rules.correlate.output.means, dataset=CORRELATIONS.datasets),
        code=code("propagation/plot_dependence.py"),
    output:
        dependence=drawn("dependence", "Propagation", "Dependence between neurons"),
        check=drawn("coordinate_check", "Propagation", "Measured against predicted"),
    log:
        log_of("plot_dependence"),
    benchmark:
        benchmark_of("plot_dependence")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_dependence.py"


rule plot_correlations:
    input:
        means=rules.correlate.output.means,
        blocks=rules.correlate.output.blocks,
        code=code("propagation/plot_correlations.py"),
    output:
        means=drawn(
            "correlation_{dataset}",
            "Propagation",
            "Correlation of images against depth, {dataset}",
            caption="correlation",
        ),
        matrices=[
            path
            for cell in CORRELATIONS.widths
            for path in drawn(
                f"correlation_matrices_{{dataset}}_{cell.width}",
                "Propagation",
                f"Correlations between classes, {{dataset}}, width {cell.width}",
                caption="correlation_matrices",
            )
        ],
    log:
        log_of("plot_correlations/{dataset}"),
    benchmark:
        benchmark_of("plot_correlations/{dataset}")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        widths=[cell.width for cell in CORRELATIONS.widths],
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_correlations.py"


rule table_propagation:
    input:
        layers=DEPTH_LAYERS,
        null=rules.null_band_of_depth.output.table,
        points=expand(rules.ks_two_layer.output.points, cell=KS_CELLS),
        correlations=expand(rules.correlate.output.means, dataset=CORRELATIONS.datasets),
        code=code("propagation/table_propagation.py"),
    output:
        table=tabled(
            "propagation_widths", "Propagation", "From which width on it is Gaussian"
        ),
        layers=TABLES / "propagation_layers.csv",
        text=worded("propagation", "Propagation", "Words and claims"),
    log:
        log_of("table_propagation"),
    benchmark:
        benchmark_of("table_propagation")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        depths=[d for d in (10, 50, 100) if d <= STUDY.depth] or [STUDY.depth],
    script:
        "../scripts/propagation/table_propagation.py"


rule propagation:
    input:
        rules.plot_depth.output,
        rules.plot_dependence.output,
        expand(rules.plot_correlations.output, dataset=CORRELATIONS.datasets),
        rules.table_propagation.output,
