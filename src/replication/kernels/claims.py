"""The companion paper on kernels (Tsuchida et al. 2018), claim by claim, from saved results. Draws nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from replication.inference import z_limit
from replication.kernels import training_claims
from replication.kernels.analysis import CONFIDENCE, SLOPE_TOLERANCE, curve_tolerance
from replication.labels import activation_name, law_name
from replication.verdicts import Finding, below, claim, decided, deviation, every, resolved, some

if TYPE_CHECKING:
    from pandas import DataFrame

_SCATTERS = 0.15  # a kernel that does not exist
_COARSE = 0.05  # of cos t': our choice
_LOCAL = 0.12  # of a power of m
_NEAR = 0.3  # of a first order
_FEW = 4  # inputs
_NONE = 0.001  # of a kernel, at most 1/2: our choice


def kernels_claims(
    laws: DataFrame,
    degrees: DataFrame,
    controls: list[str],
    errors: DataFrame,
    slopes: DataFrame,
    tails: DataFrame,
    smooth: DataFrame,
    training: DataFrame,
    depth: DataFrame,
    gram: DataFrame,
    directions: DataFrame,
    layers: DataFrame,
    hypotheses: DataFrame,
) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `laws`, `degrees`, `errors`, `slopes`, `tails`, `smooth` and `depth` are tables of `analysis`, `training` is
    `training.law_comparisons`, `layers` `images.image_layers`; `controls` are laws without a kernel.
    """
    control = laws.law.isin(controls)
    return pd.DataFrame(
        [
            _curves(laws[~control]),
            _degrees(degrees),
            _variances(laws[~control]),
            _scatter(laws[control]),
            _tends(slopes),
            _rates(slopes),
            _tails(tails),
            _smooth(smooth),
            _expansion(errors[errors.formula.notna() & (errors.inputs != "localized")]),
            _few_inputs(errors[(errors.m <= _FEW) & (errors.inputs == "signed")]),
            _localized(errors[errors.inputs == "localized"]),
            _fixed_point(depth),
            _finite_depth(depth[depth.tested.astype(bool)]),
            _degenerate(gram[gram.network < 0]),
            training_claims.initialization(training),
            training_claims.trained(directions),
            training_claims.images(layers),
            training_claims.hypotheses(
                hypotheses[(hypotheses.form == "centred") & (hypotheses.quantity == "delocalization")]
            ),
        ]
    )


@claim(
    "the normalized kernel is one and the same for all rotation-invariant laws of weights",
    "published",
    "abstract",
)
def _curves(laws: DataFrame) -> Finding:
    """Fails if cos t' of a law is farther from the map than chance allows at that number of neurons."""
    by_law = laws.drop_duplicates("law")
    tolerance = curve_tolerance(by_law.neurons.min())
    return Finding(
        f"largest distance of cos t' of {int(by_law.neurons.min())} neurons from the map, over angles and slopes "
        f"({tolerance:.3g})",
        ", ".join(f"{law_name(r.law)} {r.largest_deviation:.4f}" for r in by_law.itertuples()),
        every(by_law.largest_deviation < tolerance),
        number=f"{by_law.largest_deviation.max():.4f} (limit {tolerance:.3g})",
    )


@claim(
    "multivariate t rows have the same normalized kernel at every degree of freedom with E|w|^2 finite",
    "published",
    "figure 3",
)
def _degrees(degrees: DataFrame) -> Finding:
    """Fails if cos t' is farther from the map than chance allows; not resolved where chance allows _COARSE and more."""
    fails = degrees.largest_deviation > degrees.tolerance
    cases, reason = decided(~fails & (degrees.tolerance < _COARSE), fails, "degrees")
    return Finding(
        f"layers of {int(degrees.neurons.max())} rows: largest distance of cos t' from the map over angles, within "
        f"what chance allows for as many normal rows as scatter alike (in brackets; it says nothing from {_COARSE} on)",
        ", ".join(f"t{r.nu:g} {r.largest_deviation:.4f} ({r.tolerance:.4f})" for r in degrees.itertuples()),
        cases,
        reason,
    )


