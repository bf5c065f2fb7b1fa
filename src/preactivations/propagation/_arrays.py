"""Layers of blocks of random networks by NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preactivations.propagation._networks import SPARE_NUMBERS, Layer, Networks
from preactivations.weights import Normal, WeightLaw

__all__ = ["LEAST_VECTOR", "ArrayEngine", "layers_of_weights"]

Array32 = NDArray[np.float32]

#: Fewer networks in a block than this are stored with the network as the first axis.
LEAST_VECTOR = 64


def layers_of_weights(networks: Networks, size: int, rng: np.random.Generator) -> Iterator[Layer]:
    """The layers of a block, all weights drawn."""
    x, n_inputs = networks.x, networks.x.shape[1]
    last = size >= LEAST_VECTOR  # the network is the last axis of the weights
    vector = last and n_inputs == 1  # and of the activations
    buffer = np.empty(size * max(a * b for a, b in pairwise(networks.widths)), np.float32)
    z = x
    a = np.broadcast_to(x if vector else x[None], (x.shape[0], size) if vector else (size, *x.shape))
    for depth, (law, (fan_in, fan_out)) in enumerate(
        zip(networks.laws, pairwise(networks.widths), strict=True)
    ):
        if depth > 0:
            a = networks.activation(z)
            if networks.normalize:
                _normalize(a, 0 if vector else 1)
        w = law.sample32(fan_out * fan_in * size, rng, buffer[: fan_out * fan_in * size])
        if vector:
            z = np.einsum("jib,ib->jb", w.reshape(fan_out, fan_in, size), a)
        elif last:
            w = np.ascontiguousarray(w.reshape(fan_out, fan_in, size).transpose(2, 0, 1))
            z = np.matmul(w, a)
        else:
            z = np.matmul(w.reshape(size, fan_out, fan_in), a)
        z *= np.float32(networks.sigma_w / math.sqrt(fan_in))
        if networks.sigma_b:
            shape = (fan_out, size) if last else (size, fan_out)
            bias = Normal().sample32(fan_out * size, rng).reshape(shape)
            bias *= np.float32(networks.sigma_b)
            z += bias if vector else (bias.T if last else bias)[..., None]
        yield Layer(a.T[..., None], z.T[..., None]) if vector else Layer(a, z)


def _normalize(a: Array32, axis: int) -> None:
    """Divide by the root mean square along `axis`, where it is not 0."""
    size = np.sqrt(np.mean(a * a, axis=axis, keepdims=True))
    np.divide(a, size, out=a, where=size > 0)


class ArrayEngine:
    """What `_conditional.layers` asks for, by NumPy.

    For one input the network is the last axis in memory: layers are vector operations.
    """

    def __init__(self, networks: Networks, rng: np.random.Generator, of_weights: np.random.Generator) -> None:
        self.networks, self.rng, self.of_weights = networks, rng, of_weights

    def inputs(self, size: int) -> Any:
        return np.broadcast_to(self.networks.x, (size, *self.networks.x.shape))

    def activations(self, z: Any) -> Any:
        single = z.shape[2] == 1
        a = self.networks.activation(z[:, :, 0].T if single else z).astype(np.float32, copy=False)
        if self.networks.normalize:
            _normalize(a, 0 if single else 1)
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
        # of inputs that are the same
        values[values < values.shape[1] * np.finfo(float).eps * values[:, -1:]] = 0
        root = vectors * np.sqrt(values)[:, None, :] @ vectors.swapaxes(1, 2)
        return (normals @ root).astype(np.float32)
