# Companion paper: exact signal law of ReLU networks, dynamical isometry by mirrored weights, training against depth.
RELU_LAW = cfg.relu_law
RELU_STUDY = RELU_LAW.model_dump()
RELU_FOLDER = DATA / "relu_law"
SCHEME_GROUPS = {
    "_and_".join(group): group
    for group in groups(
        ["he", "orthogonal", "mirrored_gaussian", "mirrored_orthogonal"],
        RELU_LAW.training.schemes_per_job,
    )
}


rule relu_law_theory:
    input:
        code=code("isometry/relu_law_theory.py"),
    output:
        density=RELU_FOLDER / "density.parquet",
        eigenvalues=RELU_FOLDER / "eigenvalues.parquet",
        stationary=RELU_FOLDER / "stationary.parquet",
        indices=RELU_FOLDER / "indices.parquet",
        constants=RELU_FOLDER / "constants.parquet",
    log:
        log_of("relu_law_theory"),
    benchmark:
        benchmark_of("relu_law_theory")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        study={
            key: RELU_STUDY[key] for key in ("law", "eigenvalue_widths", "stationary")
        },
    script:
        "../scripts/isometry/relu_law_theory.py"


rule relu_law_simulate:
    input:
        code=code("isometry/relu_law_simulate.py"),
    output:
        histogram=RELU_FOLDER / "histogram.parquet",
        ks=RELU_FOLDER / "ks.parquet",
        deviations=RELU_FOLDER / "deviations.parquet",
        correlations=RELU_FOLDER / "correlations.parquet",
        paths=RELU_FOLDER / "paths.parquet",
        singular_values=RELU_FOLDER / "singular_values.parquet",
        jacobians=RELU_FOLDER / "jacobians.parquet",
    log:
        log_of("relu_law_simulate"),
    benchmark:
        benchmark_of("relu_law_simulate")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=int(2500 + 2 * RELU_LAW.memory_mb),
        batch_mb=int(RELU_LAW.memory_mb),  # not a parameter: it changes no number
        runtime=24 * 60,
        gpu=cfg.gpus,
    params:
        study={
            key: RELU_STUDY[key]
            for key in ("law", "deviations", "correlations", "jacobian")
        },
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/isometry/relu_law_simulate.py"


rule isometry_train:
    input:
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("isometry/isometry_train.py"),
    output:
        runs=RELU_FOLDER / "{dataset}.{schemes}.runs.parquet",
        curves=RELU_FOLDER / "{dataset}.{schemes}.curves.parquet",
    log:
        log_of("isometry_train/{dataset}.{schemes}"),
    benchmark:
        benchmark_of("isometry_train/{dataset}.{schemes}")
    wildcard_constraints:
        dataset="|".join(DATASETS),
        schemes="[a-z_]+",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=7 * 24 * 60,
        mirror=cfg.data_mirror or "",
        gpu=cfg.gpus,
    params:
        schemes=lambda wildcards: SCHEME_GROUPS[wildcards.schemes],
        depths=RELU_LAW.training.depths,
        study=lambda wildcards: RELU_LAW.training.model_dump(
            include={"width", "optimizer", "seeds", "batch_size", "validation_share"}
        )
        | {
            "epochs": next(
                data.epochs
                for data in RELU_LAW.training.datasets
                if data.name == wildcards.dataset
            )
        },
        device=cfg.device,
        seed=cfg.seed,
    script:
        "../scripts/isometry/isometry_train.py"


rule table_relu_law:
    input:
        ks=rules.relu_law_simulate.output.ks,
        deviations=rules.relu_law_simulate.output.deviations,
        eigenvalues=rules.relu_law_theory.output.eigenvalues,
        indices=rules.relu_law_theory.output.indices,
        correlations=rules.relu_law_simulate.output.correlations,
        jacobians=rules.relu_law_simulate.output.jacobians,
        runs=expand(
            rules.isometry_train.output.runs,
            dataset=[data.name for data in RELU_LAW.training.datasets],
            schemes=SCHEME_GROUPS,
        ),
        curves=expand(
            rules.isometry_train.output.curves,
            dataset=[data.name for data in RELU_LAW.training.datasets],
            schemes=SCHEME_GROUPS,
        ),
        code=code("isometry/table_relu_law.py"),
    output:
        deviations=tabled(
            "relu_law_deviations",
            "Dynamical isometry",
            "Deviations from mean field",
            caption="relu_law_deviations_table",
        ),
        training=tabled(
            "isometry_training",
            "Dynamical isometry",
            "Training by scheme and depth",
            caption="isometry_training_table",
        ),
        comparisons=tabled(
            "isometry_comparisons",
            "Dynamical isometry",
            "Mirrored orthogonal against others",
        ),
        jacobians=tabled(
            "isometry_jacobians", "Dynamical isometry", "Singular values of Jacobians"
        ),
        claims=tabled("relu_law_claims", "Dynamical isometry", "Claims with verdicts"),
        cells=RELU_FOLDER / "cells.parquet",
        chosen=RELU_FOLDER / "chosen.parquet",
        loss=RELU_FOLDER / "loss.parquet",
    log:
        log_of("table_relu_law"),
    benchmark:
        benchmark_of("table_relu_law")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../scripts/isometry/table_relu_law.py"


rule plot_relu_law:
    input:
        density=rules.relu_law_theory.output.density,
        eigenvalues=rules.relu_law_theory.output.eigenvalues,
        stationary=rules.relu_law_theory.output.stationary,
        indices=rules.relu_law_theory.output.indices,
        histogram=rules.relu_law_simulate.output.histogram,
        ks=rules.relu_law_simulate.output.ks,
        deviations=rules.relu_law_simulate.output.deviations,
        correlations=rules.relu_law_simulate.output.correlations,
        paths=rules.relu_law_simulate.output.paths,
        singular_values=rules.relu_law_simulate.output.singular_values,
        jacobians=rules.relu_law_simulate.output.jacobians,
        cells=rules.table_relu_law.output.cells,
        chosen=rules.table_relu_law.output.chosen,
        loss=rules.table_relu_law.output.loss,
        code=code("isometry/plot_relu_law.py"),
    output:
        density=drawn(
            "relu_law_density", "Dynamical isometry", "Law of the squared norm"
        ),
        deviations=drawn(
            "relu_law_deviations", "Dynamical isometry", "Deviations from mean field"
        ),
        eigenvalues=drawn(
            "relu_law_eigenvalues",
            "Dynamical isometry",
            "Transfer operator and stationary law",
        ),
        correlations=drawn(
            "relu_law_correlations", "Dynamical isometry", "Correlation of two inputs"
        ),
        singular_values=drawn(
            "isometry_singular_values",
            "Dynamical isometry",
            "Singular values of Jacobians",
        ),
        training=drawn(
            "isometry_training", "Dynamical isometry", "Training by scheme and depth"
        ),
    log:
        log_of("plot_relu_law"),
    benchmark:
        benchmark_of("plot_relu_law")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/isometry/plot_relu_law.py"


rule relu_law:
    input:
        rules.plot_relu_law.output,
        rules.table_relu_law.output,