@claim("at finite width only E|w|^4 tells the laws apart: n Var(k_hat) = ratio F_2 - F_1^2", "derived here")
def _variances(laws: DataFrame) -> Finding:
    """Fails if a mean or a variance of k_hat is away from the formula beyond chance."""
    z = some(pd.concat([laws.kernel_z, laws.variance_z]).dropna().abs(), "samples")
    limit = z_limit(len(z))
    listed = ", ".join(
        f"{law_name(str(law))} {ratio:.3g}"
        for law, ratio in laws.groupby("law", sort=False).ratio.first().items()
    )
    return Finding(
        f"mean and variance of k_hat over layers of {int(laws.width.max())} neurons, {laws.angle.nunique()} angles: "
        f"largest deviation in standard errors (limit for {len(z)} numbers); ratios listed",
        listed,
        every(below(z, limit)),
        number=deviation(z, limit),
    )


@claim("control: without E|w|^2 there is no kernel", "derived here")
def _scatter(laws: DataFrame) -> Finding:
    """Fails if a law without E|w|^2 comes near the map."""
    by_law = laws.drop_duplicates("law")
    return Finding(
        f"largest distance of cos t' from the map, {int(by_law.neurons.min())} neurons (beyond {_SCATTERS:g})",
        ", ".join(f"{law_name(r.law)} {r.largest_deviation:.2f}" for r in by_law.itertuples()),
        every(by_law.largest_deviation > _SCATTERS),
        number=f"{by_law.largest_deviation.min():.2f} (above {_SCATTERS:g})",
    )


@claim(
    "with independent weights the kernel of ReLU tends to that of rotation-invariant ones as inputs grow in number",
    "published",
    "abstract; for which laws and inputs is our choice",
)
def _tends(slopes: DataFrame) -> Finding:
    """Fails for a law whose error does not fall with the number of inputs."""
    return Finding(
        f"slope of log |k - k_Gauss| against log m, by law: below 0 at {CONFIDENCE:.0%} confidence",
        ", ".join(f"{law_name(r.law)} {r.slope:.2f} +- {r.half_width:.2f}" for r in slopes.itertuples()),
        *decided(slopes.slope + slopes.half_width < 0, slopes.slope - slopes.half_width > 0, "slopes"),
    )


@claim(
    "with independent weights the kernel converges to that of normal weights, as 1/m if they are symmetric and as "
    "1/sqrt(m) if they are skewed and inputs have a mean",
    "derived here",
    "the limit is that of the abstract, the rates are not",
)
def _rates(slopes: DataFrame) -> Finding:
    """Fails if an interval of a slope lies away from the predicted one."""
    off = (slopes.slope - slopes.predicted).abs()
    _, outside = resolved(off, slopes.half_width, SLOPE_TOLERANCE)
    ends = off + slopes.half_width
    _, reason = decided(slopes.within, outside, "slopes")
    listed = ", ".join(
        f"{law_name(r.law)} {r.slope:.3f} +- {r.half_width:.3f} ({r.predicted:g})"
        for r in slopes.itertuples()
    )
    return Finding(
        f"slopes of the error in m, {CONFIDENCE:.0%} confidence (scatter about the power included); the whole "
        f"interval within {SLOPE_TOLERANCE} of the predicted slope",
        listed,
        every(slopes.within),
        reason,
        f"slopes off by {ends.max():.2f} at most, by intervals (limit {SLOPE_TOLERANCE})",
    )


