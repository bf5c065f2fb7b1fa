"""The companion paper on kernels (Tsuchida et al. 2018), claim by claim, from saved results. Draws nothing.

Each claim is a row: claim, source, test, result, verdict.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.stats import norm

from replication.verdicts import DERIVED, PAPER, claim_row, z_limit

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["curve_tolerance", "depth_table", "kernel_claims", "law_table", "slope_row", "slope_table"]

Array = NDArray[np.float64]

_SLOPE = 0.2
_MEAN, _SCATTER = (
    0.05,
    1.5,
)  # of cos t' of trained rows; of its deviation, in units of that of untrained ones: our choice
_SCATTERS = 0.15  # a kernel that is not there
_CONFIDENCE = 0.99
_FEW = 4  # inputs


def curve_tolerance(neurons: float) -> float:
    """Of cos t': .015 at 10^5 neurons, where the heavier laws reach .0095 by chance (the paper's note); 1/sqrt(n)."""
    return 0.015 * math.sqrt(100_000 / neurons)


def law_table(curves: DataFrame, finite_width: DataFrame) -> DataFrame:
    """Per law: largest |cos t' - map| over angles, slopes and replicas; per angle z scores of `finite_width`."""
    largest = (
        curves.assign(deviation=(curves.drawn - curves["map"]).abs())
        .groupby("law", sort=False)
        .agg(neurons=("neurons", "max"), largest_deviation=("deviation", "max"))
        .reset_index()
    )
    kernels = finite_width.assign(
        kernel_z=(finite_width.kernel_drawn - finite_width.kernel) / finite_width.kernel_error,
        variance_z=(finite_width.variance_drawn - finite_width.variance) / finite_width.variance_error,
    )
    return largest.merge(kernels, on="law", how="left")


def slope_table(errors: DataFrame, fit_from: int) -> DataFrame:
    """Fits of error = A m^slope for m >= `fit_from` by law and kind of inputs, where a rate is predicted.

    predicted: -1 (symmetric weights; skewed ones with inputs of mean 0 are left out, their first order is not a power),
    -1/2 (skewed weights, positive inputs); slope, slope_error, chi2_per_dof, points; half_width (99 %): of slope_error
    times sqrt(chi2_per_dof) where that is above 1, since the error is a power to leading order only; within: the whole
    interval is within .2 of the predicted slope.
    """
    rows = []
    for (law, kind), part in errors.groupby(["law", "inputs"], sort=False):
        skewed = bool((errors[(errors.law == law)].inputs == "positive").any())
        if kind == "localized" or part.formula.isna().any() or (skewed and kind != "positive"):
            continue
        fitted = part[part.m >= fit_from].sort_values("m")
        found = slope_row(*(fitted[c].to_numpy(float) for c in ("m", "error", "standard_error")))
        predicted = -0.5 if skewed else -1.0
        half_width = float(norm.ppf((1 + _CONFIDENCE) / 2)) * found["slope_error"]
        half_width *= math.sqrt(max(1.0, found["chi2_per_dof"]))
        rows.append(
            {"law": law, "inputs": kind, "predicted": predicted}
            | found
            | {"half_width": half_width, "within": abs(found["slope"] - predicted) + half_width <= _SLOPE}
        )
    return pd.DataFrame(rows)


def slope_row(m: Array, error: Array, standard_error: Array) -> dict[str, float]:
    """Fit of error = A m^slope by weighted least squares: slope, standard error, chi2 per degree of freedom."""
    start = (error[0] * m[0], -1.0)

    def power(m: Array, amplitude: float, slope: float) -> Array:
        return amplitude * m**slope

    if not (standard_error > 0).all():
        raise ValueError(f"standard errors must be > 0, got {standard_error} for m = {m}")
    (amplitude, slope), covariance = curve_fit(
        power, m, error, start, sigma=standard_error, absolute_sigma=True
    )
    chi2 = (((power(m, amplitude, slope) - error) / standard_error) ** 2).sum()
    return {
        "slope": float(slope),
        "slope_error": float(math.sqrt(covariance[1, 1])),
        "chi2_per_dof": float(chi2 / (len(m) - 2)),
        "points": len(m),
    }


