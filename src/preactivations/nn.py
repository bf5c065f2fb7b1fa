"""PyTorch modules: fast approximants of the exact activations of `pairs`, and a registry by name.

`GaussianActivation` evaluates piecewise polynomials (see `_piecewise`) built from the exact pair at
construction. Eager CPU calls go through the input in pieces that stay in the second-level cache and keep the
derivative for the backward pass; under `torch.compile` and on other devices the same formulas run on whole
tensors, to be fused by the compiler.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from preactivations import _piecewise
from preactivations._array_map import as_array_map
from preactivations.pairs import GaussianPair, Kind
from preactivations.weights import WeightLaw

__all__ = ["GaussianActivation", "Oscillating", "activation", "as_array_map"]

_CHUNK = 1 << 15  # elements


class _Format(NamedTuple):
    """How a floating-point format is tabulated: two choices, then its layout."""

    degree: int
    tolerance: float
    slope_cut: float  # the slope of an infinitely steep phi is cut at its value here
    integer: torch.dtype
    mantissa_bits: int
    exponents: tuple[int, int]


_FORMATS = {
    torch.float32: _Format(3, 1e-7, 1e-6, torch.int32, 23, (-126, 128)),
    torch.float64: _Format(5, 1e-10, 1e-12, torch.int64, 52, (-1022, 1024)),
}


class _Shape(NamedTuple):
    """Everything about the approximant that is not a coefficient."""

    odd: bool
    uniform: int  # uniform pieces, |x| < 12; 0: octave pieces everywhere
    right: int  # octave pieces with x > 0
    per_unit: int  # uniform pieces per unit
    octave_bits: int  # 2^octave_bits pieces per octave
    lowest: float  # |x| at which the octave pieces begin
    slope_max: float
    slope_end: float  # at infinity


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
    weights : SymmetricWeibull or SphericalMarginal
        The law that the weights of the *next* layer must have (`preactivations.init`).
    kind : {"odd", "positive"}

    Attributes
    ----------
    weights : WeightLaw
        As given.
    kind : {"odd", "positive"}
        As given.
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

    def __init__(self, weights: WeightLaw, kind: Kind = "odd") -> None:
        super().__init__()
        pair = GaussianPair(weights, kind)
        self.weights, self.kind = pair.weights, pair.kind
        self._shape: dict[torch.dtype, _Shape] = {}
        #: largest measured error of the table per dtype, without rounding
        self.error: dict[torch.dtype, float] = {}
        for dtype, form in _FORMATS.items():
            pieces = _piecewise.build(pair, form.degree, form.tolerance, form.exponents)
            columns = np.hstack([pieces.uniform, pieces.right, pieces.left])
            self.register_buffer(_buffer(dtype), torch.tensor(columns, dtype=dtype), persistent=False)
            steep = _piecewise.steep_at_zero(pair)
            self._shape[dtype] = _Shape(
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
        for dtype in _FORMATS:
            table = getattr(self, _buffer(dtype))
            setattr(self, _buffer(dtype), table.to(fn(table).device))
        return self

    def forward(self, x: Tensor) -> Tensor:
        """phi(x), elementwise: x of any shape and floating dtype, as the result; TypeError for others."""
        if not x.is_floating_point():
            raise TypeError(f"GaussianActivation needs a floating-point tensor, got {x.dtype}; use x.float()")
        dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
        table, shape = getattr(self, _buffer(dtype)), self._shape[dtype]
        floor = math.log(torch.finfo(x.dtype).tiny) + 0.1
        function = _CompiledPhi if torch.compiler.is_compiling() else _Phi
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
        if x.dtype not in _FORMATS:
            raise TypeError(f"values and value_and_slope need a float32 or float64 tensor, got {x.dtype}")
        floor = math.log(torch.finfo(x.dtype).tiny) + 0.1
        return _evaluate_in_chunks(x, getattr(self, _buffer(x.dtype)), self._shape[x.dtype], floor, order)


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
        if not 0 <= delta <= 1:
            raise ValueError(f"delta must be in [0, 1] (beyond it phi is not monotone), got {delta}")
        if not (omega > 0 and math.isfinite(omega)):
            raise ValueError(f"omega must be finite and > 0, got {omega}")
        self.delta, self.omega = float(delta), float(omega)

    def extra_repr(self) -> str:
        """The arguments, as `repr` shows them."""
        return f"delta={self.delta:g}, omega={self.omega:g}"

    def forward(self, x: Tensor) -> Tensor:
        """phi(x), elementwise: x of any shape and floating dtype, as the result."""
        # at 0 the logarithm of 1: phi is 0 and its derivative 1; at infinity the sine of 0
        a = torch.where((x == 0) | x.isinf(), 1.0, x.abs())
        return x * torch.exp(self.delta / self.omega * torch.sin(self.omega * torch.log(a)))


_BY_NAME: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


def activation(name: str, weights: WeightLaw | None = None) -> nn.Module:
    """Activation module by name.

    Parameters
    ----------
    name : str
        "odd" or "positive" (the exact activation that goes with `weights`), "oscillating_<omega>" (`Oscillating` with
        delta = .99), or one of "elu", "gelu", "identity", "relu", "silu", "softplus", "tanh".
    weights : WeightLaw, optional
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
    if name in ("odd", "positive"):
        if weights is None:
            raise ValueError(f"activation {name!r} goes with a law of weights: give weights=")
        return GaussianActivation(weights, cast(Kind, name))
    family, _, omega = name.partition("oscillating_")
    if not family and omega.replace(".", "", 1).isdigit():
        return Oscillating(omega=float(omega))
    if name not in _BY_NAME:
        accepted = ", ".join(map(repr, ["odd", "positive", "oscillating_<omega>", *_BY_NAME]))
        raise ValueError(f"unknown activation {name!r}; accepted: {accepted}")
    return _BY_NAME[name]()


