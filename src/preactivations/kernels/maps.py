r"""Kernels of wide rectified layers: what their weights' law leaves of the angle between two inputs, at any depth.

phi_(a,p)(z) = z^p for z > 0 and a z^p else (ReLU: a = 0, p = 1). For a row w of weights and inputs x, y at the angle t

    k(x, y) = E phi(w.x) phi(w.y) = E|w|^(2p) / E chi_m^(2p) |x|^p |y|^p F_p(t)

for *every* rotation-invariant law of w in R^m (`rows`): the law enters by one moment, and not at all once outputs
are normalized, cos t' = F_p(t) / F_p(0). For independent weights of mean 0 and variance 1 it is the limit m ->
infinity of delocalized inputs, with `clt.clt_correction` the next orders. Here

    F_p = (1 + a^2) k_p(t) + 2 a (-1)^p k_p(pi - t),
    k_0 = (pi - t) / (2 pi),    k_1 = [sin t + (pi - t) cos t] / (2 pi),
    k_2 = [3 sin t cos t + (pi - t) (1 + 2 cos^2 t)] / (2 pi).

After Tsuchida, Roosta-Khorasani and Gallagher, "Invariance of Weight Distributions in Rectified MLPs", ICML 2018, and
Cho and Saul, "Kernel Methods for Deep Learning", 2009. Angles are in radians. Functions of angles or inputs take
tensors as well and return tensors of their dtype, on their device, with derivatives by `torch.autograd` and the
transforms of `torch.func`; under `vmap` and in compiled functions values are hidden, and not checked. `angle_if_alive`
takes arrays only. Numbers that are not real are refused (TypeError).

Arguments
---------
x, y : array_like or tensor, shape (..., m)
    Inputs; the dimensions before the last broadcast.
angle : array_like or tensor
    In [0, pi], of any shape.
slope : float, optional
    a, from -1e6 to 1e6; 0 by default. Anything but a real number is refused (TypeError): it has no gradient.
degree : {0, 1, 2}, optional
    p; 1 by default.
"""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple, Protocol

import numpy as np

from preactivations.kernels.arc_cosine import checked_angle, mapped_angle, namespace, rectified
from preactivations.kernels.inputs import checked_inputs, checked_slope, scaled
from preactivations.names import parameter
from preactivations.real import real_array
from preactivations.rows import row_law

__all__ = [
    "Rectified",
    "RowLaw",
    "angle_between",
    "angle_if_alive",
    "angular_map",
    "fixed_point_rate",
    "gram",
    "iterate",
    "kernel",
    "rectified_by_name",
]

Values = Any  # array_like or torch.Tensor in, numpy.ndarray or torch.Tensor out


class Rectified(NamedTuple):
    """phi(z) = z^degree for z > 0 and slope * z^degree else.

    Attributes
    ----------
    slope : float
        0 by default.
    degree : int
        0, 1 or 2; 1 by default.
    """

    slope: float = 0.0
    degree: int = 1


class RowLaw(Protocol):
    """What a kernel asks of a law of rows of weights: `rows` has some."""

    def kernel_factor(self, degree: int, m: int) -> float:
        """E|w|^(2 degree) / E chi_m^(2 degree) of a row of m weights; inf where it is infinite."""
        ...


def rectified_by_name(name: str) -> Rectified:
    """ "relu", "leaky_relu" (slope .01), "leaky_relu_<slope>", "identity", "absolute", "step" or "squared_relu".

    Parameters
    ----------
    name : str

    Returns
    -------
    Rectified

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> rectified_by_name("leaky_relu_0.2")
    Rectified(slope=0.2, degree=1)
    """
    known = {
        "relu": Rectified(),
        "leaky_relu": Rectified(0.01),
        "identity": Rectified(1.0),
        "absolute": Rectified(-1.0),
        "step": Rectified(0.0, 0),
        "squared_relu": Rectified(0.0, 2),
    }
    if name in known:
        return known[name]
    if (slope := parameter(name, "leaky_relu")) is not None:
        return Rectified(checked_slope(slope))
    raise ValueError(
        f"unknown activation {name!r}; accepted: {', '.join(map(repr, known))}, 'leaky_relu_<slope>'"
    )


