"""Propagation with depth in finite networks against what infinite width predicts (Wolinski & Arbel).

The settings are those of `settings`. (Only the norm of one input matters, since the weights of the first layer are
normal: images of that norm give the same laws.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtr, ndtri

from preactivations.datasets import Dataset
from preactivations.edge_of_chaos.maps import correlation_map
from preactivations.gaussianity import ks_statistic, null_p_value
from preactivations.propagation.distances import LayerDistances
from preactivations.propagation.statistics import LayerStatistics
from preactivations.streams import Stream
from replication.distances import STATISTICS, distance_columns
from replication.settings import Setting
from replication.spread import spread

Array = NDArray[np.float64]
_QUANTILES = 101


def simulate_depth(
    setting: Setting, width: int, depth: int, n_networks: int, stream: Stream, **options: Any
) -> LayerDistances:
    """Networks [1, width, ..., width] with `depth` layers; the input has the setting's norm. With statistics.

    Neurons are drawn from their law given the layer before where it is known (`method="auto"`), but those of the
    control from weights: given the layer before they are normal by construction, and nothing would be tested. (The
    tolerance is one of estimates; errors with exact pairs are a small part of these.) Options
    are memory, threads, device and progress of `propagation.simulate`; errors those of `propagation.layer_distances`.
    """
    return setting.distances(
        [1] + [width] * depth, math.sqrt(setting.input_norm), n_networks=n_networks, stream=stream,
        method="weights" if setting.normalize else "auto", tolerance=1e-4, statistics=True, **options,
    )  # fmt: skip


def _tested(setting: Setting, layers: LayerStatistics, layer: int) -> Array:
    """The tested neurons of a layer in units of sqrt(v). Of the control, dead networks are left out."""
    z = layers.tested[layer].astype(np.float64) / math.sqrt(setting.variance)
    return z[z != 0] if setting.normalize else z


def layer_rows(setting: Setting, distances: LayerDistances) -> list[dict[str, float]]:
    """One row per layer, all numbers in units of the predicted law N(0, v).

    `distances` are what `simulate_depth` returns for `setting`. Keys of a row:

    depth
        The layer, from 1 on.
    ks, ks_standardized
        Distances from N(0, v) and from the normal law of the layer's own variance (`propagation.layer_distances`),
        with _error, _found (supremum of the mean difference) and _band (95 %); _theory: at first order in 1/n.
    sample_p
        Of the control: p-value of the KS test of one neuron per network against N(0, v).
    variance, kurtosis, neuron_correlation, square_covariance, square_correlation
        With `_error`: standard errors from the spread between networks.
        For ReLU the error of the variance is the exact one, ((1 + 2/n)(1 + 5/n)^(l - 1) - 1) / n_networks: the sample
        does not see the rare networks that make it. The other errors of ReLU are NaN where that is above 1/10.
    square_covariance_theory, kurtosis_theory
        First order in 1/n; NaN, as all of first order, for fitted pairs, whose variance is not v.
    variance_theory
        Of infinite width, for fitted pairs only.
    n_tested, dead, counted
        Networks in the KS test (for `normalized_` settings only those whose neuron is not 0); networks
        whose layer is all 0; share of networks whose neurons were counted for the distances.
    """
    v, layers = setting.variance, distances.statistics
    if layers is None:
        raise ValueError("distances must have statistics")
    n, depth = layers.widths[0], len(layers.widths)
    theory = setting.finite_width(n, depth)
    unknown = np.full(depth, math.nan)
    columns: dict[str, Array] = {
        "square_covariance_theory": theory.square_covariance if theory else unknown,
        "kurtosis_theory": theory.excess_kurtosis if theory else unknown,
        "counted": distances.counted,
    }
    columns |= distance_columns(distances)
    columns |= {f"{name}_theory": getattr(theory, name) if theory else unknown for name in STATISTICS}
    for name, estimate in {
        "variance": layers.variance(),
        "kurtosis": layers.excess_kurtosis(),
        "neuron_correlation": layers.neuron_correlation(),
        "square_covariance": layers.square_covariance(),
        "square_correlation": layers.square_correlation(),
    }.items():
        unit = v if name == "variance" else 1.0
        columns |= {name: estimate.value / unit, f"{name}_error": estimate.error / unit}
    if setting.route != "exact":
        columns["variance_theory"] = setting.variances(depth) / v
    if setting.name == "relu":
        exact = np.sqrt(((1 + 2 / n) * (1 + 5 / n) ** np.arange(depth) - 1) / layers.n_networks)
        for name in ("kurtosis", "neuron_correlation", "square_covariance", "square_correlation"):
            columns[f"{name}_error"] = np.where(exact < 0.1, columns[f"{name}_error"], math.nan)
        columns["variance_error"] = exact
    rows = []
    for k in range(depth):
        z = _tested(setting, layers, k)
        p = null_p_value(ks_statistic(z), z.size) if setting.normalize and z.size else math.nan
        row = {"depth": k + 1, "sample_p": p, "n_tested": z.size, "dead": int(layers.dead[k])}
        rows.append(row | {name: float(column[k]) for name, column in columns.items()})
    return rows


def quantile_rows(setting: Setting, distances: LayerDistances) -> list[dict[str, float]]:
    """Quantiles of the tested neurons of each layer beside those of N(0, 1), with their 95 % band (per point).

    Columns depth, normal (the normal quantile), sample (in units of sqrt(v)), standardized, null_low, null_high.
    101 rows per layer, none for a layer with fewer than two values. Arguments as for `layer_rows`.
    """
    rows, layers = [], distances.statistics
    if layers is None:
        raise ValueError("distances must have statistics")
    for depth in range(1, len(layers.widths) + 1):
        z = _tested(setting, layers, depth - 1)
        if z.size < 2:
            continue
        # no quantile beyond the sample; spaced evenly on the normal axis
        end = np.minimum(3.9, -ndtri(0.5 / z.size))
        at = np.linspace(-end, end, _QUANTILES)
        p = ndtr(at)
        low, high = (
            np.asarray(ndtri(betaincinv(z.size * p + 0.5, z.size * (1 - p) + 0.5, q))) for q in (0.025, 0.975)
        )
        sample = np.quantile(z, p)
        deviation = z.std()
        scaled = (sample - z.mean()) / deviation if deviation > 0 else np.full_like(sample, np.nan)
        for row in zip(at, sample, scaled, low, high, strict=True):
            names = ("normal", "sample", "standardized", "null_low", "null_high")
            rows.append({"depth": depth} | dict(zip(names, map(float, row), strict=True)))
    return rows


# -- correlations between inputs -------------------------------------------------------------------


def theory_correlations(setting: Setting, correlations: ArrayLike, depth: int) -> Array:
    """Correlations in layers 1..depth of infinite width, shape (depth, *shape of `correlations`).

    `correlations` are cosines of the angles between inputs, clipped to [-1, 1]. These have the norm with which all
    variances are v.
    """
    c = np.clip(np.asarray(correlations, dtype=np.float64), -1, 1)
    unique, back = np.unique(c, return_inverse=True)
    v = setting.variance
    unique = (setting.sigma_w**2 * setting.input_norm * unique + setting.sigma_b**2) / v
    layers = [np.clip(unique, -1, 1)]
    if depth > 1:
        layers += list(correlation_map(setting.exact, layers[0], v, **setting.map_scales, layers=depth - 1))
    return np.stack([layer[back].reshape(c.shape) for layer in layers])


def block_means(matrix: ArrayLike, labels: ArrayLike) -> Array:
    """Means of a matrix over pairs of classes, shape (..., m, m) to (..., classes, classes).

    Pairs of an image with itself are left out, which concerns the diagonal blocks only. NaN where a class has one
    image, on the diagonal. `labels` have shape (m,); classes are in the order of their labels.

    Examples
    --------
    >>> block_means([[1, 0.2, 0.4], [0.2, 1, 0.6], [0.4, 0.6, 1]], [0, 0, 1])
    array([[0.2, 0.5],
           [0.5, nan]])
    """
    a, labels = np.asarray(matrix, dtype=np.float64), np.asarray(labels)
    classes = np.unique(labels)
    member = (labels[:, None] == classes).astype(np.float64)  # (m, classes)
    a = a - np.eye(len(labels)) * np.diagonal(a, axis1=-2, axis2=-1)[..., None]
    size = member.sum(0)
    with np.errstate(invalid="ignore"):
        return np.asarray(member.T @ a @ member / (np.outer(size, size) - np.diag(size)))


def first_images(data: Dataset, per_class: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The first images of each class, as vectors, class by class; and their labels."""
    chosen = np.concatenate(
        [np.flatnonzero(data.labels == label)[:per_class] for label in np.unique(data.labels)]
    )
    return data.images[chosen].reshape(chosen.size, -1), data.labels[chosen]


