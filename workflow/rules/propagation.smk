# Propagation: the two-layer study, distribution and dependence with depth, correlations of images.
STUDY = cfg.propagation
KS = STUDY.two_layer
KS_CELLS = {
    **(
        {
            f"weibull_{number(theta)}": [k for k in KS.activations if k in ("odd", "positive")]
            for theta in cfg.thetas
        }
        if {"odd", "positive"} & set(KS.activations)
        else {}
    ),
    **{name: [name] for name in KS.activations if name in ("relu", "tanh")},
}
CORRELATIONS = STUDY.correlations
PAIRS_OF = [kind for kind in STUDY.activations if kind in ("odd", "positive")]
DEPTH_CELLS = {
    **({f"weibull_{number(theta)}": PAIRS_OF for theta in STUDY.thetas} if PAIRS_OF else {}),
    **({f"spherical_{number(b)}": PAIRS_OF for b in STUDY.spherical} if PAIRS_OF else {}),
    **{name: [name] for name in STUDY.activations if name not in ("odd", "positive")},
    **({"control": [f"normalized_{name}" for name in STUDY.controls]} if STUDY.controls else {}),
}
CELL_LAWS = {"control": f"weibull_{number(STUDY.control_theta)}"}  # of others their own name
DEPTH_JOBS = [(cell, group) for cell in DEPTH_CELLS for group in width_groups(STUDY, cell)]


rule simulate_two_layer:
    input:
        activations=lambda wildcards: pairs([wildcards.cell], KS_CELLS[wildcards.cell]),
        code=code("propagation/simulate_two_layer.py"),
    output:
        points=DATA / "propagation" / "two_layer" / "{cell}.points.parquet",
        line=DATA / "propagation" / "two_layer" / "{cell}.line.parquet",
    resources:
        mem_mb=1500,
        batch_mb=int(KS.memory_mb),  # not a parameter: it changes no number
        runtime=30,
    params:
        activations=lambda wildcards: KS_CELLS[wildcards.cell],
        settings=KS.model_dump(exclude={"activations", "memory_mb", "n_replicates", "n_networks"}),
        n_networks=KS.n_networks,
        route="exact",
        seed=cfg.seed,
    script:
        "../scripts/propagation/simulate_two_layer.py"


use rule simulate_two_layer as simulate_two_layer_fitted with:
    input:
        activations=lambda wildcards: pairs([wildcards.cell], KS.activations, "fitted"),
        code=code("propagation/simulate_two_layer.py"),
    output:
        points=DATA / "propagation" / "two_layer" / "{cell}.fitted.parquet",
    params:
        activations=[kind for kind in KINDS if kind in KS.activations],
        settings=KS.model_dump(include={"sweeps", "widths", "n_samples"}),
        route="fitted",
        seed=cfg.seed,


TWO_LAYER_POINTS = expand(rules.simulate_two_layer.output.points, cell=KS_CELLS)
ALL_POINTS = TWO_LAYER_POINTS + expand(
    rules.simulate_two_layer_fitted.output.points,
    cell=FITTED_LAWS if {*KINDS} & {*KS.activations} else [],
)


rule null_band_two_layer:
    input:
        code=code("propagation/null_band.py"),
    output:
        table=DATA / "propagation" / "two_layer" / "null_band.parquet",
    resources:
        mem_mb=500,
        runtime=60,
    params:
        n_samples=[KS.n_samples],
        n_replicates=KS.n_replicates,
        seed=cfg.seed,
    script:
        "../scripts/propagation/null_band.py"


rule table_two_layer:
    input:
        points=ALL_POINTS,
        code=code("propagation/table_two_layer.py"),
    output:
        table=tabled(
            "propagation",
            "two_layer",
            "All points of the two-layer study",
            caption="two_layer_table",
            name="ks_two_layer",
        ),
    script:
        "../scripts/propagation/table_two_layer.py"


rule plot_two_layer:
    input:
        points=ALL_POINTS,
        lines=expand(rules.simulate_two_layer.output.line, cell=KS_CELLS),
        null=rules.null_band_two_layer.output.table,
        code=code("propagation/plot_two_layer.py"),
    output:
        raw=drawn("propagation", "two_layer", "KS statistic against width"),
        standardized=drawn(
            "propagation",
            "two_layer_standardized",
            "KS statistic against width, standardized",
            caption="two_layer",
        ),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_two_layer.py"