def angle_between(x: Values, y: Values) -> Values:
    """Angle between x and y along the last dimension, accurate near 0 and pi too (Kahan).

    The gradient of tensors is taken as 0 where the angle is 0 or pi, up to rounding, and has a kink; second derivatives
    are refused there (RuntimeError; NaN under `vmap`). Arguments: see the module.

    Returns
    -------
    ndarray or tensor, shape (...)
        In [0, pi].

    Raises
    ------
    ValueError
        For different lengths, or vectors that are 0 or not finite.

    Examples
    --------
    >>> round(float(angle_between([1.0, 0.0], [1.0, 1e-9])), 12)
    1e-09
    """
    x, y = checked_inputs(x, y)
    if namespace(x, y) is not np:
        from preactivations.kernels._autograd import Angle

        return Angle.apply(x, y)
    unit_x, unit_y = scaled(x)[0], scaled(y)[0]
    return np.asarray(
        2 * np.arctan2(np.linalg.norm(unit_x - unit_y, axis=-1), np.linalg.norm(unit_x + unit_y, axis=-1))
    )


def angle_if_alive(x: Any, y: Any) -> Any:
    """Angle along the last dimension of arrays; NaN where one side is dead (all 0) or not finite.

    Arguments: see the module.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        For different lengths.
    """
    x, y = real_array("x", x), real_array("y", y)
    dead = ~(
        (x != 0).any(axis=-1)
        & (y != 0).any(axis=-1)
        & np.isfinite(x).all(axis=-1)
        & np.isfinite(y).all(axis=-1)
    )
    safe_x, safe_y = (np.where(dead[..., None], 1.0, z) for z in (x, y))
    return np.where(dead, math.nan, angle_between(safe_x, safe_y))


def angular_map(angle: Values, slope: float = 0.0, degree: int = 1) -> Values:
    """Angle after a wide layer, cos t' = F_p(t) / F_p(0); the same for all laws of weights of this module.

    1 - cos t' and 1 + cos t' are computed without cancellation, to a relative error below 1e-13 in double precision.
    Gradients are finite at both ends, except at degree 0, where t' grows like sqrt(t).
    Arguments: see the module.

    Returns
    -------
    ndarray or tensor, shape of `angle`
        In [0, pi].

    Raises
    ------
    ValueError
        For angles, slopes or degrees out of range.

    Examples
    --------
    >>> round(float(np.cos(angular_map(np.pi / 2))), 6)
    0.31831
    """
    slope, degree = checked_slope(slope), _degree(degree)
    if namespace(angle) is np:
        return np.asarray(mapped_angle(angle, slope, degree))
    from preactivations.kernels._autograd import AngularMap

    checked_angle(angle)
    return AngularMap.apply(angle, slope, degree)


def iterate(angle: Values, depth: int, slope: float = 0.0, degree: int = 1) -> Values:
    """Angles after 0, 1, ..., `depth` wide layers, shape (depth + 1, ...).

    They tend to 0 for 0 <= slope < 1 and degree 1, see `fixed_point_rate`: deep networks forget all but the norm.

    Parameters
    ----------
    depth : int
        At least 0. Other arguments: see the module.

    Returns
    -------
    ndarray or tensor, shape (depth + 1, *shape of `angle`)

    Raises
    ------
    ValueError
        For a negative depth, and what `angular_map` refuses.

    Examples
    --------
    >>> np.cos(iterate(np.pi / 2, 64)[[1, 4, 16, 64]]).round(6).tolist()
    [0.31831, 0.680954, 0.929456, 0.992066]
    """
    angles = [checked_angle(angle)]
    for _ in range(_depth(depth)):
        angles.append(angular_map(angles[-1], slope, degree))
    return namespace(angle).stack(angles)


def fixed_point_rate(slope: float = 0.0) -> float:
    """c = (1 - a)^2 / ((1 + a^2) 3 pi), for which t' = t - c t^2 + O(t^3), so that t_l ~ 1 / (c l); degree 1.

    0 for linear units (a = 1), whose angles stay. ValueError and TypeError for a slope out of range.

    Examples
    --------
    >>> round(float(iterate(np.pi / 2, 20000)[-1]) * 20000 * fixed_point_rate(), 2)
    1.0
    """
    slope = checked_slope(slope)
    return (1 - slope) ** 2 / (1 + slope**2) / (3 * math.pi)


