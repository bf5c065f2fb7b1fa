"""Kernels of rectified layers with drawn weights beside them (Tsuchida et al. 2018; our protocol)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from preactivations.kernels.arc_cosine import rectified
from preactivations.kernels.clt import clt_correction
from preactivations.kernels.finite_width import finite_width_variance, log_angle_moments
from preactivations.kernels.inputs import at_angle, scaled
from preactivations.kernels.maps import angle_between, angle_if_alive, angular_map, gram, iterate, kernel
from preactivations.kernels.monte_carlo import kernel_error
from preactivations.kernels.smooth import smooth_correction, smooth_kernel
from preactivations.kernels.sums import relu_error, relu_tail_correction, smooth_error
from preactivations.rows import Iid, IidRademacher, IidStudent, RotationInvariant, Student
from preactivations.streams import Stream

Array = NDArray[np.float64]
Row = dict[str, Any]

_AT_ONCE = 4096  # layers, in `finite_width_row`
_ROWS = 1 << 18  # at once, in `degree_rows`
_GOLDEN = (math.sqrt(5) - 1) / 2


class Spectrum(NamedTuple):
    """Of a Gram matrix: condition number, and effective rank exp(-sum p log p), p its eigenvalues over their sum."""

    condition: float
    effective_rank: float


# -- one layer -------------------------------------------------------------------------------------


def curve_rows(
    law: RotationInvariant, m: int, neurons: int, slopes: Sequence[float], angles: int, stream: Stream
) -> list[Row]:
    """cos t' against t on a grid of [0, pi], by slope: the map, and one layer of `neurons` with drawn weights."""
    u = law.project(neurons, m, 2, stream.block(0))
    grid = np.linspace(0, math.pi, angles)
    rows: list[Row] = []
    for angle in grid:
        h, g = at_angle(u, angle)
        for slope in slopes:
            x, y = (np.where(z > 0, z, slope * z) for z in (h, g))
            drawn = math.cos(float(angle_between(x, y)))
            exact = math.cos(float(angular_map(angle, slope)))
            rows.append({"slope": slope, "angle": angle, "map": exact, "drawn": drawn, "neurons": neurons})
    return rows


def degree_rows(nu: float, m: int, neurons: int, angles: int, stream: Stream) -> list[Row]:
    """cos t' of ReLU against t for one layer of `neurons` rows of the multivariate t law with nu degrees of freedom.

    Columns angle, map, drawn, neurons, effective: 2 (sum r^2)^2 / sum r^4 over the lengths r of the rows, the
    number of normal rows whose cosine scatters as much. It grows as neurons^(2 - 4/nu) for 2 < nu < 4, and in
    proportion above.
    """
    law = Student(nu)
    grid = np.linspace(0, math.pi, angles)
    sums = np.zeros((angles, 3))
    square = fourth = 0.0
    for index, start in enumerate(range(0, neurons, _ROWS)):
        u = law.project(min(_ROWS, neurons - start), m, 2, stream.block(index))
        lengths = (u * u).sum(axis=1)
        square, fourth = square + float(lengths.sum()), fourth + float((lengths * lengths).sum())
        for k, angle in enumerate(grid):
            x, y = (np.maximum(z, 0) for z in at_angle(u, angle))
            sums[k] += (x @ x, x @ y, y @ y)
    effective = 2 * square**2 / fourth
    drawn = sums[:, 1] / np.sqrt(sums[:, 0] * sums[:, 2])
    return [
        {"nu": nu, "angle": angle, "map": math.cos(float(angular_map(angle))), "drawn": float(value)}
        | {"neurons": neurons, "effective": effective}
        for angle, value in zip(grid, drawn, strict=True)
    ]


def finite_width_row(
    law: RotationInvariant, m: int, width: int, angle: float, networks: int, stream: Stream
) -> Row:
    """Mean and n times variance of k_hat of ReLU over layers of `width` neurons, exact and drawn, with standard errors.

    variance is NaN where E|w|^4 is infinite, variance_error where E|w|^8 is.
    """
    parts = []
    for index, start in enumerate(range(0, networks, _AT_ONCE)):
        count = min(_AT_ONCE, networks - start)
        h, g = at_angle(law.project(width * count, m, 2, stream.block(index)), angle)
        parts.append((np.maximum(h, 0) * np.maximum(g, 0)).reshape(count, width).mean(axis=1))
    k = np.concatenate(parts)
    ratio = law.ratio(m)
    deviation = k - k.mean()
    testable = math.isfinite(law.norm_moment(8, m))
    square, fourth = float((deviation**2).mean()), float((deviation**4).mean())
    variance_error = width * math.sqrt(max(fourth - square**2, 0.0) / networks)
    return {"angle": angle, "width": width, "networks": networks, "ratio": ratio} | {
        "kernel": float(rectified(angle, 0.0, 1)),
        "kernel_drawn": float(k.mean()),
        "kernel_error": math.sqrt(square / networks),
        "variance": float(finite_width_variance(angle, ratio)) if math.isfinite(ratio) else math.nan,
        "variance_drawn": width * square,
        "variance_error": variance_error if testable else math.nan,
    }


