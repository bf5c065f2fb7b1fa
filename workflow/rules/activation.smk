# Activations: exact, fitted as in the paper, what the fit costs in accuracy; constraints of pairs.
ACTIVATION = cfg.activation
GRID = ACTIVATION.model_dump(include={"x_max", "n_points"})
EXACT, FITTED = (DATA / "activation" / route for route in ("exact", "fitted"))


rule derive_activation:
    input:
        density=rules.derive_density.output.density,
        code=code("activation/derive_activation.py"),
    output:
        odd=EXACT / "{law}.odd.parquet",
        positive=EXACT / "{law}.positive.parquet",
        curves=EXACT / "{law}.curves.parquet",
    params:
        **GRID,
    script:
        "../scripts/activation/derive_activation.py"


rule fit_activation:
    input:
        density=rules.fit_density.output.density,
        code=code("activation/fit_activation.py"),
    output:
        odd=FITTED / "{law}.odd.parquet",
        positive=FITTED / "{law}.positive.parquet",
        coupling=FITTED / "{law}.coupling.parquet",
        fit=FITTED / "{law}.json",
    params:
        settings=ACTIVATION.fitted.model_dump(exclude={"product_samples"}),
    script:
        "../scripts/activation/fit_activation.py"


rule plot_activation:
    input:
        curves=expand(rules.derive_activation.output.curves, law=DRAWN_LAWS),
        code=code("activation/plot_activation.py"),
    output:
        figure=drawn("activation", "exact", "Exact activations"),
    params:
        x_zoom=ACTIVATION.x_zoom,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/activation/plot_activation.py"


rule analyse_fit:
    input:
        density=rules.fit_density.output.density,
        exact_density=rules.derive_density.output.density,
        tables=[rules.derive_activation.output.odd, rules.derive_activation.output.positive],
        fit=rules.fit_activation.output.fit,
        code=code("activation/analyse_fit.py"),
    output:
        assessment=FITTED / "{law}.assessment.parquet",
        curves=FITTED / "{law}.curves.parquet",
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        product_samples=ACTIVATION.fitted.product_samples,
        grid=GRID | {"y_max": cfg.density.y_max},
        seed=cfg.seed,
    script:
        "../scripts/activation/analyse_fit.py"


rule table_activation:
    input:
        densities=expand(rules.fit_density.output.fit, law=FITTED_LAWS + EXTENDED_LAWS),
        assessments=expand(rules.analyse_fit.output.assessment, law=FITTED_LAWS + EXTENDED_LAWS),
        published="data/reference/fit_losses.csv",
        code=code("activation/table_activation.py"),
    output:
        table=tabled("activation", "fitted", "Fitted against exact", caption="fitted_table"),
    script:
        "../scripts/activation/table_activation.py"


rule plot_fitted:
    input:
        curves=expand(rules.analyse_fit.output.curves, law=FITTED_LAWS),
        code=code("activation/plot_fitted.py"),
    output:
        figure=drawn("activation", "fitted", "Fitted against exact"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/activation/plot_fitted.py"


rule plot_fit_losses:
    input:
        densities=expand(rules.fit_density.output.fit, law=FITTED_LAWS),
        activations=expand(rules.fit_activation.output.fit, law=FITTED_LAWS),
        published="data/reference/fit_losses.csv",
        code=code("activation/plot_fit_losses.py"),
    output:
        figure=drawn("activation", "fit_losses", "Losses of the fits"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/activation/plot_fit_losses.py"


rule check_constraints:
    input:
        code=code("activation/check_constraints.py"),
    output:
        table=DATA / "activation" / "constraints.parquet",
    params:
        laws=ACTIVATION.constraints.laws,
    script:
        "../scripts/activation/check_constraints.py"


rule table_constraints:
    input:
        table=rules.check_constraints.output.table,
        code=code("activation/table_constraints.py"),
    output:
        table=tabled("activation", "constraints", "Four necessary constraints of pairs"),
        claims=tabled("activation", "claims", "Claims with verdicts"),
    script:
        "../scripts/activation/table_constraints.py"


rule constraints:
    input:
        rules.table_constraints.input,
        rules.table_constraints.output,


FITTED_NETWORK_LAWS = {
    law
    for stage, thetas in (
        (cfg.propagation, cfg.propagation.fitted_thetas),
        (cfg.edge_of_chaos, [cfg.edge_of_chaos.theta]),
        (cfg.training, cfg.training.fitted_thetas),
    )
    if "fitted" in stage.route
    for law in weibull(thetas)
}


rule activation:
    input:
        expand(rules.derive_activation.output, law=sorted(EXACT_LAWS)),
        expand(rules.fit_activation.output, law=sorted({*FITTED_LAWS, *EXTENDED_LAWS, *FITTED_NETWORK_LAWS})),
        expand(rules.analyse_fit.output, law=FITTED_LAWS + EXTENDED_LAWS),
        rules.plot_activation.input,
        rules.plot_activation.output,
        rules.table_activation.input,
        rules.table_activation.output,
        rules.plot_fitted.input,
        rules.plot_fitted.output,
        rules.plot_fit_losses.output,
        rules.constraints.input,
