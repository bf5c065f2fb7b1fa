"""The two-layer study: KS distance of the output of networks [1, n0, n1, 1] from normal (Wolinski & Arbel, Figure 11).

Simulated in three sweeps of the widths; with less sampling noise too (`propagation.sample_distances`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from preactivations.gaussianity import ks_error, ks_standardized, ks_statistic
from preactivations.propagation.distances import sample_distances
from preactivations.propagation.engine import ArrayMap, simulate
from preactivations.streams import Stream
from preactivations.weights import WeightLaw
from replication.distances import distance_columns

if TYPE_CHECKING:
    from replication.settings import Setting


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

    Of `n_samples` networks, one output each: ks (from N(0, 1)) with its standard error ks_error, and ks_standardized
    (of the standardized sample), with sweep, n and n_samples. `stream(sweep, n)` is the source of random numbers of a
    cell; the other arguments are those of `propagation.simulate`.
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
            row: dict[str, str | int | float] = {"sweep": sweep, "n": n, "ks": ks_statistic(z)}
            row |= {"ks_error": ks_error(z), "ks_standardized": ks_standardized(z), "n_samples": n_samples}
            rows.append(row)
    return rows


def ks_line(
    setting: Setting,
    *,
    sweeps: Sequence[Literal["i", "ii", "iii"]],
    widths: Sequence[int],
    n_networks: int,
    stream: Callable[[str, int], Stream],
    threads: int = 1,
) -> list[dict[str, str | int | float]]:
    """Distances of the output from N(0, 1), with less sampling noise; a row per sweep and width n.

    The output layer has 8 neurons, which are independent given the layer before and have the law of one: all are
    counted (`propagation.sample_distances`). Columns sweep, n and those of
    `distance_columns`.
    """
    activation, rows = setting.simulated(), []
    for sweep in sweeps:
        for n in widths:
            z = simulate(
                [*sweep_widths(sweep, n)[:-1], 8], activation, weights=setting.weights, **setting.scales,
                n_networks=n_networks, stream=stream(sweep, n), method="auto", threads=threads,
            )  # fmt: skip
            found = distance_columns(sample_distances(z[None]))
            row: dict[str, str | int | float] = {"sweep": sweep, "n": n}
            rows.append(row | {name: float(column[0]) for name, column in found.items()})
    return rows
