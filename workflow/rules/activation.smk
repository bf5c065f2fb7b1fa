# Activations: exact, fitted as in the paper, what the fit costs in accuracy; constraints of pairs.
ACTIVATION = cfg.activation
GRID = ACTIVATION.model_dump(include={"x_max", "n_points"})
FITTED = DATA / "activation" / "fitted"


rule derive_activation:
    input:
        code=code("activation/derive_activation.py"),
    output:
        tables=[str(DATA / "activation" / "exact" / f"{law}.parquet") for law in LAWS],
    params:
        laws=LAWS,
        settings=GRID,
    script:
        "../scripts/activation/derive_activation.py"


rule fit_activation:
    input:
        density=rules.fit_density.output.density,
        code=code("activation/fit_activation.py"),
    output:
        table=FITTED / "{law}.interpolated.parquet",
        activation=FITTED / "{law}.json",
    params:
        kinds=lambda wildcards: (["odd"] if wildcards.law in EXTENDED_LAWS else ["odd", "positive"]),
        settings=ACTIVATION.fitted.model_dump(exclude={"product_samples"}),
    script:
        "../scripts/activation/fit_activation.py"


rule plot_activation:
    input:
        tables=rules.derive_activation.output.tables,
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
        activation=rules.fit_activation.output.activation,
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
        densities=expand(rules.fit_density.output.density, law=FITTED_LAWS + EXTENDED_LAWS),
        activations=expand(rules.fit_activation.output.activation, law=FITTED_LAWS + EXTENDED_LAWS),
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
        densities=expand(rules.fit_density.output.density, law=FITTED_LAWS),
        activations=expand(rules.fit_activation.output.activation, law=FITTED_LAWS),
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
    script:
        "../scripts/activation/table_constraints.py"


rule constraints:
    input:
        rules.table_constraints.input,
        rules.table_constraints.output,


rule activation:
    input:
        rules.derive_activation.output,
        rules.plot_activation.output,
        rules.table_activation.input,
        rules.table_activation.output,
        rules.plot_fitted.input,
        rules.plot_fitted.output,
        rules.plot_fit_losses.output,
        rules.constraints.input,