def depth_table(depth: DataFrame) -> DataFrame:
    """By law and depth: map, log_mean and log_sd (theory at this width), those of networks; how many.

    networks counts those whose angle is not 0, dead and coincident (angle 0) the others; error is that of drawn_mean.
    """
    alive = depth.assign(log_angle=np.log(depth.angle.where(depth.angle > 0)))
    table = alive.groupby(["law", "width", "depth"], sort=False, as_index=False).agg(
        map=("map", "first"),
        log_mean=("log_mean", "first"),
        log_sd=("log_sd", "first"),
        drawn_mean=("log_angle", "mean"),
        drawn_sd=("log_angle", "std"),
        networks=("log_angle", "count"),
        dead=("angle", lambda angle: int(angle.isna().sum())),
        coincident=("angle", lambda angle: int((angle == 0).sum())),
        tested=("tested", "first"),
    )
    return table.assign(
        error=table.drawn_sd / np.sqrt(table.networks),
        sd_error=table.drawn_sd / np.sqrt(2 * table.networks),  # of normal values
        drawn_low=np.exp(table.drawn_mean - table.drawn_sd),
        drawn_middle=np.exp(table.drawn_mean),
        drawn_high=np.exp(table.drawn_mean + table.drawn_sd),
        middle=np.exp(table.log_mean),
    )


def kernel_claims(
    laws: DataFrame,
    controls: list[str],
    errors: DataFrame,
    slopes: DataFrame,
    depth: DataFrame,
    gram: DataFrame,
    directions: DataFrame,
    images: DataFrame,
    hypotheses: DataFrame,
) -> DataFrame:
    """All claims; `laws`, `slopes` and `depth` are the tables of this module, `controls` laws without a kernel."""
    rows = [
        _curves(laws[~laws.law.isin(controls)]),
        _variances(laws[~laws.law.isin(controls)]),
        *([_scatter(laws[laws.law.isin(controls)])] if controls else []),
        *([_rates(slopes)] if len(slopes) else []),
        *([_expansion(errors)] if errors.formula[errors.inputs != "localized"].notna().any() else []),
        *([_few_inputs(errors)] if errors.m.min() <= _FEW else []),
        *([_localized(errors)] if (errors.inputs == "localized").any() else []),
        _fixed_point(depth),
        _finite_depth(depth),
        _degenerate(gram),
        _trained(directions),
        _images(images),
        _hypotheses(hypotheses),
    ]
    return pd.DataFrame(rows)


def _curves(laws: DataFrame) -> dict[str, str]:
    found = laws.drop_duplicates("law")
    tolerance = curve_tolerance(found.neurons.min())
    listed = ", ".join(f"{r.law} {r.largest_deviation:.4f}" for r in found.itertuples())
    return claim_row(
        "the normalized kernel is one and the same for all rotation-invariant laws of weights",
        PAPER,
        f"largest distance of cos t' of {int(found.neurons.min())} neurons from the map, over angles and slopes "
        f"({tolerance:.3g})",
        listed,
        bool((found.largest_deviation < tolerance).all()),
    )


def _variances(laws: DataFrame) -> dict[str, str]:
    z = pd.concat([laws.kernel_z, laws.variance_z]).dropna().abs()
    limit = z_limit(len(z))
    listed = ", ".join(
        f"{law} {ratio:.3g}" for law, ratio in laws.groupby("law", sort=False).ratio.first().items()
    )
    return claim_row(
        "at finite width only E|w|^4 tells the laws apart: n Var(k_hat) = ratio F_2 - F_1^2",
        DERIVED,
        f"mean and variance of k_hat over layers of {int(laws.width.max())} neurons, {laws.angle.nunique()} angles: "
        f"largest deviation in standard errors (limit for {len(z)} numbers); ratios listed",
        f"{z.max():.1f} ({limit:.1f}); {listed}",
        bool(z.max() < limit),
    )


def _scatter(laws: DataFrame) -> dict[str, str]:
    found = laws.drop_duplicates("law")
    return claim_row(
        "control: without E|w|^2 there is no kernel",
        DERIVED,
        f"largest distance of cos t' from the map, {int(found.neurons.min())} neurons (beyond {_SCATTERS:g})",
        ", ".join(f"{r.law} {r.largest_deviation:.2f}" for r in found.itertuples()),
        bool((found.largest_deviation > _SCATTERS).all()),
    )


def _rates(slopes: DataFrame) -> dict[str, str]:
    listed = ", ".join(
        f"{r.law} {r.slope:.3f} +- {r.half_width:.3f} ({r.predicted:g})" for r in slopes.itertuples()
    )
    return claim_row(
        "with independent weights the kernel converges to that of normal weights, as 1/m if they are symmetric and as "
        "1/sqrt(m) if they are skewed and inputs have a mean",
        PAPER + " (limit), derived here (rates)",
        f"slopes of the error in m, {_CONFIDENCE:.0%} confidence (scatter about the power included); the whole "
        f"interval within {_SLOPE} of the predicted slope",
        listed,
        bool(slopes.within.all()),
    )


