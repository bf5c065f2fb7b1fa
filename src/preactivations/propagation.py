"""Many random networks at once: the law of pre-activations in finite networks.

    z^(l+1) = sigma_w W phi(z^l) / sqrt(n_l) + sigma_b B,     B ~ N(0, 1) independent

for every network its own weights. Weights of the first layer are N(0, 1) whatever the activation (Wolinski &
Arbel, section 3).

Networks are simulated in blocks of fixed size, each with its own counter-based stream (`streams`), and stored
with the network as the last axis: layers of small networks become vector operations that stay in cache. The blocks
that are computed at once, one per thread, are a batch; a bound on memory bounds its size. The numbers depend
neither on the size of the batches nor on the number of threads, and the first k of n networks are the same for every
n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from preactivations.streams import Stream
from preactivations.weights import Normal, WeightLaw

__all__ = ["ArrayMap", "block_bytes", "simulate"]

Array32 = NDArray[np.float32]
ArrayMap = Callable[[Array32], Array32]

_BLOCK_WEIGHTS = 1 << 18  # of the largest layer of a block: 1 MB, for the second-level cache
_BLOCK_NETWORKS = 4096


def simulate(
    widths: Sequence[int],
    activation: ArrayMap,
    *,
    weights: WeightLaw,
    n_networks: int,
    stream: Stream,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    inputs: ArrayLike = 1.0,
    first_weights: WeightLaw | None = None,
    memory: float = 40e6,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Array32:
    """Pre-activations of the last layer of `n_networks` independent random networks, for one input.

    Parameters
    ----------
    widths : sequence of int
        [n_inputs, n_1, ..., n_L], at least two numbers.
    activation : map
        Elementwise, float32 array to float32 array of the same shape. It may overwrite its argument. For modules of
        PyTorch: `nn.as_array_map`.
    weights : WeightLaw
        Law of the weights from the second layer on.
    n_networks : int
    stream : Stream
        Source of the random numbers.
    sigma_w, sigma_b : float
        Scales of weights and biases, in every layer.
    inputs : array-like, shape (n_inputs,) or scalar
        The input vector x; a scalar is repeated.
    first_weights : WeightLaw, optional
        Law of the weights of the first layer, by default N(0, 1).
    memory : float
        Bound in bytes on the working arrays of all threads together (the result, 4 n_networks n_L bytes, is not
        counted).
    threads : int
        Worker threads. NumPy releases the interpreter lock in all the heavy parts.
    progress : callable, optional
        Called with the number of networks finished since the last call.

    Returns
    -------
    array, float32, shape (n_networks, n_L)

    Raises
    ------
    ValueError
        For empty or non-positive widths, a negative scale, an input of the wrong length, or a `memory` that does not
        hold one block (the message says how much it takes).

    Examples
    --------
    >>> from preactivations.weights import Normal
    >>> z = simulate([1, 4, 1], np.tanh, weights=Normal(), n_networks=5, stream=Stream(0))
    >>> z.shape
    (5, 1)
    """
    widths = [int(n) for n in widths]
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths must be at least two positive numbers, got {widths}")
    if n_networks < 0:
        raise ValueError(f"n_networks must be >= 0, got {n_networks}")
    for name, value in {"sigma_w": sigma_w, "sigma_b": sigma_b}.items():
        if not (value >= 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be finite and >= 0, got {value}")
    if threads < 1:
        raise ValueError(f"threads must be >= 1, got {threads}")
    x = np.asarray(inputs, dtype=np.float32)
    if x.shape not in ((), (widths[0],)):
        raise ValueError(f"inputs must be a scalar or of shape ({widths[0]},), got {x.shape}")
    x = np.broadcast_to(x, (widths[0],))

    size = block_size(widths)
    workers = min(threads, int(memory // block_bytes(widths)))
    if workers < 1:
        raise ValueError(
            f"memory = {memory:g} bytes is too small: one block of widths {widths} takes {block_bytes(widths)} bytes"
        )

    out = np.empty((n_networks, widths[-1]), np.float32)
    layers = [first_weights or Normal()] + [weights] * (len(widths) - 2)

    def run(block: int) -> None:
        start = block * size
        z = _block(widths, layers, activation, x, sigma_w, sigma_b, size, stream.block(block))
        out[start : start + size] = z.T[: n_networks - start]
        if progress is not None:
            progress(min(size, n_networks - start))

    blocks = range(-(-n_networks // size))
    if workers == 1:
        for block in blocks:
            run(block)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, blocks))
    return out


def block_size(widths: Sequence[int]) -> int:
    """Networks in a block: a power of two that depends on the widths alone."""
    largest = max(a * b for a, b in pairwise(widths))
    return min(_BLOCK_NETWORKS, 1 << max(0, (_BLOCK_WEIGHTS // largest).bit_length() - 1))


def block_bytes(widths: Sequence[int]) -> int:
    """Bytes that the working arrays of a block take: weights, raw bits, a temporary; activations and theirs."""
    largest = max(a * b for a, b in pairwise(widths))
    return block_size(widths) * (12 * largest + 40 * max(widths))


def _block(
    widths: Sequence[int],
    layers: Sequence[WeightLaw],
    activation: ArrayMap,
    x: Array32,
    sigma_w: float,
    sigma_b: float,
    size: int,
    rng: np.random.Generator,
) -> Array32:
    """Pre-activations of the last layer, shape (n_L, size)."""
    z = np.empty((0, size), np.float32)
    for depth, (law, (fan_in, fan_out)) in enumerate(zip(layers, pairwise(widths), strict=True)):
        w = law.sample32(fan_out * fan_in * size, rng).reshape(fan_out, fan_in, size)
        z = np.einsum("jib,i->jb", w, x) if depth == 0 else np.einsum("jib,ib->jb", w, activation(z))
        z *= np.float32(sigma_w / math.sqrt(fan_in))
        if sigma_b:
            z += np.float32(sigma_b) * Normal().sample32(fan_out * size, rng).reshape(fan_out, size)
    return z
