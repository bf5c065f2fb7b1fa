# Which constraint fails for common pairs of weight law and activation.
CONSTRAINT_LAWS = ["spherical_1", "normal"] + [
    f"weibull_{number(t)}" for t in cfg.constraints.thetas
]


rule check_constraints:
    input:
        code=code("activation/check_constraints.py"),
    output:
        table=DATA / "constraints" / "constraints.parquet",
    log:
        log_of("check_constraints"),
    benchmark:
        benchmark_of("check_constraints")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        laws=CONSTRAINT_LAWS,
    script:
        "../scripts/activation/check_constraints.py"


rule table_constraints:
    input:
        table=rules.check_constraints.output.table,
        code=code("activation/table_constraints.py"),
    output:
        table=tabled(
            "constraints", "Exact pairs", "Four necessary constraints of pairs"
        ),
    log:
        log_of("table_constraints"),
    benchmark:
        benchmark_of("table_constraints")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/activation/table_constraints.py"


rule constraints:
    input:
        rules.table_constraints.output,
