"""The joint law of the units of a layer with drawn networks beside it (Burkholz & Dubatovka 2019; our protocol).

ReLU networks of constant width with He's variance, from an input of norm 1, with biases or without. Pairs of units are
averaged over all pairs of a network, whose mean is one number: numbers of different networks are independent. Their
standard errors are exact: given the scale s a mean over pairs of f(h_i) f(h_j) has known moments, see `_pairs_second`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from preactivations.gaussianity import ks_to_law
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.joint import JointLaw
from preactivations.streams import Stream
from replication.isometry.study import drawn_units

Array = NDArray[np.float64]
Row = dict[str, Any]

_LEVELS = (0.5, 1.0, 2.0)  # in deviations of a unit


def unit_rows(
    width: int, depth: int, bias_variance: float, networks: int, stream: Stream, **options: Any
) -> tuple[list[Row], Row]:
    """(numbers of two units, tests of all units) of the last layer of `networks` drawn networks, two units at least.

    Numbers: by statistic ("cov x", "cov x^2", "cov h^2" of two units, and "both above" t deviations) exact, what
    independent units of the same law would have (independent), drawn, its exact standard error, and the skewness of the
    mean of all networks (`_skewness`).

    Tests: KS statistics of the largest of all units, max(h, 0), against the joint law (largest) and against independent
    units of the same law (largest_independent), sup of the difference of both laws (apart); and of the share that the
    first half of the units has of |h|^2 against its beta law (share), which it has at any |h| if directions are uniform
    on the sphere; over the `alive` networks.
    """
    law = JointLaw(NormChain(width, [width] * depth, bias_variance=bias_variance))
    h = drawn_units(width, depth, networks, stream, bias_variance, **options).astype(np.float64)
    name = {"width": width, "depth": depth, "bias_variance": bias_variance, "networks": networks}
    deviation = math.sqrt(law.scale_moment(2))
    covariances = law.covariances()
    x = np.maximum(h, 0)
    rows: list[Row] = []
    # f, its order in s, E f(z) and E f(z)^2 of a normal number z
    for statistic, values, order, first, second, exact in (
        ("cov x", x, 1, 1 / math.sqrt(2 * math.pi), 0.5, covariances.outputs),
        ("cov x^2", x**2, 2, 0.5, 1.5, covariances.output_squares),
        ("cov h^2", h**2, 2, 1.0, 3.0, covariances.pre_squares),
    ):
        mean = first * law.scale_moment(order)
        drawn = float(_pairs(values).mean()) - mean**2
        square = law.scale_moment(4 * order) * _pairs_second(width, first, second)
        error = math.sqrt((square - (exact + mean**2) ** 2) / networks)
        rows.append(
            {"statistic": statistic, "t": math.nan, "exact": exact, "independent": 0.0, "drawn": drawn}
            | {"error": error, "skewness": _skewness(law, order, networks)}
        )
    for level in _LEVELS:
        t = level * deviation
        one, both, three, four = (float(law.cdf_of_largest(-t, k)) for k in (1, 2, 3, 4))
        shares = _pairs((h > t).astype(np.float64))
        # the moments of s are those of P(h > t | s) here, and f^2 = f
        square = ((width - 2) * (width - 3) * four + 4 * (width - 2) * three + 2 * both) / (
            width * (width - 1)
        )
        error = math.sqrt((square - both**2) / networks)
        third = float(np.mean((shares - both) ** 3))  # bounded, and so the sample knows it
        rows.append(
            {"statistic": "both above", "t": level, "exact": both, "independent": one**2}
            | {"drawn": float(shares.mean()), "error": error, "skewness": third / (error**3 * networks**2)}
        )

    def independent(t: Array) -> Array:
        return law.cdf_of_largest(t, 1) ** width

    largest = np.maximum(h.max(axis=1), 0)
    grid = np.linspace(0, 8 * deviation, 2001)
    alive = h[np.abs(h).max(axis=1) > 0]
    half = width // 2
    squares = alive**2
    share = squares[:, :half].sum(axis=1) / squares.sum(axis=1)
    test = {"largest": ks_to_law(largest, law.cdf_of_largest)}
    test["largest_independent"] = ks_to_law(largest, independent)
    test["apart"] = float(np.abs(law.cdf_of_largest(grid) - independent(grid)).max())
    test["share"] = ks_to_law(share, lambda u: beta.cdf(u, half / 2, (width - half) / 2))
    return [name | row for row in rows], name | {"alive": len(alive)} | test


def _pairs(f: Array) -> Array:
    """Mean of f_i f_j over the pairs of different units of each network, shape (networks,)."""
    n = f.shape[1]
    return (f.sum(axis=1) ** 2 - (f**2).sum(axis=1)) / (n * (n - 1))


def _pairs_second(n: int, first: float, second: float) -> float:
    """E U^2 of the mean U of f_i f_j over all pairs of n independent units, E f = `first`, E f^2 = `second`.

    Two pairs share no unit, one or both: [(n-2)(n-3) first^4 + 4 (n-2) first^2 second + 2 second^2] / (n (n-1)).
    """
    apart, one = (n - 2) * (n - 3) * first**4, 4 * (n - 2) * first**2 * second
    return (apart + one + 2 * second**2) / (n * (n - 1))


def _skewness(law: JointLaw, order: int, networks: int) -> float:
    """E s^(6 r) / (E s^(4 r))^(3/2) / sqrt(networks) for a product of order 2 r in s: how far a mean is from normal."""
    return law.scale_moment(6 * order) / law.scale_moment(4 * order) ** 1.5 / math.sqrt(networks)
