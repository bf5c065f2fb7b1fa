# Companion paper: kernels of rectified layers, the same for all rotation-invariant laws of weights.
KERNELS = cfg.kernels
KERNEL_STUDY = KERNELS.model_dump()
KERNEL_FOLDER = DATA / "kernels"


rule kernel_simulate:
    input:
        code=code("kernel_simulate.py"),
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
        "../scripts/kernel_simulate.py"


rule kernel_errors:
    input:
        code=code("kernel_errors.py"),
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
        "../scripts/kernel_errors.py"


rule kernel_inputs:
    input:
        neurons=rules.train_persistence.output.neurons,
        runs=rules.train_persistence.output.runs,
        manifests=[
            f"data/raw/{name}.json"
            for name in sorted({TRAINING.persistence.dataset, *KERNELS.datasets})
            if name != "digits"
        ],
        code=code("kernel_inputs.py"),
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
        "../scripts/kernel_inputs.py"


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
        code=code("table_kernels.py"),
    output:
        laws=report(
            table("kernel_laws"),
            category="Kernels",
            caption="../report/kernel_laws_table.rst",
        ),
        errors=report(
            table("kernel_errors"),
            category="Kernels",
            caption="../report/kernel_errors_table.rst",
        ),
        slopes=report(
            table("kernel_slopes"),
            category="Kernels",
            caption="../report/kernel_slopes.rst",
        ),
        depth=report(
            table("kernel_depth"),
            category="Kernels",
            caption="../report/kernel_depth_table.rst",
        ),
        gram=report(
            table("kernel_gram"),
            category="Kernels",
            caption="../report/kernel_gram_table.rst",
        ),
        hypotheses=report(
            table("kernel_hypotheses"),
            category="Kernels",
            caption="../report/kernel_hypotheses.rst",
        ),
        claims=report(
            table("kernel_claims"),
            category="Kernels",
            caption="../report/kernel_claims.rst",
        ),
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
        "../scripts/table_kernels.py"


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
        code=code("plot_kernels.py"),
    output:
        curves=report(
            figure("kernel_curves"),
            category="Kernels",
            caption="../report/kernel_curves.rst",
        ),
        errors=report(
            figure("kernel_errors"),
            category="Kernels",
            caption="../report/kernel_errors.rst",
        ),
        depth=report(
            figure("kernel_depth"),
            category="Kernels",
            caption="../report/kernel_depth.rst",
        ),
        gram=report(
            figure("kernel_gram"),
            category="Kernels",
            caption="../report/kernel_gram.rst",
        ),
        inputs=report(
            figure("kernel_inputs"),
            category="Kernels",
            caption="../report/kernel_inputs.rst",
        ),
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
        "../scripts/plot_kernels.py"


rule kernels:
    input:
        rules.plot_kernels.output,
        rules.table_kernels.output,