def _expansion(errors: DataFrame) -> dict[str, str]:
    known = errors[errors.formula.notna() & (errors.inputs != "localized")]
    last = known[known.m == known.m.max()]
    z = ((last.error - last.formula) / last.standard_error).abs()
    limit = z_limit(len(z))
    seen = (last.formula.abs() > 3 * last.standard_error).all()
    listed = ", ".join(
        f"{r.law} ({r.inputs}) {r.error:.2e} +- {r.standard_error:.1e} ({r.formula:.2e})"
        for r in last.itertuples()
    )
    return claim_row(
        "the error is that of the expansion in kappa3 and kappa4",
        DERIVED,
        f"k - k_Gauss at m = {int(last.m.max())} against the formula: largest deviation in standard errors "
        f"({limit:.1f}); each formula beyond 3 of them, or nothing is said",
        f"{z.max():.1f}; {listed}",
        bool(z.max() < limit) if seen else None,
    )


def _few_inputs(errors: DataFrame) -> dict[str, str]:
    first = errors[(errors.m == errors.m.min()) & (errors.inputs == "signed")]
    z = (first.error / first.standard_error.clip(lower=1e-12)).abs()
    listed = ", ".join(f"{r.law} {r.error:+.4f}" for r in first.itertuples())
    return claim_row(
        "control: with few inputs independent weights have kernels of their own",
        DERIVED,
        f"k - k_Gauss at m = {int(first.m.max())}, each beyond 5 standard errors",
        listed,
        bool((z > 5).all()),
    )