def _buffer(dtype: torch.dtype) -> str:
    return f"_table_{dtype}".replace("torch.", "")


# -- the formulas ----------------------------------------------------------------------------------


def _whole(x: Tensor) -> bool:
    """Whether to run on the whole tensor (compiled, other devices) rather than in cache-sized pieces."""
    return torch.compiler.is_compiling() or x.device.type != "cpu"


def _locate(x: Tensor, shape: _Shape) -> tuple[Tensor, Tensor, Tensor | float]:
    """Number of the piece, position t in [0, 1) in it, and pieces per unit of x, signed as dt/dx is."""
    form = _FORMATS[x.dtype]
    if shape.uniform:
        u = (x.abs() if shape.odd else x) * shape.per_unit
        whole_part = u.floor()
        near_piece, near_t = whole_part.to(torch.int32), u.sub_(whole_part)
        if not shape.odd:
            near_piece += round(_piecewise.EDGE * shape.per_unit)
        if not _whole(x):
            low, high = x.aminmax()
            # NaN makes the comparisons false: it goes the long way, to a piece of its own
            if bool(low > -_piecewise.EDGE) and bool(high < _piecewise.EDGE):
                return near_piece, near_t, float(shape.per_unit)
    a = x.abs()
    bits = a.view(form.integer)
    shift = form.mantissa_bits - shape.octave_bits
    piece = (bits >> shift) + (shape.uniform - _octave_piece(shape, form))
    if not shape.odd:
        piece = piece + shape.right * (x < 0)
    t = (bits & ((1 << shift) - 1)).to(x.dtype) * 2.0**-shift
    octave = (bits & -(1 << form.mantissa_bits)).view(x.dtype)
    # subnormal numbers are spaced as the first normal octave is
    # (and at infinity the slope of the last piece is finite: see _piecewise)
    per_unit = 2.0**shape.octave_bits / octave.clamp(2.0 ** form.exponents[0], 2.0 ** (form.exponents[1] - 1))
    if not shape.odd:
        per_unit = torch.copysign(per_unit, x)
    if shape.uniform:
        near = a < _piecewise.EDGE
        piece = torch.where(near, near_piece, piece.to(torch.int32))
        t = torch.where(near, near_t, t)
        per_unit = torch.where(near, float(shape.per_unit), per_unit)
    return piece, t, per_unit


def _evaluate(x: Tensor, table: Tensor, shape: _Shape, floor: float, order: int) -> list[Tensor]:
    """[phi(x), phi'(x), phi''(x)][: order + 1] of a contiguous tensor."""
    piece, t, per_unit = _locate(x, shape)
    c = [row[piece] if _whole(x) else row.index_select(0, piece) for row in table]
    out = []
    for k in range(order + 1):  # Horner, keeping the quotients: their value is the next derivative / k!
        for i in range(len(c) - 2, k - 1, -1):
            c[i] = c[i].addcmul_(c[i + 1], t)
        out.append(c[k])
    if order >= 1:
        out[1] = out[1] * per_unit
    if order == 2:
        out[2] = out[2] * (2 * per_unit * per_unit)
    special = isinstance(per_unit, Tensor) and order >= 1
    if shape.odd:
        out[0] = torch.copysign(out[0], x)
        if order >= 1 and shape.slope_max < math.inf:
            if order == 2:
                out[2] = torch.where(out[1] < shape.slope_max, out[2], 0.0)
            out[1] = out[1].clamp_(max=shape.slope_max)
        if order == 2:
            out[2] = out[2] * torch.sign(x)
        return out
    # where phi is held at the smallest positive number: never for |x| < 12 and a floor below log phi(-12) = -75
    constant = out[0] < floor if special or (order and floor > -80) else None
    phi = out[0].clamp_(min=floor).exp_()
    if isinstance(per_unit, Tensor):
        phi = torch.where(x == -math.inf, 0.0, phi)
    if order == 2:
        out[2] = (out[2] + out[1] * out[1]) * phi
    if order >= 1:
        out[1] = out[1] * phi
    if constant is not None:
        out[1:] = [derivative.masked_fill_(constant, 0.0) for derivative in out[1:]]
    if special:
        out[1] = torch.where(x == math.inf, shape.slope_end, out[1])
        if order == 2:
            out[2] = torch.where(x == math.inf, 0.0, out[2])
    out[0] = phi
    return out


