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
# # Kernels of rectified networks for all rotation-invariant weights
#
# A wide layer maps the angle $\theta$ between two inputs to $\theta'$. If the rows of weights are rotation-invariant,
# their law enters the kernel by $E|w|^2$ alone, and $\theta'$ not at all:  $$\cos\theta' = \frac{(1-a)^2(\sin\theta +
# (\pi-\theta)\cos\theta)/\pi + 2a\cos\theta}{1+a^2}$$  for leaky ReLU of slope $a$. Independent weights of mean 0
# follow by the central limit theorem, networks of finite width differ by $E|w|^4$ alone, and deep networks forget the
# angle.  The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from results import Results

from preactivations.kernels.clt import clt_correction
from preactivations.kernels.finite_width import log_angle_moments
from preactivations.kernels.maps import angular_map, iterate, kernel
from preactivations.rows import row_law

results = Results()
results.scale

# %% [markdown]
# ## Claims of the paper, tested

# %%
pd.set_option("display.max_colwidth", None)
results.table("kernels_claims").drop(columns="source").style.hide(axis="index")

# %% [markdown]
# ## A law of your own choice
#
# Change the law: `student_5`, `sphere`, `exponential_radius`, `cauchy`, ...

# %%
law, m, neurons = row_law("student_5"), 50, 20_000
w = law.sample(neurons, m, np.random.default_rng(0))
theta = np.linspace(0, np.pi, 40)
x, u = np.eye(m)[:2]
drawn = []
for t in theta:
    h, g = np.maximum(w @ x, 0), np.maximum(w @ (np.cos(t) * x + np.sin(t) * u), 0)
    drawn.append(h @ g / np.sqrt((h @ h) * (g @ g)))
fig, ax = plt.subplots(figsize=(5, 3))
ax.plot(theta, np.cos(angular_map(theta)), color="black", label="formula")
ax.plot(theta, drawn, "o", mfc="none", color="#0072B2", label=f"{neurons} rows of {law}")
ax.set(xlabel=r"$\theta$ (radians)", ylabel=r"$\cos\theta'$")
ax.legend()

# %% [markdown]
# ## Independent weights: how far from the limit?
#
# The expansion in skewness and kurtosis, against Monte Carlo that resolves errors of $10^{-5}$.

# %%
rng = np.random.default_rng(1)
a, b = rng.random((2, 100))
for name in ("iid_uniform", "iid_laplace", "iid_exponential"):
    entry = row_law(name)
    limit, correction = kernel(a, b, entry), clt_correction(a, b, entry.skewness, entry.kurtosis)
    print(f"{name:16} k = {limit:.4f} {correction:+.4f}")
results.table("kernels_slopes").round(3)

# %%
errors = results.table("kernels_errors")
errors[errors.m == errors.m.max()][["law", "inputs", "m", "error", "standard_error", "formula"]]

# %%
results.figure("kernels_depth")

# %% [markdown]
# ## Depth
#
# The map tends to 0 like $3\pi/\ell$; at finite width angles shrink faster still, the more so the heavier the rows.

# %%
depth, width = 128, 500
print(f"infinite width: {iterate(np.pi / 2, depth)[-1]:.4f}")
for name in ("sphere", "gaussian", "student_5", "exponential_radius"):
    mean, sd = log_angle_moments(np.pi / 2, depth, width, row_law(name).ratio(width))
    print(f"{name:20} {np.exp(mean[-1]):.4f}, standard deviation of the log {sd[-1]:.2f}")
results.table("kernels_depth").query("depth == depth.max()").round(4)

# %%
results.table("kernels_gram").query("network < 0").pivot(index="depth", columns="slope").drop(
    columns="network"
).round(2)

# %% [markdown]
# ## Real inputs and trained rows

# %%
results.table("kernels_hypotheses").round(3)

# %%
directions = results.data("kernels/directions")
directions.pivot_table(index="layer", columns="epoch", values="sd").round(4)
