"""PyTorch modules of activations: tables, and others by name.

How tables are evaluated is in `_table_evaluation`, their derivatives are in `_table_autograd`;
`gaussian.GaussianActivation` makes its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._guards import detect_fake_mode
from torch.autograd import forward_ad
from torch.utils._python_dispatch import _disable_current_modes

from preactivations.activations._table_autograd import TWICE, CompiledPhi, Phi
from preactivations.activations._table_evaluation import (
    FORMATS,
    Shape,
    columns_of,
    evaluate,
    is_recorded,
    shape_of,
)
from preactivations.activations.describe import AnyActivation, describe, torch_module
from preactivations.activations.registry import REGISTRY, Activation, checked_oscillation
from preactivations.names import object_of
from preactivations.pairs.table import KINDS, TabulatedActivation
from preactivations.weights import WeightLaw

__all__ = [
    "Elementwise",
    "Erf",
    "Oscillating",
    "TabulatedModule",
    "activation",
    "as_module",
    "is_elementwise",
    "module_of",
]


@torch.fx.wrap  # a graph of `torch.fx` checks too, when it runs
def check_elementwise(x: Tensor, name: str) -> None:
    """TypeError for what the module `name` does not take: it needs real floating-point tensors, dense or jagged."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} needs a tensor, got {type(x).__name__}; use torch.as_tensor(x)")
    if not x.is_floating_point():
        hint = "its real part x.real" if x.is_complex() else "x.float()"
        raise TypeError(f"{name} needs a real floating-point tensor, got {x.dtype}; use {hint}")
    if x.layout != (torch.jagged if x.is_nested else torch.strided):
        kind = f"nested tensor of layout {x.layout}" if x.is_nested else f"tensor of layout {x.layout}"
        raise TypeError(
            f"{name} needs a dense tensor, or a nested one of layout torch.jagged, got a {kind}: phi(0) need not be 0"
        )