rule two_layer:
    input:
        rules.plot_two_layer.input,
        rules.plot_two_layer.output,
        rules.table_two_layer.output,


rule simulate_depth:
    input:
        activations=lambda wildcards: pairs(
            [CELL_LAWS.get(wildcards.cell, wildcards.cell)], DEPTH_CELLS[wildcards.cell]
        ),
        code=code("propagation/simulate_depth.py"),
    output:
        layers=DATA / "propagation" / "{cell}.widths_{group}.layers.parquet",
        quantiles=DATA / "propagation" / "{cell}.widths_{group}.quantiles.parquet",
    resources:
        mem_mb=int(1000 + 2 * STUDY.memory_mb),
        batch_mb=int(STUDY.memory_mb),  # not a parameter: it changes no number
        runtime=7 * 24 * 60,
        gpu=cfg.gpus,
    params:
        activations=lambda wildcards: DEPTH_CELLS[wildcards.cell],
        widths=lambda wildcards: width_groups(STUDY, wildcards.cell)[wildcards.group],
        depth=STUDY.depth,
        law=lambda wildcards: CELL_LAWS.get(wildcards.cell, wildcards.cell),
        route="exact",
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/propagation/simulate_depth.py"


use rule simulate_depth as simulate_depth_fitted with:
    input:
        activations=lambda wildcards: pairs([wildcards.cell], PAIRS_OF, "fitted"),
        code=code("propagation/simulate_depth.py"),
    output:
        layers=DATA / "propagation" / "fitted" / "{cell}.widths_{group}.layers.parquet",
        quantiles=DATA / "propagation" / "fitted" / "{cell}.widths_{group}.quantiles.parquet",
    params:
        activations=PAIRS_OF,
        widths=lambda wildcards: width_groups(STUDY, "fitted")[wildcards.group],
        depth=STUDY.depth,
        law=lambda wildcards: wildcards.cell,
        route="fitted",
        gpu=cfg.gpu,
        seed=cfg.seed,


OTHER_LAWS = {f"weibull_{number(theta)}" for theta in STUDY.thetas if theta not in CORRELATIONS.thetas}
IMAGE_CELLS = {
    cell: names for cell, names in DEPTH_CELLS.items() if cell != "control" and cell not in OTHER_LAWS
}


rule simulate_correlations:
    input:
        activations=[path for cell, names in IMAGE_CELLS.items() for path in pairs([cell], names)],
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("propagation/simulate_correlations.py"),
    output:
        means=DATA / "propagation" / "{dataset}.correlations.parquet",
        blocks=DATA / "propagation" / "{dataset}.blocks.parquet",
    wildcard_constraints:
        dataset="|".join(DATASETS),
    resources:
        mem_mb=int(2000 + 2 * CORRELATIONS.memory_mb),
        batch_mb=int(CORRELATIONS.memory_mb),
        mirror=cfg.data_mirror or "",
        runtime=7 * 24 * 60,
        gpu=cfg.gpus,
    params:
        cells=IMAGE_CELLS,
        study=CORRELATIONS.model_dump(exclude={"datasets", "memory_mb"}),
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/propagation/simulate_correlations.py"


DEPTH_LAYERS, DEPTH_QUANTILES = (
    [str(path).format(cell=cell, group=group) for cell, group in DEPTH_JOBS]
    for path in (rules.simulate_depth.output.layers, rules.simulate_depth.output.quantiles)
)
FITTED_LAYERS = expand(
    rules.simulate_depth_fitted.output.layers,
    cell=weibull(STUDY.fitted_thetas) if "fitted" in STUDY.route and PAIRS_OF else [],
    group=width_groups(STUDY, "fitted"),
)