def _octave_piece(shape: _Shape, form: _Format) -> int:
    """Leading bits of `shape.lowest` as an integer: the number of its octave piece, up to a constant."""
    if shape.lowest == 0:
        return 0
    mantissa, exponent = math.frexp(shape.lowest)  # lowest = mantissa 2^exponent, mantissa in [1/2, 1)
    biased = exponent - form.exponents[0]
    return (biased << shape.octave_bits) + int((2 * mantissa - 1) * (1 << shape.octave_bits))


def _evaluate_in_chunks(x: Tensor, table: Tensor, shape: _Shape, floor: float, order: int) -> list[Tensor]:
    if _whole(x):
        return _evaluate(x, table, shape, floor, order)
    flat = x.reshape(-1)
    out = [torch.empty_like(flat) for _ in range(order + 1)]
    for start in range(0, flat.numel(), _CHUNK):
        part = flat[start : start + _CHUNK]
        for full, piece in zip(out, _evaluate(part, table, shape, floor, order), strict=True):
            full[start : start + _CHUNK] = piece
    return [full.view(x.shape) for full in out]


# -- autograd --------------------------------------------------------------------------------------


class _CompiledPhi(torch.autograd.Function):
    """x -> (phi(x), phi'(x)); the second output is kept for the backward pass only."""

    @staticmethod
    def forward(x: Tensor, table: Tensor, shape: _Shape, floor: float) -> tuple[Tensor, Tensor]:
        phi, slope = _evaluate_in_chunks(x, table, shape, floor, 1)
        return phi, slope

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        x, table, ctx.shape, ctx.floor = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, table, output[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return None, None, None, None
        x, table, slope = ctx.saved_tensors
        if torch.is_grad_enabled():
            slope = _Slope.apply(x, table, slope, ctx.shape, ctx.floor)
        return grads[0] * slope, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, *rest: Any) -> tuple[tuple[Tensor, Tensor], Any]:
        return _Phi.apply(x, *rest), in_dims[0]  # elementwise: the batch dimension is one more


class _Phi(_CompiledPhi):
    """With forward-mode derivatives, which the compiler does not take."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        _CompiledPhi.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[0], inputs[1], output[1])

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, *_: Any) -> tuple[Tensor, None]:
        x, table, slope = ctx.saved_tensors
        return x_tangent * _Slope.apply(x, table, slope, ctx.shape, ctx.floor), None


class _Slope(torch.autograd.Function):
    """x -> phi'(x), already known, with phi'' computed when it is asked for."""

    @staticmethod
    def forward(x: Tensor, table: Tensor, slope: Tensor, shape: _Shape, floor: float) -> Tensor:
        return slope.view_as(slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, table, _, ctx.shape, ctx.floor = inputs
        ctx.save_for_backward(x, table)
        ctx.save_for_forward(x, table)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return None, None, None, None, None
        x, table = ctx.saved_tensors
        return grads[0] * _Curvature.apply(x, table, ctx.shape, ctx.floor), None, None, None, None

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, *_: Any) -> Tensor:
        x, table = ctx.saved_tensors
        return x_tangent * _Curvature.apply(x, table, ctx.shape, ctx.floor)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], x: Tensor, table: Tensor, slope: Tensor, *rest: Any
    ) -> tuple[Tensor, Any]:
        return _Slope.apply(x, table, slope, *rest), in_dims[0]


class _Curvature(torch.autograd.Function):
    """x -> phi''(x); not differentiable further."""

    @staticmethod
    def forward(x: Tensor, table: Tensor, shape: _Shape, floor: float) -> Tensor:
        return _evaluate_in_chunks(x, table, shape, floor, 2)[2]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        raise NotImplementedError("GaussianActivation can be differentiated twice, not three times")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, *rest: Any) -> tuple[Tensor, Any]:
        return _Curvature.apply(x, *rest), in_dims[0]
