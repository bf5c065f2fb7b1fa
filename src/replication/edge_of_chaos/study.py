"""The Edge-of-Chaos study: what theory says for each activation, and what networks of finite width do.

Theory tables are rows for data frames, from `edge_of_chaos`. Simulations draw networks [1 or 2, n, ..., n] whose first
layer is exactly normal with the variance and correlation asked for, so that its neurons are independent: the maps are
then exact for the second layer at any width, and what deviates later is dependence between neurons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preactivations.activations.describe import describe
from preactivations.activations.registry import Pair, by_name, oscillating
from preactivations.edge_of_chaos.critical import eoc_point
from preactivations.edge_of_chaos.curves import chi_map, depth_scales, eoc_curve
from preactivations.edge_of_chaos.fixpoints import correlation_fixed_points, fixed_points, fixed_variance
from preactivations.edge_of_chaos.maps import chi, correlation_map, variance_map, variance_slope
from preactivations.edge_of_chaos.oscillation import oscillating_range
from preactivations.streams import Stream
from replication.settings import Pairs, Setting, setting_by_name
from replication.spread import spread

Array = NDArray[np.float64]
Row = dict[str, Any]


# -- theory ----------------------------------------------------------------------------------------


def curve_rows(activation: Any, n_points: int) -> list[Row]:
    """The Edge of Chaos of an activation: sigma_w, sigma_b, variance."""
    curve = eoc_curve(activation, n_points)
    return [
        {"sigma_w": float(w), "sigma_b": float(b), "variance": float(v)}
        for w, b, v in zip(curve.sigma_w, curve.sigma_b, curve.variance, strict=True)
    ]


def pair_row(pair: Pair) -> Row:
    """An exact pair at v = 1 on the circle sigma_w^2 + sigma_b^2 = 1.

    chi at sigma_w = 1; the phase there; the exact Edge-of-Chaos point (NaN where there is none); dv'/dv, and xi_c of
    positive pairs, -1 / log chi.
    """
    law, kind = pair.weights, pair.kind
    value = float(chi(pair, 1.0))
    sigma_w = sigma_b = math.nan
    if kind == "odd" and value < math.inf:
        sigma_w, sigma_b, _ = eoc_point(pair)
    phase = "edge" if abs(value - 1) < 1e-9 else ("ordered" if value < 1 else "chaotic")
    parameters = {name: getattr(law, name, math.nan) for name in ("theta", "b")}
    return (
        {"kind": kind, **parameters, "weight_variance": law.variance, "chi": value, "phase": phase}
        | {"sigma_w": sigma_w, "sigma_b": sigma_b, "variance_slope": float(variance_slope(pair, 1.0))}
        | {"xi_c": -1 / math.log(value) if value < 1 - 1e-9 else math.nan}
    )


def fitted_row(pair: Pair) -> Row:
    """A fitted activation with the weights that it is fitted for.

    At v = 1 and sigma_w = 1, where an exact pair has variance 1: chi, the next variance, dv'/dv; the variance that the
    map tends to from 1; the point of the Edge of Chaos at which variance 1 stays (NaN for the positive kind).
    """
    sigma_w = sigma_b = math.nan
    if pair.kind == "odd":  # variance <= chi (Poincare's inequality), so that a bias makes up for the rest
        sigma_w, sigma_b, _ = eoc_point(pair)
    return (
        {"kind": pair.kind, "theta": getattr(pair.weights, "theta", math.nan), "chi": float(chi(pair, 1.0))}
        | {"variance": float(variance_map(pair, 1.0)), "variance_slope": float(variance_slope(pair, 1.0))}
        | {"limit": fixed_variance(pair, sigma_w=1.0), "sigma_w": sigma_w, "sigma_b": sigma_b}
    )


def map_rows(activation: Any, sigma_w: float, sigma_b: float, points: int = 161) -> list[Row]:
    """The graphs of both maps with their fixed points: quantity, at, value (of a fixed point its slope)."""
    scales: Any = {"sigma_w": sigma_w, "sigma_b": sigma_b}
    rows = []
    v = np.geomspace(1e-3, 1e2, points)
    for at, value in zip(v, variance_map(activation, v, **scales), strict=True):
        rows.append({"quantity": "variance", "at": at, "value": value})
    fixed = [p for p in fixed_points(activation, **scales, interval=(1e-3, 1e2)) if p.variance > 0]
    rows += [{"quantity": "fixed variance", "at": p.variance, "value": p.slope} for p in fixed]
    star = fixed_variance(activation, **scales)
    if 0 < star < math.inf:
        c = np.linspace(-1, 1, points)
        for at, value in zip(c, correlation_map(activation, c, star, **scales), strict=True):
            rows.append({"quantity": "correlation", "at": at, "value": value})
        for point in correlation_fixed_points(activation, star, **scales):
            rows.append({"quantity": "fixed correlation", "at": point.correlation, "value": point.slope})
    return rows


def constant_rows(odd: Pair) -> list[Row]:
    """Numbers that papers state: q* and chi_1 of tanh at (1.46, 0.013), dv'/dv of the odd pair with theta = 4."""
    sigma_w, sigma_b = math.sqrt(1.46), math.sqrt(0.013)
    v = fixed_variance("tanh", sigma_w=sigma_w, sigma_b=sigma_b)
    return [
        {"name": "tanh_variance", "value": v},
        {"name": "tanh_chi", "value": float(chi("tanh", v, sigma_w=sigma_w))},
        {
            "name": "odd_4_slope",
            "value": float(variance_slope(odd, 1.0)),
        },
    ]


