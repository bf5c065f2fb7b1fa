"""Sections of the configuration for the companion papers."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from config_base import Distinct, Optimizer, Section, Width, distinct
from pydantic import Field, model_validator


class DrawnLaw(Section):
    """Exact law of the norm beside drawn networks."""

    widths: Annotated[list[Width], Distinct] = Field(min_length=1)
    """Constant widths."""
    depth: int = Field(ge=1, le=10_000)
    """Layers."""
    networks: int = Field(ge=100, le=10**9)
    """Networks with drawn matrices per width."""


class Deviations(Section):
    """How far finite networks are from mean field."""

    widths: Annotated[list[Annotated[int, Field(ge=1, le=100_000)]], Distinct] = Field(min_length=1)
    """Constant widths."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=1)
    """Depths."""
    chains: int = Field(ge=100, le=10**9)
    """Chains of norms per cell."""
    networks: int = Field(ge=100, le=10**9)
    """Networks with drawn matrices per cell, at most."""
    fewest: int = Field(ge=100, le=10**9)
    """Cells that would have fewer networks get none."""
    weights: float = Field(ge=1e4, le=1e15)
    """Random weights per cell, at most: the networks are as many as that allows."""


class Stationary(Section):
    """Stationary laws of networks with biases."""

    width: int = Field(ge=2, le=10_000)
    """Neurons in every layer."""
    factors: Annotated[list[Annotated[float, Field(gt=0, le=2)]], Distinct] = Field(min_length=1)
    """Weight variances in units of He's; bias variance 1."""


class PairCorrelations(Section):
    """Correlation of two inputs against depth."""

    width: int = Field(ge=2, le=10_000)
    """Neurons in every layer."""
    depth: int = Field(ge=1, le=10_000)
    """Layers."""
    networks: int = Field(ge=10, le=10**8)
    """Networks per start."""
    starts: Annotated[list[Annotated[float, Field(ge=-1, lt=1)]], Distinct] = Field(min_length=1)
    """Correlation of the inputs."""


class Jacobians(Section):
    """Singular values of input-output Jacobians."""

    width: Annotated[int, Field(ge=2, le=10_000, multiple_of=2)]
    """Hidden neurons per layer, even."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=1)
    """Hidden layers."""
    networks: int = Field(ge=2, le=10**6)
    """Networks per scheme and depth."""


class IsometryData(Section):
    """A data set with its number of epochs."""

    name: Literal["digits", "mnist", "cifar10"]
    """digits needs no file; the others are fetched into data/raw once."""
    epochs: int = Field(ge=1, le=10_000)
    """Passes over the training part."""


class IsometryTraining(Section):
    """Training from the four schemes against depth."""

    datasets: list[IsometryData] = Field(min_length=1)
    """What is trained on."""
    width: Annotated[int, Field(ge=2, le=10_000, multiple_of=2)]
    """Hidden neurons per layer, even."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=1)
    """Hidden layers."""
    optimizer: Optimizer
    """With its grid of learning rates."""
    seeds: int = Field(ge=2, le=1000)
    """Networks per learning rate."""
    batch_size: int = Field(ge=1, le=10_000)
    """Images per step."""
    validation_share: float = Field(gt=0, lt=1)
    """Part of the training images that chooses the learning rate."""
    schemes_per_job: int = Field(ge=1, le=4)
    """How many of the four schemes one job trains; finished cells are kept if a job is stopped."""

    @model_validator(mode="after")
    def _datasets_aredistinct(self) -> Self:
        distinct([data.name for data in self.datasets])
        return self


class ReluLaw(Section):
    """Companion paper: exact signal law of ReLU networks, and dynamical isometry by mirrored weights."""

    law: DrawnLaw
    deviations: Deviations
    eigenvalue_widths: Annotated[list[Width], Distinct] = Field(min_length=1)
    """Widths whose eigenvalues are drawn."""
    stationary: Stationary
    correlations: PairCorrelations
    jacobian: Jacobians
    training: IsometryTraining
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""


_NUMBER = r"\d+(\.\d+)?"
RotationInvariant = Annotated[
    str,
    Field(
        pattern=rf"^(gaussian|cauchy|sphere|ball|elliptical_laplace|exponential_radius|student_{_NUMBER})$",
        description="a rotation-invariant law of rows, as row_laws names it",
    ),
]
Independent = Annotated[
    str,
    Field(
        pattern=rf"^iid_(uniform|rademacher|laplace|exponential|student_{_NUMBER}|sparse_{_NUMBER})$",
        description="independent weights, as row_laws names them",
    ),
]
Slopes = Annotated[list[Annotated[float, Field(ge=-1, le=1)]], Distinct]


