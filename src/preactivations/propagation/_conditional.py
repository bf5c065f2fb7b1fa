"""Layers whose neurons are drawn from their law given the layer before (`conditional`): `method="conditional"`.

One program for arrays and tensors; what differs is in an engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from preactivations.propagation.conditional import conditional_law
from preactivations.propagation.engine import SPARE_NUMBERS, Layer, normalize
from preactivations.weights import Normal, WeightLaw

if TYPE_CHECKING:
    from preactivations.propagation.engine import Networks

__all__ = ["ArrayEngine", "Engine", "layers"]


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


class ArrayEngine:
    """By NumPy. For one input the network is the last axis in memory: layers are vector operations."""

    def __init__(self, networks: Networks, rng: np.random.Generator, of_weights: np.random.Generator) -> None:
        self.networks, self.rng, self.of_weights = networks, rng, of_weights

    def inputs(self, size: int) -> Any:
        return np.broadcast_to(self.networks.x, (size, *self.networks.x.shape))

    def activations(self, z: Any) -> Any:
        single = z.shape[2] == 1
        a = self.networks.activation(z[:, :, 0].T if single else z).astype(np.float32, copy=False)
        if self.networks.normalize:
            normalize(a, 0 if single else 1)
        return a.T[:, :, None] if single else a

    def normals(self, size: int, n: int, inputs: int) -> Any:
        u = Normal().sample32(size * n * inputs, self.rng)
        return u.reshape(n, size).T[:, :, None] if inputs == 1 else u.reshape(size, n, inputs)

    def by_weights(self, law: WeightLaw, a: Any, fan_out: int) -> Any:
        size, fan_in, inputs = a.shape
        out = np.empty((inputs, fan_out, size), np.float32).T  # network last
        some = max(1, SPARE_NUMBERS // (fan_in * fan_out))
        rows = min(fan_out, max(1, SPARE_NUMBERS // fan_in))
        for k in range(0, size, some):
            part = np.ascontiguousarray(a[k : k + some].T)  # (inputs, fan_in, networks)
            for j in range(0, fan_out, rows):
                shape = min(rows, fan_out - j), fan_in, part.shape[2]
                w = law.sample32(shape[0] * shape[1] * shape[2], self.of_weights).reshape(shape)
                for x, to in zip(part, out[k : k + some, j : j + rows].T, strict=True):
                    np.einsum("jib,ib->jb", w, x, out=to)
        return out

    def mixed(self, normals: Any, a: Any, scale: float, sigma_b: float) -> Any:
        a = a.astype(np.float64)
        values, vectors = np.linalg.eigh(a.swapaxes(1, 2) @ a * scale + sigma_b**2)
        values[values < values.shape[1] * np.finfo(float).eps * values[:, -1:]] = (
            0  # of inputs that are the same
        )
        root = vectors * np.sqrt(values)[:, None, :] @ vectors.swapaxes(1, 2)
        return (normals @ root).astype(np.float32)
