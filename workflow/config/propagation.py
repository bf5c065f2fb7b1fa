"""The stage propagation: two-layer study, depth study, correlations of images."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.base import (
    DataName,
    Distinct,
    ManyNetworks,
    PsiName,
    Routes,
    Section,
    SettingName,
    Theta,
    Width,
    WidthCells,
    distinct,
    fits_are_compared,
    once,
)
from preactivations.names import number_text


class TwoLayer(Section):
    """The two-layer Kolmogorov-Smirnov study (Figure 11 of the main paper)."""

    activations: Annotated[list[Literal["odd", "positive", "relu", "tanh"]], Distinct] = Field(min_length=1)
    """Activations to simulate; odd and positive once per theta."""
    sweeps: Annotated[list[Literal["i", "ii", "iii"]], Distinct] = Field(min_length=1)
    """Layers [n0, n1, 1]: i has n0 = 1, n1 = n; ii has n0 = n, n1 = 2; iii has n0 = n1 = n."""
    widths: Annotated[list[Width], Distinct] = Field(min_length=1)
    """Values of n."""
    n_samples: int = Field(ge=100, le=10**9)
    """Networks per point."""
    n_networks: int = Field(ge=100, le=10**9)
    """Networks per point of the line, whose sampling noise is small."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""
    n_replicates: int = Field(ge=100, le=10**6)
    """Normal samples from which the null band of the standardized statistic is estimated."""


class Correlations(Section):
    """Correlations between images against depth."""

    datasets: Annotated[list[DataName], Distinct] = Field(min_length=1)
    """digits needs no file; the others are fetched into data/raw once."""
    thetas: Annotated[list[Theta], Distinct]
    """Of the thetas of the study."""
    images_per_class: int = Field(ge=2, le=100)
    """Images of each of the ten classes, the first ones of the training part."""
    widths: WidthCells
    """Widths, each with its number of networks."""
    depths: Annotated[list[Annotated[int, Field(ge=0, le=10_000)]], Distinct] = Field(min_length=1)
    """Depths of the class-averaged matrices; 0 is the images themselves. The largest is the depth of the networks."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""

    @model_validator(mode="after")
    def _networks_are_drawn(self) -> Self:
        if max(self.depths) < 1:
            raise ValueError(f"depths must have one above 0, got {self.depths}")
        return self


class Propagation(Section):
    """Distribution, dependence and correlation of pre-activations against depth."""

    two_layer: TwoLayer
    route: Routes
    """Of the depth study; the two-layer study has both."""
    activations: Annotated[list[SettingName], Distinct] = Field(min_length=1)
    """Settings to simulate; odd and positive once per theta and spherical b."""
    thetas: Annotated[list[Theta], Distinct]
    """Weibull shapes of the exact pairs."""
    fitted_thetas: Annotated[list[Theta], Distinct]
    """Those of the fitted ones."""
    spherical: Annotated[list[Annotated[float, Field(ge=0, le=30)]], Distinct]
    """Parameters b of spherical pairs; 1 is uniform weights."""
    controls: Annotated[list[PsiName], Distinct]
    """Activations that are simulated with root-mean-square normalization and normal weights too."""
    control_theta: Theta
    """Weibull shape of the odd and positive activations among the controls."""
    depth: int = Field(ge=2, le=10_000)
    """Layers."""
    widths: Annotated[list[ManyNetworks], Field(min_length=1), distinct("width")]
    """Widths, each with its number of networks."""
    network_factors: dict[str, Annotated[float, Field(gt=0, le=1000)]]
    """Multiples of these numbers (at least 100 networks remain) for single cells, whose layers vary more or less from
    network to network: weibull_<theta>, spherical_<b>, an activation without a law, fitted activations (fitted), and
    the controls (control)."""
    largest_widths: dict[str, Annotated[int, Field(ge=1)]]
    """Of single cells. The weights of controls are drawn, at the cost of the square of the width."""
    widths_per_job: int = Field(ge=1)
    """How many widths one job computes; finished cells are kept if a job is stopped."""
    quantile_depths: Annotated[list[Annotated[int, Field(ge=1)]], Distinct] = Field(min_length=1)
    """Depths of the quantile plots."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of a simulation."""
    correlations: Correlations

    @model_validator(mode="after")
    def _cells_are_there(self) -> Self:
        once(self.activations, self.controls, "normalized_")
        if "odd_edge" in self.activations:
            raise ValueError("activations: odd_edge belongs to training, not to propagation")
        if {"odd", "positive"} & set(self.activations) and not (self.thetas or self.spherical):
            raise ValueError("activations odd and positive need thetas or spherical")
        named = {"control", "fitted", *self.activations} - {"odd", "positive"}
        named |= {f"weibull_{number_text(theta)}" for theta in self.thetas}
        named |= {f"spherical_{number_text(b)}" for b in self.spherical}
        for key in ("network_factors", "largest_widths"):
            if strangers := sorted(set(getattr(self, key)) - named):
                raise ValueError(f"{key} must be of {sorted(named)}, got {strangers}")
        if not set(self.correlations.thetas) <= set(self.thetas):
            raise ValueError(
                f"correlations.thetas must be among thetas {self.thetas}, got {self.correlations.thetas}"
            )
        fits_are_compared(self.fitted_thetas, self.thetas)
        if max(self.quantile_depths) > self.depth:
            raise ValueError(
                f"quantile_depths must be at most depth = {self.depth}, got {self.quantile_depths}"
            )
        return self
