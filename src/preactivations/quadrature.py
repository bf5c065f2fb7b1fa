"""Composite Gauss-Legendre rules: integrals over panels of functions that are smooth on each.

n nodes integrate polynomials of degree 2n - 1 exactly on each panel; for a function that is analytic about a panel
the error falls geometrically with n, at a rate that is set by the distance of the nearest singularity in units of
the panel. So panels are laid between kinks, graded towards singularities, and their number is chosen where the rule
is used, which states the error.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from preactivations.real import real_array

__all__ = ["gauss_legendre"]

Array = NDArray[np.float64]


def gauss_legendre(edges: ArrayLike, order: int) -> tuple[Array, Array]:
    """Nodes and weights of `order` points on each panel between neighbours of `edges`.

    Nodes and weights have relative errors of a few rounding errors.

    Parameters
    ----------
    edges : array_like, shape (panels + 1,)
        Increasing.
    order : int
        At least 1.

    Returns
    -------
    nodes, weights : array, shape (panels * order,)
        Panel by panel, increasing; the weights add up to the last edge minus the first.

    Examples
    --------
    >>> x, w = gauss_legendre([0, 1, 3], 2)
    >>> round(float(w @ x**3), 12)
    20.25
    """
    edges = real_array("edges", edges)
    x, weight = _rule(order)
    half = np.diff(edges) / 2
    return ((edges[:-1] + half)[:, None] + half[:, None] * x).ravel(), (half[:, None] * weight).ravel()


@functools.cache
def _rule(order: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(order)
