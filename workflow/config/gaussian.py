"""Sections of the configuration: pairs, propagation, Edge of Chaos, training (the main paper)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from config.base import DataName, Distinct, Optimizer, Section, Theta, Width, distinct

Activation = Literal["odd", "positive", "relu", "tanh"]
Sweep = Literal["i", "ii", "iii"]


class Exact(Section):
    """Tables of the exact density and activations, for the figures."""

    x_max: float = Field(gt=0, le=30)
    """Activations are tabulated on [-x_max, x_max]."""
    x_zoom: float = Field(gt=0, le=30)
    """Half-width of the close-up panel."""
    y_max: float = Field(ge=1, le=30)
    """Densities are tabulated on [-y_max, y_max]."""
    n_points: int = Field(ge=11, le=100_001)
    """Points per table."""

    @model_validator(mode="after")
    def _zoom_inside(self) -> Self:
        if self.x_zoom > self.x_max:
            raise ValueError(f"x_zoom must be at most x_max = {self.x_max:g}, got {self.x_zoom:g}")
        return self


class KsTwoLayer(Section):
    """The two-layer Kolmogorov-Smirnov study (Figure 11 of the main paper)."""

    activations: Annotated[list[Activation], Distinct] = Field(min_length=1)
    """Activations to simulate; odd and positive once per theta."""
    sweeps: Annotated[list[Sweep], Distinct] = Field(min_length=1)
    """Layers [n0, n1, 1]: i has n0 = 1, n1 = n; ii has n0 = n, n1 = 2; iii has n0 = n1 = n."""
    widths: Annotated[list[Width], Distinct] = Field(min_length=1)
    """Values of n."""
    n_samples: int = Field(ge=100, le=10**9)
    """Networks per point."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""
    n_replicates: int = Field(ge=100, le=10**6)
    """Normal samples from which the null band of the standardized statistic is estimated."""


class WidthCell(Section):
    """Networks of one width."""

    width: int = Field(ge=1, le=100_000)
    """Neurons in every layer."""
    networks: int = Field(ge=2, le=10**9)
    """How many are drawn."""


class Correlations(Section):
    """Correlations between images against depth."""

    datasets: Annotated[list[DataName], Distinct] = Field(min_length=1)
    """digits needs no file; the others are fetched into data/raw once."""
    images_per_class: int = Field(ge=2, le=100)
    """Images of each of the ten classes, the first ones of the training part."""
    widths: list[WidthCell] = Field(min_length=1)
    """Widths, each with its number of networks."""
    depths: Annotated[list[Annotated[int, Field(ge=0, le=10_000)]], Distinct] = Field(min_length=1)
    """Depths of the class-averaged matrices; 0 is the images themselves. The largest is the depth of the networks."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""

    @model_validator(mode="after")
    def _widths_aredistinct(self) -> Self:
        distinct([cell.width for cell in self.widths])
        if max(self.depths) < 1:
            raise ValueError(f"depths must have one above 0, got {self.depths}")
        return self


class Propagation(Section):
    """Distribution, dependence and correlation of pre-activations against depth."""

    activations: Annotated[
        list[Annotated[str, Field(pattern=r"^(odd|positive|relu|tanh|oscillating_\d+(\.\d+)?)$")]], Distinct
    ] = Field(min_length=1)
    """odd and positive once per theta and spherical b; relu, tanh, oscillating_<omega>."""
    thetas: Annotated[list[Theta], Distinct]
    """Weibull shapes of the exact pairs."""
    spherical: Annotated[list[Annotated[float, Field(ge=0, le=30)]], Distinct]
    """Parameters b of spherical pairs; 1 is uniform weights."""
    controls: Annotated[list[Literal["tanh", "relu", "odd", "positive"]], Distinct]
    """Activations that are simulated with root-mean-square normalization and normal weights too."""
    control_theta: Theta
    """Weibull shape of the odd and positive activations among the controls."""
    depth: int = Field(ge=2, le=10_000)
    """Layers."""
    widths: list[WidthCell] = Field(min_length=1)
    """Widths, each with its number of networks."""
    widths_per_job: int = Field(ge=1)
    """How many widths one job computes; finished cells are kept if a job is stopped."""
    quantile_depths: Annotated[list[Annotated[int, Field(ge=1)]], Distinct] = Field(min_length=1)
    """Depths of the quantile plots."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of a simulation."""
    n_replicates: int = Field(ge=500, le=10**6)
    """Normal samples from which the null band of the standardized statistic is estimated: 5 beyond the 99 % point."""
    correlations: Correlations

    @model_validator(mode="after")
    def _cells_are_there(self) -> Self:
        distinct([cell.width for cell in self.widths])
        if {"odd", "positive"} & set(self.activations) and not (self.thetas or self.spherical):
            raise ValueError("activations odd and positive need thetas or spherical")
        if max(self.quantile_depths) > self.depth:
            raise ValueError(
                f"quantile_depths must be at most depth = {self.depth}, got {self.quantile_depths}"
            )
        return self


