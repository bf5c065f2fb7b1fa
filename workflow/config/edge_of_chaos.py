"""The stage edge_of_chaos."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PositiveFloat, model_validator

from config.base import ActivationName, Distinct, ManyNetworks, Routes, Section, Theta, WidthCells


class Oscillating(Section):
    """Networks with the counter-example phi_(.99, omega), which has many stable variances."""

    omega: float = Field(gt=0, le=100)
    """Frequency: stable variances are a factor exp(4 pi / omega) apart."""
    sigma_w: float = Field(gt=0, le=10)
    """Scale of the weights, inside the range with fixed points."""
    starts: Annotated[list[PositiveFloat], Distinct] = Field(min_length=2)
    """Variances of the first layer."""


class EdgeOfChaos(Section):
    """Maps, phases, exact points, and networks on, above and below the edge."""

    route: Routes
    """Of points and maps."""
    activations: Annotated[list[ActivationName], Distinct] = Field(min_length=1)
    """Activations whose curve is drawn, beside phi_theta."""
    heat_maps: Annotated[list[ActivationName], Distinct] = Field(min_length=1)
    """Activations whose chi is mapped over (sigma_w, sigma_b), beside phi_theta."""
    theta: Theta
    """Weibull shape of the exact pair in maps and simulations."""
    spherical: Annotated[list[Annotated[float, Field(ge=0, le=30)]], Distinct] = Field(min_length=1)
    """Parameters b in the table of exact points."""
    curve_points: int = Field(ge=10, le=10_000)
    """Points per curve."""
    family_points: int = Field(ge=5, le=1000)
    """Points of the curves over theta and over b."""
    heat_points: int = Field(ge=10, le=1000)
    """Points per axis of the maps."""
    map_points: int = Field(ge=11, le=10_000)
    """Points per graph of the variance and correlation maps."""
    scale_points: int = Field(ge=4, le=1000)
    """Points of the depth scales on each side of the edge."""
    unique_points: int = Field(ge=1, le=1000)
    """Scales of weights, from .3 to 3, at which fixed points of the variance are counted, beside .9 and .99."""
    theta_max: float = Field(gt=2, le=1000)
    """End of the curves over theta, which begin at 2."""
    b_max: float = Field(gt=0, le=30)
    """End of the curves over b, which begin at 0."""
    omegas: Annotated[list[Annotated[float, Field(gt=0, le=100)]], Distinct] = Field(min_length=1)
    """Frequencies of the counter-example phi_(.99, omega)."""
    widths: WidthCells
    """Widths of the simulated networks, each with their number."""
    depth: int = Field(ge=10, le=10_000)
    """Layers."""
    rate_depth: int = Field(ge=100, le=100_000)
    """Layers of infinite width to which the rates on the edge are followed."""
    correlation: float = Field(gt=-1, lt=1)
    """Of the two inputs of simulated networks, in the first layer."""
    oscillating: Oscillating
    unified: ManyNetworks
    """Networks of the unified view, with gradients."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""

    @model_validator(mode="after")
    def _theta_can_be_fitted(self) -> Self:
        if "fitted" in self.route and self.theta <= 2:
            raise ValueError(f"route fitted needs theta above 2, got {self.theta:g}")
        return self