rule analyse_propagation:
    input:
        layers=DEPTH_LAYERS,
        points=TWO_LAYER_POINTS,
        correlations=expand(rules.simulate_correlations.output.means, dataset=CORRELATIONS.datasets),
        fitted=FITTED_LAYERS,
        code=code("propagation/analyse_propagation.py"),
    output:
        layers=DATA / "propagation" / "layers.parquet",
        distances=DATA / "propagation" / "distances.parquet",
        exponents=DATA / "propagation" / "exponents.parquet",
        points=DATA / "propagation" / "points.parquet",
        orders=DATA / "propagation" / "orders.parquet",
        control=DATA / "propagation" / "control.parquet",
        laws=DATA / "propagation" / "laws.parquet",
        images=DATA / "propagation" / "images.parquet",
        drift=DATA / "propagation" / "drift.parquet",
    params:
        depths=[d for d in (10, 50, 100) if d <= STUDY.depth] or [STUDY.depth],
    script:
        "../scripts/propagation/analyse_propagation.py"


rule plot_depth:
    input:
        layers=rules.analyse_propagation.output.layers,
        quantiles=DEPTH_QUANTILES,
        code=code("propagation/plot_depth.py"),
    output:
        ks=drawn("propagation", "depth_ks", "Distance from Gaussian against depth"),
        standardized=drawn(
            "propagation",
            "depth_ks_standardized",
            "Distance from Gaussian against depth, standardized",
            caption="depth_ks",
        ),
        moments=drawn("propagation", "depth_moments", "Variance and excess kurtosis"),
        quantiles=drawn("propagation", "depth_quantiles", "Quantiles"),
        widths=drawn("propagation", "depth_widths", "Distance from Gaussian against width"),
        heat=drawn("propagation", "depth_heat_map", "Distance from Gaussian by width and depth"),
    params:
        quantile_depths=STUDY.quantile_depths,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_depth.py"


rule plot_dependence:
    input:
        layers=rules.analyse_propagation.output.layers,
        points=rules.analyse_propagation.output.points,
        correlations=expand(rules.simulate_correlations.output.means, dataset=CORRELATIONS.datasets),
        code=code("propagation/plot_dependence.py"),
    output:
        dependence=drawn("propagation", "dependence", "Dependence between neurons"),
        check=drawn("propagation", "coordinate_check", "Measured against predicted"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_dependence.py"


rule plot_drift:
    input:
        drift=rules.analyse_propagation.output.drift,
        code=code("propagation/plot_drift.py"),
    output:
        figure=drawn("propagation", "drift", "Fitted activations: the variance drifts"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_drift.py"


rule plot_correlations:
    input:
        means=rules.simulate_correlations.output.means,
        blocks=rules.simulate_correlations.output.blocks,
        code=code("propagation/plot_correlations.py"),
    output:
        means=drawn(
            "propagation",
            "correlation_{dataset}",
            "Correlation of images against depth, {dataset}",
            caption="correlation",
        ),
        matrices=[
            path
            for cell in CORRELATIONS.widths
            for path in drawn(
                "propagation",
                f"correlation_matrices_{{dataset}}_{cell.width}",
                f"Correlations between classes, {{dataset}}, width {cell.width}",
                caption="correlation_matrices",
            )
        ],
    params:
        widths=[cell.width for cell in CORRELATIONS.widths],
        dpi=cfg.figures.dpi,
    script:
        "../scripts/propagation/plot_correlations.py"


rule table_propagation:
    input:
        **made_by(rules.analyse_propagation),
        code=code("propagation/table_propagation.py"),
    output:
        table=tabled("propagation", "distances", "Distances from Gaussian"),
        layers=TABLES / "propagation_layers.csv",
        drift=TABLES / "propagation_drift.csv",
        claims=TABLES / "propagation_claims.csv",
        text=worded("propagation", "claims", "Words and claims"),
    params:
        deepest=max(rules.analyse_propagation.params.depths),
    script:
        "../scripts/propagation/table_propagation.py"


rule propagation:
    input:
        rules.two_layer.input,
        DEPTH_LAYERS,
        rules.analyse_propagation.output,
        rules.plot_depth.input,
        rules.plot_depth.output,
        rules.plot_dependence.output,
        rules.plot_drift.output if FITTED_LAYERS else [],
        FITTED_LAYERS,
        [path.replace(".layers.", ".quantiles.") for path in FITTED_LAYERS],
        expand(rules.simulate_correlations.output, dataset=CORRELATIONS.datasets),
        expand(rules.plot_correlations.output, dataset=CORRELATIONS.datasets),
        rules.table_propagation.output,
