"""The exact law of the signal in ReLU networks with drawn networks beside it (Burkholz & Dubatovka 2019; our protocol).

Networks have He's variance, no biases, constant width and an input of norm 1, unless something else is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preactivations.gaussianity import ks_to_law, null_quantile
from preactivations.kernels.maps import angular_map
from preactivations.propagation.engine import simulate
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.stationary import eigenvalue, squared_norm_tail_index, stationary_law
from preactivations.relu_law.two_inputs import log_angle_drift, mean_correlation
from preactivations.streams import Stream
from preactivations.weights import Normal

Array = NDArray[np.float64]
Row = dict[str, Any]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_PATHS = 12  # networks of which the whole path of the correlation is kept


# -- one input -------------------------------------------------------------------------------------


def he_chain(width: int, depth: int) -> NormChain:
    """He's variance at constant width, from as many inputs."""
    return NormChain(width, [width] * depth)


def drawn_units(
    width: int, depth: int, networks: int, stream: Stream, bias_variance: float = 0.0, **options: Any
) -> NDArray[np.float32]:
    """Pre-activations of the last layer of ReLU networks with drawn weight matrices, shape (networks, width).

    He's variance, |x_0| = 1, biases N(0, `bias_variance`). Options as for `propagation.simulate` (memory, threads,
    device, progress). The first layer has one input: with normal weights only its norm counts.
    """
    phi: Any = _relu
    if options.get("device"):
        from torch.nn.functional import relu as phi
    return simulate(
        [1] + [width] * depth,
        phi,
        weights=Normal(),
        sigma_w=math.sqrt(2),
        sigma_b=math.sqrt(bias_variance),
        n_networks=networks,
        stream=stream,
        inputs=1 / math.sqrt(width),
        **options,
    )


def drawn_norms(width: int, depth: int, networks: int, stream: Stream, **options: Any) -> Array:
    """q_L = |x_L|^2 of the networks of `drawn_units`, without biases."""
    h = drawn_units(width, depth, networks, stream, **options)
    return np.square(np.maximum(h, 0), dtype=np.float64).sum(axis=1)


def _relu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(x, 0, out=x)


def density_rows(width: int, depth: int, points: int = 400) -> list[Row]:
    """Exact density of log10 q_L where it holds all but 1e-4 on either side, the dead part left out; and median."""
    law = he_chain(width, depth).law()
    low, high = law.ppf(np.array([law.atom + 1e-4 * (1 - law.atom), 1 - 1e-4]))
    x = np.linspace(math.log10(low), math.log10(high), points)
    density = law.pdf_of_log(x * math.log(10)) * math.log(10)
    name = {"width": width, "depth": depth, "dead": law.atom, "median": float(law.ppf(0.5))}
    return [name | {"log10_q": a, "density": b} for a, b in zip(x, density, strict=True)]


def histogram_rows(width: int, depth: int, sample: Array, bins: int = 60) -> tuple[list[Row], Row]:
    """(histogram of log10 q_L over the range of `density_rows`, KS statistic against the exact law)."""
    law = he_chain(width, depth).law()
    ends = law.ppf(np.array([law.atom + 1e-4 * (1 - law.atom), 1 - 1e-4]))
    first, last = np.log10(ends)
    edges = np.linspace(first, last, bins + 1)
    counts, _ = np.histogram(np.log10(sample[sample > 0]), edges)
    heights = counts / (sample.size * np.diff(edges))
    name = {"width": width, "depth": depth}
    histogram = [
        name | {"low": a, "high": b, "density": height}
        for a, b, height in zip(edges[:-1], edges[1:], heights, strict=True)
    ]
    ks = {"ks": ks_to_law(sample, law.cdf), "critical": null_quantile(0.95, sample.size)}
    dead = {"dead": law.atom, "dead_drawn": float((sample == 0).mean())}
    return histogram, name | {"networks": sample.size} | ks | dead


def deviation_rows(width: int, depth: int, samples: dict[str, Array]) -> Row:
    """How far q_L is from 1, its value in mean field: exact, and for each sample (name: values) with errors.

    Exact: mean_log and sd_log of log q given survival, p_low = P(q <= .1), median, sd of q, dead. For each sample the
    same and n; errors of mean_log, sd_log and p_low, standard. (sd of q is carried by rare networks: no error is
    known.)
    """
    chain = he_chain(width, depth)
    law, moments = chain.law(), chain.log_moments()
    row: Row = {"width": width, "depth": depth}
    row |= {"mean_log": moments.mean, "sd_log": math.sqrt(moments.variance)}
    row |= {"p_low": float(law.cdf(0.1)), "median": float(law.ppf(0.5))}
    row |= {"sd": math.sqrt(max(0.0, math.expm1(float(chain.log_moment(2))))), "dead": law.atom}
    for name, q in samples.items():
        log_q = np.log(q[q > 0])
        deviation = log_q - log_q.mean()
        variance = float(deviation.var())
        sd = math.sqrt(variance)
        fourth = float((deviation**4).mean())
        row |= {
            f"n_{name}": q.size,
            f"mean_log_{name}": float(log_q.mean()),
            f"mean_log_error_{name}": sd / math.sqrt(log_q.size),
            f"sd_log_{name}": sd,
            f"sd_log_error_{name}": math.sqrt(max(0.0, fourth - variance**2) / log_q.size) / (2 * sd),
            f"p_low_{name}": float((q <= 0.1).mean()),
            f"p_low_error_{name}": math.sqrt(row["p_low"] * (1 - row["p_low"]) / q.size),
            f"median_{name}": float(np.median(q)),
            f"sd_{name}": float(q.std()),
        }
    return row