class EdgeOfChaos(Section):
    """Maps, phases, exact points, and networks on, above and below the edge."""

    activations: Annotated[
        list[Literal["tanh", "relu", "erf", "gelu", "silu", "elu", "softplus", "leaky_relu"]], Distinct
    ] = Field(min_length=1)
    """Activations whose curve is drawn, beside phi_theta."""
    heat_maps: Annotated[list[Literal["tanh", "erf", "gelu", "silu", "elu"]], Distinct] = Field(min_length=1)
    """Activations whose chi is mapped over (sigma_w, sigma_b), beside phi_theta."""
    theta: Theta
    """Weibull shape of the exact pair in maps and simulations."""
    spherical: Annotated[list[Annotated[float, Field(ge=0, le=30)]], Distinct] = Field(min_length=1)
    """Parameters b in the table of exact points."""
    curve_points: int = Field(ge=10, le=10_000)
    """Points per curve."""
    family_points: int = Field(ge=5, le=1000)
    """Points of the curves over theta in [2, 50] and over b."""
    heat_points: int = Field(ge=10, le=1000)
    """Points per axis of the maps."""
    map_points: int = Field(ge=11, le=10_000)
    """Points per graph of the variance and correlation maps."""
    scale_points: int = Field(ge=4, le=1000)
    """Points of the depth scales on each side of the edge."""
    unique_points: int = Field(ge=1, le=1000)
    """Scales of weights, from .3 to 3, at which fixed points of the variance are counted, beside .9 and .99."""
    omegas: Annotated[list[Annotated[float, Field(gt=0, le=100)]], Distinct] = Field(min_length=1)
    """Frequencies of the counter-example phi_(.99, omega)."""
    widths: list[WidthCell] = Field(min_length=1)
    """Widths of the simulated networks, each with their number."""
    depth: int = Field(ge=10, le=10_000)
    """Layers."""
    rate_depth: int = Field(ge=100, le=100_000)
    """Layers of infinite width to which the rates on the edge are followed."""
    unified: WidthCell
    """Networks of the unified view, with gradients."""
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""

    @model_validator(mode="after")
    def _widths_aredistinct(self) -> Self:
        distinct([cell.width for cell in self.widths])
        return self


class TrainingData(Section):
    """A data set on which networks are trained."""

    name: DataName
    """digits needs no file; the others are fetched into data/raw once."""
    epochs: int = Field(ge=1, le=10_000)
    """Passes over the training part."""
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


class Persistence(Section):
    """Distribution of pre-activations while networks train."""

    dataset: DataName
    """One of those of the study."""
    width: int = Field(ge=1, le=1000)
    """Neurons in every layer."""
    depth: int = Field(ge=1, le=1000)
    """Hidden layers."""
    activations: Annotated[
        list[
            Annotated[
                str, Field(pattern=r"^(odd|odd_edge|positive|relu|tanh|(normalized|unit)_(tanh|gelu))$")
            ]
        ],
        Distinct,
    ] = Field(min_length=1)
    """Settings to follow."""
    theta: Theta
    """Weibull shape of odd and positive."""
    seeds: int = Field(ge=2, le=10_000)
    """Networks per learning rate; the statistic is over them and the neurons of a layer."""
    at: Annotated[list[Annotated[int, Field(ge=0)]], Distinct] = Field(min_length=1)
    """Epochs, besides the last."""