def kernel(
    x: Values,
    y: Values,
    weights: str | RowLaw | None = None,
    activation: str | Rectified = "relu",
) -> Values:
    """k(x, y) = E phi(w.x) phi(w.y), along the last dimension of the inputs.

    Parameters
    ----------
    x, y : array_like or tensor, shape (..., m)
    weights : str or law of rows, optional
        One of `rows`, or its name. Exact for rotation-invariant laws, the limit m -> infinity for independent
        weights of mean 0 (`clt.clt_correction` has the next orders). Left out: standard normal weights.
    activation : str or Rectified, optional
        A name that `rectified_by_name` takes, or slope and degree.

    Returns
    -------
    ndarray or tensor, shape (...)
        0 where an input is 0 (degree 1 and 2).

    Raises
    ------
    ValueError
        If E|w|^(2 degree) is infinite; for inputs of different lengths or that are not finite; at degree 0 for inputs
        that are 0; for an unknown name, or a slope or degree out of range.

    Examples
    --------
    >>> x, y = [1.0, 0.0], [np.cos(1.2), np.sin(1.2)]
    >>> round(float(kernel(x, y)), 4)
    0.2603
    """
    slope, degree = rectified_by_name(activation) if isinstance(activation, str) else activation
    slope, degree = checked_slope(slope), _degree(degree)
    x, y = checked_inputs(x, y, zeros=degree > 0)
    xp = namespace(x, y)
    factor = _factor(weights, degree, x.shape[-1])
    if degree == 0:
        return factor * rectified(angle_between(x, y), slope, 0)
    # where an input is 0 any other will do: its kernel is 0
    there = (x != 0).any(axis=-1) & (y != 0).any(axis=-1)
    safe_x, safe_y = (xp.where((z != 0).any(axis=-1)[..., None], z, 1.0) for z in (x, y))
    if xp is np:
        (_, norm_x), (_, norm_y) = scaled(safe_x), scaled(safe_y)
        value = (norm_x * norm_y) ** degree * rectified(angle_between(safe_x, safe_y), slope, degree)
    else:
        from preactivations.kernels._autograd import Kernel

        value = Kernel.apply(safe_x, safe_y, slope, degree)
    return xp.where(there, factor * value, 0.0)


def gram(x: Values, depth: int = 1, slope: float = 0.0) -> Values:
    """Kernels of all pairs of n inputs after `depth` wide layers of degree 1 that preserve norms.

    Entry (i, j) is |x_i||x_j| cos t_depth(i, j). Norms are preserved by n' E|w|^2 (1 + slope^2) / (2 m) = 1 for n'
    neurons with m inputs: that is all of the law of weights that matters.

    Parameters
    ----------
    x : array_like or tensor, shape (n, m)
        None of them 0.
    depth : int, optional
        At least 0; 1 by default. For slope see the module.

    Returns
    -------
    ndarray or tensor, shape (n, n)

    Raises
    ------
    ValueError
        For another shape, inputs that are 0 or not finite, or a negative depth.
    """
    x = np.asarray(x) if namespace(x) is np else x
    if x.ndim != 2:
        raise ValueError(f"x must have shape (n, m), one input per row, got {tuple(x.shape)}")
    x, _ = checked_inputs(x, x)
    slope, depth = checked_slope(slope), _depth(depth)
    xp, n = namespace(x), len(x)
    if n == 0:
        return x @ x.T
    norms = scaled(x)[1]
    # each pair once, row by row: n^2 m numbers would not fit; the diagonal is known, it has no angle and no kink
    angles = xp.concatenate([angle_between(x[i], x[i + 1 :]) for i in range(n)])
    for _ in range(depth):
        angles = angular_map(angles, slope)
    first, second = np.triu_indices(n, 1)
    pair = np.zeros((n, n), dtype=np.int64)
    pair[first, second] = pair[second, first] = 1 + np.arange(angles.shape[0])
    # cosines with that of the diagonal, 1, in front
    cosines = xp.concatenate([xp.ones_like(norms[:1]), xp.cos(angles)])
    return norms[:, None] * norms * cosines[pair]


def _factor(weights: str | RowLaw | None, degree: int, m: int) -> float:
    weights = row_law(weights) if isinstance(weights, str) else weights
    factor = 1.0 if weights is None else weights.kernel_factor(degree, m)
    if not math.isfinite(factor):
        raise ValueError(
            f"E|w|^{2 * degree} of {weights!r} is infinite: kernels of degree {degree} need it (what layers have "
            "instead scatters and does not converge)"
        )
    return factor


def _degree(degree: int) -> int:
    if degree not in (0, 1, 2):
        raise ValueError(f"degree must be 0, 1 or 2, got {degree}")
    return degree


def _depth(depth: int) -> int:
    if operator.index(depth) < 0:
        raise ValueError(f"depth must be at least 0, got {depth}")
    return operator.index(depth)