def study_correlations(
    setting: Setting,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    width: int,
    n_networks: int,
    depths: Sequence[int],
    stream: Stream,
    **options: Any,
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Correlations of images in `n_networks` (at least 2) random networks of one width, against infinite width.

    Parameters
    ----------
    images, labels : array, shape (m, pixels) and (m,)
        At least two. Each is scaled to the norm with which the variance is v in every layer.
    depths : sequence of int
        At which the class-averaged matrices are kept; 0 is the images themselves. The largest is the depth L.
    **options
        As for `simulate_depth`.

    Returns
    -------
    blocks : list of dict
        depth, class_a, class_b, correlation, theory: means over pairs of images of two classes, numbered
        from 0 in the order of their labels.
    means : list of dict
        For every depth from 0 on: correlation (mean over pairs a != b and networks), low and high (5 % and 95 % of the
        networks), error (standard error), theory, covariance (E q_ab / v, mean over pairs), covariance_error of that
        mean as if the pairs were all dependent, largest_z (over pairs, of E q_ab against theory), n_pairs, n_networks.
        At depth 0 only depth, correlation, theory, n_pairs and n_networks.

    Raises
    ------
    ValueError
        For an image that is all 0, fewer than two images, and what `propagation.simulate_layers` refuses.
    """
    x, labels = np.asarray(images, dtype=np.float64), np.asarray(labels)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    if not np.all(norm > 0):
        raise ValueError(f"image {int(np.argmin(norm))} is all 0 and can't be scaled")
    x = x / norm * math.sqrt(setting.input_norm * x.shape[1])
    cosine = (x @ x.T) / (setting.input_norm * x.shape[1])
    depth = max(depths)
    widths = [x.shape[1]] + [width] * depth
    between = setting.layers(widths, x, n_networks=n_networks, stream=stream, **options).between
    if between is None:
        raise ValueError("at least two images are needed")
    theory = np.concatenate([cosine[None], theory_correlations(setting, cosine, depth)])
    measured = np.concatenate([cosine[None], between.cosine])
    blocks = []
    for level in depths:
        pairs = zip(block_means(measured[level], labels), block_means(theory[level], labels), strict=True)
        for a, (row, row_theory) in enumerate(pairs):
            for b, (value, predicted) in enumerate(zip(row, row_theory, strict=True)):
                blocks.append(
                    {"depth": level, "class_a": a, "class_b": b, "correlation": value, "theory": predicted}
                )
    off = ~np.eye(len(labels), dtype=bool)
    start, counts = float(cosine[off].mean()), {"n_pairs": int(off.sum()) // 2, "n_networks": n_networks}
    means = [{"depth": 0, "correlation": start, "theory": start} | counts]
    for k in range(depth):
        cosines = spread(between.mean_cosine[k])
        covariance, error = (
            between.covariance[k] / setting.variance,
            between.covariance_error[k] / setting.variance,
        )
        largest = float(np.max(np.abs(covariance - theory[k + 1])[off] / error[off]))
        means.append(
            {"depth": k + 1, "correlation": cosines.mean, "low": cosines.low, "high": cosines.high}
            | {"error": cosines.error, "theory": float(theory[k + 1][off].mean())}
            | {"covariance": float(covariance[off].mean()), "covariance_error": float(error[off].mean())}
            | {"largest_z": largest}
            | counts
        )
    return blocks, means
