"""The engine (`engine`) on a device of PyTorch: the same layers, drawn by the generator of the device."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull, WeightLaw

if TYPE_CHECKING:
    from preactivations.propagation.engine import Networks

__all__ = ["layers", "on_device", "sample"]


def on_device(activation: Any, device: str) -> Any:
    """The activation as a map of tensors of the device: a module is copied there.

    Raises
    ------
    ValueError
        For a device that PyTorch does not know or that is not there.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} can't be used: {reason}; leave it out for the CPU") from None
    return copy.deepcopy(activation).to(device) if isinstance(activation, torch.nn.Module) else activation


def sample(law: WeightLaw, size: int, generator: torch.Generator) -> Tensor:
    """Independent draws, float32, shape (size,), on the device of `generator`.

    Weibull, normal, uniform and sign laws are drawn on the device; others by NumPy, which is slower.
    """
    device = generator.device
    match law:
        case SymmetricWeibull():
            # random() of PyTorch is in [0, 1) with steps of 2^-24: half a step keeps away from 0
            u = torch.rand(size, generator=generator, device=device).add_(2.0**-25)
            w = u.log_().neg_().pow_(1 / law.theta)
            return w.mul_(_signs(size, generator))
        case Normal():
            return torch.randn(size, generator=generator, device=device).mul_(law.std)
        case SphericalMarginal(b=1):
            return torch.rand(size, generator=generator, device=device).mul_(2).sub_(1)
        case SphericalMarginal(b=0):
            return _signs(size, generator)
    seed = int(torch.randint(2**62, (), generator=generator, device=device))
    return torch.from_numpy(law.sample32(size, np.random.default_rng(seed))).to(device)


def _signs(size: int, generator: torch.Generator) -> Tensor:
    signs = torch.empty(size, device=generator.device)
    return signs.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)


@torch.inference_mode()
def _layer(networks: Networks, depth: int, z: Tensor, generator: torch.Generator) -> Tensor:
    fan_in, fan_out = networks.widths[depth : depth + 2]
    a, size = z, z.shape[0]
    if depth > 0:
        values = getattr(networks.activation, "values", None)
        a = values(z) if callable(values) else networks.activation(z)
        if networks.normalize:
            scale = a.square().mean(1, keepdim=True).sqrt_()
            a = a / torch.where(scale > 0, scale, 1.0)
    w = sample(networks.laws[depth], size * fan_out * fan_in, generator).view(size, fan_out, fan_in)
    out = torch.bmm(w, a.contiguous()).mul_(networks.sigma_w / math.sqrt(fan_in))
    if networks.sigma_b:
        bias = sample(Normal(networks.sigma_b), size * fan_out, generator)
        out += bias.view(size, fan_out, 1)
    return out


def layers(networks: Networks, size: int, seed: int, device: str) -> Iterator[Tensor]:
    """Pre-activations of each layer of a block, shape (size, n_l, inputs)."""
    generator = torch.Generator(device).manual_seed(seed)
    z = torch.tensor(networks.x, device=device).expand(size, -1, -1)
    for depth, _ in enumerate(pairwise(networks.widths)):
        z = _layer(networks, depth, z, generator)
        yield z
