"""Streaming statistics of the layers of many random networks.

Neurons of one network are dependent, networks are not. Each statistic is therefore a mean over networks of a
number per network (a mean over its neurons or pairs of neurons), and its standard error comes from the spread between
networks. Tests against a null law use one neuron per network (`LayerStatistics.tested`), which is kept as it is;
values of all neurons together (`LayerStatistics.pooled`) are for display only.

The sums are merged in the order of the blocks, so that the last bit does not depend on how blocks are computed.
The functions that see a block take arrays of NumPy or tensors of PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from preactivations.propagation._networks import Layer

__all__ = [
    "POOL_EDGES",
    "Between",
    "Estimate",
    "LayerStatistics",
    "as_numpy",
    "block_statistics",
    "layer_statistics",
    "merge",
]

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

_PER_UNIT, _POOL_END = 64, 16.0
#: Edges of the bins in which the pre-activations of all neurons are counted; the outer bins take what is beyond.
POOL_EDGES = np.arange(-_POOL_END * _PER_UNIT + 1, _POOL_END * _PER_UNIT) / _PER_UNIT
_BINS = POOL_EDGES.size + 1
_M1, _M2, _M3, _M4, _PAIR, _PAIR_SQUARES = range(6)


class Estimate(NamedTuple):
    """A statistic per layer and its standard error.

    Attributes
    ----------
    value : array, shape (n_layers,)
    error : array, shape (n_layers,)
    """

    value: Array
    error: Array


class Between(NamedTuple):
    """Statistics between the m inputs of a batch; q_ab = (1/n) sum_j z_aj z_bj in each network.

    Attributes
    ----------
    covariance : array, shape (n_layers, m, m)
        Mean of q_ab over networks.
    covariance_error : array, shape (n_layers, m, m)
        Its standard error.
    cosine : array, shape (n_layers, m, m)
        Mean over networks of q_ab / sqrt(q_aa q_bb), where that exists; NaN where it exists in none.
    mean_cosine : array, float32, shape (n_layers, n_networks)
        Mean over the pairs a != b of one network; NaN where it exists for none.
    """

    covariance: Array
    covariance_error: Array
    cosine: Array
    mean_cosine: Array32


@dataclass(frozen=True)
class LayerStatistics:
    """What `propagation.simulate_layers` measures. All laws are symmetric about 0, so moments are raw ones.

    Methods other than `pooled_ks` return an `Estimate`, with errors by the delta method.

    Attributes
    ----------
    widths : tuple of int
        Neurons of each layer.
    n_networks : int
    tested : array, float32, shape (n_layers, n_networks)
        Pre-activation of the first neuron for the first input: independent between networks.
    mean : array, shape (n_layers, 6)
        Means of z, z^2, z^3, z^4 over neurons, and of z_i z_j, z_i^2 z_j^2 over pairs i != j (NaN for one neuron).
    spread : array, shape (n_layers, 6, 6)
        Covariance between networks of those six numbers per network.
    dead : array, int, shape (n_layers,)
        Networks in which all pre-activations of the layer are exactly 0, for the first input.
    by_weights : array, shape (n_layers,)
        Share of the networks whose weights were drawn: 1 for `method="weights"`.
    pooled : array, int, shape (n_layers, len(POOL_EDGES) + 1)
        Number of pre-activations of all neurons between the edges `POOL_EDGES`. For display: they are dependent.
    between : Between or None
        For at least two inputs.
    """

    widths: tuple[int, ...]
    n_networks: int
    tested: Array32
    mean: Array
    spread: Array
    dead: NDArray[np.int64]
    by_weights: Array
    pooled: NDArray[np.int64]
    between: Between | None

    def variance(self) -> Estimate:
        """E z^2."""
        return self._estimate(lambda m: (m[_M2], {_M2: 1.0}))

    def excess_kurtosis(self) -> Estimate:
        """E z^4 / (E z^2)^2 - 3; NaN where E z^2 = 0."""
        return self._estimate(
            lambda m: (m[_M4] / m[_M2] ** 2 - 3, {_M4: m[_M2] ** -2, _M2: -2 * m[_M4] / m[_M2] ** 3})
        )

    def neuron_correlation(self) -> Estimate:
        """E z_i z_j / E z^2 over pairs of neurons i != j of a layer."""
        return self._estimate(
            lambda m: (m[_PAIR] / m[_M2], {_PAIR: 1 / m[_M2], _M2: -m[_PAIR] / m[_M2] ** 2})
        )

    def square_covariance(self) -> Estimate:
        """Cov(z_i^2, z_j^2) / (E z^2)^2 over pairs of neurons i != j of a layer: 0 for independent neurons."""
        return self._estimate(
            lambda m: (
                m[_PAIR_SQUARES] / m[_M2] ** 2 - 1,
                {_PAIR_SQUARES: m[_M2] ** -2, _M2: -2 * m[_PAIR_SQUARES] / m[_M2] ** 3},
            )
        )

    def square_correlation(self) -> Estimate:
        """Correlation of z_i^2 and z_j^2, i != j: 0 for independent neurons."""

        def of(m: Array) -> tuple[float, dict[int, float]]:
            above, below = m[_PAIR_SQUARES] - m[_M2] ** 2, m[_M4] - m[_M2] ** 2
            by_m2 = 2 * m[_M2] * (above / below - 1) / below
            return above / below, {_PAIR_SQUARES: 1 / below, _M4: -above / below**2, _M2: by_m2}

        return self._estimate(of)

    def pooled_ks(self, variance: float | None = None) -> Array:
        """sup |F - Phi| of the pre-activations of all neurons, at the edges of the bins; shape (n_layers,).

        Against N(0, variance), or N(0, E z^2) with the measured one where none is given. For display: no null law
        is known for it.

        Parameters
        ----------
        variance : float, optional
            One for all layers, > 0.
        """
        cumulated = np.cumsum(self.pooled, axis=1)
        empirical = cumulated[:, :-1] / cumulated[:, -1:]
        deviation = np.sqrt(self.mean[:, _M2] if variance is None else np.full(len(self.mean), variance))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.max(np.abs(empirical - sc.ndtr(POOL_EDGES / deviation[:, None])), axis=1)

    def _estimate(self, statistic: Callable[[Array], tuple[float, dict[int, float]]]) -> Estimate:
        """A function of the means, with the standard error that its gradient gives (delta method)."""
        values, errors = [], []
        with np.errstate(divide="ignore", invalid="ignore"):
            for mean, spread in zip(self.mean, self.spread, strict=True):
                value, by = statistic(mean)
                gradient, used = np.array(list(by.values())), list(by)
                values.append(value)
                errors.append(np.sqrt(gradient @ spread[np.ix_(used, used)] @ gradient / self.n_networks))
        return Estimate(np.array(values), np.array(errors))


def as_numpy(z: Any) -> NDArray[Any]:
    """The array itself, or a tensor of any device (without gradient) as an array."""
    return z if isinstance(z, np.ndarray) else z.cpu().numpy()


class _Gram(NamedTuple):
    """Sums over the networks of a block of one layer, and the mean cosine of each."""

    q: Array
    q_squared: Array
    cosine: Array
    counted: Array
    mean_cosine: Array32


class _Layer(NamedTuple):
    """One layer of a block."""

    tested: Array32
    total: Array  # (6,)
    products: Array  # (6, 6)
    dead: int
    drawn: int
    pooled: NDArray[np.int64]
    gram: _Gram | None


def block_statistics(layers: Iterator[Layer], count: int) -> list[_Layer]:
    """Sums over the first `count` networks of a block, layer by layer, for `merge`.

    Parameters
    ----------
    layers : iterator of Layer
        Of `engine`, of arrays or tensors.
    count : int
        Networks that count, at most those of the block.

    Raises
    ------
    ValueError
        Where z^4 is not finite.
    """
    return [layer_statistics(layer, count, depth) for depth, layer in enumerate(layers, 1)]


def layer_statistics(layer: Layer, count: int, depth: int) -> _Layer:
    """Sums over the first `count` networks of one layer of a block."""
    z = layer.z[:count]
    first = z[:, :, 0]
    squares = first * first
    n = first.shape[1]
    sums = (first.sum(1), squares.sum(1), (squares * first).sum(1), (squares * squares).sum(1))
    s1, s2, s3, s4 = (as_numpy(s).astype(np.float64) for s in sums)
    if not np.all(np.isfinite(s4)):
        raise ValueError(
            f"pre-activations of layer {depth} are not finite, or so large (above 1e9) that their fourth powers are "
            "not: take smaller scales or inputs"
        )
    pairs = n * (n - 1) if n > 1 else np.nan
    per_network = np.stack([s1 / n, s2 / n, s3 / n, s4 / n, (s1**2 - s2) / pairs, (s2**2 - s4) / pairs])
    gram = _gram(z) if z.shape[2] > 1 else None
    return _Layer(
        as_numpy(first[:, 0]).copy(),
        per_network.sum(1),
        # not a matrix product: its order of summation is its own
        np.einsum("ik,jk->ij", per_network, per_network),
        int(np.count_nonzero(~as_numpy((first != 0).any(1)))),
        count if layer.drawn is None else int(layer.drawn[:count].sum()),
        _pool(first),
        gram,
    )


def _pool(first: Any) -> NDArray[np.int64]:
    """Counts between the edges: values on an edge belong to the bin below it."""
    if isinstance(first, np.ndarray):
        bins = np.ceil(first * np.float32(_PER_UNIT))
        bins += np.float32(_BINS // 2 - 1)
        np.clip(bins, 0, _BINS - 1, out=bins)
        return np.bincount(bins.astype(np.int32).ravel(order="K"), minlength=_BINS)
    bins = (first * _PER_UNIT).ceil_().add_(_BINS // 2 - 1).clamp_(0, _BINS - 1)
    counts = bins.long().flatten().bincount(minlength=_BINS)
    return np.asarray(counts.cpu().numpy())


def _gram(z: Any) -> _Gram:
    n, m = z.shape[1:]
    q = as_numpy((z.swapaxes(1, 2) @ z) / n)
    size = np.sqrt(np.diagonal(q, axis1=1, axis2=2))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = q / (size[:, :, None] * size[:, None, :])
    there = np.isfinite(cosine)
    cosine = np.where(there, cosine, 0)
    off = ~np.eye(m, dtype=bool)
    with np.errstate(invalid="ignore"):
        mean_cosine = cosine.sum((1, 2), where=off, dtype=np.float64) / there.sum((1, 2), where=off)
    q, q_squared, cosine, counted = (a.sum(0, dtype=np.float64) for a in (q, q * q, cosine, there))
    return _Gram(q, q_squared, cosine, counted, mean_cosine.astype(np.float32))


def merge(widths: Sequence[int], n_networks: int, blocks: Iterable[list[Any]]) -> LayerStatistics:
    """Statistics of all networks from those of the blocks, which are taken in their order.

    Parameters
    ----------
    widths : sequence of int
        Neurons n_1, ..., n_L of the layers: without the input.
    n_networks : int
        Of all blocks together, at least 2.
    blocks : iterable
        What `block_statistics` returns.

    Returns
    -------
    LayerStatistics
    """
    depth = len(widths)
    tested = np.empty((depth, n_networks), np.float32)
    total, products = np.zeros((depth, 6)), np.zeros((depth, 6, 6))
    dead, drawn, pooled = np.zeros(depth, np.int64), np.zeros(depth), np.zeros((depth, _BINS), np.int64)
    grams: list[Any] | None = None
    cosines: list[list[Array32]] = [[] for _ in widths]
    start = 0
    for block in blocks:
        for k, layer in enumerate(block):
            tested[k, start : start + layer.tested.size] = layer.tested
            total[k] += layer.total
            products[k] += layer.products
            dead[k] += layer.dead
            drawn[k] += layer.drawn
            pooled[k] += layer.pooled
            if layer.gram is not None:
                cosines[k].append(layer.gram.mean_cosine)
        if block[0].gram is not None:
            sums = [
                np.stack(column)
                for column in zip(*(layer.gram[:-1] for layer in block if layer.gram), strict=True)
            ]
            grams = sums if grams is None else [a + b for a, b in zip(grams, sums, strict=True)]
        start += block[0].tested.size
    mean = total / n_networks
    spread = (products / n_networks - mean[:, :, None] * mean[:, None, :]) * (n_networks / (n_networks - 1))
    between = None
    if grams is not None:
        q, q_squared, cosine, counted = grams
        q, q_squared = q / n_networks, q_squared / n_networks
        variance = np.maximum(q_squared - q * q, 0)
        with np.errstate(invalid="ignore"):
            cosine = cosine / counted
        error = np.sqrt(variance / (n_networks - 1))
        between = Between(q, error, cosine, np.stack([np.concatenate(c) for c in cosines]))
    share = drawn / n_networks
    return LayerStatistics(tuple(widths), n_networks, tested, mean, spread, dead, share, pooled, between)
