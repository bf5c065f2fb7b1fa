# What one asks for by name, beside the stages (each in its file): papers, and kinds of results.
rule gaussian_preactivations:
    input:
        rules.exact.input,
        rules.constraints.input,
        rules.ks_study.input,
        rules.fitted.input,
        rules.propagation.input,
        rules.edge_of_chaos.input,
        rules.training.input,
        pages(
            "density_and_activations",
            "two_layer_study",
            "fitted_activations",
            "propagation",
            "edge_of_chaos",
            "training",
        ),


rule dynamical_isometry:
    input:
        rules.relu_law.input,
        pages("dynamical_isometry"),


rule rectified_mlps:
    input:
        rules.kernels.input,
        pages("kernels"),


rule fractional_moments:
    input:
        rules.heavy_tails.input,
        pages("heavy_tails"),


rule companions:
    input:
        rules.relu_law.input,
        rules.kernels.input,
        rules.heavy_tails.input,


rule figures:
    input:
        rules.exact.input,
        rules.plot_ks_two_layer.output,
        rules.plot_fitted.output,
        rules.plot_fit_losses.output,
        rules.plot_depth.output,
        rules.plot_dependence.output,
        expand(rules.plot_correlations.output, dataset=CORRELATIONS.datasets),
        rules.plot_edge_of_chaos.output,
        TRAINING_FIGURES,
        rules.plot_persistence.output,
        rules.plot_relu_law.output,
        rules.plot_kernels.output,
        rules.plot_heavy_tails.output,
        rules.plot_rule_graph.output,


rule tables:
    input:
        rules.table_ks_two_layer.output,
        rules.table_constraints.output,
        rules.table_fitted.output,
        rules.table_propagation.output,
        rules.table_edge_of_chaos.output,
        rules.table_training.output,
        rules.table_relu_law.output,
        rules.table_kernels.output,
        rules.table_heavy_tails.output,
        rules.table_replication.output,


# What tables and figures read: a missing one is made anew, also where nothing that was made from it is out of date.
rule intermediates:
    input:
        rules.exact_pairs.output,
        rules.plot_ks_two_layer.input,
        rules.table_ks_two_layer.input,
        rules.table_constraints.input,
        rules.table_fitted.input,
        rules.plot_fitted.input,
        rules.table_propagation.input,
        rules.plot_depth.input,
        expand(rules.correlate.output, dataset=CORRELATIONS.datasets),
        rules.table_edge_of_chaos.input,
        rules.plot_edge_of_chaos.input,
        rules.table_training.input,
        rules.plot_training.input,
        rules.plot_persistence.input,
        rules.table_relu_law.input,
        rules.plot_relu_law.input,
        rules.kernel_inputs.input,
        rules.table_kernels.input,
        rules.plot_kernels.input,
        rules.table_heavy_tails.input,
        rules.plot_heavy_tails.input,
        rules.table_replication.input,
