# What one asks for by name, beside the stages (each in its file): papers, and kinds of results.
rule gaussian_preactivations:
    input:
        rules.density.input,
        rules.activation.input,
        rules.propagation.input,
        rules.edge_of_chaos.input,
        rules.training.input,
        pages(
            "density",
            "activation",
            "two_layer",
            "propagation",
            "edge_of_chaos",
            "training",
        ),


rule dynamical_isometry:
    input:
        rules.isometry.input,
        pages("isometry"),


rule rectified_mlps:
    input:
        rules.kernels.input,
        pages("kernels"),


rule fractional_moments:
    input:
        rules.fractional.input,
        pages("fractional"),


rule companions:
    input:
        rules.isometry.input,
        rules.kernels.input,
        rules.fractional.input,


rule figures:
    input:
        of_stages(FIGURES),
        rules.plot_rule_graph.output,


rule tables:
    input:
        of_stages(TABLES),


# A missing intermediate is made anew, also where nothing that was made from it is out of date.
rule intermediates:
    input:
        of_stages(DATA),
