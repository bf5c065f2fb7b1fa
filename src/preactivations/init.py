"""In-place initializers in the manner of `torch.nn.init`: weight laws of exact pairs, and mirrored blocks.

A weight of an exact pair is gain * W / sqrt(fan_in), W not normalized to unit variance: the pair fixes the scale of W.
`fan_in` is what `torch.nn.init.kaiming_normal_` takes: the product of all dimensions but the first.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from preactivations.mirrored import mirror_network_, mirrored_gaussian_, mirrored_orthogonal_
from preactivations.weights import SphericalMarginal, SymmetricWeibull

__all__ = ["mirror_network_", "mirrored_gaussian_", "mirrored_orthogonal_", "spherical_", "weibull_"]


def weibull_(
    tensor: Tensor, theta: float, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Fill `tensor` with gain * W / sqrt(fan_in), P(|W| > w) = exp(-w^theta), random sign.

    Goes with `nn.GaussianActivation(SymmetricWeibull(theta), kind)` before the layer (Wolinski & Arbel, section 3).

    Parameters
    ----------
    tensor : Tensor, shape (fan_out, fan_in, ...), any real floating dtype
    theta : float
        At least 2.
    gain : float
    generator : torch.Generator, optional
        On the device of `tensor`.

    Returns
    -------
    Tensor
        `tensor`.

    Raises
    ------
    ValueError
        For fewer than two dimensions, theta < 2 or a gain that is not finite.
    TypeError
        For an integer or complex tensor.

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
    `nn.GaussianActivation(SphericalMarginal(b), kind)`. Parameters and errors as in `weibull_`.

    W^2 = G1 / (G1 + G2) with G1 ~ Gamma(1/2), G2 ~ Gamma(b).
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
