"""The engine (`engine`) on a device of PyTorch: the same layers, drawn by the generator of the device."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from preactivations.names import object_of
from preactivations.propagation._networks import SPARE_NUMBERS, Layer, Networks
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull, WeightLaw

__all__ = ["TensorEngine", "layers_of_weights", "on_device", "sample"]


def on_device(activation: Any, device: str) -> Any:
    """The activation as a map of tensors of the device: a module, or that of what is no function, is copied there.

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
    if not callable(activation):
        # by name: other simulations need no module
        activation = object_of("preactivations.activations.modules:as_module")(activation)
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


def _activations(networks: Networks, z: Tensor) -> Tensor:
    values = getattr(networks.activation, "values", None)
    a: Tensor = (values(z) if callable(values) else networks.activation(z)).to(z.dtype)
    if networks.normalize:
        scale = a.square().mean(1, keepdim=True).sqrt_()
        a = a / torch.where(scale > 0, scale, 1.0)
    return a


def _weighted(law: WeightLaw, a: Tensor, fan_out: int, generator: torch.Generator) -> Tensor:
    w = sample(law, len(a) * fan_out * a.shape[1], generator).view(len(a), fan_out, a.shape[1])
    return torch.bmm(w, a.contiguous())


@torch.inference_mode()
def _layer(networks: Networks, depth: int, z: Tensor, generator: torch.Generator) -> Layer:
    fan_in, fan_out = networks.widths[depth : depth + 2]
    a = _activations(networks, z) if depth else z
    out = _weighted(networks.laws[depth], a, fan_out, generator).mul_(networks.sigma_w / math.sqrt(fan_in))
    if networks.sigma_b:
        bias = sample(Normal(networks.sigma_b), len(a) * fan_out, generator)
        out += bias.view(len(a), fan_out, 1)
    return Layer(a, out)


def layers_of_weights(networks: Networks, size: int, seed: int, device: str) -> Iterator[Layer]:
    """The layers of a block, all weights drawn."""
    generator = torch.Generator(device).manual_seed(seed)
    z = torch.tensor(networks.x, device=device).expand(size, -1, -1)
    for depth, _ in enumerate(pairwise(networks.widths)):
        layer = _layer(networks, depth, z, generator)
        z = layer.z
        yield layer


class TensorEngine:
    """What `_conditional.layers` asks for, by PyTorch."""

    def __init__(self, networks: Networks, seed: int, seed_of_weights: int, device: str) -> None:
        self.networks = networks
        self.generator = torch.Generator(device).manual_seed(seed)
        self.of_weights = torch.Generator(device).manual_seed(seed_of_weights)

    def inputs(self, size: int) -> Tensor:
        return torch.tensor(self.networks.x, device=self.generator.device).expand(size, -1, -1)

    def activations(self, z: Tensor) -> Tensor:
        return _activations(self.networks, z)

    def normals(self, size: int, n: int, inputs: int) -> Tensor:
        return torch.randn(size, n, inputs, generator=self.generator, device=self.generator.device)

    def by_weights(self, law: WeightLaw, a: Tensor, fan_out: int) -> Tensor:
        size, fan_in, inputs = a.shape
        out = a.new_empty(size, fan_out, inputs)
        some, rows = (
            max(1, SPARE_NUMBERS // (fan_in * fan_out)),
            min(fan_out, max(1, SPARE_NUMBERS // fan_in)),
        )
        for k in range(0, size, some):
            for j in range(0, fan_out, rows):
                part = a[k : k + some]
                out[k : k + some, j : j + rows] = _weighted(
                    law, part, min(rows, fan_out - j), self.of_weights
                )
        return out

    def mixed(self, normals: Tensor, a: Tensor, scale: float, sigma_b: float) -> Tensor:
        a = a.double()
        values, vectors = torch.linalg.eigh(a.mT @ a * scale + sigma_b**2)
        values = torch.where(
            values < values.shape[1] * torch.finfo(values.dtype).eps * values[:, -1:], 0.0, values
        )
        root = vectors * values.sqrt()[:, None, :] @ vectors.mT
        return (normals.double() @ root).float()
