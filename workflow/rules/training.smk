# Training: ensembles per data set, group of settings and group of widths; then tables, words and figures.
TRAINING = cfg.training
TRAINED_PAIRS = [a for a in TRAINING.activations if a in ("odd", "odd_edge", "positive")]
TRAINED = {  # group: [activation, law]
    **{
        f"weibull_{number(theta)}": [[a, f"weibull_{number(theta)}"] for a in TRAINED_PAIRS]
        for theta in (TRAINING.thetas if TRAINED_PAIRS else [])
    },
    "others": [[a, ""] for a in TRAINING.activations if a not in TRAINED_PAIRS]
    + [["positive", f"spherical_{number(b)}"] for b in TRAINING.spherical],
    "control": [[f"normalized_{psi}", ""] for psi in TRAINING.controls]
    + [[f"unit_{psi}", ""] for psi in TRAINING.controls if psi != "relu"],  # ReLU (He) is its own twin
}
PERCEPTRONS = {
    "widths_" + "_".join(map(str, group)): [[width, TRAINING.depths] for width in group]
    for group in groups(TRAINING.widths, TRAINING.widths_per_job)
}
CONVOLUTIONAL = {"lenet": [[0, [0]]]}
FITTED_KINDS = [kind for kind in KINDS if kind in TRAINING.activations]
TRAINED_PARTS = {  # per data set: (group, architectures)
    data.name: [
        (group, part)
        for group, cells in TRAINED.items()
        for part in (
            *(PERCEPTRONS if data.perceptrons else []),
            *(CONVOLUTIONAL if data.convolutional and group != "control" else []),
        )
        if cells
    ]
    for data in TRAINING.datasets
}
TRAINING_FOLDER = DATA / "training"


rule train:
    input:
        activations=lambda wildcards: pairs_of(TRAINED[wildcards.group]),
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("training/train.py"),
    output:
        runs=TRAINING_FOLDER / "{dataset}.{group}.{part}.runs.parquet",
        curves=TRAINING_FOLDER / "{dataset}.{group}.{part}.curves.parquet",
        race=TRAINING_FOLDER / "{dataset}.{group}.{part}.race.parquet",
        initial=TRAINING_FOLDER / "{dataset}.{group}.{part}.initial.parquet",
    wildcard_constraints:
        dataset="|".join(DATASETS),
        part="widths_[0-9_]+|lenet",
    resources:
        mem_mb=6000,
        runtime=7 * 24 * 60,
        mirror=cfg.data_mirror or "",
        gpu=cfg.gpus,
    params:
        cells=lambda wildcards: TRAINED[wildcards.group],
        architectures=lambda wildcards: (PERCEPTRONS | CONVOLUTIONAL)[wildcards.part],
        study=lambda wildcards: TRAINING.model_dump(
            include={
                "race",
                "seeds",
                "batch_size",
                "validation_share",
            }
        )
        | {
            "optimizers": {optimizer.name: optimizer.model_dump() for optimizer in TRAINING.optimizers},
            # the law at initialization is that of every data set: measured with the first one
            "initial_networks": (
                TRAINING.initial_networks if wildcards.dataset == TRAINING.datasets[0].name else 0
            ),
            "epochs": next(data.epochs for data in TRAINING.datasets if data.name == wildcards.dataset),
        },
        route="exact",
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/training/train.py"


# The same perceptrons with fitted activations, from the same streams.
use rule train as train_fitted with:
    input:
        activations=lambda wildcards: pairs([wildcards.group], FITTED_KINDS, "fitted"),
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("training/train.py"),
    output:
        runs=TRAINING_FOLDER / "fitted" / "{dataset}.{group}.{part}.runs.parquet",
        curves=TRAINING_FOLDER / "fitted" / "{dataset}.{group}.{part}.curves.parquet",
    params:
        cells=lambda wildcards: [[kind, wildcards.group] for kind in FITTED_KINDS],
        architectures=lambda wildcards: PERCEPTRONS[wildcards.part],
        study=lambda wildcards: rules.train.params.study(wildcards) | {"initial_networks": 0},
        route="fitted",
        gpu=cfg.gpu,
        seed=cfg.seed,


FITTED_TRAINED = {
    name: expand(
        rules.train_fitted.output[name],
        dataset=[data.name for data in TRAINING.datasets if data.perceptrons],
        group=weibull(TRAINING.fitted_thetas) if "fitted" in TRAINING.route and FITTED_KINDS else [],
        part=PERCEPTRONS,
    )
    for name in ("runs", "curves")
}


rule train_persistence:
    input:
        activations=pairs([f"weibull_{number(TRAINING.persistence.theta)}"], TRAINING.persistence.activations),
        manifest=raw(TRAINING.persistence.dataset),
        code=code("training/train_persistence.py"),
    output:
        layers=TRAINING_FOLDER / "persistence.layers.parquet",
        runs=TRAINING_FOLDER / "persistence.runs.parquet",
        neurons=TRAINING_FOLDER / "persistence.neurons.parquet",
    resources:
        mem_mb=6000,
        runtime=7 * 24 * 60,
        mirror=cfg.data_mirror or "",
        gpu=cfg.gpus,
    params:
        cells=[
            [
                activation,
                (
                    f"weibull_{number(TRAINING.persistence.theta)}"
                    if activation in ("odd", "odd_edge", "positive")
                    else ""
                ),
            ]
            for activation in TRAINING.persistence.activations
        ],
        study=TRAINING.persistence.model_dump(exclude={"activations", "theta"})
        | {
            "epochs": next(
                data.epochs for data in TRAINING.datasets if data.name == TRAINING.persistence.dataset
            ),
            "batch_size": TRAINING.batch_size,
            "validation_share": TRAINING.validation_share,
            "race": TRAINING.race and TRAINING.race.model_dump(),
            "optimizer": TRAINING.optimizers[0].name,
            "learning_rates": TRAINING.optimizers[0].learning_rates,
        },
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/training/train_persistence.py"


