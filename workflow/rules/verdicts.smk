# Published numbers beside ours with verdicts; the statements of all stages.
CLAIMED = ["activation", "propagation", "edge_of_chaos", "training", "isometry", "kernels", "fractional"]


rule table_verdicts:
    input:
        points=ALL_POINTS,
        densities=expand(rules.fit_density.output.fit, law=FITTED_LAWS),
        assessments=expand(rules.analyse_fit.output.assessment, law=FITTED_LAWS),
        constants=rules.derive_edge_of_chaos.output.constants,
        ranges=rules.derive_edge_of_chaos.output.ranges,
        isometry_constants=rules.derive_isometry.output.constants,
        isometry_ks=rules.simulate_isometry.output.ks,
        jacobians=rules.simulate_isometry.output.jacobians,
        kernel_constants=rules.simulate_kernels.output.constants,
        kernel_slopes=rules.analyse_kernels.output.slopes,
        fractional_constants=rules.simulate_fractional.output.constants,
        fractional_slopes=rules.analyse_fractional.output.slopes,
        fractional_tails=rules.simulate_fractional.output.tails,
        claims=[TABLES / f"{stage}_claims.csv" for stage in CLAIMED],
        published="data/reference/fig11_sweep_iii.csv",
        published_losses="data/reference/fit_losses.csv",
        code=code("verdicts/table_verdicts.py"),
    output:
        table=tabled("verdicts", "numbers", "Published numbers and ours"),
        claims=tabled("verdicts", "claims", "Statements of all papers"),
        blocks=tabled("verdicts", "blocks", "Numbers of one kind together"),
        verdicts=tabled("verdicts", "counts", "Counted by paper"),
    script:
        "../scripts/verdicts/table_verdicts.py"


rule verdicts:
    input:
        rules.table_verdicts.output,