def eigenvalue_rows(widths: Sequence[int], m_max: float = 3.0, points: int = 121) -> list[Row]:
    """Eigenvalues lambda_m of the transfer operator with He's variance, 0 <= m <= m_max."""
    orders = np.linspace(0, m_max, points)
    return [
        {"width": width, "m": m, "eigenvalue": value}
        for width in widths
        for m, value in zip(orders, eigenvalue(width, orders), strict=True)
    ]


def stationary_rows(
    width: int, bias_variance: float, factors: Sequence[float], points: int = 300
) -> tuple[list[Row], list[Row]]:
    """(curves, indices): stationary laws with biases for weight variances factor * 2/n.

    curves: factor, log10_q, density, sf = P(q' > q). indices: factor, squared_norm_tail_index, second_finite, whether
    v^2 (n^2 + 5n)/4 < 1, mean.
    """
    curves: list[Row] = []
    indices: list[Row] = []
    for factor in factors:
        v = factor * 2 / width
        law = stationary_law(width, v, bias_variance)
        ends = law.ppf_of_log(np.array([law.atom + 1e-6, 1 - 1e-8])) / math.log(10)
        x = np.linspace(ends[0], ends[1], points)
        density = law.pdf_of_log(x * math.log(10)) * math.log(10)
        name = {"width": width, "factor": factor}
        curves += [
            name | {"log10_q": a, "density": b, "sf": c}
            for a, b, c in zip(x, density, law.sf(10**x), strict=True)
        ]
        kappa = squared_norm_tail_index(width, v)
        second_finite = bool(v * v * (width**2 + 5 * width) / 4 < 1)
        mean = law.moment(1) if kappa > 1 + 1e-9 else math.inf
        predicted = width / 2 * bias_variance / (1 - factor) if factor < 1 else math.inf
        index = {"squared_norm_tail_index": kappa, "second_finite": second_finite}
        indices.append(name | index | {"mean": mean, "mean_predicted": predicted})
    return curves, indices


# -- two inputs ------------------------------------------------------------------------------------


def correlation_rows(
    width: int, depth: int, start: float, networks: int, stream: Stream
) -> tuple[list[Row], list[Row]]:
    """(rows by depth, paths of single networks) of the correlation of two inputs.

    Rows: mean_field, c' = 2 k_1; drift, where in each layer the angle of mean field is multiplied by
    exp(E log(angle'/angle)), exact for small angles at this width and taken for all of them; first, the exact mean
    after one layer (NaN elsewhere); mean of the networks with error; log_angle, mean of their log angle, with error;
    quantiles q05 to q95 of the correlation; n (both alive; one unit that is active leaves the angle 0).
    """
    found = he_chain(width, depth).sample_angles(networks, stream.block(0), math.acos(start))
    factor = math.exp(log_angle_drift(width))
    mean_field = drifting = math.acos(start)
    rows: list[Row] = []
    for layer in range(depth + 1):
        if layer:
            mean_field = float(angular_map(mean_field))
            drifting = float(angular_map(drifting)) * factor
        angle = found[layer][~np.isnan(found[layer])]
        correlation = np.cos(angle)
        log_angle = np.log(angle[angle > 0])
        row: Row = {"width": width, "start": start, "depth": layer}
        row |= {"mean_field": math.cos(mean_field), "drift": math.cos(drifting)}
        row["first"] = float(mean_correlation(width, start)) if layer == 1 else math.nan
        for name, error, values in (
            ("mean", "error", correlation),
            ("log_angle", "log_angle_error", log_angle),
        ):
            row |= {name: float(values.mean()), error: float(values.std() / math.sqrt(values.size))}
        rows.append(
            row
            | {"n": log_angle.size}
            | {f"q{100 * p:02.0f}": float(np.quantile(correlation, p)) for p in _QUANTILES}
        )
    paths = [
        {"width": width, "start": start, "path": k, "depth": layer, "correlation": math.cos(found[layer, k])}
        for k in range(min(_PATHS, networks))
        for layer in range(depth + 1)
    ]
    return rows, paths


def constants(width: int = 50) -> list[Row]:
    """Constants of one layer: mean and variance of log(Q / E Q), their expansions, tail index and eigenvalues of He."""
    factor = NormFactor(width)
    moments = factor.log_moments()
    return [
        {"name": name, "width": width, "value": value}
        for name, value in (
            ("mean_log", moments.mean - float(factor.log_moment(1))),
            ("variance_log", moments.variance),
            ("mean_log_expansion", -5 / (2 * width) - 49 / (12 * width**2)),
            ("variance_log_expansion", 5 / width + 18.5 / width**2),
            ("squared_norm_tail_index", squared_norm_tail_index(width)),
            ("eigenvalue_half", float(eigenvalue(width, 0.5))),
            ("eigenvalue_1", float(eigenvalue(width, 1))),
            ("eigenvalue_2", float(eigenvalue(width, 2))),
        )
    ]
