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
# # The fitted route of the paper
#
# The paper finds the density of $Y$ by gradient descent on a family with a few parameters, and the activation by a
# second fit. Both are reproduced here step by step, to see what the approximation costs. The exact pair needs neither.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from results import Results

from preactivations.pairs.fitted import fit_density
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SymmetricWeibull

results = Results()
results.scale

# %% [markdown]
# ## What the fits cost
#
# `density_variance` is $E W^2\, E Y^2$, which should be 1; `variance_50` is what is left of the variance after 50
# layers of infinite width. The KS statistics are of $W\phi(X)$: their 5 % point for 200 000 samples is .0030.

# %%
results.table("activation_fitted").set_index(["theta", "kind"]).T

# %%
results.figure("activation_fitted")

# %% [markdown]
# The first panels show why: near $\theta = 2$ the family cannot follow the poles of the arcsine law and leaves a dip
# that the exact density does not have.
#
# ## Losses
#
# Circles are the last values that the paper states.

# %%
results.figure("activation_fit_losses")

# %% [markdown]
# ## Fit your own theta
#
# The published procedure; it takes a second or two.

# %%
theta = 3.5

torch.set_num_threads(1)
fit, _, losses = fit_density(theta)
exact = GaussianPair(SymmetricWeibull(theta), "odd").factor
y = np.linspace(0, 2.5, 401)
fig, (curve, density) = plt.subplots(1, 2, figsize=(9, 3.2))
curve.semilogy(losses)
curve.set(xlabel="step", ylabel="loss")
density.plot(y, exact.pdf(y), color="black", label="exact")
density.plot(y, fit.pdf(y), "--", color="#D55E00", label="fitted")
density.set(xlabel="y", ylabel=rf"density of $|Y|$, $\theta = {theta:g}$")
density.legend()
print(f"last loss {losses[-1]:.2e}, mass {fit.mass:.4f}")
