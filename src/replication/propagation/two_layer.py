"""The two-layer study: KS distance of the output of networks [1, n0, n1, 1] from normal (Wolinski & Arbel, Figure 11).

Simulated in three sweeps of the widths; for the first one without sampling noise too (`output_laws`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from preactivations.gaussianity import ks_distance, ks_standardized, ks_statistic
from preactivations.propagation.engine import ArrayMap, simulate
from preactivations.propagation.output_laws import output_cdf, relu_output_cdf
from preactivations.streams import Stream
from preactivations.weights import Normal, WeightLaw

if TYPE_CHECKING:
    from replication.settings import Setting

Array = NDArray[np.float64]


def sweep_widths(sweep: Literal["i", "ii", "iii"], n: int) -> list[int]:
    """Widths [1, n0, n1, 1] of the study: (i) n0 = 1, n1 = n; (ii) n0 = n, n1 = 2; (iii) n0 = n1 = n.

    ValueError for another sweep.
    """
    match sweep:
        case "i":
            return [1, 1, n, 1]
        case "ii":
            return [1, n, 2, 1]
        case "iii":
            return [1, n, n, 1]
    raise ValueError(f"sweep must be 'i', 'ii' or 'iii', got {sweep!r}")


def ks_points(
    activation: ArrayMap,
    *,
    weights: WeightLaw,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    sweeps: Sequence[Literal["i", "ii", "iii"]],
    widths: Sequence[int],
    n_samples: int,
    stream: Callable[[str, int], Stream],
    memory: float = 40e6,
    threads: int = 1,
) -> list[dict[str, str | int | float]]:
    """Simulated KS statistics of the output pre-activation, a row per sweep (`sweep_widths`) and width n, at least 1.

    Of `n_samples` networks, one output each: ks (from N(0, 1)) and ks_standardized (of the standardized sample), with
    sweep, n and n_samples. `stream(sweep, n)` is the source of random numbers of a cell; the other arguments are those
    of `propagation.simulate`.
    """
    rows: list[dict[str, str | int | float]] = []
    for sweep in sweeps:
        for n in widths:
            z = simulate(
                sweep_widths(sweep, n),
                activation,
                weights=weights,
                sigma_w=sigma_w,
                sigma_b=sigma_b,
                n_networks=n_samples,
                stream=stream(sweep, n),
                memory=memory,
                threads=threads,
            )
            rows.append(
                {"sweep": sweep, "n": n, "ks": ks_statistic(z), "ks_standardized": ks_standardized(z)}
            )
            rows[-1]["n_samples"] = n_samples
    return rows


def ks_line(setting: Setting, widths: Sequence[int]) -> Array:
    """(raw, standardized) KS distance of the output of sweep (i) from N(0, 1), without sampling noise.

    ReLU goes with weights N(0, 1) and sigma_b = 0 only (`relu_output_cdf`): ValueError for others. Widths and other
    errors as for `output_cdf`.

    Returns
    -------
    array, shape (2, len(widths))
    """
    from scipy.integrate import trapezoid

    z = np.concatenate((np.linspace(0, 12, 2401), np.geomspace(12, 500, 400)[1:]))
    has_atom = setting.exact.name == "relu"
    if has_atom and (setting.weights != Normal() or setting.sigma_b):
        raise ValueError(
            f"ReLU has an atom, whose law is known for weights N(0, 1) and sigma_b = 0; got {setting.weights}, "
            f"sigma_b = {setting.sigma_b:g}"
        )
    if has_atom:
        cdf = relu_output_cdf(z, widths, setting.sigma_w)
    else:
        cdf = output_cdf(z, widths, setting.exact.phi, weights=setting.weights, **setting.scales)
    out = np.empty((2, len(widths)))
    for k, f in enumerate(cdf):
        # E z^2 = 4 int_0^inf z P(z2 > z) dz
        deviation = math.sqrt(4 * trapezoid(z * (1 - f), z))
        out[:, k] = ks_distance(z, f), ks_distance(z / deviation, f)
    return out
