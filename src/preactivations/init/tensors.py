"""In-place initializers in the manner of `torch.nn.init`: laws of exact pairs, mirrored blocks, moments of any order.

A weight of an exact pair is gain * W / sqrt(fan_in), W not normalized to unit variance: the pair fixes the scale of W.

Fans
----
`fan_in` is the number of inputs of an output, `fan_out` of outputs of an input. A tensor of weights does not tell them
alone: give the layer, or `groups` and `transposed`.

======================  =============================  ==============================  ===========================
layer                   shape of the weights           fan_in                          fan_out
======================  =============================  ==============================  ===========================
linear                  (outputs, inputs)              inputs                          outputs
convolution             (outputs, inputs / g, *k)      inputs / g * prod(k)            outputs / g * prod(k)
transposed convolution  (inputs, outputs / g, *k)      inputs / g * prod(k)            outputs / g * prod(k)
======================  =============================  ==============================  ===========================

`torch.nn.init` takes all of them for ungrouped convolutions. Where an output or an input has a smaller number near the
border, or at some positions only, the means are meant: a layer of stride s > 1 divides fan_out by s per dimension
(convolution), or fan_in (transposed convolution), if the layer is given. A strided transposed convolution then keeps
the mean square over all positions, not that of each: they have different numbers of inputs. A tensor alone is taken for
one of stride 1, as `torch.nn.init` does.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from preactivations.heavy_tails.scales import sigma
from preactivations.heavy_tails.units import unit
from preactivations.init._layers import Weights, weights_of, working_dtype
from preactivations.real import real_number
from preactivations.weights import SphericalMarginal, SymmetricWeibull

__all__ = ["fractional_moment_", "spherical_", "weibull_"]


def weibull_(
    tensor: Tensor | nn.Module,
    theta: float,
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    groups: int = 1,
    transposed: bool = False,
) -> Tensor:
    """Fill `tensor` with gain * W / sqrt(fan_in), P(|W| > w) = exp(-w^theta), random sign.

    Goes with `activations.GaussianActivation(SymmetricWeibull(theta), kind)` before the layer (Wolinski &
    Arbel).

    Parameters
    ----------
    tensor : Tensor or nn.Module
        Weights of any real floating dtype, their shape as in the table above; or a linear or convolutional layer.
    theta : float
        At least 2, finite.
    gain : float
        Factor of all weights, finite.
    generator : torch.Generator, optional
        On the device of `tensor`; by default PyTorch's global one.
    groups : int, optional
        Of a grouped convolution whose tensor is given; 1 by default.
    transposed : bool, optional
        Whether the tensor given is that of a transposed convolution.

    Returns
    -------
    Tensor
        `tensor`, or the weight of the layer.

    Raises
    ------
    ValueError
        For fewer than two dimensions, theta < 2, a gain that is not finite, groups that do not divide the first
        dimension; weights computed from others (`torch.nn.utils.parametrizations`, `weight_norm`) or without a shape
        (lazy layers).
    TypeError
        For an integer or complex tensor, another layer, or theta that is no number.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(300, 200)
    >>> w = weibull_(layer.weight, theta=4, generator=torch.Generator().manual_seed(0))
    >>> round(float(w.detach().square().mean()) * 300, 2)  # E W^2 = Gamma(3/2) = 0.886
    0.89
    """
    theta = SymmetricWeibull(theta).theta
    weights = weights_of(tensor, groups, transposed)
    tensor, scale = weights.tensor, _scale(weights, gain)
    with torch.no_grad():
        w = torch.empty_like(tensor, dtype=working_dtype(tensor)).exponential_(generator=generator)
        w.pow_(1 / theta).mul_(scale)
        return tensor.copy_(_signed(w, generator))


def spherical_(
    tensor: Tensor | nn.Module,
    b: float,
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    groups: int = 1,
    transposed: bool = False,
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
    weights = weights_of(tensor, groups, transposed)
    tensor, scale = weights.tensor, _scale(weights, gain)
    with torch.no_grad():
        w = torch.empty_like(tensor, dtype=working_dtype(tensor))
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
    tensor: Tensor | nn.Module,
    s: float,
    nonlinearity: str = "leaky_relu",
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    generator: torch.Generator | None = None,
    *,
    a: float | tuple[float, float] | None = None,
    groups: int = 1,
    transposed: bool = False,
) -> Tensor:
    """Fill `tensor` with normal weights that preserve the moment of order s of what the layer puts out, without biases.

    s = 2 is `torch.nn.init.kaiming_normal_`. Below, its standard deviation is multiplied by `heavy_tails.sigma`(s, n) /
    sigma(2, n), n = fan_out: mode="fan_in" then preserves E rms(x)^s, rms(x) = |x| / sqrt(size of x), mode="fan_out"
    E|x|^s. Exact for linear layers at any width; in convolutions, whose outputs share weights, it is the formula of a
    linear layer with n = fan_out outputs. After Gurbuzbalaban and Hu (AISTATS 2021); see `heavy_tails`.

    Parameters
    ----------
    tensor : Tensor or nn.Module
        As for `weibull_`, with `groups` and `transposed`.
    s : float
        In (0, 2]; below 2 weights are larger, norms heavy-tailed, small outputs rarer.
    nonlinearity : {"linear", "relu", "leaky_relu", "rrelu"}
        Those that scale with their argument. At s = 2 any that `kaiming_normal_` knows, too ("tanh", "selu", ...).
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
        For an unknown mode or nonlinearity, s or a out of range, where the scale is beyond the range of the dtype (very
        narrow layers, small s), and what `weibull_` refuses.
    TypeError
        As for `weibull_`.

    Examples
    --------
    >>> layer = torch.nn.Linear(64, 64)
    >>> w = fractional_moment_(layer.weight, 1, "relu", generator=torch.Generator().manual_seed(0))
    >>> (w.detach().std() * 32**0.5).item() > 1  # 1.0099 is exact; He's is 1
    True
    """
    weights = weights_of(tensor, groups, transposed)
    tensor = weights.tensor
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    s = real_number("s", s)
    param = a if nonlinearity == "rrelu" else (a or 0.0) if nonlinearity == "leaky_relu" else None
    fan = max(1.0, weights.fan_in if mode == "fan_in" else weights.fan_out)
    gain = _kaiming_gain(nonlinearity, param) if s == 2 else None
    if gain is not None:
        std = gain / math.sqrt(fan)
    else:
        neuron = unit(nonlinearity, param)
        n = max(1, round(weights.fan_out))
        change = float(sigma(s, n, nonlinearity, param) / sigma(2.0, n, nonlinearity, param))
        std = change / math.sqrt(neuron.even_moment(1) * fan)
        if not std < 0.1 * torch.finfo(tensor.dtype).max:
            raise ValueError(
                f"order s = {s} at {n} neurons needs a standard deviation of {std:.3g}, beyond the range of "
                f"{tensor.dtype}"
            )
    with torch.no_grad():
        w = tensor if tensor.dtype == working_dtype(tensor) else torch.empty_like(tensor, dtype=torch.float32)
        w.normal_(0, std, generator=generator)
        return tensor if w is tensor else tensor.copy_(w)


def _log_gamma_variate(like: Tensor, shape: float, generator: torch.Generator | None) -> Tensor:
    gamma = torch._standard_gamma(torch.full_like(like, shape + 1), generator=generator)
    # -log U is a standard exponential
    return gamma.log_() - torch.empty_like(like).exponential_(generator=generator) / shape


def _kaiming_gain(nonlinearity: str, param: Any) -> float | None:
    """Factor of `kaiming_normal_`; None for what it does not know."""
    try:
        return torch.nn.init.calculate_gain(cast(Any, nonlinearity), param)
    except ValueError:
        return None


def _scale(weights: Weights, gain: float) -> float:
    gain = real_number("gain", gain)
    if not math.isfinite(gain):
        raise ValueError(f"gain must be finite, got {gain}")
    return gain / math.sqrt(max(1.0, weights.fan_in))


def _signed(magnitude: Tensor, generator: torch.Generator | None) -> Tensor:
    sign = torch.empty_like(magnitude).uniform_(-1, 1, generator=generator)
    return torch.copysign(magnitude, sign)
