"""Sections of the configuration: initializations that preserve moments of fractional order."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from config.base import Distinct, LivingNetworks, Racing, Section, TrainedOn, distinct

Order = Annotated[float, Field(ge=0.05, le=2, description="order of a moment")]
FractionalOrder = Annotated[float, Field(ge=0.05, lt=2, description="order below that of He")]
Scaling = Literal["relu", "leaky_relu", "linear"]
Given = BeforeValidator(lambda entries: {key: value for key, value in entries.items() if value is not None})


class DeepMoments(LivingNetworks):
    """Moments of single entries of very deep ReLU networks."""

    networks: int = Field(ge=10, le=10**7)
    """With drawn matrices."""
    chains: int = Field(ge=10, le=10**9)
    """Chains of norms."""
    orders: Annotated[list[Order], Distinct] = Field(min_length=1, max_length=5)
    """Orders s of the initialization."""


class LogNorms(LivingNetworks):
    """Law of the log norm beside the central limit theorem."""

    depth: int = Field(ge=2, le=10_000)
    """Layers."""
    networks: int = Field(ge=50, le=10**7)
    """With drawn matrices, per activation."""
    chains: int = Field(ge=1000, le=10**9)
    """Chains of norms, per case of the check of mean and variance."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=2)
    """Depths at which the distance from normal is computed."""
    orders: Annotated[list[Order], Distinct] = Field(min_length=1, max_length=3)
    """Orders s whose law is drawn."""
    cases: Annotated[list[Order], Distinct] = Field(min_length=1)
    """Orders s at which mean and variance are checked, for each activation."""
    layer_width: int = Field(ge=2, le=10_000)
    """Neurons of the single layers whose moment of order s is checked."""


class Tails(Section):
    """Tail indices with biases."""

    width: int = Field(ge=1, le=1000)
    """Neurons per layer."""
    depth: int = Field(ge=50, le=100_000)
    """Layers: enough for the largest norms to be stationary, the more the smaller the orders."""
    networks: int = Field(ge=1000, le=10**8)
    """Chains of norms."""
    orders: Annotated[list[Order], Distinct] = Field(min_length=1, max_length=5)
    """Orders s of the initialization: the indices to be found."""
    shares: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Distinct] = Field(min_length=1)
    """Shares of the largest norms in the Hill estimate; those with fewer than 20 norms are left out."""


class FarDepths(Section):
    """Norms without biases in the limit of depth, exact."""

    width: int = Field(ge=2, le=1000)
    """Neurons per layer."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=1_000_000)]], Distinct] = Field(min_length=3)
    """Layers; at the largest the 99.9 % quantile of the norm should be past its peak, about 4 (3.1 / s)^2 / V layers,
    V the variance of the log norm per layer."""
    orders: Annotated[list[Order], Distinct] = Field(min_length=1, max_length=5)
    """Orders s of the initialization."""


class Dropout(Section):
    """Layers with dropout, and small outputs of deep networks with it."""

    width: int = Field(ge=2, le=10_000)
    """Neurons of the single layers."""
    draws: int = Field(ge=1000, le=10**9)
    """Layers drawn per case."""
    keeps: Annotated[list[Annotated[float, Field(ge=0.05, lt=1)]], Distinct] = Field(
        min_length=1, max_length=5
    )
    """Probabilities that an output is kept; what is kept is divided by them."""
    orders: Annotated[list[Order], Distinct] = Field(min_length=2, max_length=5)
    """Orders s of the initialization; small outputs compare the largest with the smallest."""


class FractionalData(TrainedOn):
    """A data set and how long it is trained on."""

    batch_size: int = Field(ge=1, le=10_000)
    """Images per step."""
    seeds: int = Field(ge=2, le=1000)
    """Networks per scheme and learning rate."""
    weight_decay: float = Field(ge=0, le=1)
    """Times a parameter is added to its gradient."""
    decay_epochs: Annotated[list[Annotated[int, Field(ge=1)]], Distinct]
    """After so many epochs the learning rates are divided by 10."""
    augment: bool = False
    """Mirror and shift images of 32 x 32 at random in training, as the authors' program does."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(epoch >= self.epochs for epoch in self.decay_epochs):
            raise ValueError(f"decay_epochs must be below epochs = {self.epochs}, got {self.decay_epochs}")
        if self.name == "digits" and self.batch_size > 500:
            raise ValueError(
                f"batch_size must be at most 500 with digits (1 149 images), got {self.batch_size}"
            )
        if self.augment and self.name != "cifar10":
            raise ValueError(f"augment needs images of 32 x 32 (cifar10), got {self.name}")
        return self


class FractionalTraining(Section):
    """Training from initializations of different orders."""

    datasets: Annotated[list[FractionalData], distinct("name")] = Field(min_length=1)
    """Images of 32 x 32 pass two convolutions first."""
    width: int = Field(ge=2, le=10_000)
    """Neurons per layer."""
    depth: int = Field(ge=2, le=1000)
    """Linear layers of networks with ReLU and leaky ReLU."""
    linear_depth: int = Field(ge=2, le=1000)
    """Linear layers of linear networks."""
    orders: Annotated[dict[Scaling, FractionalOrder], Given] = Field(min_length=1)
    """Order s that is compared with the baselines, per activation; null leaves one out."""
    learning_rates: Annotated[
        dict[Scaling, Annotated[list[Annotated[float, Field(gt=0, le=100)]], Distinct]], Given
    ]
    """Per activation; the one with the best validation accuracy is reported."""
    race: Racing | None
    """How the learning rate is chosen; null: all of them are trained with all seeds."""
    validation_share: float = Field(gt=0, lt=1)
    """Part of the training images that chooses the learning rate."""
    activations_per_job: int = Field(ge=1, le=3)
    """How many activations one job trains; finished cells are kept if a job is stopped."""

    @model_validator(mode="after")
    def _rates_are_there(self) -> Self:
        missing = [name for name in self.orders if not self.learning_rates.get(name)]
        if missing:
            raise ValueError(
                f"learning_rates must have at least one for each activation of orders, none for {missing}"
            )
        return self


class Fractional(Section):
    """Companion paper: initializations that preserve moments of fractional order."""

    widths: Annotated[list[Annotated[int, Field(ge=1, le=100_000)]], Distinct] = Field(
        min_length=1, max_length=5
    )
    """Widths of sigma against s."""
    orders: Annotated[list[Order], Distinct] = Field(min_length=1)
    """Orders s of the scales against width."""
    largest_width: int = Field(ge=16, le=1000)
    """Scales are computed for every width from 2 to this one."""
    deep: DeepMoments
    log_norms: LogNorms
    tails: Tails
    far: FarDepths
    dropout: Dropout
    training: FractionalTraining
