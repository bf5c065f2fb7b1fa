"""What a scale will cost, said before it starts: the time of the laptop scale, times how much more there is to do.

The laptop scale was timed (data/reference/durations.csv). `work` counts the operations that grow with the size of a
study, rule by rule, in units that only their ratio between two scales gives a meaning to. Rules that it does not count
(theory, tables, figures) take minutes at any scale. Estimates are meant to tell an hour from a week.
"""

from __future__ import annotations

import csv
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml
from config.base import DATASETS
from config.model import Config, validate
from config.training import TrainingData
from plan import SHIPPED, WIDTH, readable_time

REFERENCE = "laptop"
STAGES = {  # rules whose time grows with a study, by stage
    "two-layer study": [
        "simulate_two_layer",
        "null_band_two_layer",
        "fit_density",
        "fit_activation",
        "simulate_two_layer_fitted",
    ],
    "propagation": ["simulate_depth", "null_band_depth", "simulate_correlations"],
    "Edge of Chaos": ["derive_edge_of_chaos", "simulate_edge_of_chaos", "simulate_unified_view"],
    "training": ["train", "train_persistence"],
    "dynamical isometry": ["simulate_isometry", "train_isometry"],
    "kernels": ["simulate_kernels", "simulate_kernel_errors"],
    "fractional moments": ["simulate_fractional", "train_fractional"],
}
_WORTH_SAYING = 3600  # seconds
_NEURON = 20  # weights whose drawing takes as long as the activation and statistics of a neuron
# hidden neurons whose step takes as long as that of the convolutional network: 24 ms, measured
_CONVOLUTIONAL = 10_000


class Cost(NamedTuple):
    """Seconds on one core, by stage, and the longest single piece, which is what a stop can lose."""

    stages: dict[str, float]
    longest: float

    @property
    def total(self) -> float:
        return sum(self.stages.values())


def estimate(config: Config) -> Cost:
    """Expected cost of a run from nothing."""
    reference = validate(yaml.safe_load(Path(f"config/{REFERENCE}.yaml").read_text()))
    timed = _timed()
    ours, theirs = work(config), work(reference)
    seconds = {rule: timed[rule] * ours.get(rule, 1.0) / theirs.get(rule, 1.0) for rule in timed}
    stages = {stage: sum(seconds.get(rule, 0.0) for rule in rules) for stage, rules in STAGES.items()}
    longest = max(
        timed["simulate_depth"] * max(_propagation_cells(config)) / theirs["simulate_depth"],
        timed["train"] * _largest_training(config) / theirs["train"],
    )
    return Cost(stages, longest)


