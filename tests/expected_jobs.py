"""Jobs of the smoke scale by what they follow from, for the tests of what runs after which change."""

CELLS = ["weibull_2.05", "weibull_4", "relu", "tanh"]
FITTED = ["weibull_2.05", "weibull_4"]
EXTENDED = ["weibull_6"]


def each(rule, values):
    return {(rule, value) for value in values}


KS_PLOTS = {("plot_ks_two_layer", "")}
AFTER_EXACT = {("plot_density", ""), ("plot_activations", "")}
AFTER_KS = KS_PLOTS | {("table_ks_two_layer", ""), ("table_replication", "")}
AFTER_FITS = {("table_fitted", ""), ("plot_fitted", ""), ("plot_fit_losses", "")}
DEPTH_CELLS = ["weibull_4", "relu", "tanh", "control"]
STUDY = each("propagate", [f"{cell},3_10" for cell in DEPTH_CELLS])
AFTER_STUDY = {(rule, "") for rule in ("plot_depth", "plot_dependence", "table_propagation")}
EOC_SHOWN = {("plot_edge_of_chaos", ""), ("table_edge_of_chaos", "")}
EOC = {("eoc_theory", ""), ("eoc_simulate", ""), ("unified_view", ""), ("table_replication", "")} | EOC_SHOWN
CORRELATE = {("correlate", "digits")}
AFTER_CORRELATE = {("plot_correlations", "digits"), ("plot_dependence", ""), ("table_propagation", "")}
TRAIN = each("train", [f"digits,{group},widths_3_10" for group in ("weibull_4", "others", "control")])
TRAIN |= {("train_persistence", "")}
PLOT_TRAINING = {("plot_training", "digits,sgd"), ("plot_persistence", "")}
AFTER_TRAIN = {("table_training", "")} | PLOT_TRAINING
RELU_THEORY, RELU_SIMULATE = {("relu_law_theory", "")}, {("relu_law_simulate", "")}
SCHEMES = "he_and_orthogonal_and_mirrored_gaussian_and_mirrored_orthogonal"
ISOMETRY_TRAIN = {("isometry_train", f"digits,{SCHEMES}")}
RELU_SHOWN = {("table_relu_law", ""), ("plot_relu_law", "")}
RELU_LAW = RELU_THEORY | RELU_SIMULATE | RELU_SHOWN | {("table_replication", "")}
KERNEL_SHOWN = {("table_kernels", ""), ("plot_kernels", "")}
KERNEL_TRAINED = {("kernel_inputs", "")} | KERNEL_SHOWN  # the rows that training leaves
FRACTIONAL_TRAIN = {("fractional_train", "digits,relu_and_leaky_relu_and_linear")}
HEAVY_SHOWN = {("table_heavy_tails", ""), ("plot_heavy_tails", "")}
FRACTIONAL = FRACTIONAL_TRAIN | HEAVY_SHOWN
HEAVY = {("heavy_tails_simulate", ""), ("table_replication", "")} | FRACTIONAL
KERNEL_DRAWN = {("kernel_simulate", ""), ("kernel_errors", ""), ("table_replication", "")}
# the points of the two-layer study are in the figure and the text of the dependence
AFTER_EXACT_KS = AFTER_KS | {("plot_dependence", ""), ("table_propagation", "")}
NULL_BANDS = {("null_band", ""), ("null_band_of_depth", "")}


# notebooks that read what a rule makes
READ_BY = {
    "exact_pairs": ["density_and_activations"],
    "table_constraints": ["density_and_activations"],
    "ks_two_layer": ["two_layer_study"],
    "table_ks_two_layer": ["two_layer_study"],
    "plot_ks_two_layer": ["two_layer_study", "overview"],
    "table_fitted": ["fitted_activations"],
    "plot_fitted": ["fitted_activations"],
    "plot_fit_losses": ["fitted_activations"],
    "table_replication": ["overview"],
    "table_propagation": ["propagation"],
    "correlate": ["propagation"],
    "plot_depth": ["propagation", "overview"],
    "eoc_theory": ["edge_of_chaos"],
    "eoc_simulate": ["edge_of_chaos"],
    "table_edge_of_chaos": ["edge_of_chaos", "overview"],
    "plot_edge_of_chaos": ["edge_of_chaos"],
    "train": ["training"],
    "table_training": ["training", "overview"],
    "plot_training": ["training"],
    "relu_law_theory": ["dynamical_isometry"],
    "relu_law_simulate": ["dynamical_isometry"],
    "table_relu_law": ["dynamical_isometry", "overview"],
    "plot_relu_law": ["dynamical_isometry"],
    "kernel_simulate": ["kernels"],
    "kernel_inputs": ["kernels"],
    "table_kernels": ["kernels", "overview"],
    "plot_kernels": ["kernels"],
    "heavy_tails_simulate": ["heavy_tails"],
    "table_heavy_tails": ["heavy_tails", "overview"],
    "plot_heavy_tails": ["heavy_tails"],
}


def fits(laws, assessed):
    return each("fit", laws) | each("assess_fit", assessed)


def notebooks_of(jobs):
    return {("run_notebook", name) for rule, _ in jobs for name in READ_BY.get(rule, ())}
