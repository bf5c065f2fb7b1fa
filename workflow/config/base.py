"""What all sections of the configuration share."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from preactivations.names import number_text, parameter


def distinct(key: str = "") -> AfterValidator:
    """Of a list: all values, or attributes `key` of its sections, differ."""

    def check(values: list[Any]) -> list[Any]:
        keys = [getattr(value, key) for value in values] if key else values
        if repeated := sorted({k for k in keys if keys.count(k) > 1}):
            raise ValueError(f"values must be distinct, repeated: {repeated}")
        return values

    return AfterValidator(check)


Distinct = distinct()
Theta = Annotated[
    float,
    Field(
        ge=2,
        le=1000,
        allow_inf_nan=False,
        description="Weibull shape; below 2 no activation makes pre-activations normal",
    ),
]


def canonical(name: str) -> str:
    """The name with its number in the shortest decimals: oscillating_6.0 and oscillating_6 are one."""
    family = name.rpartition("_")[0]
    value = parameter(name, family)
    return name if value is None else f"{family}_{number_text(value)}"


def _law(name: str) -> str:
    from preactivations.weights import as_law

    as_law(name)
    return canonical(name)


def _activation(name: str) -> str:
    from preactivations.activations.registry import by_name

    by_name(name)
    return canonical(name)


def _psi(name: str) -> str:
    return name if name in ("odd", "positive") else _activation(name)


def _setting(name: str) -> str:
    for prefix in ("normalized_", "unit_"):
        if name.startswith(prefix):
            return prefix + _activation(name.removeprefix(prefix))
    if name not in ("odd", "odd_edge", "positive", "relu", "tanh") and not name.startswith("oscillating_"):
        raise ValueError(
            "odd, odd_edge, positive, relu, tanh, oscillating_<omega>, or normalized_<psi>, unit_<psi> with any "
            f"activation <psi>, got {name!r}"
        )
    return name if name == "odd_edge" else _psi(name)


LawName = Annotated[str, AfterValidator(_law), Field(description="name that weights.as_law takes")]
ActivationName = Annotated[
    str, AfterValidator(_activation), Field(description="name that activations.by_name takes")
]
PsiName = Annotated[
    str, AfterValidator(_psi), Field(description="odd, positive, or a name of activations.by_name")
]
SettingName = Annotated[
    str, AfterValidator(_setting), Field(description="name of the table of replication.settings")
]
Width = Annotated[int, Field(ge=1, le=100, description="neurons in a layer")]


def _with_exact(routes: list[str]) -> list[str]:
    if "exact" not in routes:
        raise ValueError(f"route must have exact, which fitted is compared with, got {routes}")
    return routes


Routes = Annotated[
    list[Literal["exact", "fitted"]],
    Distinct,
    AfterValidator(_with_exact),
    Field(description="how the activations of pairs are computed: exact, and fitted as in the paper besides"),
]


def fits_are_compared(fitted: list[float], thetas: list[float]) -> None:
    """ValueError for fitted thetas that have no exact counterpart, or no fit."""
    if wrong := sorted(set(fitted) - set(thetas)):
        raise ValueError(
            f"fitted_thetas must be among thetas {thetas}, which they are compared with, got {wrong}"
        )
    if min(fitted, default=3.0) <= 2:
        raise ValueError(f"fitted_thetas must be above 2: the density family has no other, got {fitted}")


def once(activations: list[str], controls: list[str], *prefixes: str) -> None:
    """ValueError if a setting is among the activations and is made of a control, with one of the prefixes, too."""
    twice = sorted({f"{prefix}{psi}" for prefix in prefixes for psi in controls} & set(activations))
    if twice:
        raise ValueError(f"activations must not have what controls give too: {', '.join(twice)}")


class DataFacts(NamedTuple):
    """What the pipeline knows of a data set before it is there."""

    title: str
    """How its titles begin: "CIFAR-10 (JPEG)" is a re-encoded one."""
    images: int
    """Of the training part."""
    pixels: int
    fetched: bool
    """Whether it has files, in data/raw."""


DATASETS = {
    "digits": DataFacts("digits", 1433, 8 * 8, fetched=False),
    "mnist": DataFacts("MNIST", 60_000, 28 * 28, fetched=True),
    "cifar10": DataFacts("CIFAR-10", 50_000, 3 * 32 * 32, fetched=True),
}
DataName = Literal["digits", "mnist", "cifar10"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Optimizer(Section):
    """An optimizer with its grid of learning rates."""

    name: Literal["sgd", "adam"]
    """sgd has momentum .9; adam has beta = (.9, .999)."""
    learning_rates: Annotated[list[Annotated[float, Field(gt=0, le=100)]], Distinct] = Field(min_length=1)
    """The one with the best validation accuracy, in the race or after all epochs, is reported."""


class Racing(Section):
    """Learning rates by successive halving: the better half goes on after each round, and the last one is trained."""

    seeds: int = Field(ge=1, le=1000)
    """Networks per learning rate in the race; none of them counts as a result."""
    share: float = Field(gt=0, le=1, allow_inf_nan=False)
    """Length of the race in the epochs of a run."""


class WidthCell(Section):
    """Networks of one width."""

    width: int = Field(ge=1, le=100_000)
    """Neurons in every layer."""
    networks: int = Field(ge=2, le=10**9)
    """How many are drawn."""


class ManyNetworks(WidthCell):
    """Networks of one width, enough for errors and bands of distances from Gaussian."""

    networks: int = Field(ge=100, le=10**9)
    """How many are drawn."""


WidthCells = Annotated[list[WidthCell], Field(min_length=1), distinct("width")]


class TrainedOn(Section):
    """A data set with its number of epochs."""

    name: DataName
    """digits needs no file; the others are fetched into data/raw once."""
    epochs: int = Field(ge=1, le=10_000)
    """Passes over the training part."""


class LivingNetworks(Section):
    """ReLU networks most of which are alive: a layer is dead with probability 2^-width."""

    width: int = Field(ge=2, le=10_000)
    """Neurons per layer."""
    depth: int = Field(ge=2, le=100_000)
    """Layers."""

    @model_validator(mode="after")
    def _alive(self) -> Self:
        depth = max(self.depth, *getattr(self, "depths", []), 0)
        if depth * 0.5**self.width > 0.1:
            raise ValueError(
                f"width must be larger at depth {depth} (depth 2^-width <= .1), or networks are dead, got {self.width}"
            )
        return self