def constants() -> list[Row]:
    """Values of ReLU's kernel that are stated elsewhere: at the angle 1.2, and cosines by depth from a right angle."""
    cosines = np.cos(iterate(math.pi / 2, 64))
    return [
        {"name": "kernel", "value": float(kernel([1.0, 0.0], [math.cos(1.2), math.sin(1.2)]))},
        {"name": "cosine", "value": float(np.cos(angular_map(1.2)))},
        *({"name": f"cosine_{depth}", "value": float(cosines[depth])} for depth in (1, 4, 16, 64)),
    ]


# -- independent weights ---------------------------------------------------------------------------


def inputs(kind: str, m: int) -> tuple[Array, Array]:
    """Two inputs of norm 1 in R^m, their coordinates evenly spread (multiples of the golden ratio, without a lattice).

    "signed": over (-1, 1), equal in every other coordinate and opposite in the rest, at a right angle. "positive": over
    (0, 1), as of images, at 45 degrees: cos(pi/8) P + sin(pi/8) Q and the reverse, P in the even and Q in the odd
    coordinates. "localized": signed, but for the first coordinate, which both share and which holds .8 of their squared
    norm.

    Raises
    ------
    ValueError
        For another kind, or m < 2.
    """
    if m < 2:
        raise ValueError(f"m must be at least 2, or there is no angle, got {m}")
    k = np.arange(m)
    spread = (k + 0.5) * _GOLDEN % 1
    halves = k % 2 == 0, k % 2 == 1
    if kind == "positive":
        p, q = (np.where(half, (k // 2 + 0.5) / half.sum(), 0.0) for half in halves)
        p, q = p / np.linalg.norm(p), q / np.linalg.norm(q)
        c, s = math.cos(math.pi / 8), math.sin(math.pi / 8)
        x, y = c * p + s * q, s * p + c * q
    elif kind in ("signed", "localized"):
        x = 2 * spread - 1
        for half in halves:
            x[half] /= np.linalg.norm(x[half])
        y = np.where(k % 2, -x, x)
        if kind == "localized":
            x, y = (np.concatenate([[2 * np.linalg.norm(z[1:])], z[1:]]) for z in (x, y))
    else:
        raise ValueError(f"kind must be 'signed', 'positive' or 'localized', got {kind!r}")
    return x / np.linalg.norm(x), y / np.linalg.norm(y)


def input_kinds(law: Iid) -> tuple[str, ...]:
    """Kinds of `inputs` on which a law is studied: where a rate is predicted, and a control that has none."""
    if not law.symmetric:
        return "positive", "signed"
    return ("signed", "localized") if isinstance(law, IidRademacher) else ("signed",)


def error_row(law: Iid, kind: str, m: int, evaluations: int, stream: Stream) -> Row:
    """k - k_Gauss of independent weights by Monte Carlo, and the first orders of its expansion (NaN without kappa4)."""
    x, y = inputs(kind, m)
    found = kernel_error(law, x, y, evaluations, stream)
    formula = math.nan
    if math.isfinite(law.kurtosis):
        formula = float(clt_correction(x, y, law.skewness, law.kurtosis))
    angle = float(angle_between(x, y))
    pair = {"angle": angle, "largest": float(max(abs(x).max(), abs(y).max()))}
    pair["kernel"] = float(rectified(angle, 0.0, 1))
    return {"inputs": kind, "m": m} | pair | found._asdict() | {"formula": formula}


def tail_error_row(nu: float, m: int) -> Row:
    """k - k_Gauss of ReLU for weights of Student's t law with nu degrees, signed inputs, and its first order. Exact."""
    law, (x, y) = IidStudent(nu), inputs("signed", m)
    first = relu_tail_correction(law, x, y)
    return {"nu": nu, "m": m, "predicted": 1 - nu / 2, "error": relu_error(law, x, y), "formula": first}


def smooth_error_row(law: Iid, activation: str, m: int) -> Row:
    """k - k_Gauss of a smooth activation for symmetric weights, positive inputs at 45 degrees, and its first order.

    Exact, no samples.
    """
    x, y = inputs("positive", m)
    # x = cos(pi/8) p + sin(pi/8) q and the reverse, p in the even and q in the odd coordinates
    first, second = np.where(np.arange(m) % 2, 0.0, x), np.where(np.arange(m) % 2, y, 0.0)
    p, q = (z / np.linalg.norm(z) for z in (first, second))
    error = smooth_error(law, activation, p, q, math.pi / 4)
    return {"activation": activation, "m": m, "error": error} | {
        "formula": smooth_correction(activation, x, y, law.kurtosis),
        "kernel": smooth_kernel(activation, math.pi / 4),
    }


# -- depth -----------------------------------------------------------------------------------------


def depth_rows(
    law: RotationInvariant | Iid,
    width: int,
    depths: Sequence[int],
    networks: int,
    stream: Stream,
    start: float = math.pi / 2,
) -> list[Row]:
    """Angles of two inputs in drawn ReLU networks of constant width, by network and depth.

    Rotation-invariant rows: two projections of each are drawn, all that two inputs see of them. Independent weights:
    whole matrices, from two delocalized inputs. Columns: map (infinite width), log_mean and log_sd of the log angle to
    first order in 1/width per layer (`kernels.log_angle_moments`; ratio 1 for independent weights, that of many
    inputs), angle (drawn; NaN if the network is dead).
    """
    exact = iterate(start, max(depths))
    if isinstance(law, Iid):
        ratio, tested = 1.0, law.symmetric and math.isfinite(law.kurtosis)
        found = np.stack([_matrix_angles(law, width, max(depths), start, stream, k) for k in range(networks)])
    else:
        ratio, tested = law.ratio(width), math.isfinite(law.norm_moment(8, width))
        found = _projected_angles(law, width, max(depths), networks, start, stream.block(0))
    mean, sd = log_angle_moments(start, max(depths), width, ratio)
    return [
        {"width": width, "depth": depth, "network": k, "map": exact[depth]}
        | {"log_mean": mean[depth], "log_sd": sd[depth], "angle": found[k, depth], "tested": tested}
        for depth in depths
        for k in range(networks)
    ]


def _projected_angles(
    law: RotationInvariant, width: int, depth: int, networks: int, start: float, rng: np.random.Generator
) -> Array:
    angles = np.full((networks, depth + 1), start)
    for layer in range(depth):
        u = law.project(networks * width, width, 2, rng).reshape(networks, width, 2)
        h, g = at_angle(u, angles[:, layer, None])
        angles[:, layer + 1] = angle_if_alive(np.maximum(h, 0), np.maximum(g, 0))
    return angles


def _matrix_angles(law: Iid, width: int, depth: int, start: float, stream: Stream, network: int) -> Array:
    rng = stream.block(network)
    x, u = rng.standard_normal((2, width))
    x /= np.linalg.norm(x)
    u -= (u @ x) * x
    z = np.stack([x, math.cos(start) * x + math.sin(start) * u / np.linalg.norm(u)], axis=1)
    angles = [start]
    for _ in range(depth):
        w = law.sample(width, width, rng, np.float32)
        z = np.maximum((w @ z.astype(np.float32)).astype(np.float64), 0)
        angles.append(float(angle_if_alive(z[:, 0], z[:, 1])))
        z /= np.linalg.norm(z)
    return np.array(angles)


# -- many inputs -----------------------------------------------------------------------------------


def spectrum(matrix: Array) -> Spectrum:
    """Condition number and effective rank (Roy & Vetterli 2007) of a positive semi-definite matrix.

    The condition number is inf where rounding leaves the least eigenvalue at or below 0.
    """
    values = np.linalg.eigvalsh(matrix)
    share = np.clip(values / values.sum(), 0, None)
    share = share[share > 0]
    condition = values[-1] / values[0] if values[0] > 0 else math.inf
    return Spectrum(float(condition), float(np.exp(-(share * np.log(share)).sum())))


def gram_rows(
    n: int, m: int, depths: Sequence[int], slopes: Sequence[float], width: int, networks: int, stream: Stream
) -> list[Row]:
    """Spectra of the Gram matrix of n normal inputs in R^m against depth: wide layers, and drawn normal networks.

    Rows: slope, depth, network (-1 for wide layers), condition, effective_rank. Matrices are scaled to ones on the
    diagonal (cosines), which leaves out how norms scatter; NaN where an input is dead.
    """
    x = stream.block(0).standard_normal((n, m))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    rows: list[Row] = []

    def add(slope: float, depth: int, network: int, matrix: Array | None) -> None:
        found = Spectrum(math.nan, math.nan) if matrix is None else spectrum(matrix)
        rows.append({"slope": slope, "depth": depth, "network": network} | found._asdict())

    for slope in slopes:
        for depth in depths:
            add(slope, depth, -1, gram(x, depth, slope))
    for network in range(networks):
        rng = stream.block(network + 1)
        hidden = dict.fromkeys(slopes, x)
        for depth in range(max(depths) + 1):
            if depth:
                weights = rng.standard_normal((hidden[slopes[0]].shape[1], width))
                for slope, h in hidden.items():
                    z = h @ weights
                    z = np.where(z > 0, z, slope * z)
                    hidden[slope] = scaled(z)[0]  # 0 stays 0
            if depth in depths:
                for slope, h in hidden.items():
                    add(slope, depth, network, h @ h.T if h.any(axis=1).all() else None)
    return rows
