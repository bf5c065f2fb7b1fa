# Edge of Chaos: maps and exact points, finite networks beside them, and all schemes in one view.
EOC = cfg.edge_of_chaos
EOC_STUDY = EOC.model_dump(exclude={"memory_mb"})
EOC_FOLDER = DATA / "edge_of_chaos"


rule eoc_theory:
    input:
        code=code("edge_of_chaos/eoc_theory.py"),
    output:
        curves=EOC_FOLDER / "curves.parquet",
        pairs=EOC_FOLDER / "pairs.parquet",
        heat=EOC_FOLDER / "heat.parquet",
        maps=EOC_FOLDER / "maps.parquet",
        rates=EOC_FOLDER / "rates.parquet",
        scales=EOC_FOLDER / "scales.parquet",
        ranges=EOC_FOLDER / "oscillating.parquet",
        points=EOC_FOLDER / "oscillating_points.parquet",
        unique=EOC_FOLDER / "unique.parquet",
        constants=EOC_FOLDER / "constants.parquet",
    log:
        log_of("eoc_theory"),
    benchmark:
        benchmark_of("eoc_theory")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        study={
            key: EOC_STUDY[key]
            for key in EOC_STUDY
            if key not in ("widths", "depth", "unified")
        },
        thetas=cfg.thetas,
    script:
        "../scripts/edge_of_chaos/eoc_theory.py"


rule eoc_simulate:
    input:
        code=code("edge_of_chaos/eoc_simulate.py"),
    output:
        correlations=EOC_FOLDER / "correlations.parquet",
        variances=EOC_FOLDER / "variances.parquet",
    log:
        log_of("eoc_simulate"),
    benchmark:
        benchmark_of("eoc_simulate")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=int(1500 + 2 * EOC.memory_mb),
        batch_mb=int(EOC.memory_mb),  # not a parameter: it changes no number
        runtime=24 * 60,
        gpu=cfg.gpus,
    params:
        study={key: EOC_STUDY[key] for key in ("theta", "widths", "depth")},
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/edge_of_chaos/eoc_simulate.py"


rule unified_view:
    input:
        code=code("edge_of_chaos/unified_view.py"),
    output:
        table=EOC_FOLDER / "unified.parquet",
    log:
        log_of("unified_view"),
    benchmark:
        benchmark_of("unified_view")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=24 * 60,
    params:
        study={key: EOC_STUDY[key] for key in ("theta", "unified", "depth")},
        seed=cfg.seed,
    script:
        "../scripts/edge_of_chaos/unified_view.py"


rule plot_edge_of_chaos:
    input:
        curves=rules.eoc_theory.output.curves,
        pairs=rules.eoc_theory.output.pairs,
        heat=rules.eoc_theory.output.heat,
        maps=rules.eoc_theory.output.maps,
        rates=rules.eoc_theory.output.rates,
        scales=rules.eoc_theory.output.scales,
        correlations=rules.eoc_simulate.output.correlations,
        variances=rules.eoc_simulate.output.variances,
        unified=rules.unified_view.output.table,
        code=code("edge_of_chaos/plot_edge_of_chaos.py"),
    output:
        curves=drawn(
            "eoc_curves",
            "Edge of Chaos",
            "Edge of Chaos of activations and exact pairs",
        ),
        heat=drawn("eoc_heat_map", "Edge of Chaos", "chi_1 over the plane of scales"),
        maps=drawn("eoc_maps", "Edge of Chaos", "Variance and correlation maps"),
        correlations=drawn(
            "eoc_correlations",
            "Edge of Chaos",
            "Correlation of two inputs against depth",
        ),
        scales=drawn(
            "eoc_depth_scales", "Edge of Chaos", "Depth scales, limits, starts"
        ),
        unified=drawn(
            "unified_view", "Edge of Chaos", "What initialization schemes keep"
        ),
    log:
        log_of("plot_edge_of_chaos"),
    benchmark:
        benchmark_of("plot_edge_of_chaos")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/edge_of_chaos/plot_edge_of_chaos.py"


rule table_edge_of_chaos:
    input:
        pairs=rules.eoc_theory.output.pairs,
        unique=rules.eoc_theory.output.unique,
        rates=rules.eoc_theory.output.rates,
        scales=rules.eoc_theory.output.scales,
        ranges=rules.eoc_theory.output.ranges,
        points=rules.eoc_theory.output.points,
        correlations=rules.eoc_simulate.output.correlations,
        variances=rules.eoc_simulate.output.variances,
        unified=rules.unified_view.output.table,
        code=code("edge_of_chaos/table_edge_of_chaos.py"),
    output:
        pairs=tabled("eoc_points", "Edge of Chaos", "Exact points of the edge"),
        claims=tabled("eoc_claims", "Edge of Chaos", "Claims with verdicts"),
        unified=tabled(
            "unified_view",
            "Edge of Chaos",
            "What initialization schemes keep",
            caption="unified_view_table",
        ),
    log:
        log_of("table_edge_of_chaos"),
    benchmark:
        benchmark_of("table_edge_of_chaos")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/edge_of_chaos/table_edge_of_chaos.py"


rule edge_of_chaos:
    input:
        rules.plot_edge_of_chaos.output,
        rules.table_edge_of_chaos.output,
