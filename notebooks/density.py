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
# # Densities and activations
#
# A pre-activation $z = W\phi(X)$ with $X \sim N(0, 1)$ is again $N(0, 1)$ if the law of the weight $W$ and the
# activation $\phi$ fit together. For symmetric Weibull weights, $P(|W| > w) = \exp(-w^\theta)$ with $\theta \ge 2$,
# the factor $Y = \phi(X)$ must have the law of
#
# $$Y = \sqrt 2 \cos(U)\, S^{-1/\theta},$$
#
# with $U$ uniform on $[0, 2\pi)$ and $S$ positive stable of index $2/\theta$. This notebook shows the results of a
# run of the pipeline and lets you compute for another $\theta$.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from results import Results

from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SymmetricWeibull
from replication.figures import theta_looks

results = Results()
results.scale

# %% [markdown]
# ## The density of the factor
#
# Near $\theta = 2$ it is almost the arcsine law with its two poles at $\pm\sqrt 2$; as $\theta \to \infty$ the weights
# become $\pm 1$ and the factor normal.

# %%
densities = [results.data(name) for name in results.names("density/exact")]
laws = {
    rows.attrs["theta"]: rows.attrs["law"] for rows in densities if rows.attrs["theta"] == rows.attrs["theta"]
}
looks = theta_looks(laws)

fig, ax = plt.subplots(figsize=(6, 3.5))
for rows in densities:
    if rows.attrs["theta"] in laws:
        ax.plot(rows.y, 0.5 * rows.density, **looks[rows.attrs["theta"]])
ax.set(xlabel="y", ylabel="density of Y", xlim=(0, 3), ylim=(0, 0.85))
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
# %% [markdown]
# ## The activations
#
# The odd one couples the magnitudes of $X$ and $Y$, the positive one the whole of $X$ with the magnitude of $Y$.

# %%
curves = pd.concat(
    results.data(name) for name in results.names("activation/exact") if name.endswith(".curves")
)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.5))
for ax, kind in zip(axes, ("odd", "positive")):
    for theta, rows in curves[curves.kind == kind].groupby("theta"):
        ax.plot(rows.x, rows.phi, **looks[theta])
    ax.set(xlabel="x", ylabel="phi(x)", title=kind)
axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
# %% [markdown]
# ## Your own theta
#
# Change the number and run the cell. It draws 200 000 pairs, which takes about a second: $W\phi(X)$ passes the
# Kolmogorov-Smirnov test, because $\phi$ is exact.

# %%
theta, kind = 3.5, "odd"

pair = GaussianPair(SymmetricWeibull(theta), kind)
rng = np.random.default_rng(0)
n = 200_000
# phi(X) has the law of +-|Y| (odd) or of |Y| (positive), so that Y can be drawn exactly
product = pair.weights.sample(n, rng) * pair.factor.sample(n, rng)
pd.Series(
    {
        "KS statistic": ks_statistic(product),
        "95 % point for normal samples": null_quantile(0.95, n),
        "E W^2 E Y^2": pair.weights.variance * pair.factor.moment(2),
    }
)

# %%
x = np.linspace(-4, 4, 401)
fig, ax = plt.subplots(figsize=(5, 3))
ax.plot(x, pair.phi(x), label=r"$\phi$")
ax.plot(x, pair.dphi(x), label=r"$\phi'$")
ax.set(xlabel="x", title=f"theta = {theta:g}, {kind}")
ax.legend()

# %% [markdown]
# ## Which pairs are there?
#
# For each pair of weight law and activation: the four necessary conditions and the KS distance of $W\phi(X)$ from
# normal, computed without samples.

# %%
constraints = results.table("activation_constraints")
constraints[
    ["weights", "activation", "gaussian", "no_atom", "no_double_density", "conjugate_tails", "ks"]
].round(4)
