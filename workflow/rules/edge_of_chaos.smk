# Edge of Chaos: maps and exact points, finite networks beside them, and all schemes in one view.
EOC = cfg.edge_of_chaos
EOC_STUDY = EOC.model_dump(exclude={"memory_mb"})
EOC_FOLDER = DATA / "edge_of_chaos"


EOC_LAWS = weibull([EOC.theta])
EOC_FAMILIES = {"spherical", "family_points", "theta_max", "b_max"}


rule derive_edge_of_chaos:
    input:
        activations=pairs([*dict.fromkeys([*PAPER_LAWS, *EOC_LAWS, "weibull_4"])]),
        code=code("edge_of_chaos/derive_edge_of_chaos.py"),
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
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        study={
            key: EOC_STUDY[key]
            for key in EOC_STUDY
            if key not in ("route", "widths", "depth", "unified", "correlation", *EOC_FAMILIES)
        },
        thetas=cfg.thetas,
    script:
        "../scripts/edge_of_chaos/derive_edge_of_chaos.py"


# Laws beyond those that have a file: exact activations are derived here as they are needed.
rule derive_families:
    input:
        code=code("edge_of_chaos/derive_families.py"),
    output:
        families=EOC_FOLDER / "families.parquet",
    params:
        study=EOC.model_dump(include=EOC_FAMILIES),
    script:
        "../scripts/edge_of_chaos/derive_families.py"


rule derive_fitted:
    input:
        activations=pairs(sorted({*FITTED_LAWS, *EOC_LAWS}), route="fitted"),
        code=code("edge_of_chaos/derive_fitted.py"),
    output:
        fitted=EOC_FOLDER / "fitted.parquet",
        maps=EOC_FOLDER / "fitted_maps.parquet",
    params:
        laws=FITTED_LAWS,
        theta=EOC.theta,
        map_points=EOC.map_points,
    script:
        "../scripts/edge_of_chaos/derive_fitted.py"


rule simulate_edge_of_chaos:
    input:
        activations=pairs(EOC_LAWS, ["odd"]),
        code=code("edge_of_chaos/simulate_edge_of_chaos.py"),
    output:
        correlations=EOC_FOLDER / "correlations.parquet",
        variances=EOC_FOLDER / "variances.parquet",
    resources:
        mem_mb=int(1500 + 2 * EOC.memory_mb),
        batch_mb=int(EOC.memory_mb),  # not a parameter: it changes no number
        runtime=24 * 60,
        gpu=cfg.gpus,
    params:
        study={key: EOC_STUDY[key] for key in ("theta", "widths", "depth", "correlation", "oscillating")},
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/edge_of_chaos/simulate_edge_of_chaos.py"


rule simulate_unified_view:
    input:
        activations=pairs([*EOC_LAWS, "spherical_1"]),
        code=code("edge_of_chaos/simulate_unified_view.py"),
    output:
        unified=EOC_FOLDER / "unified.parquet",
    resources:
        mem_mb=3000,
        runtime=24 * 60,
    params:
        study={key: EOC_STUDY[key] for key in ("theta", "unified", "depth", "correlation")},
        seed=cfg.seed,
    script:
        "../scripts/edge_of_chaos/simulate_unified_view.py"


rule analyse_edge_of_chaos:
    input:
        **made_by(
            rules.derive_edge_of_chaos,
            rules.simulate_edge_of_chaos,
            rules.simulate_unified_view,
        ),
        code=code("edge_of_chaos/analyse_edge_of_chaos.py"),
    output:
        schemes=EOC_FOLDER / "schemes.parquet",
        gradients=EOC_FOLDER / "gradients.parquet",
        kept=EOC_FOLDER / "kept.parquet",
        periods=EOC_FOLDER / "periods.parquet",
        ends=EOC_FOLDER / "ends.parquet",
        deviations=EOC_FOLDER / "deviations.parquet",
        distances=EOC_FOLDER / "distances.parquet",
        decays=EOC_FOLDER / "decays.parquet",
        divergences=EOC_FOLDER / "divergences.parquet",
    script:
        "../scripts/edge_of_chaos/analyse_edge_of_chaos.py"


rule plot_edge_of_chaos:
    input:
        **made_by(
            rules.derive_edge_of_chaos,
            rules.derive_families,
            rules.simulate_edge_of_chaos,
            rules.simulate_unified_view,
        ),
        code=code("edge_of_chaos/plot_edge_of_chaos.py"),
    output:
        curves=drawn("edge_of_chaos", "curves", "Edge of Chaos of activations and exact pairs"),
        heat=drawn("edge_of_chaos", "heat_map", "chi_1 over the plane of scales"),
        maps=drawn("edge_of_chaos", "maps", "Variance and correlation maps"),
        correlations=drawn("edge_of_chaos", "correlations", "Correlation of two inputs against depth"),
        scales=drawn("edge_of_chaos", "depth_scales", "Depth scales, limits, starts"),
        unified=drawn("edge_of_chaos", "unified_view", "What initialization schemes keep"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/edge_of_chaos/plot_edge_of_chaos.py"


rule plot_fitted_edge:
    input:
        pairs=rules.derive_edge_of_chaos.output.pairs,
        exact_maps=rules.derive_edge_of_chaos.output.maps,
        fitted=rules.derive_fitted.output.fitted,
        maps=rules.derive_fitted.output.maps,
        code=code("edge_of_chaos/plot_fitted_edge.py"),
    output:
        figure=drawn("edge_of_chaos", "fitted", "Fitted activations: maps and chi_1"),
    params:
        theta=EOC.theta,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/edge_of_chaos/plot_fitted_edge.py"


rule table_edge_of_chaos:
    input:
        **made_by(rules.analyse_edge_of_chaos, rules.derive_families),
        fitted=rules.derive_fitted.output.fitted if "fitted" in EOC.route else [],
        pairs=rules.derive_edge_of_chaos.output.pairs,
        ranges=rules.derive_edge_of_chaos.output.ranges,
        unique=rules.derive_edge_of_chaos.output.unique,
        code=code("edge_of_chaos/table_edge_of_chaos.py"),
    output:
        **({"fitted": TABLES / "edge_of_chaos_fitted.csv"} if "fitted" in EOC.route else {}),
        pairs=tabled("edge_of_chaos", "points", "Exact points of the edge"),
        claims=tabled("edge_of_chaos", "claims", "Claims with verdicts"),
        unified=tabled(
            "edge_of_chaos",
            "unified_view",
            "What initialization schemes keep",
            caption="unified_view_table",
        ),
    script:
        "../scripts/edge_of_chaos/table_edge_of_chaos.py"


rule edge_of_chaos:
    input:
        [*rules.plot_fitted_edge.input, *rules.plot_fitted_edge.output] if "fitted" in EOC.route else [],
        rules.plot_edge_of_chaos.input,
        rules.plot_edge_of_chaos.output,
        rules.table_edge_of_chaos.input,
        rules.table_edge_of_chaos.output,
