"""Sections of the configuration: exact law of ReLU networks, dynamical isometry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.base import Distinct, Optimizer, Racing, Section, TrainedOn, Width, distinct


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


class JointUnits(Section):
    """The joint law of the units of a layer beside drawn networks."""

    widths: Annotated[list[Annotated[int, Field(ge=2, le=10_000)]], Distinct] = Field(min_length=1)
    """Constant widths."""
    depths: Annotated[list[Annotated[int, Field(ge=2, le=10_000)]], Distinct] = Field(min_length=1)
    """Depths; in the first layer units are independent."""
    bias_variances: Annotated[list[Annotated[float, Field(ge=0, le=100)]], Distinct] = Field(min_length=1)
    """Variances of the biases."""
    networks: int = Field(ge=100, le=10**9)
    """Networks with drawn matrices per cell."""


class Stationary(Section):
    """Stationary laws of networks with biases."""

    width: int = Field(ge=2, le=10_000)
    """Neurons in every layer."""
    factors: Annotated[list[Annotated[float, Field(gt=0, le=2)]], Distinct] = Field(min_length=1)
    """Weight variances in units of He's."""
    bias_variance: float = Field(gt=0, le=100)
    """Variance of the biases."""


class Shapes(Section):
    """Shapes of stationary laws beside simulated ones."""

    widths: Annotated[list[Annotated[int, Field(ge=2, le=10_000)]], Distinct] = Field(min_length=1)
    """Neurons in every layer."""
    factors: Annotated[list[Annotated[float, Field(gt=0, le=2)]], Distinct] = Field(min_length=1)
    """Weight variances in units of He's; log q must drift downwards, which wide layers do up to about 1 + 5/(2n)."""
    bias_variance: float = Field(gt=0, le=100)
    """Variance of the biases."""
    draws: int = Field(ge=1000, le=10**8)
    """Simulated draws per cell."""


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


class IsometryTraining(Section):
    """Training from the four schemes against depth."""

    datasets: Annotated[list[TrainedOn], distinct("name")] = Field(min_length=1)
    """What is trained on."""
    width: Annotated[int, Field(ge=2, le=10_000, multiple_of=2)]
    """Hidden neurons per layer, even."""
    depths: Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Distinct] = Field(min_length=1)
    """Hidden layers."""
    optimizer: Optimizer
    """With its grid of learning rates."""
    race: Racing | None
    """How the learning rate is chosen; null: all of them are trained with all seeds."""
    seeds: int = Field(ge=2, le=1000)
    """Networks per learning rate."""
    batch_size: int = Field(ge=1, le=10_000)
    """Images per step."""
    validation_share: float = Field(gt=0, lt=1)
    """Part of the training images that chooses the learning rate."""
    schemes_per_job: int = Field(ge=1, le=4)
    """How many of the four schemes one job trains; finished cells are kept if a job is stopped."""


class Isometry(Section):
    """Companion paper: exact signal law of ReLU networks, and dynamical isometry by mirrored weights."""

    law: DrawnLaw
    deviations: Deviations
    joint: JointUnits
    eigenvalue_widths: Annotated[list[Width], Distinct] = Field(min_length=1)
    """Widths whose eigenvalues are drawn."""
    stationary: Stationary
    shapes: Shapes
    correlations: PairCorrelations
    jacobian: Jacobians
    training: IsometryTraining
    memory_mb: float = Field(ge=8, le=10**6)
    """Bound on the working memory of the simulation."""