@claim(
    "the limit does not need the third moment: weights with a tail of index nu in (2, 4) converge as m^(1 - nu/2)",
    "derived here",
    "the condition, a finite absolute third moment, is that of the abstract",
)
def _tails(rates: DataFrame) -> Finding:
    """Fails if the error does not fall, or away from the first order in the tail."""
    holds = rates.falls & (rates.gap < rates.gap_before) & (rates.gap < _NEAR)
    holds &= (rates.slope - rates.predicted).abs() < _LOCAL
    return Finding(
        f"computed, no samples: error of ReLU with Student's t weights, m = {int(rates.first_m.min())} to "
        f"{int(rates.last_m.max())}, falls at every step, nears its first order at the last (to {_NEAR:.0%} at least), "
        f"and with a slope within {_LOCAL} of 1 - nu/2 there (our choice)",
        "; ".join(
            f"nu = {r.nu:g}, third moment {'finite' if r.nu > 3 else 'infinite'}: {r.first:.2e} -> {r.last:.2e}, slope "
            f"{r.slope:.3f} ({r.predicted:g}), {r.gap_before:.1%} -> {r.gap:.1%} off the first order"
            for r in rates.itertuples()
        ),
        holds.tolist(),
    )


@claim(
    "for other activations the kernel of independent weights tends to that of normal weights, too",
    "published",
    "abstract: 'for certain activation functions'",
)
def _smooth(rates: DataFrame) -> Finding:
    """Fails if an error rises at a step of m, or does not fall as 1/m in the end."""
    return Finding(
        f"computed, no samples: k - k_Gauss of smooth activations and symmetric weights, m = "
        f"{int(rates.first_m.min())} to {int(rates.last_m.max())}, falls at every step, with a slope within {_LOCAL} "
        "of -1 at the last (our choice)",
        ", ".join(
            f"{activation_name(r.activation)}, {law_name(r.law)} {r.first:+.1e} -> {r.last:+.1e} ({r.slope:.3f})"
            for r in rates.itertuples()
        ),
        (rates.falls & ((rates.slope + 1).abs() < _LOCAL)).tolist(),
    )


@claim("the error is that of the expansion in kappa3 and kappa4", "derived here")
def _expansion(errors: DataFrame) -> Finding:
    """Fails if an error at the largest m is away from the formula beyond chance."""
    last = errors[errors.m == errors.m.max()]
    z = last.formula_z.abs()
    limit = z_limit(len(z))
    seen = last.formula.abs() > 3 * last.standard_error
    reason = f"{(~seen).sum()} of {len(seen)} formulas are below 3 standard errors"
    listed = ", ".join(
        f"{law_name(r.law)} ({r.inputs}) {r.error:.2e} +- {r.standard_error:.1e} ({r.formula:.2e})"
        for r in last.itertuples()
    )
    return Finding(
        f"k - k_Gauss at m = {int(last.m.max())} against the formula: largest deviation in standard errors "
        f"({limit:.1f})",
        listed,
        every(below(z, limit)),
        reason if (z < limit).all() and not seen.all() else "",
        deviation(z, limit),
    )


@claim("control: with few inputs independent weights have kernels of their own", "derived here")
def _few_inputs(errors: DataFrame) -> Finding:
    """Fails if with two inputs an error is nearly 0."""
    first = errors[errors.m == errors.m.min()]
    within, _ = resolved(first.error.abs(), 5 * first.standard_error, _NONE)
    cases, reason = decided(first.z.abs() > 5, within & (first.z.abs() <= 5), "differences")
    return Finding(
        f"k - k_Gauss at m = {int(first.m.max())}, each beyond 5 standard errors (not if these are within {_NONE:g})",
        ", ".join(f"{law_name(r.law)} {r.error:+.4f}" for r in first.itertuples()),
        every(cases),
        reason,
        f"{first.z.abs().min():.0f} standard errors or more (above 5)",
    )


