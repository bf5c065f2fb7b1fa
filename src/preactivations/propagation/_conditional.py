"""Layers whose neurons are drawn from their law given the layer before (`conditional`): `method="conditional"`.

One program for arrays and tensors; what differs is in an engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from preactivations.propagation._networks import Layer, Networks
from preactivations.propagation.conditional import Cumulants, conditional_law, cumulants, smooth
from preactivations.weights import Normal, WeightLaw

__all__ = ["Engine", "layers", "usable_cumulants"]


class Engine(Protocol):
    """What arrays and tensors do differently. Arrays are of shape (networks, n) or (networks, n, inputs)."""

    def inputs(self, size: int) -> Any:
        """The inputs of `size` networks, (size, n_0, inputs)."""
        ...

    def activations(self, z: Any) -> Any:
        """phi(z), normalized if the networks are."""
        ...

    def normals(self, size: int, n: int, inputs: int) -> Any:
        """Standard normal numbers, shape (size, n, inputs)."""
        ...

    def by_weights(self, law: WeightLaw, a: Any, fan_out: int) -> Any:
        """sum_j W_ij a_j, shape (networks, fan_out, inputs); weights of a stream of their own."""
        ...

    def mixed(self, normals: Any, a: Any, scale: float, sigma_b: float) -> Any:
        """Normal numbers of shape (size, n, m) with the covariance scale a^T a + sigma_b^2 between the m inputs."""
        ...


def usable_cumulants(law: WeightLaw, n_inputs: int, method: str) -> Cumulants | None:
    """Of a weight, where neurons are drawn from their law given the layer before; None where weights are drawn."""
    if method == "weights":
        return None
    try:
        if n_inputs > 1 and not isinstance(law, Normal):
            raise ValueError(
                f"{n_inputs} inputs need normal weights: the joint law given the layer before is not known"
            )
        if not smooth(law):
            raise ValueError("sums of random signs are discrete")
        return cumulants(law)
    except ValueError as reason:
        if method == "auto":
            return None
        raise ValueError(
            f"method='conditional' does not take {law!r}: {reason}; take 'auto' or 'weights'"
        ) from None


def layers(networks: Networks, size: int, engine: Engine) -> Iterator[Layer]:
    """The layers of a block."""
    z: Any = None
    for depth, fan_out in enumerate(networks.widths[1:]):
        a = engine.activations(z) if depth else engine.inputs(size)
        layer = _layer(networks, depth, a, fan_out, engine)
        z = layer.z
        yield layer


def _layer(networks: Networks, depth: int, a: Any, fan_out: int, engine: Engine) -> Layer:
    size, fan_in, inputs = a.shape
    weight, law = networks.cumulants[depth], networks.laws[depth]
    scale, sigma_b = networks.sigma_w / fan_in**0.5, networks.sigma_b
    if weight is not None and inputs == 1:
        found = conditional_law(a[:, :, 0], weight, networks.sigma_w, sigma_b)
        bad = ~(found.error <= networks.tolerance)
        if not bool(bad.all()):
            u = engine.normals(size, fan_out, 1)[:, :, 0]
            first, third, fifth = (_column(c, u) for c in found.quantile_coefficients())
            if weight.k4 == weight.k6 == 0:
                z = u
                z *= first
            else:
                square = u * u
                z = square * fifth
                z += third
                z *= square
                z += first
                z *= u
            if bool(bad.any()):
                z[bad] = _weighted(law, a[bad], fan_out, scale, sigma_b, engine)[:, :, 0]
            return Layer(a, z[:, :, None], found, bad)
        return Layer(a, _weighted(law, a, fan_out, scale, sigma_b, engine), found)
    if weight is not None and inputs < fan_in:  # normal weights: all inputs together are normal given a
        z = engine.mixed(engine.normals(size, fan_out, inputs), a, scale**2 * weight.k2, sigma_b)
        return Layer(a, z, None, np.zeros(size, bool))
    return Layer(a, _weighted(law, a, fan_out, scale, sigma_b, engine))


def _column(x: Any, like: Any) -> Any:
    x = x.astype(like.dtype) if isinstance(x, np.ndarray) else x.to(like.dtype)
    return x[:, None]


def _weighted(law: WeightLaw, a: Any, fan_out: int, scale: float, sigma_b: float, engine: Engine) -> Any:
    """From weights, few of which are in memory at a time."""
    z = engine.by_weights(law, a, fan_out)
    z *= scale
    if sigma_b:
        z += sigma_b * engine.normals(len(a), fan_out, 1)
    return z
