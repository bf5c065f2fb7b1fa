r"""How far the pre-activations of each layer are from normal, with a fraction of the noise of a sample.

The law of a pre-activation of a layer is the mean over networks of its law F(. | a) given the activations a that the
layer takes (`conditional`). `layer_distances` takes the mean of F(. | a) itself where that is known:

* normal weights: F(z | a) = Phi(z / s), exact;
* elsewhere Edgeworth's expansion, in networks where its error is below `tolerance`;
* in the other networks all neurons of the layer are counted, F(z | a) = 1/2 + (share of |z_i| <= z) / 2. They are
  independent given a, and the law is symmetric; so this is unbiased too, with a variance of at most 1/(16 n) given a.

F is taken at 0 (the limit from the right: networks that are dead have an atom there) and at points z > 0 from 2^-24
to 2^8 deviations, 8 in an octave, below 2^-4 two; by symmetry that is all.

A supremum of a noisy difference is too large in the mean. Here the point at which F differs most from normal is
found without the networks at which the difference is then read (ten parts in turn): of normal layers the mean is 0, and
the estimate can be slightly negative; else it is at most sup |F - Phi| in the mean, and close to it where it is
resolved. The error is that of the points that are read; where normal is not excluded it is larger by 1.55, since the
signs of the ten readings are then chosen by noise that they share (derived for one point and normal laws).

Whether the law differs from normal at all is said by a band that is uniform in z: `multiplier bootstrap` of means over
groups of networks, those of the variance included (Chernozhukov, Chetverikov & Kato 2013).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Unpack

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from preactivations.propagation._networks import Layer
from preactivations.propagation.conditional import Conditional, conditional_law, cumulants, smooth
from preactivations.propagation.engine import ArrayMap, Options, TensorMap, plan
from preactivations.propagation.statistics import (
    Estimate,
    LayerStatistics,
    as_numpy,
    layer_statistics,
    merge,
)
from preactivations.real import real_array, real_number
from preactivations.streams import Stream

__all__ = ["LayerDistances", "layer_distances", "sample_distances"]

Array = NDArray[np.float64]

_PER_OCTAVE, _LOW, _HIGH = 8, -24, 8
_EDGES = 2 ** (np.arange(_PER_OCTAVE * _LOW, _PER_OCTAVE * _HIGH + 1) / _PER_OCTAVE)
_KEPT = (_EDGES >= 2**-4) | (np.arange(_EDGES.size) % (_PER_OCTAVE // 2) == 0)
_POINTS = np.append(0.0, _EDGES[_KEPT])  # in deviations
_GROUPS = 128  # of networks, at least (or one network each), and at most twice as many
_PARTS = 10
_ROUNDING = 1e-6  # of single precision
_REPLICATES, _LEVEL = 500, 0.95


@dataclass(frozen=True)
class LayerDistances:
    """What `layer_distances` measures, layer by layer, the first one first.

    Attributes
    ----------
    ks : Estimate
        sup |F - Phi(. / sqrt variance)|: KS distance from the given normal law; `value` and `error` of shape (layers,).
    ks_standardized : Estimate
        The same from the normal law of the layer's own variance; NaN where that is not between 2^-32 and 2^10 times
        the given one, beyond which F is not known.
    band, band_standardized : array, shape (layers,)
        Half-width of the 95 % band, uniform in z, of the difference: what is below can be noise, and
        sup |F - Phi| is at most `found` + `band` with probability 95 %. Errors of expansions and of rounding are added.
    found, found_standardized : array, shape (layers,)
        Supremum of the mean difference, too large in the mean.
    variance, excess_kurtosis : Estimate
        E z^2, E z^4 / (E z^2)^2 - 3, from the conditional moments.
    dead : array, shape (layers,)
        Share of the networks in which all pre-activations are 0.
    counted : array, shape (layers,)
        Share of the networks whose neurons were counted.
    z : array, shape (points,)
        Where F is known, from 0 on.
    cdf : array, shape (layers, points)
        F there.
    statistics : LayerStatistics or None
        Those of `simulate_layers` of the same networks, if asked for.
    """

    ks: Estimate
    ks_standardized: Estimate
    band: Array
    band_standardized: Array
    found: Array
    found_standardized: Array
    variance: Estimate
    excess_kurtosis: Estimate
    dead: Array
    counted: Array
    z: Array
    cdf: Array
    statistics: LayerStatistics | None

    @property
    def differs(self) -> NDArray[np.bool_]:
        """Whether 0 is excluded at 95 %, of `ks`, shape (layers,)."""
        return self.found > self.band

    @property
    def differs_standardized(self) -> NDArray[np.bool_]:
        """Whether 0 is excluded at 95 %, of `ks_standardized`, shape (layers,)."""
        return self.found_standardized > self.band_standardized


def layer_distances(
    widths: Sequence[int],
    activation: ArrayMap | TensorMap,
    *,
    variance: float = 1.0,
    exact_variances: ArrayLike | None = None,
    statistics: bool = False,
    **options: Unpack[Options],
) -> LayerDistances:
    """Distances from normal of the pre-activations of every layer, for one input.

    Parameters
    ----------
    widths, activation, **options
        As for `simulate`; `n_networks` is at least 100. With `method="auto"` wide networks cost least.
    variance : float, optional
        Of the normal law that `ks` compares with, in all layers; 1 by default.
    exact_variances : array, shape (layers,), optional
        E z^2 of each layer where it is known: the scale of `ks_standardized`, by default the measured one. Of ReLU
        networks samples miss the rare large ones that make it.
    statistics : bool, optional
        Whether those of `simulate_layers` are wanted too; not by default.

    Returns
    -------
    LayerDistances

    Raises
    ------
    ValueError
        For fewer than 100 networks, several inputs, a variance that is not positive, a law of weights without an eighth
        moment, and what `simulate` refuses (with `statistics`, what `simulate_layers` refuses).

    Examples
    --------
    >>> found = layer_distances([1, 3, 3], np.tanh, weights="normal", n_networks=1000, stream=Stream(0))
    >>> found.ks.value.shape
    (2,)
    """
    deviation = _deviation(variance)
    planned = plan(widths, activation, **options)
    networks, n = planned.networks, planned.n_networks
    if n < 100:
        raise ValueError(f"n_networks must be at least 100, for errors and bands, got {n}")
    if networks.x.shape[1] > 1:
        raise ValueError(f"distances are those of one input, got {networks.x.shape[1]}")
    weights = [cumulants(networks.laws[0])] + [cumulants(networks.laws[-1])] * (len(networks.laws) - 1)
    exact: list[float | None] = [None] * len(weights)
    if exact_variances is not None:
        given = real_array("exact_variances", exact_variances)
        if given.shape != (len(weights),) or not np.all((given > 0) & np.isfinite(given)):
            raise ValueError(
                f"exact_variances must be {len(weights)} finite numbers > 0, one for each layer, got {exact_variances}"
            )
        exact = given.tolist()
    group = min(planned.size, _group(n))

    def reduce(layers: Iterator[Layer], count: int) -> list[tuple[_Sums, Any]]:
        found = []
        for depth, (layer, weight) in enumerate(zip(layers, weights, strict=True)):
            law = layer.law or conditional_law(layer.a[:, :, 0], weight, networks.sigma_w, networks.sigma_b)
            law = law.take(slice(count))
            counted = ~(law.error <= networks.tolerance) | (not smooth(networks.laws[depth]))
            sums = _sums(law, as_numpy(layer.z[:count, :, 0]), counted, deviation, group)
            found.append((sums, layer_statistics(layer, count, depth + 1) if statistics else None))
        return found

    blocks = list(planned.run(reduce))
    found = _assembled(blocks, n, group, deviation, exact, options["stream"])
    if not statistics:
        return found
    kept = merge(networks.widths[1:], n, ([part for _, part in block] for block in blocks))
    return replace(found, statistics=kept)


def _assembled(
    blocks: list[list[Any]],
    n: int,
    group: int,
    deviation: float,
    exact: Sequence[float | None],
    stream: Stream,
) -> LayerDistances:
    """From the sums of each block and layer, the first thing of each entry."""
    multipliers = stream.block(0, 2).standard_normal((_REPLICATES, 2 * _GROUPS), np.float32)
    layers = []
    with threadpool_limits(1, user_api="blas"):  # the order of sums does not depend on the machine
        for depth, scale in enumerate(exact):
            sums = _regrouped([block[depth][0] for block in blocks], n, group)
            layers.append(_distances(sums, deviation, scale, multipliers))
    columns: dict[str, Any] = {name: np.array([layer[name] for layer in layers]) for name in layers[0]}
    for name in ("ks", "ks_standardized", "variance", "excess_kurtosis"):
        columns[name] = Estimate(*columns[name].T)
    return LayerDistances(**columns, z=_POINTS * deviation, statistics=None)


def sample_distances(z: ArrayLike, *, variance: float = 1.0) -> LayerDistances:
    """Distances from normal of pre-activations that are given: of initializations that `simulate` does not draw.

    All neurons of the networks are counted, as in `layer_distances` where no law given the layer before is known: the
    neurons of a layer have one symmetric law, and need not be independent. Networks must be.

    Parameters
    ----------
    z : array, shape (layers, networks, n)
        At least 100 networks.
    variance : float, optional
        Of the normal law that `ks` compares with; 1 by default.

    Returns
    -------
    LayerDistances

    Raises
    ------
    ValueError
        For another shape, fewer networks, values that are not finite, a variance that is not positive.
    """
    deviation = _deviation(variance)
    samples = real_array("z", z)
    if samples.ndim != 3 or samples.shape[1] < 100 or not samples.size:
        raise ValueError(
            f"z must be of shape (layers, networks, n) with at least 100 networks, got {samples.shape}"
        )
    networks = samples.shape[1]
    group = _group(networks)
    layers = []
    for layer in samples:
        with np.errstate(over="ignore"):
            squares = layer * layer
        law = Conditional(np.sqrt(squares.mean(1)), 0.0, 0.0, math.inf)
        sums = _sums(law, layer, np.ones(networks, bool), deviation, group)
        layers.append(
            [sums._replace(fourth=np.add.reduceat((squares * squares).mean(1), _starts(networks, group)))]
        )
    return _assembled(
        [layers], networks, group, deviation, [None] * len(layers), Stream(0, "sample_distances")
    )


def _deviation(variance: float) -> float:
    variance = real_number("variance", variance)
    if not 1e-30 <= variance <= 1e30:
        raise ValueError(f"variance must be between 1e-30 and 1e30, got {variance}")
    return math.sqrt(variance)


def _group(networks: int) -> int:
    """Networks in a group: a power of two, with which blocks are whole groups."""
    return 1 << int(math.log2(max(1, networks // _GROUPS)))


def _starts(networks: int, group: int) -> NDArray[np.intp]:
    return np.arange(0, networks, group)


class _Sums(NamedTuple):
    """Over the networks of each group of one layer."""

    networks: Array  # (groups,)
    cdf: Array  # (groups, points)
    squares: Array  # (groups,), of E z^2
    fourth: Array  # of E z^4
    dead: Array
    counted: Array
    error: Array  # of the expansions


def _sums(law: Conditional, z: Any, counted: NDArray[np.bool_], deviation: float, group: int) -> _Sums:
    if not np.all(np.isfinite(law.s)):
        raise ValueError("pre-activations are not finite, or so large that their squares are not")
    starts = _starts(len(z), group)
    cdf, known = np.zeros((len(starts), _POINTS.size)), ~counted
    if known.any():
        points, kept = _POINTS * deviation, law.take(known)
        near = int(np.searchsorted(points, 9 * kept.s.max(), "right"))  # beyond these F is 1
        each = np.repeat(known[:, None].astype(np.float64), points.size, axis=1)
        each[known, :near] = kept.cdf(points[:near])
        cdf += np.add.reduceat(each, starts)
    if counted.any():
        cdf += _counted(z[counted], np.flatnonzero(counted) // group, len(starts), deviation)
    squares = law.s**2
    columns = squares, squares**2 * (3 + law.l4), law.s == 0, counted, np.where(counted, 0.0, law.error)
    return _Sums(
        np.add.reduceat(np.ones(len(z)), starts),
        cdf,
        *(np.add.reduceat(column.astype(np.float64), starts) for column in columns),
    )


def _counted(z: Any, group: NDArray[np.intp], groups: int, deviation: float) -> Array:
    """Sums over the networks of each group of (1 + share of |z_i| <= point) / 2, shape (groups, points)."""
    with np.errstate(divide="ignore"):
        octave = np.log2(np.abs(z) * np.float32(1 / deviation))
    # bin 0 holds zeros, the others end at an edge, the last one never
    octave *= _PER_OCTAVE
    bins = np.clip(np.ceil(octave) + (1 - _PER_OCTAVE * _LOW), 1, _EDGES.size + 1).astype(np.int64)
    bins[z == 0] = 0
    bins += (_EDGES.size + 2) * group[:, None]
    counts = np.bincount(bins.ravel(), minlength=groups * (_EDGES.size + 2)).reshape(groups, -1)
    below = np.cumsum(counts[:, :-1], axis=1)[:, np.append(True, _KEPT)]
    networks = np.bincount(group, minlength=groups)
    return np.asarray((networks[:, None] + below / z.shape[1]) / 2)


def _regrouped(blocks: list[_Sums], n: int, group: int) -> _Sums:
    """Of the whole simulation, in at least 100 groups and at most 2 `_GROUPS`."""
    sums = [np.concatenate(column) for column in zip(*blocks, strict=True)]
    some = max(1, (n // _GROUPS) // group)
    starts = np.arange(0, len(sums[0]), some)
    return _Sums(*(np.add.reduceat(column, starts) for column in sums))


def _distances(sums: _Sums, deviation: float, scale: float | None, multipliers: Any) -> dict[str, Any]:
    """All numbers of a layer."""
    n, groups = sums.networks.sum(), len(sums.networks)
    correction = math.sqrt(groups / (groups - 1))

    def mean(column: Array) -> tuple[Any, Array]:
        """And what each group adds to its deviation."""
        value = column.sum(0) / n
        share = sums.networks if column.ndim == 1 else sums.networks[:, None]
        return value, (column - share * value) / n * correction

    def error(influence: Array) -> float:
        return float(np.sqrt(np.sum(influence**2)))

    cdf, of_cdf = mean(sums.cdf)
    square, of_square = mean(sums.squares)
    fourth, of_fourth = mean(sums.fourth)
    error_of_cdf = sums.error.sum() / n + _ROUNDING
    raw = _supremum(cdf - sc.ndtr(_POINTS), of_cdf, sums.networks, multipliers, error_of_cdf)
    own = math.sqrt(square if scale is None else scale) / deviation  # in the units of the points
    if 2.0**-16 <= own <= 32:
        x = _POINTS / own
        if scale is None:  # d Phi(z / s) / d s^2 = - x n(x) / (2 s^2)
            slope = x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) / (2 * square)
            of_cdf = of_cdf + of_square[:, None] * slope
        shape = _supremum(cdf - sc.ndtr(x), of_cdf, sums.networks, multipliers, error_of_cdf)
    else:  # outside the points
        shape = _Supremum(math.nan, math.nan, math.nan, math.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = fourth / square**2 - 3
        of_kurtosis = of_fourth / square**2 - 2 * fourth / square**3 * of_square
    return {
        "ks": (raw.value, raw.error),
        "ks_standardized": (shape.value, shape.error),
        "band": raw.band,
        "band_standardized": shape.band,
        "found": raw.found,
        "found_standardized": shape.found,
        "variance": (square, error(of_square)),
        "excess_kurtosis": (kurtosis, error(of_kurtosis)),
        "dead": sums.dead.sum() / n,
        "counted": sums.counted.sum() / n,
        "cdf": cdf,
    }


class _Supremum(NamedTuple):
    value: float
    error: float
    band: float
    found: float


def _supremum(
    difference: Array, influence: Array, networks: Array, multipliers: Any, systematic: float
) -> _Supremum:
    """sup |difference|, to whose noise the groups of networks add `influence`, shape (groups, points).

    `systematic` is the error that is no noise.
    """
    n, value, variance = networks.sum(), 0.0, 0.0
    for part in np.array_split(np.arange(len(networks)), _PARTS):
        share = networks[part].sum() / n
        deviation = influence[part].sum(0)
        elsewhere = difference - deviation / (1 - share)
        where = int(np.argmax(np.abs(elsewhere)))
        value += share * math.copysign(1, elsewhere[where]) * (difference + deviation / share)[where]
        variance += float(np.sum(influence[part, where] ** 2))
    noise = multipliers[:, : len(networks)] @ influence.astype(np.float32)
    band = float(np.quantile(np.abs(noise).max(1), _LEVEL)) + systematic
    found = float(np.abs(difference).max())
    if found <= band:  # the sign of each part's reading is noise of the others: readings are not independent
        variance *= 1 + (_PARTS - 1) * 2 / math.pi / math.sqrt(2 * _PARTS - 3)
    return _Supremum(float(value), math.sqrt(variance), band, found)
