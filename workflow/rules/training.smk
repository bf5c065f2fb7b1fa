# Training: ensembles per data set, group of settings and group of widths; then tables, words and figures.
TRAINING = cfg.training
TRAINED_PAIRS = [
    a for a in TRAINING.activations if a in ("odd", "odd_edge", "positive")
]
TRAINED = {  # group: [activation, law]
    **{
        f"weibull_{number(theta)}": [
            [a, f"weibull_{number(theta)}"] for a in TRAINED_PAIRS
        ]
        for theta in (TRAINING.thetas if TRAINED_PAIRS else [])
    },
    "others": [[a, ""] for a in TRAINING.activations if a not in TRAINED_PAIRS]
    + [["positive", f"spherical_{number(b)}"] for b in TRAINING.spherical],
    "control": [[f"normalized_{psi}", ""] for psi in TRAINING.controls]
    + [
        [f"unit_{psi}", ""] for psi in TRAINING.controls if psi != "relu"
    ],  # ReLU (He) is its own twin
}
PERCEPTRONS = {
    "widths_" + "_".join(map(str, group)): [[width, TRAINING.depths] for width in group]
    for group in groups(TRAINING.widths, TRAINING.widths_per_job)
}
CONVOLUTIONAL = {"lenet": [[0, [0]]]}
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
        manifest=lambda wildcards: (
            []
            if wildcards.dataset == "digits"
            else f"data/raw/{wildcards.dataset}.json"
        ),
        code=code("train.py"),
    output:
        runs=TRAINING_FOLDER / "{dataset}.{group}.{part}.runs.parquet",
        curves=TRAINING_FOLDER / "{dataset}.{group}.{part}.curves.parquet",
        initial=TRAINING_FOLDER / "{dataset}.{group}.{part}.initial.parquet",
    log:
        log_of("train/{dataset}.{group}.{part}"),
    benchmark:
        benchmark_of("train/{dataset}.{group}.{part}")
    wildcard_constraints:
        dataset="digits|mnist|cifar10",
        part="widths_[0-9_]+|lenet",
    conda:
        "../../environment.yml"
    threads: 1
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
                "optimizers",
                "seeds",
                "batch_size",
                "validation_share",
                "initial_networks",
            }
        )
        | {
            "epochs": next(
                data.epochs
                for data in TRAINING.datasets
                if data.name == wildcards.dataset
            )
        },
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/train.py"


rule train_persistence:
    input:
        manifest=(
            []
            if TRAINING.persistence.dataset == "digits"
            else f"data/raw/{TRAINING.persistence.dataset}.json"
        ),
        code=code("train_persistence.py"),
    output:
        layers=TRAINING_FOLDER / "persistence.layers.parquet",
        runs=TRAINING_FOLDER / "persistence.runs.parquet",
    log:
        log_of("train_persistence"),
    benchmark:
        benchmark_of("train_persistence")
    conda:
        "../../environment.yml"
    threads: 1
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
                data.epochs
                for data in TRAINING.datasets
                if data.name == TRAINING.persistence.dataset
            ),
            "batch_size": TRAINING.batch_size,
            "validation_share": TRAINING.validation_share,
            "optimizer": TRAINING.optimizers[0].name,
            "learning_rates": TRAINING.optimizers[0].learning_rates,
        },
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/train_persistence.py"
