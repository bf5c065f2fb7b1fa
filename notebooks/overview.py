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
# # Overview
#
# What the run found, paper by paper, and where to look further. Every table and figure here is a saved result.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
import numpy as np
import pandas as pd
from results import Results

from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.pairs.factor import GaussianFactor
from preactivations.propagation.engine import simulate
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull

pd.set_option("display.max_colwidth", None)
results = Results()
results.scale, results.scales()

# %% [markdown]
# ## Do we get the published numbers?
#
# *Differs by design*: the published value carries an error of the fitted activations of the paper. A failed row would
# be shown here first.

# %%
results.table("verdicts_counts").set_index("paper")

# %%
replication = results.table("verdicts_numbers")
replication[replication.verdict == "fails"]

# %% [markdown]
# ## 1. Gaussian pre-activations
#
# With exact activations the output of a network of width one is normal; at larger width the dependence between
# neurons is left. More: `density`, `two_layer`, `activation`.

# %%
results.figure("propagation_two_layer")

# %% [markdown]
# With depth the distance grows, least for positive pairs. More: `propagation`.

# %%
results.figure("propagation_depth_ks")

# %% [markdown]
# Odd pairs have exactly one point of the Edge of Chaos on which $N(0, 1)$ is kept. More: `edge_of_chaos`.

# %%
results.table("edge_of_chaos_points").round(4)

# %% [markdown]
# To start from Gaussian pre-activations is not what makes networks train. More: `training`.

# %%
results.words("training_claims")

# %% [markdown]
# ## 2. Dynamical isometry
#
# More: `isometry`.

# %%
results.table("isometry_claims")[["claim", "result", "verdict"]]

# %% [markdown]
# ## 3. One kernel for all rotation-invariant weights
#
# More: `kernels`.

# %%
results.table("kernels_claims")[["claim", "result", "verdict"]]

# %% [markdown]
# ## 4. Moments of fractional order
#
# More: `fractional`.

# %%
results.table("fractional_claims")[["claim", "result", "verdict"]]

# %% [markdown]
# ## Try it: theta, width and depth
#
# 5 000 networks with the exact activation; a second or two. At width 1 the statistic stays below its 95 % point.

# %%
theta, kind, width, depth = 4, "positive", 10, 10

law = SymmetricWeibull(theta)
phi = as_array_map(GaussianActivation(law, kind))
output = simulate(
    [1] + [width] * depth + [1], phi, weights=law, n_networks=5000, stream=Stream(0, "notebook")
)
pd.Series(
    {
        "KS statistic": ks_statistic(np.ravel(output)),
        "95 % point for normal samples": null_quantile(0.95, 5000),
        "E W^2 E Y^2": law.variance * GaussianFactor(law).moment(2),
    }
)
