# Companion paper: initializations that preserve moments of fractional order.
FRACTIONAL = cfg.fractional
FRACTIONAL_STUDY = FRACTIONAL.model_dump()
FRACTIONAL_FOLDER = DATA / "fractional"
FRACTIONAL_TRAINING = FRACTIONAL.training
FRACTIONAL_GROUPS = {
    "_and_".join(group): group
    for group in groups(
        [name for name in ("relu", "leaky_relu", "linear") if name in FRACTIONAL_TRAINING.orders],
        FRACTIONAL_TRAINING.activations_per_job,
    )
}
FRACTIONAL_DATA = {data.name: data for data in FRACTIONAL_TRAINING.datasets}


rule simulate_fractional:
    input:
        code=code("fractional/simulate_fractional.py"),
    output:
        constants=FRACTIONAL_FOLDER / "constants.parquet",
        widths=FRACTIONAL_FOLDER / "widths.parquet",
        sigma=FRACTIONAL_FOLDER / "sigma.parquet",
        traditional=FRACTIONAL_FOLDER / "traditional.parquet",
        deep=FRACTIONAL_FOLDER / "deep.parquet",
        agreement=FRACTIONAL_FOLDER / "agreement.parquet",
        densities=FRACTIONAL_FOLDER / "densities.parquet",
        histogram=FRACTIONAL_FOLDER / "histogram.parquet",
        tests=FRACTIONAL_FOLDER / "tests.parquet",
        one_layer=FRACTIONAL_FOLDER / "one_layer.parquet",
        clt=FRACTIONAL_FOLDER / "clt.parquet",
        normality=FRACTIONAL_FOLDER / "normality.parquet",
        tails=FRACTIONAL_FOLDER / "tails.parquet",
        far=FRACTIONAL_FOLDER / "far.parquet",
        exponents=FRACTIONAL_FOLDER / "exponents.parquet",
        dropout=FRACTIONAL_FOLDER / "dropout.parquet",
        small=FRACTIONAL_FOLDER / "small.parquet",
    resources:
        mem_mb=3000,
        runtime=24 * 60,
    params:
        study={
            key: FRACTIONAL_STUDY[key]
            for key in (
                "widths",
                "orders",
                "largest_width",
                "deep",
                "log_norms",
                "tails",
                "far",
                "dropout",
            )
        },
        seed=cfg.seed,
    script:
        "../scripts/fractional/simulate_fractional.py"


rule check_fractional_cost:
    input:
        code=code("fractional/check_fractional_cost.py"),
    output:
        cost=FRACTIONAL_FOLDER / "cost.parquet",
    params:
        networks=FRACTIONAL_TRAINING.model_dump(include={"width", "depth"})
        | {"orders": dict(sorted(FRACTIONAL_TRAINING.orders.items()))},
        seed=cfg.seed,
    script:
        "../scripts/fractional/check_fractional_cost.py"


rule train_fractional:
    input:
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("fractional/train_fractional.py"),
    output:
        runs=FRACTIONAL_FOLDER / "{dataset}.{activations}.runs.parquet",
        curves=FRACTIONAL_FOLDER / "{dataset}.{activations}.curves.parquet",
    wildcard_constraints:
        dataset="|".join(DATASETS),
        activations="[a-z_]+",
    resources:
        mem_mb=6000,
        runtime=7 * 24 * 60,
        mirror=cfg.data_mirror or "",
        gpu=cfg.gpus,
    params:
        activations=lambda wildcards: FRACTIONAL_GROUPS[wildcards.activations],
        study=lambda wildcards: FRACTIONAL_TRAINING.model_dump(
            include={"width", "depth", "linear_depth", "validation_share", "race"}
        )
        | FRACTIONAL_DATA[wildcards.dataset].model_dump(exclude={"name"}),
        orders=lambda wildcards: {
            name: FRACTIONAL_TRAINING.orders[name] for name in FRACTIONAL_GROUPS[wildcards.activations]
        },
        learning_rates=lambda wildcards: {
            name: FRACTIONAL_TRAINING.learning_rates[name]
            for name in FRACTIONAL_GROUPS[wildcards.activations]
        },
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/fractional/train_fractional.py"


rule analyse_fractional:
    input:
        **made_by(rules.simulate_fractional),
        runs=expand(
            rules.train_fractional.output.runs,
            dataset=FRACTIONAL_DATA,
            activations=FRACTIONAL_GROUPS,
        ),
        curves=expand(
            rules.train_fractional.output.curves,
            dataset=FRACTIONAL_DATA,
            activations=FRACTIONAL_GROUPS,
        ),
        code=code("fractional/analyse_fractional.py"),
    output:
        cells=FRACTIONAL_FOLDER / "cells.parquet",
        chosen=FRACTIONAL_FOLDER / "chosen.parquet",
        loss=FRACTIONAL_FOLDER / "loss.parquet",
        comparisons=FRACTIONAL_FOLDER / "comparisons.parquet",
        slopes=FRACTIONAL_FOLDER / "slopes.parquet",
        recovered=FRACTIONAL_FOLDER / "recovered.parquet",
        vanishing=FRACTIONAL_FOLDER / "vanishing.parquet",
        local=FRACTIONAL_FOLDER / "local.parquet",
        masked=FRACTIONAL_FOLDER / "masked.parquet",
        rarer=FRACTIONAL_FOLDER / "rarer.parquet",
        preserved=FRACTIONAL_FOLDER / "preserved.parquet",
        convergence=FRACTIONAL_FOLDER / "convergence.parquet",
        laws=FRACTIONAL_FOLDER / "laws.parquet",
        indices=FRACTIONAL_FOLDER / "indices.parquet",
    script:
        "../scripts/fractional/analyse_fractional.py"


rule table_fractional:
    input:
        **made_by(rules.analyse_fractional),
        **{
            name: rules.simulate_fractional.output[name]
            for name in ("constants", "widths", "deep", "agreement", "clt")
        },
        cost=rules.check_fractional_cost.output.cost,
        code=code("fractional/table_fractional.py"),
    output:
        scales=tabled("fractional", "scales", "Scales by order and width"),
        clt=tabled("fractional", "clt", "Log norm per layer", caption="clt_table"),
        tails=tabled("fractional", "tails", "Tail index with biases", caption="tails_table"),
        training=tabled("fractional", "training", "Training by scheme", caption="training_table"),
        comparisons=tabled("fractional", "comparisons", "Fractional orders against baselines"),
        claims=tabled("fractional", "claims", "Claims with verdicts"),
    script:
        "../scripts/fractional/table_fractional.py"


rule plot_fractional:
    input:
        **made_by(rules.simulate_fractional, rules.analyse_fractional),
        code=code("fractional/plot_fractional.py"),
    output:
        moments=drawn("fractional", "moments", "Moments of very deep networks"),
        widths=drawn("fractional", "widths", "Scales against width"),
        densities=drawn("fractional", "densities", "Law of the log norm"),
        sigma=drawn("fractional", "sigma", "Scales against order"),
        clt=drawn("fractional", "clt", "Log norm per layer"),
        tails=drawn("fractional", "tails", "Tail index with biases"),
        limits=drawn("fractional", "limits", "Norms in the limit of depth"),
        training=drawn("fractional", "training", "Training by scheme"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/fractional/plot_fractional.py"


rule fractional:
    input:
        rules.analyse_fractional.input,
        rules.table_fractional.input,
        rules.table_fractional.output,
        rules.plot_fractional.input,
        rules.plot_fractional.output,
