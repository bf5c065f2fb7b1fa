"""Monte Carlo for kernels of independent weights that sees what is left of the central limit theorem.

k - k_Gauss is of order 1e-4 where phi phi has standard deviation .5. Three things reduce the variance, with no bias:

* permutations: (w.Px, w.Py) has the same law for every permutation P of the coordinates, so that one row of weights
  serves many pairs, at the price of a matrix product;
* polynomials in (w.x, w.y) as control variates: their means are known exactly from the moments of a weight, their
  coefficients are fitted to other draws;
* for symmetric weights, the mean over w and -w.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from preactivations.kernels.arc_cosine import rectified
from preactivations.kernels.maps import angle_between
from preactivations.rows import Iid
from preactivations.streams import Stream

__all__ = ["KernelError", "joint_moments", "kernel_error"]

Array = NDArray[np.float64]
Draws = NDArray[np.floating[Any]]

_WEIGHTS_AT_ONCE = 1 << 19
_FEW = 16  # inputs: double precision up to there
_PILOT = 40_000  # evaluations that fit the control variates
_COPIES = 64  # permutations of the inputs per row of weights, at most
_DEGREE = {True: 6, False: 4}  # of the control variates: symmetric weights, others


class KernelError(NamedTuple):
    """k - k_Gauss by Monte Carlo."""

    error: float
    standard_error: float
    plain_standard_error: float
    """That of plain Monte Carlo: the mean of phi phi over as many rows, each used once."""


def kernel_error(law: Iid, x: Array, y: Array, evaluations: int, stream: Stream) -> KernelError:
    """k(x, y) - k_Gauss(x, y) of ReLU and independent weights, for inputs of norm 1.

    Control variates are left out where their variance would be infinite.
    """
    m = x.size
    angle = float(angle_between(x, y))
    symmetric = law.symmetric
    degree = max((d for d in range(1, _DEGREE[symmetric] + 1) if math.isfinite(law.moment(2 * d))), default=0)
    powers = [
        (total - j, j)
        for total in range(1, degree + 1)
        for j in range(total + 1)
        if not (symmetric and total % 2)
    ]
    exact = joint_moments(law, x, y, degree)

    copies = max(1, min(_COPIES, m // 4))
    rows = math.ceil(evaluations / copies)
    block = max(1, min(rows, _WEIGHTS_AT_ONCE // max(m, copies)))
    rng = stream.block(0)
    order = [rng.permutation(m) for _ in range(copies)]
    # with few inputs the controls may leave no more than rounding
    dtype: Any = np.float64 if m <= _FEW else np.float32
    many_x, many_y = (np.stack([z[p] for p in order], axis=1).astype(dtype) for z in (x, y))

    def draw(count: int, rng: np.random.Generator) -> tuple[Draws, Draws, Draws]:
        w = law.sample(count, m, rng, dtype)
        h, g = w @ many_x, w @ many_y
        product = h * g
        np.maximum(product, 0, out=product)
        product *= 0.5 if symmetric else h > 0
        return h, g, product

    coefficients = _fit(*draw(max(1, _PILOT // copies), rng), powers)
    offset = sum(c * exact[power] for c, power in zip(coefficients, powers, strict=True))
    mean_over_copies: Draws = np.full(copies, 1 / copies, dtype)
    sums = np.zeros(4)
    for index in range(math.ceil(rows / block)):
        h, g, product = draw(min(block, rows - index * block), stream.block(index + 1))
        per_row = ((product - _polynomial(h, g, coefficients, powers)) @ mean_over_copies).astype(np.float64)
        once = (np.maximum(h[:, 0], 0) * np.maximum(g[:, 0], 0)).astype(np.float64)
        sums += per_row.sum(), (per_row**2).sum(), once.sum(), (once**2).sum()
    mean, square, plain, plain_square = sums / rows
    return KernelError(
        float(mean + offset - rectified(angle, 0.0, 1)),
        math.sqrt(max(square - mean**2, 0.0) / rows),
        math.sqrt(max(plain_square - plain**2, 0.0) / rows),
    )


def joint_moments(law: Iid, x: Array, y: Array, degree: int) -> dict[tuple[int, int], float]:
    """E (w.x)^j (w.y)^k for j + k <= degree, from cumulants: those of a weight times sum x^j y^k."""
    single = [0.0] * (degree + 1)  # cumulants of a weight
    for n in range(1, degree + 1):
        single[n] = law.moment(n) - sum(
            math.comb(n - 1, i - 1) * single[i] * law.moment(n - i) for i in range(1, n)
        )
    moments = {(0, 0): 1.0}
    for total in range(1, degree + 1):
        for k in range(total + 1):
            j = total - k
            # split off the block that holds one factor, of the first kind if there is any
            a, b = (j - 1, k) if j else (j, k - 1)
            moments[j, k] = sum(
                math.comb(a, i)
                * math.comb(b, n)
                * single[i + n + 1]
                * float((x ** (i + (j > 0)) * y ** (n + (j == 0))).sum())
                * moments[a - i, b - n]
                for i in range(a + 1)
                for n in range(b + 1)
            )
    return moments


def _fit(h: Draws, g: Draws, product: Draws, powers: list[tuple[int, int]]) -> Array:
    """Coefficients of the best polynomial. Its constant is fitted too, and left out: it cancels in the mean."""
    h, g, product = h.ravel().astype(np.float64), g.ravel().astype(np.float64), product.ravel()
    columns = np.stack([h**j * g**k for j, k in [(0, 0), *powers]], axis=1)
    scale = np.abs(columns).max(axis=0)
    scale[scale == 0] = 1.0  # products that are 0 for all rows, as with two signs
    return (np.linalg.lstsq(columns / scale, product, rcond=1e-10)[0] / scale)[1:]


def _polynomial(h: Draws, g: Draws, coefficients: Array, powers: list[tuple[int, int]]) -> Draws:
    total = np.zeros_like(h)
    for degree in sorted({j + k for j, k in powers}):
        at = {k: h.dtype.type(c) for c, (j, k) in zip(coefficients, powers, strict=True) if j + k == degree}
        part = np.full_like(h, at[degree])  # Horner in g, with powers of h as coefficients
        power = np.ones_like(h)
        for k in range(degree - 1, -1, -1):
            power = power * h
            part = part * g + at[k] * power
        total += part
    return total
