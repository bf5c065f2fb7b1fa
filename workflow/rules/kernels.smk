# Companion paper: kernels of rectified layers, the same for all rotation-invariant laws of weights.
KERNELS = cfg.kernels
KERNEL_STUDY = KERNELS.model_dump()
KERNEL_FOLDER = DATA / "kernels"
KERNEL_TRAINING = KERNELS.training


rule simulate_kernels:
    input:
        code=code("kernels/simulate_kernels.py"),
    output:
        curves=KERNEL_FOLDER / "curves.parquet",
        finite_width=KERNEL_FOLDER / "finite_width.parquet",
        depth=KERNEL_FOLDER / "depth.parquet",
        gram=KERNEL_FOLDER / "gram.parquet",
        constants=KERNEL_FOLDER / "constants.parquet",
        degrees=KERNEL_FOLDER / "degrees.parquet",
    resources:
        mem_mb=3000,
        runtime=24 * 60,
    params:
        study={
            key: KERNEL_STUDY[key]
            for key in ("laws", "controls", "degrees", "curves", "finite_width", "depth", "gram")
        },
        seed=cfg.seed,
    script:
        "../scripts/kernels/simulate_kernels.py"


rule simulate_kernel_errors:
    input:
        code=code("kernels/simulate_kernel_errors.py"),
    output:
        errors=KERNEL_FOLDER / "errors.parquet",
        tail_errors=KERNEL_FOLDER / "tail_errors.parquet",
        smooth_errors=KERNEL_FOLDER / "smooth_errors.parquet",
    resources:
        mem_mb=1500,
        runtime=24 * 60,
    params:
        laws=KERNELS.independent,
        study={key: KERNEL_STUDY["errors"][key] for key in ("sizes", "evaluations", "grow_from")},
        sums=KERNEL_STUDY["sums"],
        seed=cfg.seed,
    script:
        "../scripts/kernels/simulate_kernel_errors.py"


rule analyse_kernel_inputs:
    input:
        neurons=rules.train_persistence.output.neurons,
        runs=rules.train_persistence.output.runs,
        manifests=[
            path for name in sorted({TRAINING.persistence.dataset, *KERNELS.datasets}) for path in raw(name)
        ],
        code=code("kernels/analyse_kernel_inputs.py"),
    output:
        directions=KERNEL_FOLDER / "directions.parquet",
        images=KERNEL_FOLDER / "images.parquet",
        layers=KERNEL_FOLDER / "layers.parquet",
        hypotheses=KERNEL_FOLDER / "hypotheses.parquet",
    resources:
        mem_mb=6000,
        runtime=60,
        mirror=cfg.data_mirror or "",
    params:
        trained_on=TRAINING.persistence.dataset,
        study={"validation_share": TRAINING.validation_share},
        datasets=KERNELS.datasets,
        pairs=KERNELS.pairs,
        angles=KERNELS.angles,
        data_pairs=KERNELS.data_pairs,
        seed=cfg.seed,
    script:
        "../scripts/kernels/analyse_kernel_inputs.py"


rule train_kernels:
    input:
        manifest=lambda wildcards: raw(wildcards.dataset),
        code=code("kernels/train_kernels.py"),
    output:
        runs=KERNEL_FOLDER / "{dataset}.runs.parquet",
        curves=KERNEL_FOLDER / "{dataset}.curves.parquet",
    wildcard_constraints:
        dataset="|".join(DATASETS),
    resources:
        mem_mb=6000,
        runtime=7 * 24 * 60,
        mirror=cfg.data_mirror or "",
        gpu=cfg.gpus,
    params:
        laws=KERNEL_TRAINING.laws,
        widths=KERNEL_TRAINING.widths,
        study=lambda wildcards: KERNEL_TRAINING.model_dump(exclude={"laws", "widths", "datasets"})
        | {
            "epochs": next(
                data.epochs for data in KERNEL_TRAINING.datasets if data.name == wildcards.dataset
            )
        },
        gpu=cfg.gpu,
        seed=cfg.seed,
    script:
        "../scripts/kernels/train_kernels.py"


rule analyse_kernels:
    input:
        **made_by(rules.simulate_kernels, rules.simulate_kernel_errors),
        runs=expand(
            rules.train_kernels.output.runs,
            dataset=[data.name for data in KERNEL_TRAINING.datasets],
        ),
        code=code("kernels/analyse_kernels.py"),
    output:
        law_deviations=KERNEL_FOLDER / "law_deviations.parquet",
        degree_deviations=KERNEL_FOLDER / "degree_deviations.parquet",
        scores=KERNEL_FOLDER / "scores.parquet",
        training=KERNEL_FOLDER / "training.parquet",
        slopes=KERNEL_FOLDER / "slopes.parquet",
        tail_rates=KERNEL_FOLDER / "tail_rates.parquet",
        smooth_rates=KERNEL_FOLDER / "smooth_rates.parquet",
        angles=KERNEL_FOLDER / "angles.parquet",
    params:
        fit_from=KERNELS.errors.fit_from,
    script:
        "../scripts/kernels/analyse_kernels.py"


rule table_kernels:
    input:
        **made_by(rules.analyse_kernel_inputs, rules.analyse_kernels),
        gram=rules.simulate_kernels.output.gram,
        code=code("kernels/table_kernels.py"),
    output:
        laws=tabled("kernels", "laws", "Rotation-invariant laws", caption="laws_table"),
        degrees=tabled("kernels", "degrees", "Multivariate t rows"),
        errors=tabled(
            "kernels",
            "errors",
            "Kernels of independent weights",
            caption="errors_table",
        ),
        training=tabled("kernels", "training", "Training from other laws of rows"),
        slopes=tabled("kernels", "slopes", "Rates of the central limit theorem"),
        depth=tabled(
            "kernels",
            "depth",
            "Angle of two inputs against depth",
            caption="depth_table",
        ),
        gram=tabled("kernels", "gram", "Gram matrices against depth", caption="gram_table"),
        hypotheses=tabled("kernels", "hypotheses", "Hypotheses about inputs"),
        claims=tabled("kernels", "claims", "Claims with verdicts"),
    params:
        controls=KERNELS.controls,
    script:
        "../scripts/kernels/table_kernels.py"


rule plot_kernels:
    input:
        **made_by(
            rules.simulate_kernels,
            rules.simulate_kernel_errors,
            rules.analyse_kernel_inputs,
            rules.analyse_kernels,
        ),
        code=code("kernels/plot_kernels.py"),
    output:
        curves=drawn("kernels", "curves", "Kernels of seven laws"),
        errors=drawn("kernels", "errors", "Kernels of independent weights"),
        depth=drawn("kernels", "depth", "Angle of two inputs against depth"),
        gram=drawn("kernels", "gram", "Gram matrices against depth"),
        inputs=drawn("kernels", "inputs", "Images and trained rows"),
    params:
        controls=KERNELS.controls,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/kernels/plot_kernels.py"


rule kernels:
    input:
        rules.analyse_kernels.input,
        expand(
            rules.train_kernels.output.curves,
            dataset=[data.name for data in KERNEL_TRAINING.datasets],
        ),
        rules.table_kernels.input,
        rules.table_kernels.output,
        rules.plot_kernels.input,
        rules.plot_kernels.output,
