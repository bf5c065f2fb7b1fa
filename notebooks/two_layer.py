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
# # The two-layer study
#
# Random networks $[1, n_0, n_1, 1]$ with input 1 (Figure 11 of the paper): how far is the output from $N(0, 1)$? With
# exact pairs and width one not at all. At larger width the neurons of a layer share their inputs and are dependent:
# that, and not an approximation, is the distance that remains. The fitted activations of the paper are never exact.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from results import Results

from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.pairs.gaussian import GaussianPair
from preactivations.propagation.engine import simulate
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull
from replication.figures import theta_colours
from replication.propagation.two_layer import ks_line
from replication.settings import setting_by_name

results = Results()
results.scale

# %% [markdown]
# ## The figure of the run

# %%
results.figure("propagation_two_layer")

# %% [markdown]
# ## The numbers behind it
#
# Sweep (iii), $n_0 = n_1 = n$, by route. The published values of the fitted activations are in `verdicts_numbers`.

# %%
study = results.table("ks_two_layer")
sweep = study[study.sweep == "iii"]
sweep.set_index(["route", "activation", "theta", "n"]).ks.unstack().round(4)

# %% [markdown]
# ## With less sampling noise
#
# Given the layer before, the output has a known law: distances of sweep (iii) from means of these laws, with two
# standard errors. At $n = 1$ the law is exactly normal, at $n = 2$ two dependent neurons are added up.

# %%
lines = pd.concat(
    [results.data(name) for name in results.names("propagation/two_layer") if name.endswith(".line")],
    ignore_index=True,
)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
for ax, kind in zip(axes, ("odd", "positive")):
    rows = lines[(lines.activation == kind) & (lines.sweep == "iii") & (lines.ks > 2 * lines.ks_error)]
    colours = theta_colours(rows.theta)
    for theta, line in rows.groupby("theta"):
        label, colour = rf"$\theta = {theta:g}$", colours[theta]
        ax.errorbar(line.n, line.ks, 2 * line.ks_error, fmt="o-", ms=3, lw=1, color=colour, label=label)
    ax.set(xlabel="$n$", title=kind, xscale="log", yscale="log")
axes[0].set_ylabel("distance from $N(0, 1)$")
axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# ## Your own theta and width
#
# 50 000 networks take about a second. Change `theta`, `kind` and `n`.

# %%
theta, kind, n = 3.5, "odd", 3

setting = setting_by_name(kind, partial(GaussianPair, SymmetricWeibull(theta)))
networks = 50_000
output = simulate(
    [1, 1, n, 1],
    setting.simulated(),
    weights=setting.weights,
    n_networks=networks,
    stream=Stream(0, "notebook"),
)
(line,) = ks_line(
    setting,
    sweeps=["i"],
    widths=[n],
    n_networks=networks,
    stream=lambda sweep, n: Stream(0, "line", sweep, n),
)
pd.Series(
    {
        "KS statistic of the networks": ks_statistic(np.ravel(output)),
        "95 % point for normal samples": null_quantile(0.95, networks),
        "distance, with less noise": line["ks"],
        "its standard error": line["ks_error"],
    }
)