rule analyse_training:
    input:
        **{
            name: [
                str(rules.train.output[name]).format(dataset=data, group=group, part=part)
                for data, parts in TRAINED_PARTS.items()
                for group, part in parts
            ]
            for name in ("runs", "curves", "race", "initial")
        },
        layers=rules.train_persistence.output.layers,
        followed=rules.train_persistence.output.runs,
        fitted=FITTED_TRAINED["runs"],
        code=code("training/analyse_training.py"),
    output:
        cells=TRAINING_FOLDER / "cells.parquet",
        sizes=TRAINING_FOLDER / "sizes.parquet",
        start=TRAINING_FOLDER / "start.parquet",
        loss=TRAINING_FOLDER / "loss.parquet",
        comparisons=TRAINING_FOLDER / "comparisons.parquet",
        predictions=TRAINING_FOLDER / "predictions.parquet",
        settings=TRAINING_FOLDER / "settings.parquet",
        persistence=TRAINING_FOLDER / "persistence.epochs.parquet",
    resources:
        mem_mb=4000,
    script:
        "../scripts/training/analyse_training.py"


rule table_training:
    input:
        **made_by(rules.analyse_training),
        code=code("training/table_training.py"),
    output:
        table=tabled("training", "cells", "All cells at their chosen rates"),
        comparisons=tabled("training", "comparisons", "Paired comparisons"),
        claims=TABLES / "training_claims.csv",
        text=worded("training", "claims", "The answer in words"),
    resources:
        mem_mb=1000,
        runtime=30,
    script:
        "../scripts/training/table_training.py"


rule plot_training:
    input:
        cells=rules.analyse_training.output.cells,
        start=rules.analyse_training.output.start,
        curves=rules.analyse_training.output.loss,
        predictions=rules.analyse_training.output.predictions,
        comparisons=rules.analyse_training.output.comparisons,
        code=code("training/plot_training.py"),
    output:
        loss=drawn(
            "training",
            "loss_{dataset}_{optimizer}",
            "Training loss, {dataset}, {optimizer}",
            caption="loss",
        ),
        accuracy=drawn(
            "training",
            "accuracy_{dataset}_{optimizer}",
            "Test accuracy, {dataset}, {optimizer}",
            caption="accuracy",
        ),
        share=drawn(
            "training",
            "share_{dataset}_{optimizer}",
            "Runs that train, {dataset}, {optimizer}",
            caption="share",
        ),
        predictors=drawn(
            "training",
            "predictors_{dataset}_{optimizer}",
            "Predictors of training, {dataset}, {optimizer}",
            caption="predictors",
        ),
        comparisons=drawn(
            "training",
            "differences_{dataset}_{optimizer}",
            "Differences between settings, {dataset}, {optimizer}",
            caption="differences",
        ),
    params:
        title=lambda wildcards: DATASETS[wildcards.dataset].title,
        optimizer=lambda wildcards: wildcards.optimizer,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/training/plot_training.py"


rule plot_lenet:
    input:
        cells=rules.analyse_training.output.cells,
        code=code("training/plot_lenet.py"),
    output:
        figure=drawn(
            "training",
            "lenet_{dataset}_{optimizer}",
            "LeNet-like network, {dataset}, {optimizer}",
            caption="lenet",
        ),
    params:
        title=lambda wildcards: DATASETS[wildcards.dataset].title,
        optimizer=lambda wildcards: wildcards.optimizer,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/training/plot_lenet.py"


rule plot_persistence:
    input:
        layers=rules.train_persistence.output.layers,
        chosen=rules.analyse_training.output.persistence,
        code=code("training/plot_persistence.py"),
    output:
        figure=drawn("training", "persistence", "Does it stay Gaussian?"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/training/plot_persistence.py"


TRAINED_BY = {  # whether networks of these widths are trained: optimizers
    widths: [o.name for o in TRAINING.optimizers if o.widths is None or set(widths) & set(o.widths)]
    for widths in (tuple(TRAINING.widths), (0,))
}
TRAINING_FIGURES = expand(
    rules.plot_training.output,
    dataset=[data.name for data in TRAINING.datasets if data.perceptrons],
    optimizer=TRAINED_BY[tuple(TRAINING.widths)],
) + expand(
    rules.plot_lenet.output,
    dataset=[data.name for data in TRAINING.datasets if data.convolutional],
    optimizer=TRAINED_BY[0,],
)


rule training:
    input:
        rules.analyse_training.input,
        FITTED_TRAINED["curves"],
        rules.train_persistence.output,
        rules.table_training.input,
        rules.table_training.output,
        TRAINING_FIGURES,
        rules.plot_persistence.output,
