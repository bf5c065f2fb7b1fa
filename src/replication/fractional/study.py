"""Fractional moment-preserving initialization: exact laws with drawn networks beside them (Gurbuzbalaban & Hu 2021).

Networks have constant width, no biases and an input of norm 1, unless something else is said. Noise is shared by all
orders s: x_s^L = (sigma_s / sigma_2)^L x_2^L, so that one set of networks serves them all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import ks_2samp

from preactivations import streams
from preactivations.gaussianity import ks_to_law, null_quantile
from preactivations.heavy_tails.scales import (
    clt_mean_variance,
    moment_growth,
    sigma,
    sigma_authors,
    sigma_second_order,
)
from preactivations.heavy_tails.units import Unit, unit
from preactivations.names import number_text
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.norm_laws import NormLaw
from preactivations.relu_law.stationary import stationary_law
from preactivations.streams import Stream

Array = NDArray[np.float64]
Row = dict[str, Any]

_AT_ONCE = 1 << 20  # weights


def constants() -> list[Row]:
    """Values that are stated elsewhere, by name."""
    rows: list[Row] = []
    for s in (0.5, 1.0, 1.5):
        rows += [
            {"name": f"relu_10_{number_text(s)}", "value": float(sigma(s, 10)) * math.sqrt(5)},
            {"name": f"relu_64_{number_text(s)}", "value": float(sigma(s, 64)) * math.sqrt(32)},
            {"name": f"linear_64_{number_text(s)}", "value": float(sigma(s, 64, "linear")) * 8},
        ]
    for s in (1.0, 2.0):
        rows.append({"name": f"clt_mean_{number_text(s)}", "value": float(clt_mean_variance(s, 64).mean)})
    rows.append({"name": "clt_variance", "value": float(clt_mean_variance(1.0, 64).variance)})
    for a in (0.2, 0.5, 1.0):
        error = float(sigma_authors(1.0, 64, "leaky_relu", a) / sigma(1.0, 64, "leaky_relu", a)) - 1
        rows.append({"name": f"authors_{number_text(a)}", "value": error})
    for s in (1.5, 1.0):
        growth = 500 * math.log(float(sigma_second_order(s, 64)) * math.sqrt(32))
        rows.append({"name": f"population_{number_text(s)}", "value": math.exp(growth)})
    return rows


# -- scales ----------------------------------------------------------------------------------------


def width_rows(orders: Sequence[float], widths: Sequence[int]) -> list[Row]:
    """ReLU: exact sigma, second order, and the authors' formula, by s and width.

    Their relative errors; excess sigma^2 - 2/d of the first two; sigma sqrt(d/2), `scaled`, of the first and the last.
    """
    rows: list[Row] = []
    for s in orders:
        exact, second, theirs = (f(s, list(widths)) for f in (sigma, sigma_second_order, sigma_authors))
        rows += [
            {"s": s, "width": d, "sigma": a, "second_order": b, "authors": c}
            | {"second_order_error": b / a - 1, "authors_error": c / a - 1}
            | {"excess": a * a - 2 / d, "second_order_excess": b * b - 2 / d}
            | {name: value * math.sqrt(d / 2) for name, value in (("scaled", a), ("authors_scaled", c))}
            for d, a, b, c in zip(widths, exact, second, theirs, strict=True)
        ]
    return rows


def sigma_rows(widths: Sequence[int], activations: Sequence[str], points: int = 60) -> list[Row]:
    """Exact sigma against s in (0, 2], in units of sigma at s = 2, by activation and width."""
    orders = np.linspace(0.02, 2, points)
    return [
        {"activation": activation, "width": d, "s": s, "ratio": value}
        for activation in activations
        for d in widths
        for s, value in zip(orders, sigma(orders, d, activation) / sigma(2.0, d, activation), strict=True)
    ]


# -- depth -----------------------------------------------------------------------------------------


def draw_networks(
    activation: str, width: int, depth: int, networks: int, stream: Stream
) -> tuple[Array, NDArray[np.float32]]:
    """(log |x^L| at sigma = 1, x^L / |x^L|) of networks with drawn weight matrices, from |x^0| = 1; -inf, 0 if dead.

    Shapes (networks,) and (networks, width). Single precision but for the norms.
    """
    neuron = unit(activation)
    log_norm = np.zeros(networks)
    direction = np.zeros((networks, width), np.float32)
    block = max(1, _AT_ONCE // width**2)
    for index, start in enumerate(range(0, networks, block)):
        count = min(block, networks - start)
        rng = stream.block(index)
        h = rng.standard_normal((count, width)).astype(np.float32)
        h /= np.linalg.norm(h, axis=1, keepdims=True)
        total = np.zeros(count)
        for _ in range(depth):
            w = streams.normal(count * width * width, rng).reshape(count, width, width)
            h = apply_unit(np.matmul(w, h[:, :, None])[:, :, 0], neuron, rng)
            norm = np.sqrt((h.astype(np.float64) ** 2).sum(axis=1))
            with np.errstate(divide="ignore"):
                total += np.log(norm)
            h /= np.where(norm > 0, norm, 1.0)[:, None].astype(np.float32)
        log_norm[start : start + count], direction[start : start + count] = total, h
    return log_norm, direction


def apply_unit(z: NDArray[Any], neuron: Unit, rng: np.random.Generator) -> NDArray[Any]:
    """Outputs of neurons with pre-activations `z`, without dropout; randomized slopes are drawn."""
    slope: Any = neuron.lower
    if neuron.lower != neuron.upper:
        slope = rng.uniform(neuron.lower, neuron.upper, z.shape).astype(z.dtype)
    return np.where(z > 0, z, np.asarray(slope, dtype=z.dtype) * z)


def chain_log_norms(activation: str, width: int, depth: int, networks: int, stream: Stream) -> Array:
    """log |x^L| at sigma = 1 by the exact chain of norms: depth independent draws of log Q / 2; -inf if dead."""
    neuron = unit(activation)
    if neuron.lower == neuron.upper:
        chain = NormChain(width, [width] * depth, slope=neuron.lower, weight_variance=1.0)
        return np.asarray(chain.sample_log(networks, stream.block(0))) / 2
    total = np.zeros(networks)
    block = max(1, _AT_ONCE // width)
    for index, start in enumerate(range(0, networks, block)):
        rng, count = stream.block(index), min(block, networks - start)
        for _ in range(depth):
            h = apply_unit(rng.standard_normal((count, width)), neuron, rng)
            total[start : start + count] += np.log((h * h).sum(axis=1)) / 2
    return total


def _law(activation: str, s: float, width: int, depth: int) -> NormLaw:
    """Of |x^L|^2."""
    variance = float(sigma(s, width, activation)) ** 2
    return NormChain(width, [width] * depth, slope=unit(activation).lower, weight_variance=variance).law()


def density_rows(
    activation: str,
    orders: Sequence[float],
    width: int,
    depth: int,
    log_norm: Array,
    points: int = 200,
    bins: int = 20,
) -> tuple[list[Row], list[Row], list[Row]]:
    """(curves, histogram, tests) of log |x^L| by s.

    Exact density and distribution with those of the central limit theorem; drawn networks, from their log norm at
    sigma = 1; KS statistic of these against the exact law, `small` = P(|x^L| <= .1), median of |x^L|.
    """
    curves: list[Row] = []
    histogram: list[Row] = []
    tests: list[Row] = []
    for s in orders:
        name = {"activation": activation, "s": s, "width": width, "depth": depth}
        law, normal = _law(activation, s, width, depth), clt_mean_variance(s, width, activation)
        low, high = np.log(law.ppf(np.array([law.atom + 1e-4 * (1 - law.atom), 1 - 1e-4]))) / 2
        x = np.linspace(low, high, points)
        scale = math.sqrt(depth * float(normal.variance))
        z = (x - depth * normal.mean) / scale
        curves += [
            name | {"log_norm": a, "density": b, "cdf": c, "normal": d, "normal_cdf": e}
            for a, b, c, d, e in zip(
                x,
                2 * law.pdf_of_log(2 * x),
                law.cdf(np.exp(2 * x)),
                np.exp(-z * z / 2) / (scale * math.sqrt(2 * math.pi)),
                ndtr(z),
                strict=True,
            )
        ]
        drawn = log_norm + depth * math.log(float(sigma(s, width, activation)))
        edges = np.linspace(low, high, bins + 1)
        counts, _ = np.histogram(drawn, edges)
        histogram += [
            name | {"low": a, "high": b, "density": n / (drawn.size * (b - a))}
            for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
        ]
        ks = ks_to_law(np.exp(2 * drawn), law.cdf)
        tests.append(
            name | {"networks": drawn.size, "ks": ks, "critical": null_quantile(0.95, drawn.size)}
            | {"small": float(law.cdf(0.01)), "median": float(law.ppf(0.5)) ** 0.5}
        )  # fmt: skip
    return curves, histogram, tests


def deep_moment_rows(
    orders: Sequence[float],
    alphas: Sequence[float],
    width: int,
    depth: int,
    log_norm: Array,
    direction: NDArray[np.float32],
    chain: Array,
) -> list[Row]:
    """(mean |x_j|^alpha)^(1/alpha) over all entries of deep ReLU networks, input N(0, I), second-order sigma (authors).

    drawn: `log_norm` and `direction` of `draw_networks`; chain: of the exact chain of norms, the last layer in closed
    form; population: exact. Norms of inputs are replaced by their root mean square, sqrt(width).
    """
    factor = NormFactor(width)
    rows: list[Row] = []
    for s in orders:
        shift = depth * math.log(float(sigma_second_order(s, width))) + math.log(width) / 2
        for alpha in alphas:
            half = _half_moment(alpha) / 2  # E relu(g)^alpha
            with np.errstate(divide="ignore"):
                entries = np.log(np.abs(direction.astype(np.float64))).ravel()
            logs = alpha * (np.repeat(log_norm, width) + entries + shift)
            # given the norm before the last layer the entries are sigma |x| relu(g)
            before = alpha * (chain + shift)
            growth = alpha * shift + (depth - 1) * float(factor.log_moment(alpha / 2)) + math.log(half)
            rows.append(
                {"s": s, "alpha": alpha, "drawn": math.exp(_log_mean(logs) / alpha)}
                | {"chain": math.exp((_log_mean(before) + math.log(half)) / alpha)}
                | {"population": math.exp(growth / alpha)}
                | {"networks": log_norm.size, "chains": chain.size, "width": width, "depth": depth}
            )
    return rows


def agreement_row(drawn: Array, chain: Array) -> Row:
    """Two-sample KS of log norms of networks with drawn matrices and of chains: sizes, ks, p."""
    test = ks_2samp(drawn, chain)
    sizes = {"networks": drawn.size, "chains": chain.size}
    return sizes | {"ks": float(test.statistic), "p": float(test.pvalue)}


def _half_moment(alpha: float) -> float:
    """E |g|^alpha."""
    return 2 ** (alpha / 2) * math.gamma((alpha + 1) / 2) / math.sqrt(math.pi)


def _log_mean(logs: Array) -> float:
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).mean()))


def one_layer_row(activation: str, s: float, width: int, draws: int, stream: Stream) -> Row:
    """E |x'|^s = 1 at sigma(s), |x| = 1: `mean` with `error` over drawn layers; the same for s/2; exact beside them."""
    neuron, rng = unit(activation), stream.block(0)
    q = np.concatenate(
        [
            (apply_unit(rng.standard_normal((part, width)), neuron, rng) ** 2).sum(axis=1)
            for part in _parts(draws, max(1, _AT_ONCE // width))
        ]
    )
    scaled = float(sigma(s, width, activation)) * np.sqrt(q)
    row: Row = {"activation": activation, "s": s, "width": width, "draws": draws}
    for name, p in (("", s), ("_lower", s / 2)):
        values = scaled**p
        row |= {
            f"exact{name}": float(moment_growth(p, s, width, activation)),
            f"mean{name}": float(values.mean()),
            f"error{name}": float(values.std() / math.sqrt(draws)),
        }
    return row


def _parts(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def clt_rows(activation: str, s: float, width: int, depth: int, chain: Array) -> Row:
    """Mean and variance of log |x^L| per layer: of the theorem, and of chains of norms (at sigma = 1) with errors."""
    normal = clt_mean_variance(s, width, activation)
    alive = chain[chain > -math.inf] + depth * math.log(float(sigma(s, width, activation)))
    mean, variance = alive.mean() / depth, alive.var() / depth
    fourth = float(((alive - alive.mean()) ** 4).mean())
    mean_error = float(alive.std() / math.sqrt(alive.size) / depth)
    variance_error = math.sqrt(max(0.0, fourth - float(alive.var()) ** 2) / alive.size) / depth
    row: Row = {"activation": activation, "s": s, "width": width, "depth": depth}
    row |= {"mean": float(normal.mean), "variance": float(normal.variance)}
    row |= {"approximation": -s * float(normal.variance) / 2}
    for name, value, error, exact in (
        ("mean", mean, mean_error, normal.mean),
        ("variance", variance, variance_error, normal.variance),
    ):
        row |= {
            f"{name}_chain": float(value),
            f"{name}_error": error,
            f"{name}_z": float(value - exact) / error,
        }
    return row | {"networks": alive.size}


def ks_to_normal_rows(activations: Sequence[str], width: int, depths: Sequence[int]) -> list[Row]:
    """sup |F - Phi| of the standardized log norm, given survival, against depth: exact, the same for all s."""
    rows: list[Row] = []
    for activation in activations:
        normal = clt_mean_variance(2.0, width, activation)
        for depth in depths:
            law = _law(activation, 2.0, width, depth)
            z = np.linspace(-6, 6, 1201)
            x = depth * normal.mean + z * np.sqrt(depth * normal.variance)
            cdf = (law.cdf(np.exp(2 * x)) - law.atom) / (1 - law.atom)
            ks = float(abs(cdf - ndtr(z)).max())
            rows.append({"activation": activation, "depth": depth, "width": width, "ks": ks})
    return rows


# -- tails -----------------------------------------------------------------------------------------


def hill(values: Array, k: int) -> float:
    """Hill's estimate of the tail index of positive values from the k largest: k / sum log(x_(i) / x_(k+1))."""
    if not 1 <= k < len(values):
        raise ValueError(f"k must be in [1, {len(values) - 1}], got {k}")
    top = np.sort(values)[-k - 1 :]
    return float(k / np.log(top[1:] / top[0]).sum())


def tail_rows(
    orders: Sequence[float], width: int, depth: int, networks: int, shares: Sequence[float], stream: Stream
) -> list[Row]:
    """Hill estimates of |x^L| of ReLU networks with biases N(0, 1), against s, from the largest part of the networks.

    exact: the same for the stationary law, E[log |x| - log t given |x| > t]^-1 at the threshold t of that part. Both
    tend to s as the part shrinks. error: of the Hill estimate, its value over sqrt(k).
    """
    rows: list[Row] = []
    for s in orders:
        variance = float(sigma(s, width)) ** 2
        chain = NormChain(width, [width] * depth, weight_variance=variance, bias_variance=1.0)
        log_q = np.asarray(chain.sample_log(networks, Stream.block(stream, 0)))
        log_norm = np.sort(log_q[log_q > -math.inf] / 2)
        law = stationary_law(width, variance, 1.0)
        for share in shares:
            k = max(2, round(share * networks))
            found = hill(np.exp(log_norm - log_norm[-k - 1]), k)
            start = float(law.ppf_of_log(np.array(1 - share)))
            rows.append(
                {"s": s, "share": share, "hill": found, "error": found / math.sqrt(k)}
                | {"exact": _exact_hill(law, start, s), "width": width, "depth": depth, "networks": networks}
            )
    return rows


def _exact_hill(law: NormLaw, start: float, s: float) -> float:
    """1 / E[(log q - start)/2 given log q > start]: the mean excess is int sf / sf(start)."""
    x = np.linspace(start, start + 60 / s, 4001)
    survival = law.sf(np.exp(x))
    return float(2 * survival[0] / np.trapezoid(survival, x))
