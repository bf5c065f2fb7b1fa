"""The configuration: types, ranges and meaning of every field."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from snakemake.utils import update_config

from config.activation import Activation
from config.base import Distinct, Section, Theta
from config.density import Density
from config.edge_of_chaos import EdgeOfChaos
from config.fractional import Fractional
from config.isometry import Isometry
from config.kernels import Kernels
from config.propagation import Propagation
from config.training import Training

DEFAULTS = Path(__file__).parents[2] / "config" / "laptop.yaml"


def _scale(name: str) -> str:
    if name in ("raw", "reference"):
        raise ValueError(f"data/{name} is no folder of results")
    return name


class Figures(Section):
    """How figures are written."""

    dpi: int = Field(ge=30, le=1200)
    """Resolution of the PNG files."""


class Config(Section):
    """Everything that a run depends on."""

    scale: Annotated[str, AfterValidator(_scale)] = Field(pattern=r"^[a-z0-9_]+$")
    """Name of the run: results go to data/<scale>, figures/<scale>, tables/<scale>."""
    seed: int = Field(ge=0, lt=2**63)
    """Root seed; the stream of a cell is derived from it and the values of the cell."""
    gpu: Literal["auto", "never", "always"]
    """Whether networks are simulated by CUDA: auto where it is there. A GPU has random streams of its own."""
    data_mirror: str | None
    """Folder with data sets, looked at before the network; null: the environment variable PREACTIVATIONS_DATA."""
    thetas: Annotated[list[Theta], Distinct] = Field(min_length=1)
    """Weibull shapes of the study. 2.05, 2.5, 3, 4, 5, 7, 10 in the paper."""
    density: Density
    activation: Activation
    propagation: Propagation
    edge_of_chaos: EdgeOfChaos
    training: Training
    isometry: Isometry
    kernels: Kernels
    fractional: Fractional
    figures: Figures

    @property
    def gpus(self) -> int:
        """GPUs that a simulation asks for: one with `always`, and with `auto` where this machine has one."""
        here = any(Path("/dev").glob("nvidia[0-9]*"))
        return int(self.gpu == "always" or (self.gpu == "auto" and here))

    @model_validator(mode="after")
    def _thetas_can_be_fitted(self) -> Self:
        if max(self.thetas) <= 2:
            raise ValueError("thetas must have one above 2, or there is nothing to fit")
        both = sorted(set(self.thetas) & set(self.density.fitted.extended_thetas))
        if both:
            raise ValueError(f"density.fitted.extended_thetas must not repeat thetas, got {both} in both")
        return self

    @model_validator(mode="after")
    def _rectified_rows_are_trained(self) -> Self:
        if "relu" not in self.training.persistence.activations:
            raise ValueError(
                "training.persistence.activations must have relu: kernels looks at its trained rows, got "
                f"{self.training.persistence.activations}"
            )
        if 0 not in self.training.persistence.at:
            raise ValueError(
                "training.persistence.at must have 0: kernels compares trained rows with untrained ones, got "
                f"{self.training.persistence.at}"
            )
        return self


def read(path: Path) -> dict[str, Any]:
    """The settings of a scale: those of the laptop scale, and what the file at `path` states instead."""
    settings: dict[str, Any] = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    update_config(settings, yaml.safe_load(path.read_text(encoding="utf-8")))
    return settings


def validate(config: dict[str, Any]) -> Config:
    """The typed configuration; ValueError with one line per fault: key, reason, value."""
    try:
        return Config.model_validate(_plain(config))
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {_fault(e)}" for e in error.errors()]
        raise ValueError("the configuration is not valid:\n" + "\n".join(lines)) from None


def _fault(error: ErrorDetails) -> str:
    """What is wrong, what was given, what is allowed."""
    match error["type"]:
        case "missing":
            return str(error["msg"])
        case "extra_forbidden":
            known = sorted(_section(error["loc"][:-1]).model_fields)
            near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            return f"unknown key{hint}, got {error['input']!r}; keys here: {', '.join(known)}"
        case _:
            # a fault of a whole section says what is wrong of it
            return error["msg"] + ("" if isinstance(error["input"], dict) else f" (got {error['input']!r})")


def _section(path: tuple[int | str, ...]) -> type[BaseModel]:
    """The section at a path of keys, through lists of sections."""
    kind: Any = Config
    for key in path:
        if isinstance(key, str):
            kind = kind.model_fields[key].annotation
        while not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            kind = get_args(kind)[-1 if get_origin(kind) is dict else 0]
    section: type[BaseModel] = kind
    return section


def _plain(value: Any) -> Any:
    """Plain types only (Snakemake may hand over ordered dictionaries)."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value