class KernelCurves(Section):
    """Normalized kernels of one wide layer against the angle."""

    inputs: int = Field(ge=2, le=10**6)
    """Coordinates of an input."""
    neurons: int = Field(ge=100, le=10**8)
    """In the layer."""
    slopes: Slopes = Field(min_length=1)
    """Of the activation for negative arguments."""
    angles: int = Field(ge=3, le=1000)
    """Points of [0, pi]."""
    replicas: int = Field(ge=1, le=100)
    """Layers drawn per control, whose kernel does not converge."""


class FiniteWidth(Section):
    """Mean and variance of kernels of finite layers."""

    width: int = Field(ge=2, le=100_000)
    """Neurons."""
    networks: int = Field(ge=100, le=10**7)
    """Layers drawn per law and angle."""
    angles: Annotated[list[Annotated[float, Field(gt=0, lt=math.pi)]], Distinct] = Field(min_length=1)
    """Of the inputs, in radians."""


class KernelErrors(Section):
    """What the central limit theorem leaves over with independent weights."""

    sizes: Annotated[list[Annotated[int, Field(ge=2, le=100_000)]], Distinct] = Field(min_length=4)
    """Numbers m of inputs."""
    evaluations: int = Field(ge=1000, le=10**12)
    """Of the activation, per law and size up to 64; in proportion to m beyond."""
    fit_from: int = Field(ge=2, le=100_000)
    """Slopes in m are fitted from this size on; below, higher orders are seen."""

    @model_validator(mode="after")
    def _slopes_can_be_fitted(self) -> Self:
        fitted = [m for m in self.sizes if m >= self.fit_from]
        if len(fitted) < 3:
            raise ValueError(f"fit_from must leave at least three of sizes {self.sizes}, got {self.fit_from}")
        return self


class KernelDepth(Section):
    """Angles of two inputs against depth."""

    width: int = Field(ge=2, le=10_000)
    """Neurons per layer."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=2)
    """Layers; the deepest at least 16, or nothing of the fixed point is seen."""
    networks: int = Field(ge=2, le=10**7)
    """Per law."""
    matrices: Annotated[list[Independent], Distinct]
    """Independent weights, drawn as whole matrices."""
    matrix_networks: int = Field(ge=2, le=10**6)
    """Networks of each of these."""


class Grams(Section):
    """Spectra of Gram matrices of normal inputs against depth."""

    inputs: int = Field(ge=2, le=5000)
    """How many."""
    dimension: int = Field(ge=2, le=10**6)
    """Their coordinates."""
    depths: Annotated[list[Annotated[int, Field(ge=0, le=10_000)]], Distinct] = Field(min_length=2)
    """Layers."""
    slopes: Slopes = Field(min_length=1)
    """Of the activation for negative arguments."""
    width: int = Field(ge=2, le=100_000)
    """Neurons per layer of the drawn networks."""
    networks: int = Field(ge=1, le=1000)
    """Drawn networks."""


class Kernels(Section):
    """Companion paper: kernels of rectified layers for all rotation-invariant laws of weights."""

    laws: Annotated[list[RotationInvariant], Distinct] = Field(min_length=1)
    """Rotation-invariant laws with E|w|^4 finite."""
    controls: Annotated[list[RotationInvariant], Distinct]
    """Rotation-invariant laws without a kernel: E|w|^2 is infinite."""
    independent: Annotated[list[Independent], Distinct] = Field(min_length=1)
    """Independent weights of mean 0 and variance 1."""
    curves: KernelCurves
    finite_width: FiniteWidth
    errors: KernelErrors
    depth: KernelDepth
    gram: Grams
    pairs: int = Field(ge=10, le=10**6)
    """Pairs of random directions, and of images, through trained rows."""
    datasets: Annotated[list[Literal["digits", "mnist", "cifar10"]], Distinct] = Field(min_length=1)
    """Whose inputs are looked at; digits needs no file."""

    @model_validator(mode="after")
    def _moments_are_finite(self) -> Self:
        heavy = [law for law in self.laws if law == "cauchy" or _number(law, "student_", 5.0) <= 4]
        if heavy:
            raise ValueError(f"laws must have a fourth moment (student_<nu> with nu > 4), got {heavy}")
        light = [
            law for law in self.controls if law != "cauchy" and not 0 < _number(law, "student_", 9.0) <= 2
        ]
        if light:
            raise ValueError(
                f"controls must have E|w|^2 infinite (cauchy, student_<nu> with nu <= 2), got {light}"
            )
        independent = [*self.independent, *self.depth.matrices]
        wrong = [
            law
            for law in independent
            if not (_number(law, "iid_student_", 9.0) > 2 and 0 < _number(law, "iid_sparse_", 1.0) <= 1)
        ]
        if wrong:
            raise ValueError(f"iid_student_<nu> needs nu > 2, iid_sparse_<p> 0 < p <= 1, got {wrong}")
        heavy = [law for law in self.depth.matrices if _number(law, "iid_student_", 9.0) <= 4]
        if heavy:
            raise ValueError(
                f"depth.matrices must have a fourth moment (iid_student_<nu> with nu > 4), got {heavy}"
            )
        if max(self.depth.depths) < 16:
            raise ValueError(f"depth.depths must reach 16, got {self.depth.depths}")
        return self


def _number(law: str, family: str, other: float) -> float:
    """The number in the name of a law of a family, `other` for other laws."""
    return float(law.removeprefix(family)) if law.startswith(family) else other


Order = Annotated[float, Field(ge=0.05, le=2, description="order of a moment")]
Fractional = Annotated[float, Field(ge=0.05, lt=2, description="order below that of He")]
Scaling = Literal["relu", "leaky_relu", "linear"]


def _alive(width: int, depth: int) -> None:
    """Most ReLU networks must be alive: a layer is dead with probability 2^-width."""
    if depth * 0.5**width > 0.1:
        raise ValueError(
            f"width must be larger at depth {depth} (depth 2^-width <= .1), or networks are dead, got {width}"
        )


class DeepMoments(Section):
    """Moments of single entries of very deep ReLU networks."""

    width: int = Field(ge=2, le=10_000)
    """Neurons per layer."""
    depth: int = Field(ge=2, le=100_000)
    """Layers."""
    networks: int = Field(ge=10, le=10**7)
    """With drawn matrices."""
    chains: int = Field(ge=10, le=10**9)
    """Chains of norms."""
    orders: Annotated[list[Order], Distinct] = Field(min_length=1, max_length=5)
    """Orders s of the initialization."""

    @model_validator(mode="after")
    def _networks_live(self) -> Self:
        _alive(self.width, self.depth)
        return self


class LogNorms(Section):
    """Law of the log norm beside the central limit theorem."""

    width: int = Field(ge=2, le=10_000)
    """Neurons per layer."""
    depth: int = Field(ge=2, le=10_000)
    """Layers."""
    networks: int = Field(ge=50, le=10**7)
    """With drawn matrices, per activation."""
    chains: int = Field(ge=1000, le=10**9)
    """Chains of norms, per case of the check of mean and variance."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=2)
    """Depths at which the distance from normal is computed."""

    @model_validator(mode="after")
    def _networks_live(self) -> Self:
        _alive(self.width, max(self.depth, *self.depths))
        return self


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