def _localized(errors: DataFrame) -> dict[str, str]:
    part = errors[errors.inputs == "localized"].sort_values("m")
    last, middle = part.iloc[-1], part.iloc[len(part) // 2]
    return claim_row(
        "control: an input with one dominating coordinate does not converge",
        DERIVED,
        f"{last.law}: error at m = {int(last.m)} at least .8 of that at m = {int(middle.m)}, and beyond 5 standard "
        "errors",
        f"{last.error:+.4f} +- {last.standard_error:.1g}, {middle.error:+.4f}",
        bool(last.error / middle.error > 0.8 and abs(last.error) > 5 * last.standard_error),
    )


def _fixed_point(depth: DataFrame) -> dict[str, str]:
    exact = depth.drop_duplicates("depth").sort_values("depth")
    deepest = exact.iloc[-1]
    scaled = float(deepest["map"] * deepest.depth / (3 * math.pi))
    listed = ", ".join(
        f"{int(r.depth)}: {math.cos(m):.6f}" for r, m in zip(exact.itertuples(), exact["map"], strict=True)
    )
    return claim_row(
        "with depth all inputs are mapped to one direction: the kernel's fixed point is pathological",
        PAPER,
        "computed, no samples: cos of the angle by depth increases; angle times depth over 3 pi (1 in the limit)",
        f"{listed}; {scaled:.3f}",
        bool((exact["map"].diff().dropna() < 0).all() and 0.5 < scaled <= 1),
    )


def _finite_depth(depth: DataFrame) -> dict[str, str]:
    depth = depth[depth.tested]
    z = (depth.drawn_mean - depth.log_mean) / depth.error
    # relative error of a standard deviation of normal values; those of heavy rows are wider
    spread = np.log(depth.drawn_sd / depth.log_sd) * np.sqrt(2 * (depth.networks - 1))
    limit = z_limit(2 * len(z))
    deep = depth[depth.depth == depth.depth.max()]
    listed = ", ".join(
        f"{r.law} {math.exp(r.drawn_mean):.4f} x/ {math.exp(r.drawn_sd):.2f} ({math.exp(r.log_mean):.4f} x/ "
        f"{math.exp(r.log_sd):.2f})"
        for r in deep.itertuples()
    )
    return claim_row(
        "networks of finite width shrink angles further: to first order in 1/width by E|w|^4 alone",
        DERIVED,
        f"mean and deviation of the log angle, width {int(depth.width.max())}, {len(depth)} cells (symmetric weights, "
        f"E|w|^8 finite): within {limit:.1f} standard errors or 5 % of the theory; geometric mean and spread at depth "
        f"{int(deep.depth.max())}, the map has {float(deep['map'].iloc[0]):.4f}",
        f"{z.abs().max():.1f} and {spread.abs().max():.1f}; {listed}",
        bool(
            ((z.abs() < limit) | ((depth.drawn_mean - depth.log_mean).abs() < 0.05)).all()
            and ((spread.abs() < limit) | ((depth.drawn_sd / depth.log_sd - 1).abs() < 0.05)).all()
        ),
    )


def _degenerate(gram: DataFrame) -> dict[str, str]:
    listed, holds = [], True
    for slope, part in gram[gram.network < 0].groupby("slope"):
        ordered = part.sort_values("depth")
        first, last = ordered.iloc[0], ordered.iloc[-1]
        holds &= bool(last.condition > first.condition and (ordered.effective_rank.diff().dropna() < 0).all())
        listed.append(
            f"slope {slope:g}: condition {first.condition:.3g} -> {last.condition:.3g}, effective rank "
            f"{first.effective_rank:.1f} -> {last.effective_rank:.2f}"
        )
    return claim_row(
        "the Gram matrix of many inputs degenerates with depth, which makes training hard",
        PAPER,
        f"computed, no samples: from depth {int(gram.depth.min())} to {int(gram.depth.max())}",
        "; ".join(listed),
        holds,
    )


def _trained(directions: DataFrame) -> dict[str, str]:
    last = directions[directions.epoch == directions.epoch.max()]
    away = (last["mean"] - last["map"]).abs().max(skipna=False)
    sd = directions.pivot_table(index="layer", columns="epoch", values="sd", dropna=False)
    ratio = (sd.iloc[:, -1] / sd.iloc[:, 0]).max(skipna=False)
    listed = ", ".join(
        f"layer {layer}: {row.iloc[0]:.3f} -> {row.iloc[-1]:.3f}" for layer, row in sd.iterrows()
    )
    return claim_row(
        "trained rows keep the kernel of rotation-invariant ones, for inputs in random directions",
        PAPER,
        f"rows of one layer of all networks together, {int(last.neurons.min())} at least: mean of cos t' over pairs "
        f"within {_MEAN} of the map (the unnormalized mean is exact for any rows); its deviation over pairs at most "
        f"{_SCATTER} times that of the rows before training (our choice of both)",
        f"{away:.3f}; {listed}",
        bool(away < _MEAN and ratio < _SCATTER and sd.shape[1] > 1),
    )


def _images(images: DataFrame) -> dict[str, str]:
    off = images.assign(off=np.cos(images.after) - np.cos(images["map"]), square=lambda f: f.off**2)
    table = off.groupby(["layer", "epoch"]).agg(mean=("off", "mean"), square=("square", "mean")).reset_index()
    first, last = (table[table.epoch == e].set_index("layer") for e in (table.epoch.min(), table.epoch.max()))
    ratio = np.sqrt(last.square / first.square)
    listed = "; ".join(
        f"layer {layer}: {first['mean'][layer]:+.3f} ({math.sqrt(first.square[layer]):.3f}) -> "
        f"{last['mean'][layer]:+.3f} ({math.sqrt(last.square[layer]):.3f})"
        for layer in last.index
    )
    return claim_row(
        "single trained layers keep it for pairs of images, on average",
        PAPER,
        "cos t' of one layer of one network minus the map of the angle before it, biases included, untrained -> "
        f"trained: mean within {_MEAN} in every layer, root mean square (in brackets) at most {_SCATTER} times the "
        "untrained one (our choice)",
        listed,
        bool((last["mean"].abs() < _MEAN).all() and (ratio < _SCATTER).all() and len(table) > len(last)),
    )


def _hypotheses(table: DataFrame) -> dict[str, str]:
    centred = table[(table.form == "centred") & (table.quantity == "delocalization")]
    listed = ", ".join(
        f"{r.dataset} {r.q50:.2f}, {r.q99:.2f} (normal input: {_normal_largest(r.inputs):.2f})"
        for r in centred.itertuples()
    )
    return claim_row(
        "real inputs are delocalized, as the central limit theorem needs",
        DERIVED,
        "max |x_i| / |x| of images less their common mean pixel, median and 99 % point: the latter below twice that of "
        "a normal input (our choice)",
        listed,
        bool((centred.q99 < 2 * centred.inputs.map(_normal_largest)).all()),
    )


def _normal_largest(m: int) -> float:
    """About the largest of m normal numbers over their norm."""
    return float(norm.isf(0.5 / m) / math.sqrt(m))
