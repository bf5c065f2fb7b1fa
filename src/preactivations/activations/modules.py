"""PyTorch modules of activations: fast approximants of the exact ones of `pairs`, and others by name.

`GaussianActivation` evaluates piecewise polynomials (see `_piecewise`) built from the exact pair at
construction; how they are evaluated, eagerly and compiled, is in `_table_autograd`.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any, cast, get_args

import numpy as np
import torch
from torch import Tensor, nn

from preactivations.activations import _piecewise
from preactivations.activations._table_autograd import (
    FORMATS,
    CompiledPhi,
    Phi,
    Shape,
    buffer_name,
    evaluate_in_chunks,
)
from preactivations.activations.registry import REGISTRY, Activation, by_name, checked_oscillation
from preactivations.pairs.gaussian import GaussianPair, Kind
from preactivations.weights import WeightLaw

__all__ = ["Erf", "GaussianActivation", "Oscillating", "activation", "is_elementwise", "module_of"]


class GaussianActivation(nn.Module):
    """Elementwise activation phi that keeps pre-activations normal: W phi(X) ~ N(0, 1) for X ~ N(0, 1).

    Approximates `GaussianPair(weights, kind).phi`: the error divided by max(phi, 1e-3) is at most 1e-6 in
    float32 and 1e-9 in float64 for |x| <= 12, and the growth beyond is the right one. The odd kind is exactly
    odd; the positive kind is positive at every finite x. NaN gives NaN, infinities give the limits. float16 and
    bfloat16 inputs are computed in float32. There is nothing to learn and nothing in `state_dict`: the tables are
    rebuilt by the constructor. Differentiable twice, in reverse and forward mode and mixed, except forward over
    forward, for which PyTorch returns 0 for any `autograd.Function`: use `torch.func.hessian` or `grad` of `grad`.

    For the odd kind of spherical pairs with b > 0, phi'(0) is infinite; the derivative is cut at its value at
    |x| = 1e-6 (1e-12 in float64).

    Parameters
    ----------
    weights : str, SymmetricWeibull or SphericalMarginal
        The law, or its name, that the weights of the *next* layer must have (`preactivations.init`).
    kind : {"odd", "positive"}

    Attributes
    ----------
    weights : WeightLaw
    kind : {"odd", "positive"}
    error : dict of torch.dtype to float
        Largest measured error of the table, for float32 and float64, without rounding.

    Shape
    -----
    Input (*), any floating dtype; output (*), same shape and dtype.

    Raises
    ------
    TypeError
        For integer or complex inputs, and as for `GaussianPair`.
    ValueError
        For weights without a factor, an unknown kind, or a spherical law so far (odd kind, b above about 37)
        that the table would be too large.

    Examples
    --------
    >>> import torch
    >>> from preactivations.weights import SymmetricWeibull
    >>> act = GaussianActivation(SymmetricWeibull(2), kind="odd")
    >>> act(torch.tensor([0.0, torch.inf], dtype=torch.float64)).round(decimals=9).tolist()
    [0.0, 1.414213562]
    """

    def __init__(self, weights: str | WeightLaw, kind: Kind = "odd") -> None:
        super().__init__()
        pair = GaussianPair(weights, kind)
        self.weights, self.kind = pair.weights, pair.kind
        self._shape: dict[torch.dtype, Shape] = {}
        #: largest measured error of the table per dtype, without rounding
        self.error: dict[torch.dtype, float] = {}
        for dtype, form in FORMATS.items():
            pieces = _piecewise.build(pair, form.degree, form.tolerance, form.exponents)
            columns = np.hstack([pieces.uniform, pieces.right, pieces.left])
            self.register_buffer(buffer_name(dtype), torch.tensor(columns, dtype=dtype), persistent=False)
            steep = _piecewise.steep_at_zero(pair)
            self._shape[dtype] = Shape(
                kind == "odd",
                pieces.uniform.shape[1],
                pieces.right.shape[1],
                pieces.per_unit,
                pieces.octave_bits,
                pieces.lowest,
                float(pair.dphi(form.slope_cut)) if steep else math.inf,
                float(pair.dphi(math.inf)),
            )
            self.error[dtype] = pieces.error

    def extra_repr(self) -> str:
        """The arguments, as `repr` shows them."""
        return f"{self.weights!r}, kind={self.kind!r}"

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> GaussianActivation:
        """Moves the tables between devices, but never casts them: `.half()` must not round them."""
        for dtype in FORMATS:
            table = getattr(self, buffer_name(dtype))
            setattr(self, buffer_name(dtype), table.to(fn(table).device))
        return self

    def forward(self, x: Tensor) -> Tensor:
        """phi(x), elementwise: x of any shape and floating dtype, as the result; TypeError for others."""
        if not x.is_floating_point():
            raise TypeError(f"GaussianActivation needs a floating-point tensor, got {x.dtype}; use x.float()")
        dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
        table, shape = getattr(self, buffer_name(dtype)), self._shape[dtype]
        floor = math.log(torch.finfo(x.dtype).tiny) + 0.1
        function = CompiledPhi if torch.compiler.is_compiling() else Phi
        out: Tensor = function.apply(x.to(dtype), table, shape, floor)[0]
        return out.to(x.dtype)

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
        floor = math.log(torch.finfo(x.dtype).tiny) + 0.1
        return evaluate_in_chunks(x, getattr(self, buffer_name(x.dtype)), self._shape[x.dtype], floor, order)


class Oscillating(nn.Module):
    """phi(x) = x exp((delta / omega) sin(omega log|x|)), phi(0) = 0: phi(L x) = L phi(x) for L = exp(2 pi / omega).

    One positive fixed point of its variance map implies infinitely many (Wolinski & Arbel, section 4). Increasing for
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
        """phi(x), elementwise: x of any shape and floating dtype, as the result."""
        # at 0 the logarithm of 1: phi is 0 and its derivative 1; at infinity the sine of 0
        a = torch.where((x == 0) | x.isinf(), 1.0, x.abs())
        return x * torch.exp(self.delta / self.omega * torch.sin(self.omega * torch.log(a)))


class Erf(nn.Module):
    """The error function, elementwise: input and output (*), any floating dtype."""

    def forward(self, x: Tensor) -> Tensor:
        """erf(x), elementwise."""
        return torch.erf(x)


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


def _class_of(entry: Activation) -> Any:
    where = entry.module[0]
    if not isinstance(where, str):
        return where
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def is_elementwise(module: nn.Module) -> bool:
    """Whether `module` is of the class of an entry of the registry, whatever its arguments."""
    return type(module) in {Oscillating, *(_class_of(entry) for entry in REGISTRY.values() if entry.module)}


def activation(name: str, weights: str | WeightLaw | None = None) -> nn.Module:
    """Activation module by name.

    Parameters
    ----------
    name : str
        "odd" or "positive" (the exact activation that goes with `weights`), or a name that `registry.by_name` takes.
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
    if name not in get_args(Kind):
        return module_of(by_name(name))
    if weights is None:
        raise ValueError(f"activation {name!r} goes with a law of weights: give weights=")
    return GaussianActivation(weights, cast(Kind, name))
