"""The stage training."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.base import (
    ActivationName,
    DataName,
    Distinct,
    Optimizer,
    Racing,
    Routes,
    Section,
    SettingName,
    Theta,
    TrainedOn,
    distinct,
    fits_are_compared,
    once,
)


class TrainingData(TrainedOn):
    """A data set on which networks are trained."""

    perceptrons: bool
    """Train the grid of perceptrons."""
    convolutional: bool
    """Train the LeNet-like network too (needs images of 16 x 16 at least)."""

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if not (self.perceptrons or self.convolutional):
            raise ValueError(f"{self.name}: perceptrons, convolutional or both must be true")
        if self.convolutional and self.name == "digits":
            raise ValueError("digits are 8 x 8: too small for the convolutional network")
        return self


class TrainingOptimizer(Optimizer):
    """An optimizer with its grid of learning rates, and what it trains."""

    widths: Annotated[list[int], Distinct] | None = None
    """Of perceptrons, 0 for the convolutional network; null: all."""


class Persistence(Section):
    """Distribution of pre-activations while networks train."""

    dataset: DataName
    """One of those of the study."""
    width: int = Field(ge=1, le=1000)
    """Neurons in every layer."""
    depth: int = Field(ge=1, le=1000)
    """Hidden layers."""
    activations: Annotated[list[SettingName], Distinct] = Field(min_length=1)
    """Settings to follow."""
    theta: Theta
    """Weibull shape of odd and positive."""
    seeds: int = Field(ge=2, le=10_000)
    """Networks per learning rate; the statistic is over them and the neurons of a layer."""
    at: Annotated[list[Annotated[int, Field(ge=0)]], Distinct] = Field(min_length=1)
    """Epochs, besides the last."""


class Training(Section):
    """Training of perceptrons and convolutional networks from each initialization."""

    datasets: Annotated[list[TrainingData], distinct("name")] = Field(min_length=1)
    """What is trained on."""
    route: Routes
    """Of the perceptrons with odd and positive activations."""
    activations: Annotated[list[SettingName], Distinct] = Field(min_length=1)
    """Settings to train; odd, odd_edge (exact point of the Edge of Chaos) and positive once per theta."""
    thetas: Annotated[list[Theta], Distinct]
    """Weibull shapes of the exact pairs."""
    fitted_thetas: Annotated[list[Theta], Distinct]
    """Those of the fitted ones."""
    spherical: Annotated[list[Annotated[float, Field(ge=0, le=30)]], Distinct]
    """Parameters b of positive spherical pairs; 1 is uniform weights."""
    controls: Annotated[list[ActivationName], Distinct]
    """Activations that are trained with and without root-mean-square normalization, normal weights."""
    widths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=1)
    """Neurons per hidden layer of the perceptrons."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Distinct] = Field(min_length=1)
    """Hidden layers."""
    widths_per_job: int = Field(ge=1)
    """How many widths one job trains; finished cells are kept if a job is stopped."""
    optimizers: Annotated[list[TrainingOptimizer], distinct("name")] = Field(min_length=1)
    """Each with its learning rates."""
    race: Racing | None
    """How the learning rate is chosen; null: all of them are trained with all seeds."""
    seeds: int = Field(ge=2, le=1000)
    """Runs per learning rate; they fix initial values and the order of batches."""
    batch_size: int = Field(ge=1, le=100_000)
    """Images per step."""
    validation_share: float = Field(gt=0, lt=1)
    """Part of the training images on which the learning rate is chosen."""
    initial_networks: int = Field(ge=100, le=10**7)
    """Networks from which the distance from normal at initialization is measured."""
    persistence: Persistence

    @model_validator(mode="after")
    def _cells_are_there(self) -> Self:
        epochs: dict[str, int] = {data.name: data.epochs for data in self.datasets}
        if {"odd", "odd_edge", "positive"} & set(self.activations) and not self.thetas:
            raise ValueError("activations odd, odd_edge and positive need thetas")
        fits_are_compared(self.fitted_thetas, self.thetas)
        for optimizer in self.optimizers:
            if unknown := set(optimizer.widths or ()) - {0, *self.widths}:
                raise ValueError(
                    f"widths of {optimizer.name} must be 0 or among widths {self.widths}, got {sorted(unknown)}"
                )
        followed = self.persistence
        if followed.dataset not in epochs:
            raise ValueError(f"persistence.dataset must be one of {list(epochs)}, got {followed.dataset!r}")
        if max(followed.at) > (last := epochs[followed.dataset]):
            raise ValueError(f"persistence.at must be at most the epochs = {last}, got {followed.at}")
        once(self.activations, self.controls, "normalized_", "unit_")
        if "relu" in self.controls and "relu" not in self.activations:
            raise ValueError("controls relu needs activations relu, which is its twin")
        if any(data.perceptrons for data in self.datasets) and not self.datasets[0].perceptrons:
            raise ValueError(
                "the first of datasets must have perceptrons: the law at initialization goes with it"
            )
        return self
