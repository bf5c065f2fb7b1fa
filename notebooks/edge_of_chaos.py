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
# # Edge of Chaos
#
# At infinite width the variance of pre-activations and the correlation of two inputs follow maps from layer to layer;
# $\chi_1 = \sigma_w^2\, E W^2\, E\phi'(u)^2$ separates order ($\chi_1 < 1$) from chaos. For the exact pairs with
# $\sigma_w^2 + \sigma_b^2 = 1$ the law $N(0, 1)$ is a fixed point at *any* width, if neurons are independent.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from results import Results

from preactivations.edge_of_chaos.curves import depth_scales, eoc_curve, phase
from preactivations.edge_of_chaos.fixpoints import fixed_points, fixed_variance
from preactivations.edge_of_chaos.maps import correlation_map

results = Results()
results.scale

# %%
results.figure("edge_of_chaos_curves")

# %% [markdown]
# ## Exact points
#
# Odd pairs are chaotic without bias, and have exactly one point of the Edge of Chaos on the circle. Positive pairs are
# ordered. For odd spherical pairs with $b \ge 1/2$ there is no point: $\chi_1$ is infinite.

# %%
results.table("edge_of_chaos_points").round(5)

# %% [markdown]
# ## Claims of the literature, tested

# %%
pd.set_option("display.max_colwidth", None)
results.table("edge_of_chaos_claims").drop(columns="source").style.hide(axis="index")

# %% [markdown]
# ## What each initialization scheme keeps

# %%
results.table("edge_of_chaos_unified_view").drop(columns=["keeps", "formula"]).round(4)

# %% [markdown]
# ## Finite networks on the edge
#
# Mean correlation of two inputs minus the map, by width: what is left is dependence between neurons.

# %%
correlations = results.data("edge_of_chaos/correlations")
on = correlations[correlations.place == "on"]
fig, ax = plt.subplots(figsize=(6, 3.5))
for (activation, width), rows in on.groupby(["activation", "width"]):
    shade = 0.3 + 0.7 * sorted(set(on.width)).index(width) / len(set(on.width))
    colour = {"odd": "black", "tanh": "fuchsia", "relu": "darkturquoise"}[activation]
    ax.plot(
        rows.depth,
        rows.correlation - rows.theory,
        color=colour,
        alpha=shade,
        label=f"{activation}, width {width}",
    )
ax.axhline(0, color="0.7", lw=0.8)
ax.set(xlabel="depth", ylabel="measured minus map")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# ## Your own activation and scales

# %%
name, sigma_w, sigma_b = "gelu", 1.3, 0.5

print(phase(name, sigma_w=sigma_w, sigma_b=sigma_b), fixed_points(name, sigma_w=sigma_w, sigma_b=sigma_b))
print(depth_scales(name, sigma_w=sigma_w, sigma_b=sigma_b))

curve = eoc_curve(name)
fig, (plane, maps) = plt.subplots(1, 2, figsize=(8, 3.2))
plane.plot(curve.sigma_w, curve.sigma_b)
plane.plot(sigma_w, sigma_b, "o")
plane.set(xlabel="sigma_w", ylabel="sigma_b", title=f"Edge of Chaos of {name}")
c = np.linspace(-1, 1, 201)
v = fixed_variance(name, sigma_w=sigma_w, sigma_b=sigma_b)
maps.plot(c, correlation_map(name, c, v, sigma_w=sigma_w, sigma_b=sigma_b))
maps.plot(c, c, color="0.7", lw=0.8)
maps.set(xlabel="c", ylabel="c'", title="correlation map")
