"""The stage density."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PositiveFloat, model_validator

from config.base import Distinct, Section, Theta


class FittedDensity(Section):
    """Hyper-parameters of the fit of the density; published values in config/laptop.yaml."""

    extended_thetas: Annotated[list[Theta], Distinct]
    """Further thetas whose density and activations are fitted, without a network study."""
    epochs: int = Field(ge=2, le=100_000)
    """Steps of Adam."""
    ramp: int = Field(ge=1, le=100_000)
    """Epochs in which theta' grows from 2 to its value; then optimizer and schedule restart."""
    learning_rate: float = Field(gt=0, le=1)
    """Of Adam."""
    start: list[PositiveFloat] = Field(min_length=4, max_length=4)
    """Initial alpha, lambda1, lambda2, gamma."""
    z_max: float = Field(gt=0, le=20)
    """The loss is a supremum over [0, z_max]."""
    z_points: int = Field(ge=2, le=100_000)
    """Points of that grid."""
    plateau_factor: float = Field(gt=0, lt=1)
    """The learning rate is multiplied by it on a plateau of the loss."""
    plateau_patience: int = Field(ge=0)
    """Epochs without improvement that make a plateau."""
    plateau_threshold: float = Field(ge=0, lt=1)
    """Relative improvement that counts."""
    plateau_cooldown: int = Field(ge=0)
    """Epochs after a reduction in which none is made."""

    @model_validator(mode="after")
    def _ramp_ends(self) -> Self:
        if self.ramp >= self.epochs:
            raise ValueError(f"ramp must be below epochs = {self.epochs}, got {self.ramp}")
        return self


class Density(Section):
    """Law of the factor Y."""

    y_max: float = Field(ge=1, le=30)
    """Densities are tabulated on [0, y_max], and at quantiles of the tails."""
    n_points: int = Field(ge=11, le=100_001)
    """Points per table."""
    fitted: FittedDensity
