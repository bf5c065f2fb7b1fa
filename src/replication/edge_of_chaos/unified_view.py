"""Initialization schemes in one view: which statistic of pre-activations each one keeps from layer to layer.

Networks of `width` neurons per layer whose first layer is exactly N(0, v), for two inputs of given correlation;
forward by z' = sigma_w W phi(z) / sqrt(n) + sigma_b B, backward by automatic differentiation of a random linear
function of the last layer. Infinite width predicts the variance by the variance map, and that the second moment of the
gradient is multiplied by chi_1(v) per layer backward (Schoenholz et al. 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from preactivations.edge_of_chaos.critical import eoc_point
from preactivations.edge_of_chaos.maps import chi, correlation_map, variance_map
from preactivations.heavy_tails.scales import clt_mean_variance, sigma
from preactivations.propagation.distances import sample_distances
from preactivations.streams import Stream
from preactivations.weights import Normal, SphericalMarginal
from replication.distances import distance_columns
from replication.edge_of_chaos.study import edge_settings
from replication.settings import Pairs, Setting, setting_by_name

Array32 = NDArray[np.float32]
Matrices = Literal["independent", "orthogonal", "mirrored"]

_BLOCK = 25  # networks at once


class Scheme(NamedTuple):
    """An initialization scheme: the statistic that it is made to keep, and how, by a formula.

    Attributes
    ----------
    matrices : str
        "independent" entries, random "orthogonal" matrices, or [[Q, -Q], [-Q, Q]] with such a Q ("mirrored"), after
        a first layer whose halves are mirror images too.
    theory : Setting, optional
        That predicts what networks do; by default the setting itself. A mirrored network of ReLU is a linear one.
    """

    name: str
    setting: Setting
    keeps: str
    formula: str
    matrices: Matrices = "independent"
    theory: Setting | None = None


def schemes(weibull: Pairs, uniform: Pairs, width: int) -> dict[str, Scheme]:
    """LeCun, Glorot, He, orthogonal, EOC, pairs for Weibull(theta) weights and for uniform ones; by name.

    Those of the companion papers, for ReLU networks of that width: mirrored orthogonal (Burkholz & Dubatovka),
    fractional moments (Gurbuzbalaban & Hu), random walk (Sussillo & Abbott). Then the settings off the edge
    (`study.edge_settings`), which are made to keep nothing.
    """
    half = float(sigma(0.5, width)) * math.sqrt(width)
    walk = math.sqrt(2) * math.exp(-float(clt_mean_variance(2.0, width).mean))
    odd = weibull("odd")
    theta, point = odd.weights.theta, eoc_point(odd)
    tanh = setting_by_name("tanh", sigma_w=1.0)
    # uniform weights of variance 1: Glorot and Bengio draw from the uniform law
    glorot = setting_by_name("tanh", sigma_w=math.sqrt(3), weights=SphericalMarginal(1))
    made = [
        Scheme("LeCun", tanh, "variance forward, linear units", "Var W = 1/fan_in"),
        Scheme(
            "Glorot", glorot, "variance forward and backward, linear units", "Var W = 2/(fan_in + fan_out)"
        ),
        Scheme("He", setting_by_name("relu"), "variance forward, ReLU", "Var W = 2/fan_in"),
        Scheme("orthogonal", tanh, "norms forward and backward, linear units", "W W^T = I", "orthogonal"),
        Scheme(
            "Edge of Chaos",
            setting_by_name("tanh"),
            "variance, correlations to first order, gradients",
            "chi_1 = 1: sigma_w^2 = 1.46, sigma_b^2 = 0.013",
        ),
        Scheme(
            f"phi odd, theta {theta:g}",
            setting_by_name("odd", weibull, sigma_w=1.0),
            "whole law N(0, 1)",
            "W phi(X) ~ N(0, 1)",
        ),
        Scheme(
            f"phi odd, theta {theta:g}, Edge of Chaos",
            setting_by_name("odd", weibull, sigma_w=point.sigma_w, sigma_b=point.sigma_b),
            "whole law N(0, 1), correlations to first order, gradients",
            "W phi(X) ~ N(0, 1), chi_1 = 1",
        ),
        Scheme(
            f"phi positive, theta {theta:g}",
            setting_by_name("positive", weibull, sigma_w=1.0),
            "whole law N(0, 1)",
            "W phi(X) ~ N(0, 1)",
        ),
        Scheme(
            "phi positive, uniform weights",
            setting_by_name("positive", uniform, sigma_w=1.0),
            "whole law N(0, 1)",
            "W phi(X) ~ N(0, 1)",
        ),
        Scheme(
            "mirrored orthogonal",
            setting_by_name("relu"),
            "norms and angles forward and backward, ReLU",
            "W = [[Q, -Q], [-Q, Q]], Q Q^T = I",
            "mirrored",
            setting_by_name("identity", sigma_w=1.0),
        ),
        Scheme(
            "fractional moment, s = 0.5",
            setting_by_name("relu", sigma_w=half),
            "E|x|^s forward, ReLU",
            "Var W = sigma(s, n)^2",
        ),
        Scheme(
            "random walk",
            setting_by_name("relu", sigma_w=walk),
            "E log|x| forward, ReLU",
            "Var W = (2/fan_in) exp(-2 E log(|x'|/|x|))",
        ),
    ]
    off = [
        Scheme(f"{activation} {place} the edge", setting, "", "")
        for (activation, place), setting in edge_settings(weibull).items()
        if place != "on"
    ]
    return {scheme.name: scheme for scheme in made + off}


def measure(
    setting: Setting,
    width: int,
    depth: int,
    n_networks: int,
    start: float,
    stream: Stream,
    *,
    matrices: Matrices = "independent",
    theory: Setting | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[dict[str, float]]:
    """Forward and backward statistics of `n_networks` networks, one row per layer.

    The two inputs have the correlation `start` in the first layer; `matrices` and `theory` are those of `Scheme`.
    Columns: variance (of the first input), gradient (second moment of the derivative with respect to
    the layer, that of the last layer being 1), correlation (over neurons, mean over networks), each with its error
    over networks and what infinite width predicts (`_theory`); ks from N(0, v) with v the variance of the first
    layer, and ks_standardized (`propagation.sample_distances`), with _error, _found and _band.
    """
    if depth < 2 or width < 2 or n_networks < 100:
        raise ValueError(
            f"depth and width must be at least 2, n_networks at least 100, got {depth}, {width}, {n_networks}"
        )
    if not -1 <= start <= 1:
        raise ValueError(f"start is a correlation in [-1, 1], got {start}")
    v = setting.variance if 0 < setting.variance < math.inf else 1.0
    if matrices == "mirrored" and width % 2:
        raise ValueError(f"mirrored networks need an even width, got {width}")
    phi = setting.module()
    parts = []
    for block in range(-(-n_networks // _BLOCK)):
        count = min(_BLOCK, n_networks - block * _BLOCK)
        parts.append(_block(setting, phi, width, depth, v, start, matrices, stream.block(block), count))
        if progress is not None:
            progress(count)
    square, gradient, cosine, neurons = (
        np.concatenate(column, axis=1) for column in zip(*parts, strict=True)
    )
    distances = distance_columns(sample_distances(neurons, variance=v))
    variances, correlations, chis = _theory(theory or setting, v, start, depth)
    rows = []
    for k in range(depth):
        row: dict[str, float] = {"depth": k + 1, "n_networks": n_networks}
        for name, values, predicted in (
            ("variance", square[k], variances[k]),
            ("gradient", gradient[k], float(np.prod(chis[k : depth - 1]))),
            ("correlation", cosine[k], correlations[k]),
        ):
            there = values[np.isfinite(values)]
            row |= {
                name: float(there.mean()),
                f"{name}_error": float(there.std(ddof=1) / math.sqrt(there.size)),
                f"{name}_theory": predicted,
            }
        rows.append(row | {name: float(column[k]) for name, column in distances.items()})
    return rows


def _theory(setting: Setting, v: float, c: float, depth: int) -> tuple[list[float], list[float], list[float]]:
    """Variance, correlation and chi_1 in layers 1 to depth; the correlation map takes the variance of its layer."""
    scales = setting.map_scales
    variances, correlations, chis = [v], [c], []
    for _ in range(depth - 1):
        correlations.append(float(correlation_map(setting.exact, correlations[-1], variances[-1], **scales)))
        variances.append(float(variance_map(setting.exact, variances[-1], **scales)))
    for at in variances:
        chis.append(
            float(chi(setting.exact, at, sigma_w=setting.sigma_w, weight_variance=setting.weights.variance))
        )
    return variances, correlations, chis


def _block(
    setting: Setting,
    phi: torch.nn.Module,
    width: int,
    depth: int,
    v: float,
    start: float,
    matrices: Matrices,
    rng: np.random.Generator,
    count: int,
) -> tuple[Any, Any, Any, Any]:
    """(square, gradient, cosine) of one block, shape (depth, count) each, and its neurons, (depth, count, width)."""
    first, second = (_normal(rng, _BLOCK, width) for _ in range(2))
    pair = torch.stack([first, start * first + math.sqrt(1 - start**2) * second], dim=-1)
    if matrices == "mirrored":
        pair = torch.cat([pair[:, : width // 2], -pair[:, : width // 2]], dim=1)
    layers = [(math.sqrt(v) * pair)[:count].requires_grad_()]
    for _ in range(depth - 1):
        if matrices == "orthogonal":
            w = _orthogonal(_normal(rng, _BLOCK, width, width)) * math.sqrt(width)
        elif matrices == "mirrored":
            q = _orthogonal(_normal(rng, _BLOCK, width // 2, width // 2)) * (
                math.sqrt(width) / setting.sigma_w
            )
            w = torch.cat([torch.cat([q, -q], dim=2), torch.cat([-q, q], dim=2)], dim=1)
        else:
            w = torch.from_numpy(setting.weights.sample32(_BLOCK * width * width, rng)).view(
                _BLOCK, width, width
            )
        z = torch.bmm(w[:count], phi(layers[-1])) * (setting.sigma_w / math.sqrt(width))
        if setting.sigma_b:
            z = z + setting.sigma_b * _normal(rng, _BLOCK, width, 1)[:count]
        layers.append(z)
    direction = _normal(rng, _BLOCK, width)[:count]
    gradients = torch.autograd.grad((layers[-1][..., 0] * direction).sum(), layers)
    z = torch.stack([layer.detach() for layer in layers])  # (depth, count, n, 2)
    square = z.square().mean(2)
    cosine = z.prod(-1).mean(2) / square.prod(-1).sqrt()
    gradient = torch.stack([g[..., 0].square().mean(1) for g in gradients])
    return square[..., 0].numpy(), gradient.numpy(), cosine.numpy(), z[..., 0].numpy()


def _normal(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(Normal().sample32(math.prod(shape), rng)).view(shape)


def _orthogonal(normal: torch.Tensor) -> torch.Tensor:
    """Haar distributed: the R of the factorization has a positive diagonal."""
    q, r = torch.linalg.qr(normal)
    return q * torch.sign(torch.diagonal(r, dim1=-2, dim2=-1)).unsqueeze(-2)