def scale_rows(activation: Any, sigma_b: float, sigma_w: Sequence[float]) -> list[Row]:
    """Depth scales and the fixed points they belong to, against sigma_w where the variance has a limit > 0."""
    rows = []
    for w in sigma_w:
        if 0 < fixed_variance(activation, sigma_w=w, sigma_b=sigma_b) < math.inf:
            scales = depth_scales(activation, sigma_w=w, sigma_b=sigma_b)
            rows.append({"sigma_w": w, "sigma_b": sigma_b} | scales._asdict())
    return rows


def oscillating_rows(omega: float, n_scales: int = 5) -> tuple[list[Row], list[Row]]:
    """Range of sigma_w with fixed points, and the fixed points of one period for scales inside it."""
    low, high = oscillating_range(omega)
    period = math.exp(4 * math.pi / omega)
    points = []
    for share in np.linspace(0.1, 0.9, n_scales):
        sigma_w = low + share * (high - low)
        found = fixed_points(oscillating(omega=omega), sigma_w=sigma_w, interval=(0.3, 0.3 * period**3))
        positive = [p for p in found if p.variance > 0]
        for k, point in enumerate(positive):
            ratio = positive[k + 2].variance / point.variance if k + 2 < len(positive) else math.nan
            points.append(
                {"omega": omega, "sigma_w": sigma_w, "number": k} | point._asdict() | {"ratio": ratio}
            )
    return [{"omega": omega, "sigma_w_low": low, "sigma_w_high": high, "period": period}], points


def heat_rows(activation: Any, sigma_w: Array, sigma_b: Array) -> dict[str, Array]:
    """Columns sigma_w, sigma_b, variance, chi on the grid of all pairs of scales."""
    w, b = np.meshgrid(sigma_w, sigma_b, indexing="ij")
    variance, value = chi_map(activation, w, b)
    return {"sigma_w": w.ravel(), "sigma_b": b.ravel(), "variance": variance.ravel(), "chi": value.ravel()}


def uniqueness_row(activation: Any, points: int = 14) -> Row:
    """Largest number of positive fixed points of the variance map over a grid of scales, and where.

    Scales at which every variance is a fixed point (ReLU on the edge) are not among the `settings` that are counted.
    """
    act = describe(activation)
    most, where, settings = 0, (math.nan, math.nan), 0
    for sigma_w in [*np.geomspace(0.3, 3, points), 0.9, 0.99]:
        line = act.slopes is not None and abs(float(variance_map(act, 1.0, sigma_w=sigma_w)) - 1) < 1e-9
        for sigma_b in (0.0, 0.01, 0.1, 0.3, 1.0):
            if line and sigma_b == 0:
                continue
            settings += 1
            positive = sum(p.variance > 0 for p in fixed_points(act, sigma_w=sigma_w, sigma_b=sigma_b))
            if positive > most:
                most, where = positive, (float(sigma_w), sigma_b)
    return {"settings": settings, "most": most, "sigma_w": where[0], "sigma_b": where[1]}


def rate_rows(activation: Any, sigma_w: float, sigma_b: float, depth: int) -> list[Row]:
    """1 - c_l on the edge from c_1 = 1/2, at depths evenly spaced on a logarithmic scale."""
    v = fixed_variance(activation, sigma_w=sigma_w, sigma_b=sigma_b)
    c = correlation_map(activation, 0.5, v, sigma_w=sigma_w, sigma_b=sigma_b, layers=depth)
    depths = np.unique(np.geomspace(1, depth, 60).astype(int))
    return [{"depth": int(at) + 1, "gap": float(1 - c[at - 1])} for at in depths]


