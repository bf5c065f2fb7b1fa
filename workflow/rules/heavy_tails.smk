# Companion paper: initializations that preserve moments of fractional order.
HEAVY_TAILS = cfg.heavy_tails
HEAVY_STUDY = HEAVY_TAILS.model_dump()
HEAVY_FOLDER = DATA / "heavy_tails"
FRACTIONAL = HEAVY_TAILS.training
FRACTIONAL_GROUPS = {
    "_and_".join(group): group
    for group in groups(
        [
            name
            for name in ("relu", "leaky_relu", "linear")
            if name in FRACTIONAL.orders
        ],
        FRACTIONAL.activations_per_job,
    )
}
FRACTIONAL_DATA = {data.name: data for data in FRACTIONAL.datasets}


rule heavy_tails_simulate:
    input:
        code=code("fractional/heavy_tails_simulate.py"),
    output:
        constants=HEAVY_FOLDER / "constants.parquet",
        widths=HEAVY_FOLDER / "widths.parquet",
        sigma=HEAVY_FOLDER / "sigma.parquet",
        deep=HEAVY_FOLDER / "deep.parquet",
        agreement=HEAVY_FOLDER / "agreement.parquet",
        densities=HEAVY_FOLDER / "densities.parquet",
        histogram=HEAVY_FOLDER / "histogram.parquet",
        tests=HEAVY_FOLDER / "tests.parquet",
        one_layer=HEAVY_FOLDER / "one_layer.parquet",
        clt=HEAVY_FOLDER / "clt.parquet",
        normality=HEAVY_FOLDER / "normality.parquet",
        tails=HEAVY_FOLDER / "tails.parquet",
    log:
        log_of("heavy_tails_simulate"),
    benchmark:
        benchmark_of("heavy_tails_simulate")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=24 * 60,
    params:
        study={
            key: HEAVY_STUDY[key] for key in ("widths", "deep", "log_norms", "tails")
        },
        seed=cfg.seed,
    script:
        "../scripts/fractional/heavy_tails_simulate.py"


rule fractional_train:
    input:
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("fractional/fractional_train.py"),
    output:
        runs=HEAVY_FOLDER / "{dataset}.{activations}.runs.parquet",
        curves=HEAVY_FOLDER / "{dataset}.{activations}.curves.parquet",
    log:
        log_of("fractional_train/{dataset}.{activations}"),
    benchmark:
        benchmark_of("fractional_train/{dataset}.{activations}")
    wildcard_constraints:
        dataset="|".join(DATASETS),
        activations="[a-z_]+",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=7 * 24 * 60,
        mirror=cfg.data_mirror or "",
        gpu=cfg.gpus,
    params:
        activations=lambda wildcards: FRACTIONAL_GROUPS[wildcards.activations],
        study=lambda wildcards: FRACTIONAL.model_dump(
            include={"width", "depth", "linear_depth", "validation_share"}
        )
        | FRACTIONAL_DATA[wildcards.dataset].model_dump(exclude={"name"}),
        orders=lambda wildcards: {
            name: FRACTIONAL.orders[name]
            for name in FRACTIONAL_GROUPS[wildcards.activations]
        },
        learning_rates=lambda wildcards: {
            name: FRACTIONAL.learning_rates[name]
            for name in FRACTIONAL_GROUPS[wildcards.activations]
        },
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/fractional/fractional_train.py"


rule table_heavy_tails:
    input:
        **{
            name: rules.heavy_tails_simulate.output[name]
            for name in (
                "constants",
                "deep",
                "agreement",
                "widths",
                "tests",
                "one_layer",
                "clt",
                "normality",
                "tails",
            )
        },
        runs=expand(
            rules.fractional_train.output.runs,
            dataset=FRACTIONAL_DATA,
            activations=FRACTIONAL_GROUPS,
        ),
        curves=expand(
            rules.fractional_train.output.curves,
            dataset=FRACTIONAL_DATA,
            activations=FRACTIONAL_GROUPS,
        ),
        code=code("fractional/table_heavy_tails.py"),
    output:
        scales=tabled(
            "heavy_tails_scales", "Fractional moments", "Scales by order and width"
        ),
        clt=tabled(
            "heavy_tails_clt",
            "Fractional moments",
            "Log norm per layer",
            caption="heavy_tails_clt_table",
        ),
        tails=tabled(
            "heavy_tails_tails",
            "Fractional moments",
            "Tail index with biases",
            caption="heavy_tails_tails_table",
        ),
        training=tabled(
            "fractional_training",
            "Fractional moments",
            "Training by scheme",
            caption="fractional_training_table",
        ),
        comparisons=tabled(
            "fractional_comparisons",
            "Fractional moments",
            "Fractional orders against baselines",
        ),
        claims=tabled(
            "heavy_tails_claims", "Fractional moments", "Claims with verdicts"
        ),
        cells=HEAVY_FOLDER / "cells.parquet",
        chosen=HEAVY_FOLDER / "chosen.parquet",
        loss=HEAVY_FOLDER / "loss.parquet",
    log:
        log_of("table_heavy_tails"),
    benchmark:
        benchmark_of("table_heavy_tails")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../scripts/fractional/table_heavy_tails.py"


rule plot_heavy_tails:
    input:
        **{
            name: rules.heavy_tails_simulate.output[name]
            for name in (
                "deep",
                "widths",
                "sigma",
                "densities",
                "histogram",
                "tests",
                "clt",
                "normality",
                "tails",
            )
        },
        cells=rules.table_heavy_tails.output.cells,
        chosen=rules.table_heavy_tails.output.chosen,
        loss=rules.table_heavy_tails.output.loss,
        code=code("fractional/plot_heavy_tails.py"),
    output:
        moments=drawn(
            "heavy_tails_moments",
            "Fractional moments",
            "Moments of very deep networks",
        ),
        widths=drawn("heavy_tails_widths", "Fractional moments", "Scales against width"),
        densities=drawn(
            "heavy_tails_densities", "Fractional moments", "Law of the log norm"
        ),
        sigma=drawn("heavy_tails_sigma", "Fractional moments", "Scales against order"),
        clt=drawn("heavy_tails_clt", "Fractional moments", "Log norm per layer"),
        tails=drawn("heavy_tails_tails", "Fractional moments", "Tail index with biases"),
        training=drawn(
            "fractional_training", "Fractional moments", "Training by scheme"
        ),
    log:
        log_of("plot_heavy_tails"),
    benchmark:
        benchmark_of("plot_heavy_tails")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/fractional/plot_heavy_tails.py"


rule heavy_tails:
    input:
        rules.plot_heavy_tails.output,
        rules.table_heavy_tails.output,