class TabulatedModule(nn.Module):
    """The activation of a table (`pairs.table.TabulatedActivation`), elementwise.

    float16 and bfloat16 inputs are computed in float32. There is nothing to learn, nothing in `state_dict` and no
    buffer: the tables come with the constructor, also under `torch.device("meta")` or `FakeTensorMode`, and stay out of
    `torch.func.stack_module_state`. Differentiable twice, in reverse and forward mode and any mixture; a third
    derivative is refused. Where phi' is infinite at 0, it is cut at its value at |x| = 1e-6 (1e-12 in float64).

    ====================================  ============================================================================
    `torch.compile`                       of modules, for one derivative (PyTorch refuses a second one by `backward`);
                                          of functions with transforms of `torch.func` inside, except forward over
                                          forward, which fails in PyTorch
    `torch.export`, `make_fx`             with dynamic shapes; the graph has the derivatives of its polynomials, of
                                          which the first two are those of phi, and no others
    `torch.onnx.export`                   with `dynamo=True`, its default, where `onnx` and `onnxscript` are installed
    `torch.fx.symbolic_trace`             one node
    `torch.jit.trace` and `script`        refused: use `torch.export`
    the module as a file                  `torch.load` needs `weights_only=False`; better save the `state_dict` of the
                                          network, and make the module anew
    `torch.nn.utils.skip_init`            refused: there is no memory to be left without values
    nested tensors                        of layout `torch.jagged`; others and sparse tensors are refused
    ====================================  ============================================================================

    Parameters
    ----------
    table : TabulatedActivation

    Attributes
    ----------
    weights : WeightLaw
    kind : {"odd", "positive"}
    error : dict of torch.dtype to float
        Largest measured error of the table, for float32 and float64, without rounding.

    Shape
    -----
    Input (*), any floating dtype; output (*), a new tensor of the same shape, dtype and memory format.

    Raises
    ------
    TypeError
        For integer, complex or sparse inputs, and for what is no tensor.
    """

    def __init__(self, table: TabulatedActivation) -> None:
        super().__init__()
        self.table = table
        self.weights, self.kind, self._route = table.weights, table.kind, table.route
        self.error = {torch.float32: table.error32, torch.float64: table.errors.phi}
        self._shapes = tuple(shape_of(table, dtype) for dtype in FORMATS)
        # no buffers, and real under `torch.device("meta")` or fake tensors too: what is known needs no loading
        with _disable_current_modes():
            self._tables = tuple(torch.from_numpy(columns_of(table, dtype)) for dtype in FORMATS)

    def extra_repr(self) -> str:
        """The arguments, as `repr` shows them."""
        return f"{self.weights!r}, kind={self.kind!r}" + (
            "" if self._route == "exact" else f", route={self._route!r}"
        )

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> TabulatedModule:
        """Moves the tables between devices, but never casts them (`.half()` must not round them), nor to "meta"."""
        devices = [fn(table).device for table in self._tables]
        if not any(device.type == "meta" for device in devices):
            self._tables = tuple(
                table.to(device) for table, device in zip(self._tables, devices, strict=True)
            )
        return self

    def forward(self, x: Tensor) -> Tensor:
        """phi(x), elementwise: x of any shape and floating dtype, as the result; TypeError for others."""
        return _phi(x, self._tables, self._shapes, type(self).__name__)

    def values(self, x: Tensor) -> Tensor:
        """phi(x) without autograd, for float32 or float64: what a simulation needs, in less time.

        Parameters
        ----------
        x : Tensor, any shape
            float32 or float64; TypeError else.

        Returns
        -------
        Tensor, shape and dtype of `x`
        """
        return self._derivatives(x, 0)[0]

    def value_and_slope(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(phi(x), phi'(x)) without autograd, for float32 or float64: a step forward and what takes it back.

        `x` and errors as for `values`; both results have its shape and dtype.
        """
        phi, slope = self._derivatives(x, 1)
        return phi, slope

    def _derivatives(self, x: Tensor, order: int) -> list[Tensor]:
        if x.dtype not in FORMATS:
            raise TypeError(f"values and value_and_slope need a float32 or float64 tensor, got {x.dtype}")
        return evaluate(x.detach(), *_table_for(x, x.dtype, self._tables, self._shapes), order)


@torch.fx.wrap  # one node of a graph of `torch.fx`
def _phi(x: Tensor, tables: tuple[Tensor, ...], shapes: tuple[Shape, ...], name: str) -> Tensor:
    check_elementwise(x, name)
    if torch.jit.is_tracing():
        raise RuntimeError(
            f"{name} is no graph of TorchScript; use torch.export.export instead of torch.jit.trace"
        )
    if x.is_nested:
        jagged: Any = x
        values = _phi(jagged.values(), tables, shapes, name)
        return torch.nested.nested_tensor_from_jagged(
            values, jagged.offsets(), jagged.lengths(), jagged._ragged_idx
        )
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    arguments = (x.to(dtype), *_table_for(x, dtype, tables, shapes))
    out: Tensor
    if not torch.compiler.is_compiling():
        out, _ = Phi.apply(*arguments)
        return out.to(x.dtype)
    from preactivations.activations._compiling import derivatives_taken, uncompiled

    if derivatives_taken() > 2:
        raise NotImplementedError(TWICE)
    if derivatives_taken() == 0 and forward_ad._current_level >= 0:
        out = uncompiled(*arguments)
    elif torch.is_grad_enabled() and x.requires_grad:
        out, _ = CompiledPhi.apply(*arguments)
    else:
        out = evaluate(*arguments, 0)[0]
    return out.to(x.dtype)


def _table_for(
    x: Tensor, dtype: torch.dtype, tables: tuple[Tensor, ...], shapes: tuple[Shape, ...]
) -> tuple[Tensor, Shape, float]:
    """Table and shape of a format, where `x` is, and the smallest log phi of the dtype of `x`."""
    k = list(FORMATS).index(dtype)
    table = tables[k].to(x.device)
    if is_recorded(x) and not torch.compiler.is_compiling():
        fake = detect_fake_mode(x)
        if fake is not None and not fake.allow_non_fake_inputs:
            table = fake.from_tensor(table, static_shapes=True)
    return table, shapes[k], math.log(torch.finfo(x.dtype).tiny) + 0.1


class Oscillating(nn.Module):
    """phi(x) = x exp((delta / omega) sin(omega log|x|)), phi(0) = 0: phi(L x) = L phi(x) for L = exp(2 pi / omega).

    One positive fixed point of its variance map implies infinitely many (the name is that of Wolinski & Arbel, the
    formula is inferred). Increasing for
    |delta| <= 1: phi'(x) = exp((delta / omega) sin(omega log|x|)) (1 + delta cos(omega log|x|)). There is no derivative
    at 0, where phi(x)/x oscillates between exp(-delta/omega) and exp(delta/omega); autograd gives 1 there, the value of
    phi(x)/x at the zeros of the sine.

    Parameters
    ----------
    delta : float
        Amplitude, 0 <= delta <= 1; .99 in the paper.
    omega : float
        Frequency in log|x|, > 0; 2, 3 and 6 in the paper.

    Shape
    -----
    Input (*), any floating dtype; output (*), same shape and dtype.

    Raises
    ------
    ValueError
        For delta or omega out of range.

    Examples
    --------
    >>> phi, x = Oscillating(0.99, 6), torch.tensor(0.3, dtype=torch.float64)
    >>> period = math.exp(2 * math.pi / 6)
    >>> torch.allclose(phi(period * x), period * phi(x))
    True
    """

    def __init__(self, delta: float = 0.99, omega: float = 6.0) -> None:
        super().__init__()
        self.delta, self.omega = checked_oscillation(delta, omega)

    def extra_repr(self) -> str:
        """The arguments, as `repr` shows them."""
        return f"delta={self.delta:g}, omega={self.omega:g}"

    def forward(self, x: Tensor) -> Tensor:
        """phi(x), elementwise: x of any shape and floating dtype, as the result; TypeError for others."""
        if not torch.jit.is_scripting():
            check_elementwise(x, type(self).__name__)
        # at 0 the logarithm of 1: phi is 0 and its derivative 1; at infinity the sine of 0
        a = torch.where((x == 0) | x.isinf(), 1.0, x.abs())
        return x * torch.exp(self.delta / self.omega * torch.sin(self.omega * torch.log(a)))


class Erf(nn.Module):
    """The error function, elementwise: input and output (*), any floating dtype."""

    def forward(self, x: Tensor) -> Tensor:
        """erf(x), elementwise; TypeError for what is no tensor of a real floating dtype."""
        if not torch.jit.is_scripting():
            check_elementwise(x, "Erf")
        return torch.erf(x)


class Elementwise(nn.Module):
    """A function of tensors as a module: `function(x)`, elementwise, any shape.

    Parameters
    ----------
    function : callable
        From a floating-point tensor to one of the same shape.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def extra_repr(self) -> str:
        """The name of the function, as `repr` shows it."""
        return getattr(self.function, "__name__", repr(self.function))

    def forward(self, x: Tensor) -> Tensor:
        """function(x)."""
        return self.function(x)


# by name: what needs no exact activation imports none
_EXACT = "preactivations.activations.gaussian:GaussianActivation"


def module_of(entry: Activation) -> nn.Module:
    """A new PyTorch module of an activation.

    Raises
    ------
    ValueError
        For one without a module.
    """
    if not entry.module:
        raise ValueError(f"activation {entry.name!r} has no PyTorch module: give Activation(module=...)")
    made: nn.Module = _class_of(entry)(*entry.module[1:])
    return made


def is_made_by(module: nn.Module, entry: Activation) -> bool:
    """Whether `module` is of the class of an entry of the registry."""
    return type(module) is _class_of(entry)


def _class_of(entry: Activation) -> Any:
    where = entry.module[0]
    return object_of(where) if isinstance(where, str) else where


def is_elementwise(module: nn.Module) -> bool:
    """Whether `module` is an activation: of the class of an entry of the registry, or one that `describe` takes."""
    if type(module) in {Oscillating, *(_class_of(entry) for entry in REGISTRY.values() if entry.module)}:
        return True
    try:
        describe(module)
    except (TypeError, ValueError):
        return False
    return True


def as_module(given: AnyActivation, weights: str | WeightLaw | None = None) -> nn.Module:
    """The PyTorch module of anything that `describe` takes.

    Parameters
    ----------
    given : str, Module, Activation, pair or function of tensors
        A module is taken as it is; "odd" and "positive" go with `weights`.
    weights : str or WeightLaw, optional

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        For what has no module, as a function of arrays; else as `activation` and `describe`.
    """
    if isinstance(given, nn.Module):
        return given
    return activation(given, weights) if isinstance(given, str) else module_of(describe(given))


def activation(name: str, weights: str | WeightLaw | None = None) -> nn.Module:
    """Activation module by name.

    Parameters
    ----------
    name : str
        "odd" or "positive" (the exact activation that goes with `weights`), or a name that `describe` takes.
    weights : str or WeightLaw, optional
        Needed for "odd" and "positive", of no effect on others.

    Returns
    -------
    nn.Module
        Elementwise; a new one at every call.

    Raises
    ------
    ValueError
        For an unknown name, an exact activation without weights, or what `GaussianActivation` refuses.
    """
    if name not in KINDS:
        made: nn.Module = torch_module(name) or module_of(describe(name))
        return made
    if weights is None:
        raise ValueError(f"activation {name!r} goes with a law of weights: give weights=")
    exact: nn.Module = object_of(_EXACT)(weights, name)
    return exact
