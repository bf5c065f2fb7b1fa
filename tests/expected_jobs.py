"""Jobs of the smoke scale by what they follow from, for the tests of what runs after which change."""

CELLS = ["weibull_2.05", "weibull_4", "relu", "tanh"]
FITTED = ["weibull_2.05", "weibull_4"]
EXTENDED = ["weibull_6"]


def each(rule, values):
    return {(rule, value) for value in values}


# of the networks, of the figures, and those that fits are compared with
LAWS = ["spherical_0", "spherical_1", "weibull_2", "weibull_2.05", "weibull_4", "weibull_6"]
KS_PLOTS = {("plot_two_layer", "")}
VERDICTS = {("table_verdicts", "")}  # reads the claims of all stages
EXACT = each("derive_density", LAWS) | each("derive_activation", LAWS)
AFTER_EXACT = {("plot_density", ""), ("plot_activation", "")}
AFTER_KS = KS_PLOTS | VERDICTS | {("table_two_layer", "")}
AFTER_FITS = {("table_activation", ""), ("plot_fitted", ""), ("plot_fit_losses", "")}
DEPTH_CELLS = ["weibull_4", "relu", "tanh", "control"]
STUDY = each("simulate_depth", [f"{cell},3_10" for cell in DEPTH_CELLS])
STUDY_FITTED = {("simulate_depth_fitted", "weibull_4,3_10")}
ANALYSED = {
    ("analyse_propagation", ""),
    ("plot_dependence", ""),
    ("plot_depth", ""),
    ("plot_drift", ""),
    ("table_propagation", ""),
} | VERDICTS
AFTER_STUDY = ANALYSED
EOC_TABLE = VERDICTS | {("table_edge_of_chaos", "")}
EOC_SHOWN = EOC_TABLE | {("analyse_edge_of_chaos", ""), ("plot_edge_of_chaos", "")}
EOC_FITTED = EOC_TABLE | {("derive_fitted", ""), ("plot_fitted_edge", "")}
EOC_FAMILIES = EOC_TABLE | {("derive_families", ""), ("plot_edge_of_chaos", "")}
EOC = {
    ("plot_fitted_edge", ""),
    ("derive_edge_of_chaos", ""),
    ("simulate_edge_of_chaos", ""),
    ("simulate_unified_view", ""),
} | EOC_SHOWN
CORRELATE = {("simulate_correlations", "digits")}
AFTER_CORRELATE = ANALYSED | {("plot_correlations", "digits")}
TRAIN = each("train", [f"digits,{group},widths_3_10" for group in ("weibull_4", "others", "control")])
TRAIN |= {("train_persistence", "")}
TRAIN_FITTED = {("train_fitted", "digits,weibull_4,widths_3_10")}
PLOT_TRAINING = {("plot_training", "digits,sgd"), ("plot_persistence", "")}
AFTER_TRAIN = {("analyse_training", ""), ("table_training", "")} | VERDICTS | PLOT_TRAINING
ISOMETRY_THEORY, ISOMETRY_SIMULATE = {("derive_isometry", "")}, {("simulate_isometry", "")}
SCHEMES = "he_and_orthogonal_and_mirrored_gaussian_and_mirrored_orthogonal"
ISOMETRY_TRAIN = {("train_isometry", f"digits,{SCHEMES}")}
ISOMETRY_SHOWN = VERDICTS | {("table_isometry", ""), ("plot_isometry", "")}
ISOMETRY_ANALYSED = ISOMETRY_SHOWN | {("analyse_isometry", "")}
ISOMETRY_TRAINED = ISOMETRY_TRAIN | ISOMETRY_ANALYSED
ISOMETRY = ISOMETRY_THEORY | ISOMETRY_SIMULATE | ISOMETRY_ANALYSED
KERNEL_SHOWN = VERDICTS | {("table_kernels", ""), ("plot_kernels", "")}
KERNEL_ANALYSED = {("analyse_kernels", "")} | KERNEL_SHOWN
KERNEL_DRAWN = {("simulate_kernels", ""), ("simulate_kernel_errors", "")} | KERNEL_ANALYSED
KERNEL_TRAINED = {("analyse_kernel_inputs", "")} | KERNEL_SHOWN  # the rows that training leaves
KERNEL_TRAIN = {("train_kernels", "digits")} | KERNEL_ANALYSED  # from rows of other laws
FRACTIONAL_TRAIN = {("train_fractional", "digits,relu_and_leaky_relu_and_linear")}
FRACTIONAL_SHOWN = VERDICTS | {("table_fractional", ""), ("plot_fractional", "")}
FRACTIONAL_COST = VERDICTS | {("check_fractional_cost", ""), ("table_fractional", "")}
FRACTIONAL_ANALYSED = FRACTIONAL_SHOWN | {("analyse_fractional", "")}
FRACTIONAL_TRAINED = FRACTIONAL_TRAIN | FRACTIONAL_ANALYSED
FRACTIONAL = {("simulate_fractional", "")} | FRACTIONAL_TRAINED
# the points of the two-layer study are in the figure and the text of the dependence
AFTER_EXACT_KS = AFTER_KS | ANALYSED
NULL_BANDS = {("null_band_two_layer", "")}


# notebooks that read what a rule makes
READ_BY = {
    "derive_density": ["density"],
    "derive_activation": ["density"],
    "table_constraints": ["density"],
    "simulate_two_layer": ["two_layer"],
    "table_two_layer": ["two_layer"],
    "plot_two_layer": ["two_layer", "overview"],
    "table_activation": ["activation"],
    "plot_fitted": ["activation"],
    "plot_fit_losses": ["activation"],
    "table_verdicts": ["overview"],
    "table_propagation": ["propagation"],
    "simulate_correlations": ["propagation"],
    "plot_depth": ["propagation", "overview"],
    "derive_edge_of_chaos": ["edge_of_chaos"],
    "simulate_edge_of_chaos": ["edge_of_chaos"],
    "table_edge_of_chaos": ["edge_of_chaos", "overview"],
    "plot_edge_of_chaos": ["edge_of_chaos"],
    "train": ["training"],
    "table_training": ["training", "overview"],
    "plot_training": ["training"],
    "derive_isometry": ["isometry"],
    "simulate_isometry": ["isometry"],
    "table_isometry": ["isometry", "overview"],
    "plot_isometry": ["isometry"],
    "simulate_kernels": ["kernels"],
    "analyse_kernel_inputs": ["kernels"],
    "table_kernels": ["kernels", "overview"],
    "plot_kernels": ["kernels"],
    "simulate_fractional": ["fractional"],
    "table_fractional": ["fractional", "overview"],
    "plot_fractional": ["fractional"],
}


def fits(laws, assessed):
    """Jobs of the fitted route: density and activation of `laws`, what comes of those of `assessed`."""
    return each("fit_density", laws) | refits(laws, assessed)


def refits(laws, assessed):
    """The same without the densities."""
    jobs = each("fit_activation", laws) | each("analyse_fit", assessed)
    return jobs | each("simulate_two_layer_fitted", [law for law in assessed if law not in EXTENDED])


def notebooks_of(jobs):
    return {("run_notebook", name) for rule, _ in jobs for name in READ_BY.get(rule, ())}
