# Density of the factor Y of each weight law: exact, and fitted as in the paper.
DENSITY = cfg.density


PAPER_LAWS = weibull(cfg.thetas)
DRAWN_LAWS = [
    *dict.fromkeys([*PAPER_LAWS, "weibull_2", "spherical_0"])
]  # the limits: theta = 2, and weights +-1
FITTED_LAWS = [law for law in PAPER_LAWS if law != "weibull_2"]
EXTENDED_LAWS = [
    law for law in weibull(DENSITY.fitted.extended_thetas) if law != "weibull_2"
]  # not in networks

# Laws of all exact activations: of the figures, of what fits are compared with, of networks of later stages.
EXACT_LAWS = {
    *DRAWN_LAWS,
    *FITTED_LAWS,
    *EXTENDED_LAWS,
    *weibull(
        [
            *cfg.propagation.thetas,
            cfg.propagation.control_theta,
            cfg.edge_of_chaos.theta,
            *cfg.training.thetas,
            cfg.training.persistence.theta,
        ]
    ),
    *spherical([*cfg.propagation.spherical, *cfg.training.spherical]),
    "spherical_1",  # of the unified view of schemes
    "weibull_4",  # of a number that the paper states
}


rule derive_density:
    input:
        code=code("density/derive_density.py"),
    output:
        density=DATA / "density" / "exact" / "{law}.parquet",
    params:
        settings=DENSITY.model_dump(exclude={"fitted"}),
    script:
        "../scripts/density/derive_density.py"


rule fit_density:
    input:
        published="data/reference/fit_losses.csv",
        code=code("density/fit_density.py"),
    output:
        density=DATA / "density" / "fitted" / "{law}.parquet",
        fit=DATA / "density" / "fitted" / "{law}.json",
    params:
        settings=DENSITY.fitted.model_dump(exclude={"extended_thetas"}),
        grid=DENSITY.model_dump(exclude={"fitted"}),
    script:
        "../scripts/density/fit_density.py"


rule plot_density:
    input:
        tables=expand(rules.derive_density.output, law=DRAWN_LAWS),
        code=code("density/plot_density.py"),
    output:
        figure=drawn("density", "density", "Density of the factor Y"),
    params:
        y_max=DENSITY.y_max,
        dpi=cfg.figures.dpi,
    script:
        "../scripts/density/plot_density.py"


rule density:
    input:
        rules.plot_density.input,
        rules.plot_density.output,
        expand(rules.derive_density.output, law=sorted(EXACT_LAWS)),
        expand(rules.fit_density.output, law=FITTED_LAWS + EXTENDED_LAWS),
