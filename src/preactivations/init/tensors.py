"""In-place initializers in the manner of `torch.nn.init`: laws of exact pairs, mirrored blocks, moments of any order.

A weight of an exact pair is gain * W / sqrt(fan_in), W not normalized to unit variance: the pair fixes the scale of W.
`fan_in` is what `torch.nn.init.kaiming_normal_` takes: the product of all dimensions but the first.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch
from torch import Tensor

from preactivations.heavy_tails.scales import sigma
from preactivations.heavy_tails.units import unit
from preactivations.weights import SphericalMarginal, SymmetricWeibull

__all__ = ["fractional_moment_", "spherical_", "weibull_"]


def weibull_(
    tensor: Tensor, theta: float, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Fill `tensor` with gain * W / sqrt(fan_in), P(|W| > w) = exp(-w^theta), random sign.

    Goes with `activations.GaussianActivation(SymmetricWeibull(theta), kind)` before the layer (Wolinski & Arbel,
    section 3).

    Parameters
    ----------
    tensor : Tensor, shape (fan_out, fan_in, ...), any real floating dtype
    theta : float
        At least 2, finite.
    gain : float
        Factor of all weights, finite.
    generator : torch.Generator, optional
        On the device of `tensor`; by default PyTorch's global one.

    Returns
    -------
    Tensor
        `tensor`.

    Raises
    ------
    ValueError
        For fewer than two dimensions, theta < 2 or a gain that is not finite.
    TypeError
        For an integer or complex tensor, or theta that is no number.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(300, 200)
    >>> w = weibull_(layer.weight, theta=4, generator=torch.Generator().manual_seed(0))
    >>> round(float(w.detach().square().mean()) * 300, 2)  # E W^2 = Gamma(3/2) = 0.886
    0.89
    """
    theta = SymmetricWeibull(theta).theta
    scale = _scale(tensor, gain)
    with torch.no_grad():
        w = torch.empty_like(tensor, dtype=_working_dtype(tensor)).exponential_(generator=generator)
        w.pow_(1 / theta).mul_(scale)
        return tensor.copy_(_signed(w, generator))