class FractionalData(Section):
    """A data set and how long it is trained on."""

    name: Literal["digits", "mnist", "cifar10"]
    """digits needs no file; the others are fetched into data/raw once."""
    epochs: int = Field(ge=1, le=10_000)
    """Passes over the training part."""
    batch_size: int = Field(ge=1, le=10_000)
    """Images per step."""
    seeds: int = Field(ge=2, le=1000)
    """Networks per scheme and learning rate."""
    weight_decay: float = Field(ge=0, le=1)
    """Times a parameter is added to its gradient."""
    decay_epochs: Annotated[list[Annotated[int, Field(ge=1)]], Distinct]
    """After so many epochs the learning rates are divided by 10."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(epoch >= self.epochs for epoch in self.decay_epochs):
            raise ValueError(f"decay_epochs must be below epochs = {self.epochs}, got {self.decay_epochs}")
        if self.name == "digits" and self.batch_size > 500:
            raise ValueError(
                f"batch_size must be at most 500 with digits (1 149 images), got {self.batch_size}"
            )
        return self


class FractionalTraining(Section):
    """Training from initializations of different orders."""

    datasets: list[FractionalData] = Field(min_length=1)
    """Images of 32 x 32 pass two convolutions first."""
    width: int = Field(ge=2, le=10_000)
    """Neurons per layer."""
    depth: int = Field(ge=2, le=1000)
    """Linear layers of networks with ReLU and leaky ReLU."""
    linear_depth: int = Field(ge=2, le=1000)
    """Linear layers of linear networks."""
    orders: dict[Scaling, Fractional] = Field(min_length=1)
    """Order s that is compared with the baselines, per activation."""
    learning_rates: dict[Scaling, Annotated[list[Annotated[float, Field(gt=0, le=100)]], Distinct]]
    """Per activation; the one with the best validation accuracy is reported."""
    validation_share: float = Field(gt=0, lt=1)
    """Part of the training images that chooses the learning rate."""
    activations_per_job: int = Field(ge=1, le=3)
    """How many activations one job trains; finished cells are kept if a job is stopped."""

    @model_validator(mode="after")
    def _rates_are_there(self) -> Self:
        distinct([data.name for data in self.datasets])
        missing = [name for name in self.orders if not self.learning_rates.get(name)]
        if missing:
            raise ValueError(
                f"learning_rates must have at least one for each activation of orders, none for {missing}"
            )
        return self


class HeavyTails(Section):
    """Companion paper: initializations that preserve moments of fractional order."""

    widths: Annotated[list[Annotated[int, Field(ge=1, le=100_000)]], Distinct] = Field(
        min_length=1, max_length=5
    )
    """Widths of sigma against s."""
    deep: DeepMoments
    log_norms: LogNorms
    tails: Tails
    training: FractionalTraining