def edge_settings(pairs: Pairs) -> dict[tuple[str, str], Setting]:
    """Settings by (activation, place): tanh and odd phi_theta below, on and above the edge, ReLU on it.

    tanh: the point of the curve with variance .3029, sigma_b kept, sigma_w times .8 and 1.4. phi_theta: on the circle
    sigma_w^2 + sigma_b^2 = 1, sigma_w times .85 and sigma_w = 1.
    """
    tanh = by_name("tanh")
    v = 0.3029
    sigma_w = 1 / math.sqrt(float(chi(tanh, v)))
    sigma_b = math.sqrt(v - float(variance_map(tanh, v, sigma_w=sigma_w)))
    edge = eoc_point(pairs("odd")).sigma_w
    settings = {
        ("tanh", place): setting_by_name("tanh", sigma_w=factor * sigma_w, sigma_b=sigma_b)
        for place, factor in (("below", 0.8), ("on", 1.0), ("above", 1.4))
    }
    for place, w in (("below", 0.85 * edge), ("on", edge), ("above", 1.0)):
        settings["odd", place] = setting_by_name("odd", pairs, sigma_w=w, sigma_b=math.sqrt(1 - w * w))
    return settings | {("relu", "on"): setting_by_name("relu")}


# -- simulation ------------------------------------------------------------------------------------


def correlation_rows(
    setting: Setting, width: int, depth: int, n_networks: int, start: float, stream: Stream, **options: Any
) -> list[Row]:
    """Two inputs whose first-layer pre-activations are N(0, v*) with correlation `start`, layer by layer.

    covariance (E z_a z_b / v*, mean over neurons and networks) with error, the mean over networks of the
    correlation over neurons, its 5 % and 95 % points, theory, the map, and limit, its stable fixed point. v* is the
    variance of the setting.
    """
    v = setting.variance
    if not 0 < v < math.inf:
        raise ValueError(f"the variance of {setting.name} tends to {v:g} at sigma_w = {setting.sigma_w:g}")
    # first layer: sigma_w^2 x_a.x_b / 2 + sigma_b^2 = v (1 or start), x in the plane
    free = v - setting.sigma_b**2
    cosine = (start * v - setting.sigma_b**2) / free
    if not -1 <= cosine <= 1:
        raise ValueError(f"correlation {start} can't be had in the first layer: the bias alone makes more")
    size = math.sqrt(2 * free) / setting.sigma_w
    x = size * np.array([[1.0, 0.0], [cosine, math.sqrt(1 - cosine**2)]])
    layers = setting.layers(
        [2] + [width] * depth, x, setting.module(), n_networks=n_networks, stream=stream, **options
    )
    theory = np.append(
        start, correlation_map(setting.exact, start, v, **setting.map_scales, layers=depth - 1)
    )
    ends = correlation_fixed_points(setting.exact, v, **setting.map_scales)
    limit = next(end.correlation for end in reversed(ends) if end.stable)
    between = layers.between
    assert between is not None  # two inputs
    rows = []
    for k in range(depth):
        covariance, error = between.covariance[k, 0, 1], between.covariance_error[k, 0, 1]
        cosines = spread(between.mean_cosine[k])
        rows.append(
            {"depth": k + 1, "covariance": float(covariance) / v, "covariance_error": float(error) / v}
            | {"correlation": cosines.mean, "correlation_error": cosines.error}
            | {"low": cosines.low, "high": cosines.high, "theory": float(theory[k]), "limit": limit}
        )
    return rows


def variance_rows(
    setting: Setting, width: int, depth: int, n_networks: int, start: float, stream: Stream, **options: Any
) -> list[Row]:
    """Variance layer by layer of networks whose first layer is N(0, start), with the map beside it."""
    x = math.sqrt((start - setting.sigma_b**2) / setting.sigma_w**2)
    layers = setting.layers(
        [1] + [width] * depth, x, setting.module(), n_networks=n_networks, stream=stream, **options
    )
    variance, theory = layers.variance(), [start]
    for _ in range(depth - 1):
        theory.append(float(variance_map(setting.exact, theory[-1], **setting.map_scales)))
    return [
        {"depth": k + 1, "variance": float(value), "error": float(error), "theory": theory[k]}
        for k, (value, error) in enumerate(zip(*variance, strict=True))
    ]
