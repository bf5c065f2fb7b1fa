"""Many random networks at once: the law of pre-activations in finite networks.

    z^(l+1) = sigma_w W phi(z^l) / sqrt(n_l) + sigma_b B,     B ~ N(0, 1) independent

for every network its own weights. Weights of the first layer are N(0, 1) whatever the activation (Wolinski & Arbel),
unless another law is given.

`simulate` returns the last layer, `simulate_layers` statistics of every layer (`statistics`); both draw the same
networks. Networks are simulated in blocks of fixed size, each with its own stream (`streams`). The blocks that are
computed at once, one per thread, are a batch; a bound on memory bounds its size. The numbers depend neither on the
size of the batches nor on the number of threads, and the first k of n networks are the same for every n.

On the CPU the engine is NumPy. Blocks of narrow networks are stored with the network as the last axis: layers become
vector operations that stay in cache. With `device` the engine is PyTorch (`_torch`), whose streams are its own:
the two agree in law.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Required, TypedDict, TypeVar, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from preactivations.activations.describe import as_map
from preactivations.propagation._arrays import LEAST_VECTOR, ArrayEngine, layers_of_weights
from preactivations.propagation._conditional import layers, usable_cumulants
from preactivations.propagation._networks import SPARE_NUMBERS, Layer, Networks
from preactivations.propagation.conditional import CHECKED
from preactivations.propagation.statistics import LayerStatistics, as_numpy, block_statistics, merge
from preactivations.real import real_number
from preactivations.streams import Stream
from preactivations.weights import Normal, WeightLaw, as_law

if TYPE_CHECKING:
    import torch

__all__ = [
    "ArrayMap", "Options", "Plan", "TensorMap", "block_bytes", "block_size",
    "n_weights", "plan", "simulate", "simulate_layers",
]  # fmt: skip

Array32 = NDArray[np.float32]
ArrayMap = Callable[[Array32], Array32]
TensorMap = Callable[["torch.Tensor"], "torch.Tensor"]
Method = Literal["weights", "conditional", "auto"]
T = TypeVar("T")

_BLOCK_NUMBERS = 1 << 20  # in the largest layer of a block: 4 MB; less where no weights are drawn
_BLOCK_NETWORKS = 8192
_DEVICE_BLOCK = 1 << 26, 1 << 16  # both on a device
_THREAD_MEMORY, _DEVICE_MEMORY = 20e6, 2e9


class Options(TypedDict, total=False):
    """Keyword arguments of `simulate`, where they are described, and of `simulate_layers`."""

    weights: Required[str | WeightLaw]
    n_networks: Required[int]
    stream: Required[Stream]
    sigma_w: float
    sigma_b: float
    inputs: ArrayLike
    first_weights: str | WeightLaw | None
    normalize: bool
    memory: float | None
    threads: int
    device: str | None
    progress: Callable[[int], None] | None
    method: Method
    tolerance: float


def simulate(widths: Sequence[int], activation: ArrayMap | TensorMap, **options: Unpack[Options]) -> Array32:
    """Pre-activations of the last layer of `n_networks` independent random networks.

    Parameters
    ----------
    widths : sequence of int
        [n_0, n_1, ..., n_L], at least two numbers: length of the input, neurons of each layer.
    activation : map, torch.nn.Module, or whatever `activations.describe` takes
        Elementwise. On the CPU a map of float32 arrays (it may overwrite its argument) or a module; with `device` a
        module or a map of tensors.
    weights : str or WeightLaw
        Law of the weights from the second layer on, or its name.
    n_networks : int
        At least 0.
    stream : Stream
        Source of the random numbers.
    sigma_w, sigma_b : float
        Scales of weights and biases, in every layer; 1 and 0 by default.
    inputs : array-like, scalar, shape (n_0,) or (m, n_0)
        One input vector x or a batch of m; a scalar is one vector of equal numbers, by default of ones.
    first_weights : str or WeightLaw, optional
        Law of the weights of the first layer, by default N(0, 1).
    normalize : bool
        Divide the activations of each layer by their root mean square over its neurons (they stay 0 where all are 0).
        With normal weights and no bias every layer is then exactly i.i.d. N(0, sigma_w^2) for one input.
        Not by default.
    memory : float, optional
        Bound in bytes on the working arrays of all threads together (the result is not counted). By default 20 MB per
        thread, 2 GB with `device`, or one block if that is more.
    threads : int
        Worker threads of the CPU engine. NumPy releases the interpreter lock in all the heavy parts.
        1 by default.
    device : str, optional
        "cuda", "cuda:1", "cpu", ...: PyTorch on that device, with streams of its own. By default NumPy.
    progress : callable, optional
        Called with the number of networks finished since the last call.
    method : str
        "weights" (the default) draws all weights. "conditional" draws the neurons of a layer from their law given the
        activations that it takes (`conditional`), wherever that law is known to `tolerance`, network by network; from
        weights else. It costs time and memory linear in the widths instead of their products. It needs laws with an
        eighth moment and without atoms and, for more than one input, normal weights. "auto" does so where it can. Both
        draw other numbers than "weights".
    tolerance : float
        Of "conditional" and "auto": bound on the estimated error of the distribution function of a pre-activation given
        the layer before; 2e-5 by default. For normal weights there is no error.

    Returns
    -------
    array, float32, shape (n_networks, n_L), or (n_networks, m, n_L) for a batch of inputs

    Raises
    ------
    ValueError
        For an unknown name of a law, empty or non-positive widths, a negative scale, inputs of the wrong length, a
        `memory` that does not hold one block (the message says how much it takes), a device that is not there, a
        negative `n_networks`, threads < 1, an unknown method, or laws and inputs that "conditional" does not take.

    Examples
    --------
    >>> z = simulate([1, 4, 1], np.tanh, weights="normal", n_networks=5, stream=Stream(0))
    >>> z.shape
    (5, 1)
    """
    planned = plan(widths, activation, **options)
    n_inputs = planned.networks.x.shape[1]
    out = np.empty((planned.n_networks, n_inputs, planned.networks.widths[-1]), np.float32)
    start = 0
    for z in planned.run(_last_layer):
        out[start : start + len(z)] = z
        start += len(z)
    return out if np.ndim(options.get("inputs", 1.0)) == 2 else out[:, 0]


def _last_layer(layers: Iterator[Layer], count: int) -> Array32:
    z = deque((layer.z for layer in layers), maxlen=1)[0][:count]
    return np.moveaxis(as_numpy(z), 1, 2)


def simulate_layers(
    widths: Sequence[int], activation: ArrayMap | TensorMap, **options: Unpack[Options]
) -> LayerStatistics:
    """Statistics of every layer of the networks that `simulate` draws with the same arguments.

    Nothing is kept of a block but sums, and one pre-activation per network and layer: that of the first neuron, for
    the first input. Statistics between neurons are those of the first input; statistics between inputs are there
    for a batch of at least two.

    Parameters
    ----------
    widths, activation, **options
        As for `simulate`; `n_networks` is at least 2.

    Returns
    -------
    LayerStatistics

    Raises
    ------
    ValueError
        For fewer than 2 networks, pre-activations whose fourth powers overflow, and what `simulate` refuses.

    Examples
    --------
    >>> layers = simulate_layers([1, 4, 4], np.tanh, weights="normal", n_networks=1000, stream=Stream(0))
    >>> layers.tested.shape
    (2, 1000)
    """
    planned = plan(widths, activation, **options)
    if planned.n_networks < 2:
        raise ValueError(f"n_networks must be at least 2 for statistics, got {planned.n_networks}")
    return merge(planned.networks.widths[1:], planned.n_networks, planned.run(block_statistics))


def n_weights(widths: Sequence[int]) -> int:
    """Weights of one network, sum of n_(l-1) n_l: what the cost of a simulation is proportional to.

    `widths` are [n_0, ..., n_L].
    """
    return sum(a * b for a, b in pairwise(widths))


def _network_numbers(widths: Sequence[int], n_inputs: int, method: Method) -> int:
    """Numbers of the largest layer of a network: weights if they are drawn; for a batch activations and Gram matrix."""
    if method != "weights":
        return max(widths) * n_inputs + (n_inputs**2 if n_inputs > 1 else 0)
    weights = max(a * b for a, b in pairwise(widths))
    return weights if n_inputs == 1 else weights + n_inputs * (max(widths[1:]) + n_inputs)


def block_size(
    widths: Sequence[int], n_inputs: int = 1, device: str | None = None, method: Method = "weights"
) -> int:
    """Networks in a block: a power of two that depends on the shapes alone (and on engine and method).

    Parameters
    ----------
    widths : sequence of int
        [n_0, ..., n_L].
    n_inputs : int, optional
        Input vectors m; 1 by default.
    device : str, optional
        None (the default) for the NumPy engine.
    method : str, optional
        As for `simulate`.
    """
    numbers, networks = (_BLOCK_NUMBERS, _BLOCK_NETWORKS) if device is None else _DEVICE_BLOCK
    if method != "weights":  # more arrays of a layer are at work, and fewer networks are a long vector
        numbers, networks = numbers // 8, networks // 8
    per_network = _network_numbers(widths, n_inputs, method)
    return min(networks, 1 << max(0, (numbers // per_network).bit_length() - 1))


def block_bytes(
    widths: Sequence[int], n_inputs: int = 1, device: str | None = None, method: Method = "weights"
) -> int:
    """Bytes that a block takes: largest layer with two copies, activations and theirs, sums between inputs.

    Parameters as for `block_size`.
    """
    per_network = 12 * _network_numbers(widths, n_inputs, method) + 40 * max(widths[1:]) * n_inputs
    # of three blocks, two of which wait to be merged
    sums = 96 * len(widths) * n_inputs**2 if n_inputs > 1 else 0
    if method != "weights":
        sums += 3 * 4 * SPARE_NUMBERS
    return block_size(widths, n_inputs, device, method) * per_network + sums


class Plan(NamedTuple):
    """A validated simulation, block by block."""

    networks: Networks
    n_networks: int
    size: int  # networks in a block
    workers: int
    stream: Stream
    device: str | None
    progress: Callable[[int], None] | None
    method: Method

    def run(self, reduce: Callable[[Iterator[Layer], int], T]) -> Iterator[T]:
        """reduce(layers of a block, networks of it that count) for each block, in the order of the blocks."""

        def block(index: int) -> T:
            count = min(self.size, self.n_networks - index * self.size)
            result = reduce(self._layers(index), count)
            if self.progress is not None:
                self.progress(count)
            return result

        blocks = range(-(-self.n_networks // self.size))
        # several threads in a product of matrices would change the order of its sums
        with threadpool_limits(1, user_api="blas") if self.matrix_products else nullcontext():
            if self.workers == 1:
                yield from map(block, blocks)
                return
            with ThreadPoolExecutor(self.workers) as pool:
                waiting: deque[Future[T]] = deque()
                for index in blocks:  # few results are in memory at a time
                    waiting.append(pool.submit(block, index))
                    if len(waiting) > 2 * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()

    def _layers(self, index: int) -> Iterator[Layer]:
        networks, size, stream = self.networks, self.size, self.stream
        if self.device is None:
            if self.method == "weights":
                return layers_of_weights(networks, size, stream.block(index))
            return layers(networks, size, ArrayEngine(networks, stream.block(index), stream.block(index, 1)))
        from preactivations.propagation import _torch

        if self.method == "weights":
            return _torch.layers_of_weights(networks, size, stream.seed(index), self.device)
        engine = _torch.TensorEngine(networks, stream.seed(index), stream.seed(index, 1), self.device)
        return layers(networks, size, engine)

    @property
    def matrix_products(self) -> bool:
        return self.device is None and (self.size < LEAST_VECTOR or self.networks.x.shape[1] > 1)


def plan(
    widths: Sequence[int],
    activation: Any,
    *,
    weights: str | WeightLaw,
    n_networks: int,
    stream: Stream,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    inputs: ArrayLike = 1.0,
    first_weights: str | WeightLaw | None = None,
    normalize: bool = False,
    memory: float | None = None,
    threads: int = 1,
    device: str | None = None,
    progress: Callable[[int], None] | None = None,
    method: Method = "weights",
    tolerance: float = 2e-5,
) -> Plan:
    """A simulation from the arguments of `simulate`, checked; errors are those of `simulate`."""
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
    if not (x.shape in ((), (widths[0],)) or (x.ndim == 2 and x.shape[1] == widths[0] and len(x) > 0)):
        raise ValueError(
            f"inputs must be a scalar, of shape ({widths[0]},) or (m, {widths[0]}) with m >= 1, got {x.shape}"
        )
    x = np.ascontiguousarray(np.broadcast_to(x, (*x.shape[:-1], widths[0])).reshape(-1, widths[0]).T)

    if device is None:
        activation = as_map(activation)
    else:
        from preactivations.propagation._torch import on_device

        activation = on_device(activation, device)
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    tolerance = real_number("tolerance", tolerance)
    if not 0 < tolerance <= CHECKED:
        raise ValueError(
            f"tolerance must be above 0 and at most 1e-4, up to which errors are known, got {tolerance}"
        )
    laws = [as_law(first_weights or Normal())] + [as_law(weights)] * (len(widths) - 2)
    first, later = (usable_cumulants(law, x.shape[1], method) for law in (laws[0], laws[-1]))
    cumulated = [first] + [later] * (len(laws) - 1)
    shapes = widths, x.shape[1], device, method
    needed = block_bytes(*shapes)
    if memory is None:
        memory = max(needed, threads * _THREAD_MEMORY if device is None else _DEVICE_MEMORY)
    workers = min(threads if device is None else 1, int(memory // needed))
    if workers < 1:
        raise ValueError(
            f"memory = {memory:g} bytes is too small: one block of widths {widths} takes {needed} bytes"
        )
    networks = Networks(widths, laws, activation, x, sigma_w, sigma_b, normalize, cumulated, tolerance)
    return Plan(networks, n_networks, block_size(*shapes), workers, stream, device, progress, method)
