# Companion paper: exact signal law of ReLU networks, dynamical isometry by mirrored weights, training against depth.
ISOMETRY = cfg.isometry
ISOMETRY_STUDY = ISOMETRY.model_dump()
ISOMETRY_FOLDER = DATA / "isometry"
SCHEME_GROUPS = {
    "_and_".join(group): group
    for group in groups(
        ["he", "orthogonal", "mirrored_gaussian", "mirrored_orthogonal"],
        ISOMETRY.training.schemes_per_job,
    )
}


rule derive_isometry:
    input:
        code=code("isometry/derive_isometry.py"),
    output:
        density=ISOMETRY_FOLDER / "density.parquet",
        eigenvalues=ISOMETRY_FOLDER / "eigenvalues.parquet",
        stationary=ISOMETRY_FOLDER / "stationary.parquet",
        indices=ISOMETRY_FOLDER / "indices.parquet",
        constants=ISOMETRY_FOLDER / "constants.parquet",
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        study={key: ISOMETRY_STUDY[key] for key in ("law", "eigenvalue_widths", "stationary")},
    script:
        "../scripts/isometry/derive_isometry.py"


rule simulate_isometry:
    input:
        code=code("isometry/simulate_isometry.py"),
    output:
        histogram=ISOMETRY_FOLDER / "histogram.parquet",
        ks=ISOMETRY_FOLDER / "ks.parquet",
        deviations=ISOMETRY_FOLDER / "deviations.parquet",
        units=ISOMETRY_FOLDER / "units.parquet",
        largest=ISOMETRY_FOLDER / "largest.parquet",
        shapes=ISOMETRY_FOLDER / "shapes.parquet",
        correlations=ISOMETRY_FOLDER / "correlations.parquet",
        paths=ISOMETRY_FOLDER / "paths.parquet",
        singular_values=ISOMETRY_FOLDER / "singular_values.parquet",
        jacobians=ISOMETRY_FOLDER / "jacobians.parquet",
    resources:
        mem_mb=int(2500 + 2 * ISOMETRY.memory_mb),
        batch_mb=int(ISOMETRY.memory_mb),  # not a parameter: it changes no number
        runtime=24 * 60,
        gpu=cfg.gpus,
    params:
        study={
            key: ISOMETRY_STUDY[key]
            for key in ("law", "deviations", "joint", "shapes", "correlations", "jacobian")
        },
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/isometry/simulate_isometry.py"


rule train_isometry:
    input:
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("isometry/train_isometry.py"),
    output:
        runs=ISOMETRY_FOLDER / "{dataset}.{schemes}.runs.parquet",
        curves=ISOMETRY_FOLDER / "{dataset}.{schemes}.curves.parquet",
    wildcard_constraints:
        dataset="|".join(DATASETS),
        schemes="[a-z_]+",
    resources:
        mem_mb=6000,
        runtime=7 * 24 * 60,
        mirror=cfg.data_mirror or "",
        gpu=cfg.gpus,
    params:
        schemes=lambda wildcards: SCHEME_GROUPS[wildcards.schemes],
        depths=ISOMETRY.training.depths,
        study=lambda wildcards: ISOMETRY.training.model_dump(
            include={"width", "optimizer", "seeds", "race", "batch_size", "validation_share"}
        )
        | {
            "epochs": next(
                data.epochs for data in ISOMETRY.training.datasets if data.name == wildcards.dataset
            )
        },
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/isometry/train_isometry.py"


rule analyse_isometry:
    input:
        runs=expand(
            rules.train_isometry.output.runs,
            dataset=[data.name for data in ISOMETRY.training.datasets],
            schemes=SCHEME_GROUPS,
        ),
        curves=expand(
            rules.train_isometry.output.curves,
            dataset=[data.name for data in ISOMETRY.training.datasets],
            schemes=SCHEME_GROUPS,
        ),
        deviations=rules.simulate_isometry.output.deviations,
        units=rules.simulate_isometry.output.units,
        largest=rules.simulate_isometry.output.largest,
        shapes=rules.simulate_isometry.output.shapes,
        ks=rules.simulate_isometry.output.ks,
        correlations=rules.simulate_isometry.output.correlations,
        jacobians=rules.simulate_isometry.output.jacobians,
        eigenvalues=rules.derive_isometry.output.eigenvalues,
        code=code("isometry/analyse_isometry.py"),
    output:
        cells=ISOMETRY_FOLDER / "cells.parquet",
        chosen=ISOMETRY_FOLDER / "chosen.parquet",
        loss=ISOMETRY_FOLDER / "loss.parquet",
        comparisons=ISOMETRY_FOLDER / "comparisons.parquet",
        laws=ISOMETRY_FOLDER / "laws.parquet",
        norms=ISOMETRY_FOLDER / "norms.parquet",
        unit_scores=ISOMETRY_FOLDER / "unit_scores.parquet",
        unit_tests=ISOMETRY_FOLDER / "unit_tests.parquet",
        shape_tests=ISOMETRY_FOLDER / "shape_tests.parquet",
        roots=ISOMETRY_FOLDER / "roots.parquet",
        angles=ISOMETRY_FOLDER / "angles.parquet",
        spectra=ISOMETRY_FOLDER / "spectra.parquet",
    script:
        "../scripts/isometry/analyse_isometry.py"


rule table_isometry:
    input:
        **made_by(rules.analyse_isometry),
        indices=rules.derive_isometry.output.indices,
        code=code("isometry/table_isometry.py"),
    output:
        deviations=tabled(
            "isometry",
            "deviations",
            "Deviations from mean field",
            caption="deviations_table",
        ),
        units=tabled("isometry", "units", "Two units of a layer"),
        shapes=tabled("isometry", "shapes", "Shapes of stationary laws"),
        training=tabled(
            "isometry",
            "training",
            "Training by scheme and depth",
            caption="training_table",
        ),
        comparisons=tabled("isometry", "comparisons", "Mirrored orthogonal against others"),
        jacobians=tabled("isometry", "jacobians", "Singular values of Jacobians"),
        claims=tabled("isometry", "claims", "Claims with verdicts"),
    script:
        "../scripts/isometry/table_isometry.py"


rule plot_isometry:
    input:
        **made_by(rules.derive_isometry, rules.simulate_isometry, rules.analyse_isometry),
        code=code("isometry/plot_isometry.py"),
    output:
        density=drawn("isometry", "density", "Law of the squared norm"),
        deviations=drawn("isometry", "deviations", "Deviations from mean field"),
        eigenvalues=drawn("isometry", "eigenvalues", "Transfer operator and stationary law"),
        correlations=drawn("isometry", "correlations", "Correlation of two inputs"),
        singular_values=drawn("isometry", "singular_values", "Singular values of Jacobians"),
        training=drawn("isometry", "training", "Training by scheme and depth"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/isometry/plot_isometry.py"


rule isometry:
    input:
        rules.analyse_isometry.input,
        rules.table_isometry.input,
        rules.table_isometry.output,
        rules.plot_isometry.input,
        rules.plot_isometry.output,