@claim("control: an input with one dominating coordinate does not converge", "derived here")
def _localized(errors: DataFrame) -> Finding:
    """Fails if the error falls between half of the sizes and the largest one, as it would for delocalized inputs."""
    ordered = errors.sort_values("m")
    last, middle = ordered.iloc[-1], ordered.iloc[len(ordered) // 2]
    return Finding(
        f"{law_name(last.law)}: error at m = {int(last.m)} at least .8 of that at m = {int(middle.m)}, and beyond 5 "
        "standard errors",
        f"{last.error:+.4f} +- {last.standard_error:.1g}, {middle.error:+.4f}",
        [bool(last.error / middle.error > 0.8 and abs(last.z) > 5)],
        "" if abs(middle.z) > 5 else "the error to compare with is not beyond 5 standard errors",
        f"ratio {last.error / middle.error:.2f} (above .8)",
    )


@claim(
    "with depth all inputs are mapped to one direction: the kernel's fixed point is pathological",
    "published",
    "abstract",
)
def _fixed_point(depth: DataFrame) -> Finding:
    """Fails if the angle of two inputs stops falling, or does not fall as 3 pi / depth."""
    exact = depth.drop_duplicates("depth").sort_values("depth")
    deepest = exact.iloc[-1]
    scaled = float(deepest["map"] * deepest.depth / (3 * math.pi))
    listed = ", ".join(
        f"{int(r.depth)}: {math.cos(m):.6f}" for r, m in zip(exact.itertuples(), exact["map"], strict=True)
    )
    return Finding(
        "computed, no samples: cos of the angle by depth increases; angle times depth over 3 pi (1 in the limit)",
        listed,
        every(exact["map"].diff().dropna() < 0, [0.5 < scaled <= 1]),
        number=f"angle {scaled:.3f} of 3 pi / {int(deepest.depth)} (above .5, at most 1)",
    )


@claim(
    "networks of finite width shrink angles further: to first order in 1/width by E|w|^4 alone",
    "derived here",
)
def _finite_depth(depth: DataFrame) -> Finding:
    """Fails if a mean or a deviation of the log angle is away from the theory by more than 5 % and chance."""
    z = ((depth.drawn_mean - depth.log_mean) / depth.error).abs()
    # relative error of a standard deviation of normal values; those of heavy rows are wider
    spread = (np.log(depth.drawn_sd / depth.log_sd) * np.sqrt(2 * (depth.networks - 1))).abs()
    limit = z_limit(2 * len(z))
    means = (z < limit) | ((depth.drawn_mean - depth.log_mean).abs() < 0.05)
    spreads = (spread < limit) | ((depth.drawn_sd / depth.log_sd - 1).abs() < 0.05)
    deep = depth[depth.depth == depth.depth.max()]
    listed = ", ".join(
        f"{law_name(r.law)} {math.exp(r.drawn_mean):.4f} x/ {math.exp(r.drawn_sd):.2f} ({math.exp(r.log_mean):.4f} x/ "
        f"{math.exp(r.log_sd):.2f})"
        for r in deep.itertuples()
    )
    return Finding(
        f"mean and deviation of the log angle, width {int(depth.width.max())}, {len(depth)} cells (symmetric weights, "
        f"E|w|^8 finite): within {limit:.1f} standard errors or 5 % of the theory; geometric mean and spread at depth "
        f"{int(deep.depth.max())}, the map has {float(deep['map'].iloc[0]):.4f}",
        f"largest deviation of a mean {z.max():.1f}, of a deviation {spread.max():.1f} standard errors; {listed}",
        means & spreads,
    )


@claim(
    "the Gram matrix of many inputs degenerates with depth",
    "derived here",
    "what the argument of the abstract, that training is difficult, comes to for many inputs",
)
def _degenerate(gram: DataFrame) -> Finding:
    """Fails if the effective rank rises at a step of depth, or the condition number falls."""
    listed: list[str] = []
    worse: list[Any] = []
    for slope, part in gram.groupby("slope"):
        ordered = part.sort_values("depth")
        first, last = ordered.iloc[0], ordered.iloc[-1]
        worse += every([last.condition > first.condition], ordered.effective_rank.diff().dropna() < 0)
        listed.append(
            f"slope {slope:g}: condition {first.condition:.3g} -> {last.condition:.3g}, effective rank "
            f"{first.effective_rank:.1f} -> {last.effective_rank:.2f}"
        )
    return Finding(
        f"computed, no samples: from depth {int(gram.depth.min())} to {int(gram.depth.max())}",
        "; ".join(listed),
        every(worse),
        number=f"effective rank {gram.effective_rank.max():.1f} -> {gram.effective_rank.min():.2f} (falls)",
    )
