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
# # Training
#
# Is it desirable to start from Gaussian pre-activations? Each image is scaled so that the first layer is exactly
# $N(0, v)$; what differs between settings is the law further on. A run *trains* if its training loss ends below
# $\log(10)/2$, half of a guess. The learning rate is chosen on the validation part, cell by cell.
#
# The first cell finds the saved results; `Results("paper")` would take another scale.

# %%
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from results import Results

from preactivations.datasets import load
from preactivations.pairs.gaussian import GaussianPair
from preactivations.streams import Stream
from preactivations.training.runs import Plan, split_images
from preactivations.weights import SymmetricWeibull
from replication.settings import setting_by_name
from replication.training.analysis import chosen_runs
from replication.training.study import Architecture, train_setting

results = Results()
results.scale

# %% [markdown]
# ## The answer, as the pipeline wrote it

# %%
results.words("training_claims")

# %% [markdown]
# ## One cell of the study, run by run
#
# All learning rates and seeds of a cell are trained at once. Diverged runs stay in the table, marked with their epoch.

# %%
runs = pd.concat([results.data(name) for name in results.names("training") if name.endswith(".runs")])
runs = runs[runs.theta.isna() | (runs.theta == 4)]
cell = runs[(runs.activation == "odd_edge") & (runs.width == 10) & (runs.depth == runs.depth.max())]
cell.pivot_table(index="learning_rate", values=["loss", "test_accuracy", "trains", "diverged"]).round(3)

# %% [markdown]
# ## Test accuracy at the chosen rate, by depth

# %%
results.figure(f"training_accuracy_{runs.dataset.iloc[0]}_{runs.optimizer.iloc[0]}")

# %%
best = chosen_runs(runs[runs.width > 0])
best.pivot_table(index=["activation", "law"], columns=["width", "depth"], values="accuracy").round(2)

# %% [markdown]
# ## Paired tests

# %%
tests = results.table("training_comparisons")
tests[tests.scope == "all"].drop(columns=["dataset", "optimizer", "scope"]).round(4)

# %% [markdown]
# ## Train your own
#
# Any setting of `replication.settings`, or write one: weights, activation, scales.

# %%
torch.set_num_threads(1)
data = split_images(load("digits"), load("digits", "test"), 0.2, Stream(0, "split"))
plan = Plan("sgd", [0.01, 0.03], seeds=5, epochs=10)
fig, ax = plt.subplots(figsize=(6, 3.5))
for name in ("odd_edge", "tanh", "relu"):
    setting = setting_by_name(name, partial(GaussianPair, SymmetricWeibull(4)))
    own = train_setting(setting, Architecture(10, 10), data, plan, Stream(0, name), Stream(0, "order"))
    mean = own["curves"].groupby(["learning_rate", "epoch"]).loss.mean()[0.01]
    ax.plot(mean.index, mean, label=f"{name}, chi_1 = {setting.chi:.3f}")
ax.axhline(np.log(10) / 2, color="0.7", ls="--")
ax.set(xlabel="epoch", ylabel="training loss, rate 0.01, mean over seeds")
ax.legend()