def spherical_(
    tensor: Tensor, b: float, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Fill `tensor` with gain * W / sqrt(fan_in), |W|^2 ~ Beta(1/2, b), random sign.

    b = 1 is the uniform law on (-1, 1), b = 1/2 the arcsine law, b = 0 the law of a random sign. Goes with
    `activations.GaussianActivation(SphericalMarginal(b), kind)`. Other parameters, returned value and errors as in
    `weibull_`.

    W^2 = G1 / (G1 + G2) with G1 ~ Gamma(1/2), G2 ~ Gamma(b).

    Parameters
    ----------
    b : float
        At least 0, finite; ValueError else.
    """
    b = SphericalMarginal(b).b
    scale = _scale(tensor, gain)
    with torch.no_grad():
        w = torch.empty_like(tensor, dtype=_working_dtype(tensor))
        if b == 1:
            return tensor.copy_(w.uniform_(-1, 1, generator=generator).mul_(scale))
        if b == 0:
            w.fill_(1)
        else:
            # PyTorch's gamma sampler takes a generator; below shape 1 it underflows, hence Gamma(b + 1) U^(1/b),
            # kept as a logarithm
            log_small = _log_gamma_variate(w, 0.5, generator)
            log_other = _log_gamma_variate(w, b, generator)
            w = torch.sigmoid(log_small - log_other).sqrt_()
        return tensor.copy_(_signed(w.mul_(scale), generator))


def fractional_moment_(
    tensor: Tensor,
    s: float,
    nonlinearity: str = "leaky_relu",
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    generator: torch.Generator | None = None,
    *,
    a: float | tuple[float, float] | None = None,
) -> Tensor:
    """Fill `tensor` with normal weights that preserve the moment of order s of what the layer puts out, without biases.

    s = 2 is `torch.nn.init.kaiming_normal_`. Below, its standard deviation is multiplied by `heavy_tails.sigma`(s, n) /
    sigma(2, n), n = fan_out: mode="fan_in" then preserves E rms(x)^s, rms(x) = |x| / sqrt(size of x), mode="fan_out"
    E|x|^s. Exact for linear layers at any width; in convolutions, whose outputs share weights, it is the formula of a
    linear layer with n = fan_out outputs. After Gurbuzbalaban and Hu (AISTATS 2021); see `heavy_tails`.

    Parameters
    ----------
    tensor : Tensor, shape (fan_out, fan_in, ...), any real floating dtype
    s : float
        In (0, 2]; below 2 weights are larger, norms heavy-tailed, small outputs rarer.
    nonlinearity : {"linear", "relu", "leaky_relu", "rrelu"}
        At s = 2 any that `kaiming_normal_` knows; "rrelu", the randomized leaky ReLU, is not among them.
    mode : {"fan_in", "fan_out"}
        Which of the two is preserved.
    generator : torch.Generator, optional
        On the device of `tensor`.
    a : float or (float, float), optional
        Slope for "leaky_relu", 0 by default, as in PyTorch; (lower, upper) for "rrelu", (1/8, 1/3) by default. Others
        take no notice of it.

    Returns
    -------
    Tensor
        `tensor`.

    Raises
    ------
    ValueError
        For fewer than two dimensions, an unknown mode or nonlinearity, s or a out of range, and where the scale is
        beyond the range of the dtype (very narrow layers, small s).
    TypeError
        For an integer or complex tensor.

    Examples
    --------
    >>> layer = torch.nn.Linear(64, 64)
    >>> w = fractional_moment_(layer.weight, 1, "relu", generator=torch.Generator().manual_seed(0))
    >>> (w.detach().std() * 32**0.5).item() > 1  # 1.0099 is exact; He's is 1
    True
    """
    _scale(tensor, 1.0)  # its checks
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    if s == 2 and nonlinearity != "rrelu" and not isinstance(a, (tuple, list)):
        return torch.nn.init.kaiming_normal_(tensor, a or 0.0, mode, cast(Any, nonlinearity), generator)
    param = {"leaky_relu": 0.0 if a is None else a, "rrelu": a}.get(nonlinearity)
    neuron = unit(nonlinearity, param)
    receptive = math.prod(tensor.shape[2:])
    fans = {"fan_in": tensor.shape[1] * receptive, "fan_out": tensor.shape[0] * receptive}
    n = max(1, fans["fan_out"])
    change = float(sigma(s, n, nonlinearity, param) / sigma(2.0, n, nonlinearity, param))
    std = change / math.sqrt(neuron.even_moment(1) * max(1, fans[mode]))
    if not std < 0.1 * torch.finfo(tensor.dtype).max:
        raise ValueError(
            f"order s = {s} at {n} neurons needs a standard deviation of {std:.3g}, beyond the range of {tensor.dtype}"
        )
    with torch.no_grad():
        return tensor.normal_(0, std, generator=generator)


def _log_gamma_variate(like: Tensor, shape: float, generator: torch.Generator | None) -> Tensor:
    gamma = torch._standard_gamma(torch.full_like(like, shape + 1), generator=generator)
    # -log U is a standard exponential
    return gamma.log_() - torch.empty_like(like).exponential_(generator=generator) / shape


def _scale(tensor: Tensor, gain: float) -> float:
    if not tensor.is_floating_point():
        raise TypeError(f"tensor must be of a real floating dtype, got {tensor.dtype}")
    if tensor.dim() < 2:
        raise ValueError(f"fan_in needs a tensor with at least 2 dimensions, got shape {tuple(tensor.shape)}")
    if not math.isfinite(gain):
        raise ValueError(f"gain must be finite, got {gain}")
    return gain / math.sqrt(max(1, math.prod(tensor.shape[1:])))


def _working_dtype(tensor: Tensor) -> torch.dtype:
    """float64 for float64, float32 else: half precision has too few levels for a logarithm."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _signed(magnitude: Tensor, generator: torch.Generator | None) -> Tensor:
    sign = torch.empty_like(magnitude).uniform_(-1, 1, generator=generator)
    return torch.copysign(magnitude, sign)
