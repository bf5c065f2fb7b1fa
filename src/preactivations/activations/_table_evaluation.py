"""Tables of `pairs.table` evaluated in PyTorch, with two derivatives by hand: inside `modules.TabulatedModule`.

Eager CPU calls go through the input in pieces that stay in the second-level cache and keep the derivative for the
backward pass; in float32 one compiled loop does it (`_table_loops`), where Numba is installed. On other devices, and
where the operations are recorded (compilation, export, FX, fake tensors), the same formulas run on whole tensors,
without a look at the values. A recorded formula is differentiable itself, to the same slopes: whatever differentiates
a graph, in either mode, sees polynomials of x and no integers.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from preactivations.loops import loop
from preactivations.pairs.table import EDGE, Pieces, TabulatedActivation

_CHUNK = 1 << 15  # elements
_CUBIC = "preactivations.activations._table_loops:cubic"


class Format(NamedTuple):
    """The layout of a floating-point format, and where the slope of an infinitely steep phi is cut."""

    slope_cut: float  # at its value here
    integer: torch.dtype
    mantissa_bits: int
    exponents: tuple[int, int]


FORMATS = {
    torch.float32: Format(1e-6, torch.int32, 23, (-126, 128)),
    torch.float64: Format(1e-12, torch.int64, 52, (-1022, 1024)),
}


class Shape(NamedTuple):
    """Everything about a table that is not a coefficient."""

    odd: bool
    uniform: int  # uniform pieces, |x| < 12; 0: octave pieces everywhere
    right: int  # octave pieces with x > 0
    per_unit: int  # uniform pieces per unit
    octave_bits: int  # 2^octave_bits pieces per octave
    lowest: float  # |x| at which the octave pieces begin
    end: float  # and end
    power: float  # of phi below the octaves, if these begin above 0
    growth: float  # and beyond
    slope_max: float
    slope_end: float  # at infinity


def shape_of(table: TabulatedActivation, dtype: torch.dtype) -> Shape:
    pieces = pieces_of(table, dtype)
    return Shape(
        table.kind == "odd",
        pieces.uniform.shape[1],
        pieces.right.shape[1],
        pieces.per_unit,
        pieces.octave_bits,
        pieces.lowest,
        pieces.end,
        table.power,
        table.growth,
        float(table.dphi(FORMATS[dtype].slope_cut)) if table.power < 1 else math.inf,
        table.slopes[1],
    )


def pieces_of(table: TabulatedActivation, dtype: torch.dtype) -> Pieces:
    return table.float32 if dtype == torch.float32 else table.float64


def columns_of(table: TabulatedActivation, dtype: torch.dtype) -> NDArray[Any]:
    """All coefficients, shape (degree + 1, pieces): uniform pieces, octaves to the right, octaves to the left."""
    pieces = pieces_of(table, dtype)
    with np.errstate(over="ignore"):  # of pieces next to the largest number
        return np.hstack([pieces.uniform, pieces.right, pieces.left]).astype(
            str(dtype).removeprefix("torch.")
        )


def is_recorded(x: Tensor) -> bool:
    """Whether operations on `x` become part of a graph, or `x` has no values."""
    return (
        torch.compiler.is_compiling()
        or type(x) not in (Tensor, nn.Parameter)
        or _get_current_dispatch_mode() is not None
    )


class _Place(NamedTuple):
    piece: Tensor
    t: Tensor  # position in the piece, in [0, 1)
    per_unit: Tensor | float  # pieces per unit of x, signed as dt/dx is
    # |x| over the nearest number that a piece has; None if all numbers are in pieces
    ratio: Tensor | None = None


def _locate(x: Tensor, shape: Shape, recorded: bool) -> _Place:
    form = FORMATS[x.dtype]
    if shape.uniform:
        u = (_magnitude(x, recorded) if shape.odd else x) * shape.per_unit
        whole_part = u.floor()
        near_piece = whole_part.to(torch.int32)
        near_t = u - whole_part if recorded else u.sub_(whole_part)
        if not shape.odd:
            near_piece = near_piece + round(EDGE * shape.per_unit)
        if not recorded and x.device.type == "cpu" and not torch.compiler.is_compiling():
            low, high = x.aminmax()
            # NaN makes the comparisons false: it goes the long way, to a piece of its own
            if bool(low > -EDGE) and bool(high < EDGE):
                return _Place(near_piece, near_t, float(shape.per_unit))
    a, ratio = _magnitude(x, recorded), None
    if shape.end < math.inf:
        # ONNX may round the bound to float32; phi is a power from a little before the end on
        last = shape.end * (1 - 2.0**-20) if torch.onnx.is_in_onnx_export() else math.nextafter(shape.end, 0)
        within = a.clamp(shape.lowest, last).nan_to_num(shape.lowest)
        ratio = a / within
        if shape.uniform:  # what has such a piece is 1 from here on
            ratio = torch.where(a < EDGE, 1.0, ratio)
        a = within
    if recorded and torch.onnx.is_in_onnx_export():
        number, octave, t = _octaves_by_logarithm(a, shape, form)
    else:
        bits = (a.detach().abs() if recorded else a).view(form.integer)  # abs: of a negative zero
        shift = form.mantissa_bits - shape.octave_bits
        number = bits >> shift
        octave = (bits & -(1 << form.mantissa_bits)).view(x.dtype)
        # subnormal numbers are spaced as the first normal octave is
        # (and at infinity the slope of the last piece is finite)
        octave = octave.clamp(2.0 ** form.exponents[0], 2.0 ** (form.exponents[1] - 1))
        if recorded:  # from the left edge of the piece: the same number, as a function of x
            edge = (number << shift).view(x.dtype)
            t = torch.where(a.isinf(), 0.0, (a - edge) / octave * 2.0**shape.octave_bits)
        else:
            t = (bits & ((1 << shift) - 1)).to(x.dtype) * 2.0**-shift
    piece = number + (shape.uniform - _octave_piece(shape, form))
    if not shape.odd:
        piece = piece + shape.right * (x < 0)
    per_unit = 2.0**shape.octave_bits / octave
    if not shape.odd:
        per_unit = per_unit * _sign(x) if recorded else torch.copysign(per_unit, x)
    if shape.uniform:
        near = x.abs() < EDGE
        piece = torch.where(near, near_piece, piece.to(torch.int32))
        t = torch.where(near, near_t, t)
        per_unit = torch.where(near, float(shape.per_unit), per_unit)
    return _Place(piece, t, per_unit, ratio)


def _octaves_by_logarithm(a: Tensor, shape: Shape, form: Format) -> tuple[Tensor, Tensor, Tensor]:
    """(number of the octave piece, its octave, t) of |x| for ONNX, which has no integer view of a number."""
    lowest, highest = form.exponents[0], form.exponents[1] - 1
    finite = (
        a.detach().nan_to_num(1.0).clamp(2.0**lowest, torch.finfo(a.dtype).max)
    )  # NaN is put back at the end
    exponent = finite.log2().floor()
    # a logarithm next to a power of 2 may be rounded to the other side of it
    exponent = exponent - (exponent.exp2() > finite).to(a.dtype)
    exponent = (exponent + (2 * exponent.exp2() <= finite).to(a.dtype)).clamp(lowest, highest)
    octave = exponent.exp2()
    place = a / octave * 2.0**shape.octave_bits
    whole_part = place.detach().nan_to_num(0.0, 0.0).floor()
    number = (exponent - lowest) * 2.0**shape.octave_bits + whole_part
    beyond = (form.exponents[1] + 1 - lowest) << shape.octave_bits  # the piece of infinity
    infinite = a.isinf()
    number = torch.where(infinite, float(beyond), number).to(form.integer)
    return number, octave, torch.where(infinite, 0.0, place - whole_part)


def _magnitude(x: Tensor, recorded: bool) -> Tensor:
    """|x|; its derivative is 1 at 0 where it is recorded, as that of an odd phi needs."""
    return x * _sign(x) if recorded else x.abs()


def _sign(x: Tensor) -> Tensor:
    return torch.where(x < 0, -1.0, 1.0).to(x.dtype)


def _evaluate(
    x: Tensor, table: Tensor, shape: Shape, floor: float, order: int, recorded: bool = False
) -> list[Tensor]:
    """[phi(x), phi'(x), phi''(x)][: order + 1]."""
    place = _locate(x, shape, recorded)
    out = _derivatives(x, place, table, shape, floor, order, recorded)
    if not isinstance(place.per_unit, Tensor):
        return out  # the short way, all numbers in uniform pieces, has no NaN
    if recorded:
        factor = torch.where(x.isnan(), math.nan, 1.0).to(x.dtype)  # of the derivative too
        return [d * factor for d in out]
    return [torch.where(x.isnan(), x, d) for d in out]


def _differentiable(x: Tensor, table: Tensor, shape: Shape, floor: float, order: int) -> list[Tensor]:
    """`_evaluate` for a graph: the derivatives of its phi are those that `Phi` has.

    Two places are no part of the polynomials, and kept from them: infinities, and 0 where phi' is infinite there.
    """
    infinite, cut = x.isinf(), x.abs() < FORMATS[x.dtype].slope_cut
    steep = shape.slope_max < math.inf
    inside = torch.where(infinite | cut if steep else infinite, x.detach(), x)
    phi, *slopes = _evaluate(inside, table, shape, floor, order, recorded=True)
    if steep:
        phi = torch.where(cut, phi.detach() + shape.slope_max * (x - x.detach()), phi)
    end = x * shape.slope_end if shape.slope_end else phi.detach()  # if there is a slope, phi is infinite
    if not shape.odd:
        end = torch.where(x > 0, end, 0.0)
    return [torch.where(infinite, end, phi), *slopes]


def _derivatives(
    x: Tensor, place: _Place, table: Tensor, shape: Shape, floor: float, order: int, recorded: bool
) -> list[Tensor]:
    piece, t, per_unit, ratio = place
    if recorded or x.dim() != 1:  # a piece without dimensions would be taken for a number
        place_of = piece[None].long() if torch.onnx.is_in_onnx_export() else piece[None]
        c = [row[place_of][0] for row in table]
    else:  # in less time
        c = [row.index_select(0, piece) for row in table]
    out = []
    for k in range(order + 1):  # Horner, keeping the quotients: their value is the next derivative / k!
        for i in range(len(c) - 2, k - 1, -1):
            c[i] = c[i].addcmul(c[i + 1], t) if recorded else c[i].addcmul_(c[i + 1], t)
        out.append(c[k])
    if order >= 1:
        out[1] = out[1] * per_unit
    if order == 2:
        out[2] = out[2] * (2 * per_unit * per_unit)
    special = isinstance(per_unit, Tensor) and order >= 1
    if ratio is not None:
        _beyond(x, ratio, shape, out)
    if shape.odd:
        out[0] = out[0] * _sign(x) if recorded else torch.copysign(out[0], x)
        if order >= 1 and shape.slope_max < math.inf:
            if order == 2:
                out[2] = torch.where(out[1] < shape.slope_max, out[2], 0.0)
            out[1] = out[1].clamp_(max=shape.slope_max)
        if order == 2:
            out[2] = out[2] * torch.sign(x)
        return out
    # where phi is held at the smallest positive number: never for |x| < 12 and a floor below log phi(-12) = -75
    constant = out[0] < floor if special or (order and floor > -80) else None
    phi = out[0].clamp(min=floor).exp() if recorded else out[0].clamp_(min=floor).exp_()
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


def _beyond(x: Tensor, ratio: Tensor, shape: Shape, out: list[Tensor]) -> None:
    """From the ends of the octaves to powers of |x|: phi (odd), or log phi, which has underflowed to the left."""
    if not shape.odd:
        if shape.growth:  # else 0 times infinity
            out[0] = out[0] + torch.where(x > 0, shape.growth * ratio.log(), 0.0)
        out[1:] = [derivative / ratio**k for k, derivative in enumerate(out[1:], 1)]
        return
    out[:] = [
        derivative * torch.where(ratio > 1, ratio ** (shape.growth - k), ratio ** (shape.power - k))
        for k, derivative in enumerate(out)
    ]
    if len(out) > 1:
        out[1] = torch.where(x.isinf(), shape.slope_end, out[1])


def _octave_piece(shape: Shape, form: Format) -> int:
    """Leading bits of `shape.lowest` as an integer: the number of its octave piece, up to a constant."""
    if shape.lowest == 0:
        return 0
    mantissa, exponent = math.frexp(shape.lowest)  # lowest = mantissa 2^exponent, mantissa in [1/2, 1)
    biased = exponent - form.exponents[0]
    return (biased << shape.octave_bits) + int((2 * mantissa - 1) * (1 << shape.octave_bits))


def evaluate(x: Tensor, table: Tensor, shape: Shape, floor: float, order: int) -> list[Tensor]:
    """[phi(x), phi'(x), phi''(x)][: order + 1], new tensors laid out as `x`."""
    if is_recorded(x):
        if order and torch.compiler.is_compiling():
            from preactivations.activations._compiling import is_differentiated_further

            if not is_differentiated_further():
                return _evaluate(x, table, shape, floor, order)
        return _differentiable(x, table, shape, floor, order)
    if x.device.type != "cpu":
        return _evaluate(x, table, shape, floor, order)
    out = [torch.empty_like(x) for _ in range(order + 1)]
    if out[0].stride() != x.stride():
        x = x.clone()  # dense, with the strides of `out`
    # in the order of the memory
    flat, *results = (z.as_strided((z.numel(),), (1,)) for z in (x, *out))
    for start in range(0, flat.numel(), _CHUNK):
        part, *parts = (z[start : start + _CHUNK] for z in (flat, *results))
        if not _in_loop(part, table, shape, floor, parts):
            for full, piece in zip(parts, _evaluate(part, table, shape, floor, order), strict=True):
                full.copy_(piece)
    return out


def _in_loop(x: Tensor, table: Tensor, shape: Shape, floor: float, out: list[Tensor]) -> bool:
    """[phi(x), phi'(x)][: len(out)] into `out`, all flat; False if it is not for the loop: `out` is then of no use."""
    cubic = x.dtype == torch.float32 and len(table) == 4 and len(out) <= 2
    # a floor that |x| < 12 meets is that of half precision
    if not (cubic and shape.uniform and floor < -80) or (fill := loop(_CUBIC)) is None:
        return False
    value, slope = out if len(out) == 2 else (out[0], out[0][:0])
    end = round(EDGE * shape.per_unit)
    numbers = np.float32(shape.per_unit), np.int32(0 if shape.odd else -end), np.int32(end)
    if not fill(x.numpy(), table.numpy(), shape.odd, *numbers, value.numpy(), slope.numpy()):
        return False
    if not shape.odd:
        value.clamp_(min=floor).exp_()
        slope.mul_(value[: len(slope)])
    elif shape.slope_max < math.inf:
        slope.clamp_(max=shape.slope_max)
    return True