def text(scale: str, cost: Cost) -> str:
    """In words; empty where it is not worth a warning."""
    if cost.total < _WORTH_SAYING:
        return ""
    parts = sorted(cost.stages.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{stage} {readable_time(seconds)}" for stage, seconds in parts)
    return textwrap.fill(
        f"Scale {scale} is expected to take {readable_time(cost.total)} of one CPU core if nothing of it is there yet "
        f"({listed}; laptop scale as timed in {SHIPPED}, times the work). A GPU or a cluster is meant for it: README, "
        f'"On a cluster". It keeps what is finished cell by cell: a stop loses {readable_time(cost.longest)} at most. '
        "`make plan` says what is left to do.",
        WIDTH,
    )


def _timed() -> dict[str, float]:
    """Seconds of each rule at the scale of reference."""
    seconds: dict[str, float] = defaultdict(float)
    with SHIPPED.open() as file:
        for row in csv.DictReader(file):
            if row["scale"] == REFERENCE:
                seconds[row["job"].split("/")[0]] += float(row["seconds"])
    return seconds


def _layer(width: int) -> float:
    """Of drawing a layer and looking at it, in weights."""
    return width * (width + _NEURON)


def _propagation_cells(config: Config) -> list[float]:
    study = config.propagation
    return [cell.networks * study.depth * _layer(cell.width) for cell in study.widths]


def _settings(names: Iterable[str], laws: int) -> int:
    """Pairs count once per law."""
    return sum(laws if name in ("odd", "odd_edge", "positive") else 1 for name in names)


def _steps(data: str, epochs: int, validation_share: float, batch: int = 100) -> float:
    return epochs * DATASETS[data].images * (1 - validation_share) / batch


def _trained_layer(width: int) -> float:
    """A step of a hidden layer of an ensemble, in narrow neurons: wide ones cost more each (measured)."""
    return width * (1 + width / 300)


def work(config: Config) -> dict[str, float]:
    """Operations of the rules that grow, in units of their own."""
    pairs, study = config.propagation.two_layer, config.propagation
    return {
        "simulate_two_layer": _settings(pairs.activations, len(config.thetas)) * pairs.n_samples * len(pairs.widths),
        "null_band_two_layer": pairs.n_replicates * pairs.n_samples,
        "fit_activation": len(config.thetas) + len(config.density.fitted.extended_thetas),
        "simulate_depth": (_settings(study.activations, len(study.thetas) + len(study.spherical)) + len(study.controls))
        * sum(_propagation_cells(config)),
        "null_band_depth": study.n_replicates * sum({cell.networks for cell in study.widths}),
        "simulate_correlations": _correlations(config),
        "simulate_edge_of_chaos": config.edge_of_chaos.depth
        * sum(cell.networks * _layer(cell.width) for cell in config.edge_of_chaos.widths),
        "simulate_unified_view": config.edge_of_chaos.depth
        * config.edge_of_chaos.unified.networks
        * _layer(config.edge_of_chaos.unified.width),
    } | _training(config) | _companions(config)  # fmt: skip


def _correlations(config: Config) -> float:
    study = config.propagation
    images = 10 * study.correlations.images_per_class
    laws = len(study.thetas) + len(study.spherical)

    def cell(data: str, width: int) -> float:
        layers = max(study.correlations.depths) * (width + images + 50)  # products, correlations, activations
        return width * images * (layers + DATASETS[data].pixels) + 50 * width * (
            DATASETS[data].pixels + layers
        )

    return _settings(study.activations, laws) * sum(
        size.networks * cell(data, size.width)
        for data in study.correlations.datasets
        for size in study.correlations.widths
    )


def _training(config: Config) -> dict[str, float]:
    study, followed, isometry = config.training, config.training.persistence, config.isometry.training
    fractional = config.fractional.training
    runs = study.seeds * sum(len(optimizer.learning_rates) for optimizer in study.optimizers)
    plain = _settings(study.activations, len(study.thetas)) + len(study.spherical)
    controls = sum(1 if name == "relu" else 2 for name in study.controls)
    layers = sum(map(_trained_layer, study.widths)) * sum(study.depths)

    def dataset(data: TrainingData) -> float:
        perceptrons = data.perceptrons * (plain + controls) * layers
        return (perceptrons + data.convolutional * plain * _CONVOLUTIONAL) * _steps(
            data.name, data.epochs, study.validation_share, study.batch_size
        )

    epochs = {data.name: data.epochs for data in study.datasets}[followed.dataset]
    return {
        "train": runs * sum(map(dataset, study.datasets)),
        "train_persistence": len(followed.activations)
        * followed.seeds
        * len(study.optimizers[0].learning_rates)
        * followed.depth
        * _trained_layer(followed.width)
        * _steps(followed.dataset, epochs, study.validation_share, study.batch_size),
        "train_isometry": isometry.seeds
        * len(isometry.optimizer.learning_rates)
        * sum(isometry.depths)
        * _trained_layer(isometry.width)
        * sum(_steps(data.name, data.epochs, isometry.validation_share) for data in isometry.datasets),
        "train_fractional": _trained_layer(fractional.width)
        * sum(
            len(fractional.learning_rates[name])
            * (fractional.linear_depth if name == "linear" else fractional.depth)
            for name in fractional.orders
        )
        # the time of a step is in proportion to its images
        * sum(
            data.seeds * _steps(data.name, data.epochs, fractional.validation_share)
            for data in fractional.datasets
        ),
    }


def _largest_training(config: Config) -> float:
    """Of one setting and architecture with all rates of an optimizer and all seeds, which train at once."""
    study = config.training
    network = max(map(_trained_layer, study.widths)) * max(study.depths)
    return (
        study.seeds
        * max(len(optimizer.learning_rates) for optimizer in study.optimizers)
        * max(
            max(network * data.perceptrons, _CONVOLUTIONAL * data.convolutional)
            * _steps(data.name, data.epochs, study.validation_share, study.batch_size)
            for data in study.datasets
        )
    )


def _companions(config: Config) -> dict[str, float]:
    relu, kernels, heavy = config.isometry, config.kernels, config.fractional
    grid, jacobian, curves, depth = relu.deviations, relu.jacobian, kernels.curves, kernels.depth
    drawn = sum(
        min(grid.networks * width**2 * d, grid.weights) + 20 * grid.chains * d
        for width in grid.widths
        for d in grid.depths
    )
    law = relu.law.networks * relu.law.depth * sum(map(_layer, relu.law.widths))
    correlations = relu.correlations.networks * relu.correlations.depth * _layer(relu.correlations.width)
    singular = 100 * jacobian.networks * jacobian.width**2 * (sum(jacobian.depths) + jacobian.width)
    laws = len(kernels.laws)
    return {
        "simulate_isometry": drawn + law + correlations * len(relu.correlations.starts) + singular,
        "simulate_kernel_errors": len(kernels.independent)
        * kernels.errors.evaluations
        * sum(m * max(1, m / 64) for m in kernels.errors.sizes),
        "simulate_kernels": (laws + len(kernels.controls) * curves.replicas)
        * curves.neurons
        * (5 + curves.angles * len(curves.slopes))
        + laws * len(kernels.finite_width.angles) * kernels.finite_width.networks * kernels.finite_width.width
        + max(depth.depths)
        * depth.width
        * (laws * depth.networks + 2 * len(depth.matrices) * depth.matrix_networks * depth.width),
        "simulate_fractional": heavy.deep.networks * heavy.deep.depth * heavy.deep.width**2
        + 3 * heavy.log_norms.networks * heavy.log_norms.depth * heavy.log_norms.width**2
        + 20 * heavy.deep.chains * heavy.deep.depth
        + 200 * heavy.log_norms.chains * heavy.log_norms.depth
        + heavy.tails.networks * heavy.tails.depth * heavy.tails.width**2 * len(heavy.tails.orders),
    }
