# Companion paper: kernels of rectified layers, the same for all rotation-invariant laws of weights.
KERNELS = cfg.kernels
KERNEL_STUDY = KERNELS.model_dump()
KERNEL_FOLDER = DATA / "kernels"


rule kernel_simulate:
    input:
        code=code("kernels/kernel_simulate.py"),
    output:
        curves=KERNEL_FOLDER / "curves.parquet",
        finite_width=KERNEL_FOLDER / "finite_width.parquet",
        depth=KERNEL_FOLDER / "depth.parquet",
        gram=KERNEL_FOLDER / "gram.parquet",
        constants=KERNEL_FOLDER / "constants.parquet",
    log:
        log_of("kernel_simulate"),
    benchmark:
        benchmark_of("kernel_simulate")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=24 * 60,
    params:
        study={
            key: KERNEL_STUDY[key]
            for key in ("laws", "controls", "curves", "finite_width", "depth", "gram")
        },
        seed=cfg.seed,
    script:
        "../scripts/kernels/kernel_simulate.py"


rule kernel_errors:
    input:
        code=code("kernels/kernel_errors.py"),
    output:
        errors=KERNEL_FOLDER / "errors.parquet",
    log:
        log_of("kernel_errors"),
    benchmark:
        benchmark_of("kernel_errors")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=24 * 60,
    params:
        laws=KERNELS.independent,
        study={key: KERNEL_STUDY["errors"][key] for key in ("sizes", "evaluations")},
        seed=cfg.seed,
    script:
        "../scripts/kernels/kernel_errors.py"


rule kernel_inputs:
    input:
        neurons=rules.train_persistence.output.neurons,
        runs=rules.train_persistence.output.runs,
        manifests=[
            path
            for name in sorted({TRAINING.persistence.dataset, *KERNELS.datasets})
            for path in raw(name)
        ],
        code=code("kernels/kernel_inputs.py"),
    output:
        directions=KERNEL_FOLDER / "directions.parquet",
        images=KERNEL_FOLDER / "images.parquet",
        hypotheses=KERNEL_FOLDER / "hypotheses.parquet",
    log:
        log_of("kernel_inputs"),
    benchmark:
        benchmark_of("kernel_inputs")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=60,
        mirror=cfg.data_mirror or "",
    params:
        trained_on=TRAINING.persistence.dataset,
        study={"validation_share": TRAINING.validation_share},
        datasets=KERNELS.datasets,
        pairs=KERNELS.pairs,
        device="cpu",
        seed=cfg.seed,
    script:
        "../scripts/kernels/kernel_inputs.py"


rule table_kernels:
    input:
        curves=rules.kernel_simulate.output.curves,
        finite_width=rules.kernel_simulate.output.finite_width,
        depth=rules.kernel_simulate.output.depth,
        gram=rules.kernel_simulate.output.gram,
        errors=rules.kernel_errors.output.errors,
        directions=rules.kernel_inputs.output.directions,
        images=rules.kernel_inputs.output.images,
        hypotheses=rules.kernel_inputs.output.hypotheses,
        code=code("kernels/table_kernels.py"),
    output:
        laws=tabled(
            "kernel_laws",
            "Rectified MLPs",
            "Rotation-invariant laws",
            caption="kernel_laws_table",
        ),
        errors=tabled(
            "kernel_errors",
            "Rectified MLPs",
            "Kernels of independent weights",
            caption="kernel_errors_table",
        ),
        slopes=tabled(
            "kernel_slopes", "Rectified MLPs", "Rates of the central limit theorem"
        ),
        depth=tabled(
            "kernel_depth",
            "Rectified MLPs",
            "Angle of two inputs against depth",
            caption="kernel_depth_table",
        ),
        gram=tabled(
            "kernel_gram",
            "Rectified MLPs",
            "Gram matrices against depth",
            caption="kernel_gram_table",
        ),
        hypotheses=tabled(
            "kernel_hypotheses", "Rectified MLPs", "Hypotheses about inputs"
        ),
        claims=tabled("kernel_claims", "Rectified MLPs", "Claims with verdicts"),
        fits=KERNEL_FOLDER / "slopes.parquet",
        angles=KERNEL_FOLDER / "angles.parquet",
    log:
        log_of("table_kernels"),
    benchmark:
        benchmark_of("table_kernels")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        controls=KERNELS.controls,
        fit_from=KERNELS.errors.fit_from,
    script:
        "../scripts/kernels/table_kernels.py"


rule plot_kernels:
    input:
        curves=rules.kernel_simulate.output.curves,
        depth=rules.table_kernels.output.angles,
        gram=rules.kernel_simulate.output.gram,
        errors=rules.kernel_errors.output.errors,
        slopes=rules.table_kernels.output.fits,
        directions=rules.kernel_inputs.output.directions,
        images=rules.kernel_inputs.output.images,
        hypotheses=rules.kernel_inputs.output.hypotheses,
        code=code("kernels/plot_kernels.py"),
    output:
        curves=drawn("kernel_curves", "Rectified MLPs", "Kernels of seven laws"),
        errors=drawn(
            "kernel_errors", "Rectified MLPs", "Kernels of independent weights"
        ),
        depth=drawn(
            "kernel_depth", "Rectified MLPs", "Angle of two inputs against depth"
        ),
        gram=drawn("kernel_gram", "Rectified MLPs", "Gram matrices against depth"),
        inputs=drawn("kernel_inputs", "Rectified MLPs", "Images and trained rows"),
    log:
        log_of("plot_kernels"),
    benchmark:
        benchmark_of("plot_kernels")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        controls=KERNELS.controls,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/kernels/plot_kernels.py"


rule kernels:
    input:
        rules.plot_kernels.output,
        rules.table_kernels.output,
