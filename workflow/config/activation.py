"""The stage activation."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.base import Distinct, LawName, Section


class FittedActivation(Section):
    """Hyper-parameters of the fit of the activation; published values in config/laptop.yaml."""

    product_samples: Annotated[list[Annotated[int, Field(ge=100, le=10**9)]], Distinct] = Field(min_length=1)
    """Sample sizes at which W phi(X) is tested."""
    steps: int = Field(ge=1, le=10**7)
    """Steps of Adam."""
    learning_rate: float = Field(gt=0, le=1)
    """Of Adam."""
    quantiles: int = Field(ge=3, le=10**6)
    """Normal quantiles in the grid."""
    outer_points: int = Field(ge=0, le=10**5)
    """Points on each side beyond the last quantile."""
    x_max: float = Field(gt=0, le=30)
    """End of the grid, and of the knots."""
    knots: int = Field(ge=3, le=10**6)
    """Of the interpolation from 0 to x_max (odd kind); twice as many from -x_max (positive kind)."""
    start: list[float] = Field(min_length=7, max_length=7)
    """Initial a, b, c, d, f, g, h."""


class Constraints(Section):
    """The table of the constraints that common pairs fail."""

    laws: Annotated[list[LawName], Distinct] = Field(min_length=1)
    """Laws of the weights in the table."""


class Activation(Section):
    """Activations of the pairs."""

    x_max: float = Field(gt=0, le=30)
    """Activations are tabulated on [-x_max, x_max]."""
    x_zoom: float = Field(gt=0, le=30)
    """Half-width of the close-up panel."""
    n_points: int = Field(ge=11, le=100_001)
    """Points per table."""
    fitted: FittedActivation
    constraints: Constraints

    @model_validator(mode="after")
    def _zoom_inside(self) -> Self:
        if self.x_zoom > self.x_max:
            raise ValueError(f"x_zoom must be at most x_max = {self.x_max:g}, got {self.x_zoom:g}")
        return self
