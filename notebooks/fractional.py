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
# # Initializations that preserve moments of fractional order
#
# Without biases a layer multiplies the norm, $|x'| = \sigma |x| \sqrt{Q}$. The scale with $\sigma^s E[Q^{s/2}] = 1$
# preserves $E|x|^s$: He's for $s = 2$; larger for $s < 2$, so that outputs are heavy-tailed and less often small.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from results import Results

from preactivations.heavy_tails.scales import (
    clt_mean_variance,
    moment_growth,
    norm_tail_index,
    sigma,
    small_output_probability,
)
from preactivations.init.tensors import fractional_moment_

results = Results()
results.scale

# %% [markdown]
# ## Claims of the paper, tested

# %%
pd.set_option("display.max_colwidth", None)
results.table("fractional_claims").drop(columns="source").style.hide(axis="index")

# %% [markdown]
# ## Scales
#
# Change the activation: `linear`, `relu`, `leaky_relu`, `rrelu`.

# %%
activation, width = "relu", 64
orders = np.linspace(0.1, 2, 40)
fig, ax = plt.subplots(figsize=(5, 3))
for d in (4, 16, 64):
    ax.plot(orders, sigma(orders, d, activation) / sigma(2, d, activation), label=f"$d = {d}$")
ax.set(xlabel="order $s$", ylabel=r"$\sigma(s)/\sigma(2)$")
ax.legend()

# %% [markdown]
# ## Depth
#
# At $s = 1$ moments below 1 decay, those above explode; the log norm is near normal.

# %%
print(moment_growth([0.5, 1, 1.5, 2], s=1, d=width, activation=activation, depth=100).round(3))
print(clt_mean_variance(1, width, activation))
for s in (2, 1.5, 1):
    p = float(small_output_probability(0.1, 100, s, width, activation))
    print(f"s = {s}: P(|x| <= .1 after 100 layers) = {p:.3f}")
print("tail index of the norm:", norm_tail_index(float(sigma(1, width, activation)), width, activation))

# %%
results.table("fractional_clt").round(5)

# %% [markdown]
# ## Initialize a network
#
# As `torch.nn.init.kaiming_normal_`, with the order in front; order 2 is that function.

# %%
layer = torch.nn.Linear(64, 64)
fractional_moment_(layer.weight, 1, "relu", generator=torch.Generator().manual_seed(0))
layer.weight.std().item() * np.sqrt(32)

# %%
results.figure("fractional_densities")

# %% [markdown]
# ## Does it train better?

# %%
results.table("fractional_training").pivot(
    index=["dataset", "activation"], columns="scheme", values="accuracy"
).round(3)

# %%
results.table("fractional_comparisons").round(3)
