"""What the companion paper on kernels says, and leaves open, about training and images, from saved results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from replication.labels import law_name
from replication.verdicts import Finding, NothingToTestError, claim, decided, every

if TYPE_CHECKING:
    from pandas import DataFrame

# of cos t' of trained rows; of its deviation, in units of that of untrained ones: our choice
_MEAN, _SCATTER = 0.05, 1.5
_MATTERS, _LEVEL = 0.01, 0.05  # of an accuracy; of a test
_IN_TRAINING = (
    "not of this paper: compare Tsuchida et al., IJCAI 2019, arXiv:1810.08351, of the kernel in training"
)


@claim(
    "for initialization the law of wide layers' rows does not matter beyond its second moment: test accuracy is that "
    "from normal rows",
    "our question",
    "the abstract names implications for weight initialization, not this one",
)
def initialization(training: DataFrame) -> Finding:
    """Fails if a significant difference has its interval beyond _MATTERS; else not resolved if one is not within."""
    wide = training[training.width == training.width.max()]
    within = (wide.low > -_MATTERS) & (wide.high < _MATTERS)
    # intervals of a few seeds are too short
    beyond = ((wide.low > _MATTERS) | (wide.high < -_MATTERS)) & (wide.p_holm < _LEVEL)
    cases, reason = decided(within, beyond, "differences")
    return Finding(
        f"ReLU perceptrons of width {int(wide.width.max())}, {int(wide.pairs.max())} seeds, paired by seed: the whole "
        f"95 % interval over seeds of the difference of test accuracy within {_MATTERS:g} (our choice); p over seeds, "
        f"corrected by Holm over {len(training)} laws and widths; narrower networks, whose kernels depend on E|w|^4, "
        "listed only",
        "; ".join(
            f"width {int(width)}, normal rows {rows.reference.iloc[0]:.3f}: "
            + ", ".join(
                f"{law_name(r.law)} {r.difference:+.4f} [{r.low:+.4f}, {r.high:+.4f}] (p {r.p_holm:.2g})"
                for r in rows.itertuples()
            )
            for width, rows in training.groupby("width", sort=False)
        ),
        cases,
        reason,
    )


def _two_epochs(rows: DataFrame) -> None:
    if rows.epoch.nunique() < 2:
        raise NothingToTestError("no rows before and after training")


@claim(
    "trained rows keep the kernel of rotation-invariant ones, for inputs in random directions",
    "our question",
    _IN_TRAINING,
)
def trained(directions: DataFrame) -> Finding:
    """Fails if after training the mean is away from the map, or the scatter over pairs has grown."""
    _two_epochs(directions)
    last = directions[directions.epoch == directions.epoch.max()]
    away = (last["mean"] - last["map"]).abs().max(skipna=False)
    sd = directions.pivot_table(index="layer", columns="epoch", values="sd", dropna=False)
    ratio = (sd.iloc[:, -1] / sd.iloc[:, 0]).max(skipna=False)
    return Finding(
        f"rows of one layer of all networks together, {int(last.neurons.min())} at least: mean of cos t' over pairs "
        f"within {_MEAN} of the map (the unnormalized mean is exact for any rows); its deviation over pairs at most "
        f"{_SCATTER} times that of the rows before training (our choice of both)",
        "deviation: "
        + ", ".join(f"layer {layer} {row.iloc[0]:.3f} -> {row.iloc[-1]:.3f}" for layer, row in sd.iterrows()),
        [bool(away < _MEAN and ratio < _SCATTER)],
        number=f"mean off by {away:.3f} (limit {_MEAN}), deviation times {ratio:.2f} (limit {_SCATTER})",
    )


@claim("single trained layers keep it for pairs of images, on average", "our question", _IN_TRAINING)
def images(table: DataFrame) -> Finding:
    """Fails if after training the mean over pairs of images is away from the map, or its mean square has grown."""
    _two_epochs(table)
    first, last = (table[table.epoch == e].set_index("layer") for e in (table.epoch.min(), table.epoch.max()))
    ratio = np.sqrt(last.square / first.square)
    return Finding(
        "cos t' of one layer of one network minus the map of the angle before it, biases included, untrained -> "
        f"trained: mean within {_MEAN} in every layer, root mean square (in brackets) at most {_SCATTER} times the "
        "untrained one (our choice)",
        "; ".join(
            f"layer {layer}: {first['mean'][layer]:+.3f} ({math.sqrt(first.square[layer]):.3f}) -> "
            f"{last['mean'][layer]:+.3f} ({math.sqrt(last.square[layer]):.3f})"
            for layer in last.index
        ),
        every(last["mean"].abs() < _MEAN, ratio < _SCATTER),
        number=f"mean off by up to {last['mean'].abs().max():.3f} (limit {_MEAN}), root mean square times "
        f"{ratio.max():.2f} (limit {_SCATTER})",
    )


@claim("real inputs are delocalized, as the central limit theorem needs", "our question")
def hypotheses(centred: DataFrame) -> Finding:
    """Fails if the largest coordinate of one image in a hundred is twice that of a normal input."""
    ratio = centred.q99 / centred.inputs.map(_normal_largest)
    return Finding(
        "max |x_i| / |x| of images less their common mean pixel, median and 99 % point: the latter below twice that of "
        "a normal input (our choice)",
        ", ".join(
            f"{r.dataset} {r.q50:.2f}, {r.q99:.2f} (normal input: {_normal_largest(r.inputs):.2f})"
            for r in centred.itertuples()
        ),
        every(ratio < 2),
        number=f"{ratio.max():.2f} times that of a normal input (limit 2)",
    )


def _normal_largest(m: int) -> float:
    """About the largest of m normal numbers over their norm."""
    return float(norm.isf(0.5 / m) / math.sqrt(m))
