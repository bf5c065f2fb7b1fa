# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The exact signal law of ReLU networks, and dynamical isometry
#
# A ReLU layer with normal weights sees its input only through its norm, so that squared norms $q = |x|^2$ are a Markov
# chain in depth: $q' = (v q + \sigma_b^2)\,\chi^2_K$ with $K \sim \mathrm{Binomial}(n, 1/2)$. Its law is known exactly
# at any width and depth. Mean field says $q = 1$ for ever; most finite networks lose their signal.
#
# Mirrored weights, $W = [[W_0, -W_0], [-W_0, W_0]]$, make a ReLU network linear at initialization, and with orthogonal
# $W_0$ isometric at any depth.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from results import Results

from preactivations.init.mirrored_network import mirror_network_
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.jacobians import jacobian_moments
from preactivations.relu_law.stationary import squared_norm_tail_index, stationary_law

results = Results()
results.scale

# %% [markdown]
# ## Claims of the paper, tested

# %%
pd.set_option("display.max_colwidth", None)
results.table("isometry_claims").drop(columns="source").style.hide(axis="index")

# %% [markdown]
# ## How far from mean field?
#
# Change width and depth: the law of $q_L$ is computed at once, as a Fourier series of known characteristic functions.

# %%
width, depth = 100, 100
chain = NormChain(width, [width] * depth)
law = chain.law()
print(f"mean {chain.moment(1):.6f}, median {law.ppf(0.5):.4f}, P(q <= 0.1) = {law.cdf(0.1):.3f}")
print(f"mean of log q {chain.log_moments().mean:.4f}, about -5 L/(2 n) = {-5 * depth / (2 * width):.4f}")

log10_q = np.linspace(law.low, law.high, 2000) / np.log(10)
density = law.pdf_of_log(log10_q * np.log(10)) * np.log(10)
sample = chain.sample(20_000, np.random.default_rng(0))
fig, ax = plt.subplots(figsize=(6, 3))
ax.hist(np.log10(sample[sample > 0]), 80, density=True, color="0.8", label="20 000 chains of norms")
ax.plot(log10_q, density, color="#0072B2", label="exact")
ax.axvline(0, color="black", ls="--", label="mean field")
ax.set(xlabel=r"$\log_{10} q_L$", ylabel="density", xlim=np.log10(law.ppf(np.array([1e-5, 1 - 1e-5]))))
ax.legend()
# %% [markdown]
# The saved table has the same numbers beside chains of norms and networks with drawn matrices.

# %%
deviations = results.data("isometry/deviations")
deviations[
    ["width", "depth", "sd_log", "sd_log_chain", "p_low", "p_low_chain", "median", "median_chain"]
].round(4)

# %% [markdown]
# ## With biases: a stationary law with a heavy tail
#
# The tail index $\kappa$ solves $v^\kappa E[Q^\kappa] = 1$. He's variance gives $\kappa = 1$: no mean.

# %%
factor = 0.95
v = factor * 2 / width
stationary = stationary_law(width, v, bias_variance=1.0)
print(f"tail index of q {squared_norm_tail_index(width, v):.3f}, median {stationary.ppf(0.5):.1f}")

# %% [markdown]
# ## Singular values of the Jacobian
#
# Exact variance of their squares; in the limit of large width $2L$ for He's weights and $L$ for orthogonal
# ones, at finite width more; 0 for mirrored orthogonal ones.

# %%
print(
    jacobian_moments(width, [width] * 10),
    jacobian_moments(width, [width] * 10, weights="orthogonal"),
    sep="\n",
)
results.table("isometry_jacobians").round(4)

# %% [markdown]
# A network of your own: any activation with $\phi(h) - \phi(-h) = c\,h$ works.

# %%
torch.manual_seed(0)
layers = [torch.nn.Linear(16, 32), torch.nn.GELU()]
for _ in range(99):
    layers += [torch.nn.Linear(32, 32), torch.nn.GELU()]
network = mirror_network_(torch.nn.Sequential(*layers, torch.nn.Linear(32, 16)).double())
jacobian = torch.autograd.functional.jacobian(network, torch.randn(16, dtype=torch.float64))
torch.linalg.svdvals(jacobian)

# %%
results.figure("isometry_training")

# %% [markdown]
# ## Training against depth

# %%
trained = results.table("isometry_training")
trained.pivot_table(index=["dataset", "scheme"], columns="depth", values="accuracy").round(3)

# %%
results.table("isometry_comparisons").round(4)
