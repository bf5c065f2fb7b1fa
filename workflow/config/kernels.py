"""Sections of the configuration: kernels of rectified networks."""

from __future__ import annotations

import math
from typing import Annotated, Self, cast

from pydantic import AfterValidator, Field, model_validator

from config.base import DataName, Distinct, Optimizer, Racing, Section, TrainedOn, canonical, distinct
from preactivations import rows
from preactivations.kernels.smooth import smooth_kernel
from preactivations.kernels.sums import characteristic
from preactivations.rows import Iid, row_law


def _rotation_invariant(name: str) -> str:
    if not isinstance(row_law(name), rows.RotationInvariant):
        raise ValueError(f"{name!r} is a law of independent weights, not a rotation-invariant law of rows")
    return canonical(name)


def _independent(name: str) -> str:
    if isinstance(row_law(name), rows.RotationInvariant):
        raise ValueError(f"{name!r} is a rotation-invariant law of rows, not one of independent weights")
    return canonical(name)


RotationInvariant = Annotated[
    str, AfterValidator(_rotation_invariant), Field(description="rotation-invariant law of rows.row_law")
]
Independent = Annotated[
    str, AfterValidator(_independent), Field(description="independent weights, a law of rows.row_law")
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


class Degrees(Section):
    """Normalized kernels of one layer of multivariate t rows."""

    nus: Annotated[list[Annotated[float, Field(gt=2, le=10**6)]], Distinct] = Field(min_length=1)
    """Degrees of freedom, above 2, so that E|w|^2 is finite; near 2 no number of rows is enough."""
    neurons: int = Field(ge=1000, le=10**9)
    """Rows of the layer."""
    angles: int = Field(ge=3, le=1000)
    """Points of [0, pi]."""


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
    """Of the activation, per law and size up to grow_from; in proportion to m beyond, since errors shrink."""
    grow_from: int = Field(ge=2, le=100_000)
    """See evaluations."""
    fit_from: int = Field(ge=2, le=100_000)
    """Slopes in m are fitted from this size on; below, higher orders are seen."""

    @model_validator(mode="after")
    def _slopes_can_be_fitted(self) -> Self:
        fitted = [m for m in self.sizes if m >= self.fit_from]
        if len(fitted) < 3:
            raise ValueError(f"fit_from must leave at least three of sizes {self.sizes}, got {self.fit_from}")
        return self


def _of_sums(name: str) -> str:
    characteristic(cast(Iid, row_law(_independent(name))), 0.0)
    return canonical(name)


def _smooth(name: str) -> str:
    smooth_kernel(name, 1.0)
    return name


class Sums(Section):
    """Errors of the central limit theorem without samples, by the laws of two sums of weights."""

    tails: Annotated[list[Annotated[float, Field(gt=2, lt=4)]], Distinct] = Field(min_length=1)
    """Degrees of Student's t weights, ReLU: the index of their tail."""
    tail_sizes: Annotated[list[Annotated[int, Field(ge=16, le=65_536)]], Distinct] = Field(min_length=3)
    """Numbers m of inputs; seconds at 16 384."""
    activations: Annotated[list[Annotated[str, AfterValidator(_smooth)]], Distinct] = Field(min_length=1)
    """Smooth ones, of the registry."""
    laws: Annotated[list[Annotated[str, AfterValidator(_of_sums)]], Distinct] = Field(min_length=1)
    """Symmetric weights for these."""
    sizes: Annotated[list[Annotated[int, Field(ge=16, le=65_536)]], Distinct] = Field(min_length=3)
    """Numbers m of inputs for these."""


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


class RowTraining(Section):
    """Training from rows of several rotation-invariant laws of one second moment."""

    datasets: Annotated[list[TrainedOn], distinct("name")] = Field(min_length=1)
    """What is trained on: images as vectors."""
    laws: Annotated[list[RotationInvariant], Distinct] = Field(min_length=2)
    """Laws of rows, gaussian among them, with which the others are compared; E|w|^2 finite."""
    widths: Annotated[list[Annotated[int, Field(ge=2, le=10_000)]], Distinct] = Field(min_length=1)
    """Neurons per hidden layer; the claim is about the largest."""
    depth: int = Field(ge=1, le=1000)
    """Hidden layers."""
    optimizer: Optimizer
    """With its grid of learning rates."""
    race: Racing | None
    """How the learning rate is chosen; null: all of them are trained with all seeds."""
    seeds: int = Field(ge=2, le=1000)
    """Networks per law and learning rate."""
    batch_size: int = Field(ge=1, le=10_000)
    """Images per step."""
    validation_share: float = Field(gt=0, lt=1)
    """Part of the training images that chooses the learning rate."""

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if "gaussian" not in self.laws:
            raise ValueError(f"laws must have gaussian among them, got {self.laws}")
        heavy = [name for name in self.laws if not math.isfinite(_factor(name, 1))]
        if heavy:
            raise ValueError(f"laws must have E|w|^2 finite, got {heavy}")
        return self


class Kernels(Section):
    """Companion paper: kernels of rectified layers for all rotation-invariant laws of weights."""

    laws: Annotated[list[RotationInvariant], Distinct] = Field(min_length=1)
    """Rotation-invariant laws with E|w|^4 finite."""
    controls: Annotated[list[RotationInvariant], Distinct]
    """Rotation-invariant laws without a kernel: E|w|^2 is infinite."""
    independent: Annotated[list[Independent], Distinct] = Field(min_length=1)
    """Independent weights of mean 0 and variance 1."""
    degrees: Degrees
    curves: KernelCurves
    finite_width: FiniteWidth
    errors: KernelErrors
    sums: Sums
    depth: KernelDepth
    gram: Grams
    training: RowTraining
    pairs: int = Field(ge=10, le=10**6)
    """Pairs of random directions, and of images, through trained rows."""
    angles: int = Field(ge=5, le=1000)
    """Angles between those directions."""
    data_pairs: int = Field(ge=100, le=10**7)
    """Pairs of images by which hypotheses about inputs are measured."""
    datasets: Annotated[list[DataName], Distinct] = Field(min_length=1)
    """Whose inputs are looked at; digits needs no file."""

    @model_validator(mode="after")
    def _moments_are_finite(self) -> Self:
        heavy = [name for name in self.laws if not math.isfinite(_factor(name, 2))]
        if heavy:
            raise ValueError(f"laws must have a fourth moment (student_<nu> with nu > 4), got {heavy}")
        light = [name for name in self.controls if math.isfinite(_factor(name, 1))]
        if light:
            raise ValueError(
                f"controls must have E|w|^2 infinite (cauchy, student_<nu> with nu <= 2), got {light}"
            )
        heavy = [name for name in self.depth.matrices if not math.isfinite(_factor(name, 2))]
        if heavy:
            raise ValueError(
                f"depth.matrices must have a fourth moment (iid_student_<nu> with nu > 4), got {heavy}"
            )
        if max(self.depth.depths) < 16:
            raise ValueError(f"depth.depths must reach 16, got {self.depth.depths}")
        return self


def _factor(name: str, degree: int) -> float:
    """E|w|^(2 degree) in units of that of normal weights; inf where it is infinite."""
    return row_law(name).kernel_factor(degree, 10)
