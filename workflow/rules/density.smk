# Density of the factor Y of each weight law: exact, and fitted as in the paper.
PAPER_LAWS = [f"weibull_{number(theta)}" for theta in cfg.thetas]
LIMITS = ["weibull_2", "spherical_0"]  # theta = 2, and weights +-1: theta = infinity
LAWS = PAPER_LAWS + [law for law in LIMITS if law not in PAPER_LAWS]
FITTED_LAWS = [f"weibull_{number(theta)}" for theta in cfg.thetas if theta > 2]
EXTENDED_LAWS = [f"weibull_{number(theta)}" for theta in cfg.density.fitted.extended_thetas if theta > 2]


rule derive_density:
    input:
        code=code("density/derive_density.py"),
    output:
        tables=[str(DATA / "density" / "exact" / f"{law}.parquet") for law in LAWS],
    params:
        laws=LAWS,
        settings=cfg.density.model_dump(exclude={"fitted"}),
    script:
        "../scripts/density/derive_density.py"


rule plot_density:
    input:
        tables=rules.derive_density.output.tables,
        code=code("density/plot_density.py"),
    output:
        figure=drawn("density", "density", "Density of the factor Y"),
    params:
        dpi=cfg.figures.dpi,
    script:
        "../scripts/density/plot_density.py"


rule fit_density:
    input:
        published="data/reference/fit_losses.csv",
        code=code("density/fit_density.py"),
    output:
        density=DATA / "density" / "fitted" / "{law}.json",
    params:
        settings=cfg.density.fitted.model_dump(exclude={"extended_thetas"}),
    script:
        "../scripts/density/fit_density.py"


rule density:
    input:
        rules.derive_density.output,
        rules.plot_density.output,
        expand(rules.fit_density.output, law=FITTED_LAWS + EXTENDED_LAWS),
