# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Propagation with depth
#
# Random networks $[1, n, \dots, n]$ whose first layer is exactly $N(0, v)$: what do the next layers do at finite width,
# and what is infinite width wrong about? Distances from Gaussian are means of the laws of neurons given the layer
# before.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
from functools import partial

import matplotlib.pyplot as plt
import pandas as pd
from results import Results

from preactivations.pairs.gaussian import GaussianPair
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull
from replication.figures import look, theta_colours
from replication.labels import activation_name
from replication.propagation.depth import layer_rows, simulate_depth
from replication.settings import setting_by_name

results = Results()
layers = results.table("propagation_layers")
layers["law"] = layers.law.fillna("")
colours = theta_colours(layers.theta.dropna())
widths = sorted(set(layers.width))
results.scale, widths

# %%
results.figure("propagation_depth_ks")

# %% [markdown]
# ## How far from Gaussian?
#
# $\sup |F - \Phi|$ by depth and width, with standard errors: from the predicted $N(0, v)$, and from the normal law of
# the same variance.

# %%
table = results.table("propagation_distances")
table["activation"] = [
    activation_name(*row) for row in table[["activation", "theta", "law"]].fillna({"law": ""}).to_numpy()
]
shown = {}
for column in ("ks", "ks_standardized"):
    pairs = zip(table[column], table[f"{column}_error"])
    shown[column] = [f"{value:.4f} +- {error:.4f}" for value, error in pairs]
table.assign(**shown).pivot(index=["depth", "activation"], columns="width", values=list(shown))

# %% [markdown]
# ## Distance against width
#
# At the largest depth, with two standard errors. The grey line is the least distance that a Kolmogorov-Smirnov test of
# one neuron per network would see.

# %%
last = layers[layers.depth == layers.depth.max()]
fig, ax = plt.subplots(figsize=(6, 3.5))
for (activation, theta, law), rows in last.groupby(["activation", "theta", "law"], dropna=False):
    if not activation.startswith("normalized_"):
        options = look(activation, theta, colours, law) | {"label": activation_name(activation, theta, law)}
        told = rows[rows.ks_standardized > 2 * rows.ks_standardized_error]
        dashes = "o--" if activation == "positive" else "o-"
        ax.errorbar(
            told.width, told.ks_standardized, 2 * told.ks_standardized_error, fmt=dashes, ms=4, **options
        )
limit = last.groupby("width").ks_standardized_sample_limit.min()
ax.plot(limit.index, limit, color="0.6", lw=3, zorder=0, label="seen by a plain test")
ax.set(xscale="log", yscale="log", xlabel="width", ylabel="distance, standardized")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# ## What is left: dependence between neurons
#
# The covariance of squares of two neurons, measured and at first order in $1/n$: each layer adds $b/n$ and passes on
# $a^2$ of what it gets, $a = dv'/dv$. The odd kind passes on more, which is why it is farther from Gaussian.

# %%
columns = ["square_covariance", "square_covariance_error", "square_covariance_theory"]
some = last[last.width.isin(widths[1:3])].set_index(["activation", "theta", "width"])
some[columns].round(4)

# %% [markdown]
# ## Images
#
# Mean correlation of pairs of images against depth at the largest width, measured and at infinite width.

# %%
name = next(name for name in results.names("propagation") if name.endswith(".correlations"))
correlations = results.data(name)
widest = correlations[correlations.width == correlations.width.max()]
fig, ax = plt.subplots(figsize=(6, 3.5))
for (activation, theta, law), rows in widest.groupby(["activation", "theta", "law"], dropna=False):
    options = look(activation, theta, colours, law) | {"label": activation_name(activation, theta, law)}
    dashes = {"ls": "--"} if activation == "positive" else {}
    ax.plot(rows.depth, rows.correlation, **(options | dashes))
    ax.plot(rows.depth, rows.theory, color=options["color"], ls=":")
ax.set(xlabel="depth", ylabel="mean correlation")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# ## Your own cell
#
# Change activation, law, width and depth. 4000 networks of width 10 and depth 20 take about a second.

# %%
setting = setting_by_name("odd", partial(GaussianPair, SymmetricWeibull(3)))
cell = simulate_depth(setting, width=10, depth=20, n_networks=4000, stream=Stream(0, "notebook"))
pd.DataFrame(layer_rows(setting, cell)).set_index("depth").loc[
    [1, 2, 5, 10, 20], ["ks", "ks_error", "ks_standardized", "variance", "variance_error", "kurtosis"]
].round(4)