class Training(Section):
    """Training of perceptrons and convolutional networks from each initialization."""

    datasets: list[TrainingData] = Field(min_length=1)
    """What is trained on."""
    activations: Annotated[
        list[Annotated[str, Field(pattern=r"^(odd|odd_edge|positive|relu|tanh|oscillating_\d+(\.\d+)?)$")]],
        Distinct,
    ] = Field(min_length=1)
    """odd, odd_edge (exact point of the Edge of Chaos) and positive once per theta; relu, tanh, oscillating_<omega>."""
    thetas: Annotated[list[Theta], Distinct]
    """Weibull shapes of the exact pairs."""
    spherical: Annotated[list[Annotated[float, Field(ge=0, le=30)]], Distinct]
    """Parameters b of positive spherical pairs; 1 is uniform weights."""
    controls: Annotated[list[Literal["tanh", "relu", "gelu", "silu", "elu"]], Distinct]
    """Activations that are trained with and without root-mean-square normalization, normal weights."""
    widths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=1)
    """Neurons per hidden layer of the perceptrons."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Distinct] = Field(min_length=1)
    """Hidden layers."""
    widths_per_job: int = Field(ge=1)
    """How many widths one job trains; finished cells are kept if a job is stopped."""
    optimizers: list[Optimizer] = Field(min_length=1)
    """Each with its learning rates."""
    seeds: int = Field(ge=2, le=1000)
    """Runs per learning rate; they fix initial values and the order of batches."""
    batch_size: int = Field(ge=1, le=100_000)
    """Images per step."""
    validation_share: float = Field(gt=0, lt=1)
    """Part of the training images on which the learning rate is chosen."""
    initial_networks: int = Field(ge=50, le=10**7)
    """Networks from which the distance from normal at initialization is measured."""
    persistence: Persistence

    @model_validator(mode="after")
    def _cells_are_there(self) -> Self:
        names = [data.name for data in self.datasets]
        distinct(names)
        distinct([optimizer.name for optimizer in self.optimizers])
        if {"odd", "odd_edge", "positive"} & set(self.activations) and not self.thetas:
            raise ValueError("activations odd, odd_edge and positive need thetas")
        if self.persistence.dataset not in names:
            raise ValueError(f"persistence.dataset must be one of {names}, got {self.persistence.dataset!r}")
        epochs = {data.name: data.epochs for data in self.datasets}[self.persistence.dataset]
        if max(self.persistence.at) > epochs:
            raise ValueError(
                f"persistence.at must be at most the epochs = {epochs}, got {self.persistence.at}"
            )
        if "relu" in self.controls and "relu" not in self.activations:
            raise ValueError("controls relu needs activations relu, which is its twin")
        if any(data.perceptrons for data in self.datasets) and not self.datasets[0].perceptrons:
            raise ValueError(
                "the first of datasets must have perceptrons: the law at initialization goes with it"
            )
        return self


class DensityFit(Section):
    """Hyper-parameters of the fit of the density; published values in config/laptop.yaml."""

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


class ActivationFit(Section):
    """Hyper-parameters of the fit of the activation; published values in config/laptop.yaml."""

    steps: int = Field(ge=1, le=10**7)
    """Steps of Adam."""
    learning_rate: float = Field(gt=0, le=1)
    """Of Adam."""
    quantiles: int = Field(ge=3, le=10**6)
    """Normal quantiles in the grid."""
    outer_points: int = Field(ge=0, le=10**5)
    """Points on each side beyond the last quantile."""
    x_max: float = Field(gt=0, le=30)
    """End of the grid."""
    start: list[float] = Field(min_length=7, max_length=7)
    """Initial a, b, c, d, f, g, h."""


class Fitted(Section):
    """The paper's own numerical route."""

    extended_thetas: Annotated[list[Theta], Distinct]
    """Further thetas whose density and odd activation are fitted, without a network study."""
    product_samples: Annotated[list[Annotated[int, Field(ge=100, le=10**9)]], Distinct] = Field(min_length=1)
    """Sample sizes at which W phi(X) is tested."""
    density: DensityFit
    activation: ActivationFit


class Constraints(Section):
    """The table of the constraints that common pairs fail."""

    thetas: Annotated[list[Theta], Distinct] = Field(min_length=1)
    """Weibull laws in the table."""
