"""Kernels, angles and their maps with gradients that stay right where the formulas divide zero by zero.

`Kernel` and `AngularMap` have second derivatives everywhere; `Angle` has a kink at 0 and pi, where it has none.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from preactivations.kernels.arc_cosine import angular, mapped_angle, rectified
from preactivations.kernels.inputs import scaled

__all__ = ["Angle", "AngularMap", "Kernel"]

_ROUNDING = 16.0  # a difference of unit vectors below that many units of rounding is none


def _angle(unit_x: Tensor, unit_y: Tensor) -> Tensor:
    apart, together = (torch.linalg.vector_norm(z, dim=-1) for z in (unit_x - unit_y, unit_x + unit_y))
    return 2 * torch.atan2(apart, together)


def _normals(unit_x: Tensor, unit_y: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors along y - cos x and x - cos y, 0 where x and y are parallel up to rounding."""
    lost = unit_x - unit_y  # 1 - cos = |lost|^2 / 2, with the digits that 1 - x.y would lose
    versed = (lost * lost).sum(dim=-1, keepdim=True) / 2
    found = []
    for away in (versed * unit_x - lost, versed * unit_y + lost):
        square = (away * away).sum(dim=-1, keepdim=True)  # sin^2
        there = square > (_ROUNDING * torch.finfo(square.dtype).eps) ** 2
        found.append(torch.where(there, away, 0) / torch.where(there, square, 1).sqrt())
    return found[0], found[1]


def _reduced(gradient: Tensor, like: Tensor) -> Tensor:
    return gradient.sum_to_size(like.shape)


class Angle(torch.autograd.Function):
    """Angle between x and y along the last dimension; d angle/dx = -e/|x|, e the unit vector along y - cos x.

    Taken as 0 at the ends, where the angle has a kink and what is made of it, beyond degree 0, has none.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return _angle(scaled(x)[0], scaled(y)[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
        e_x, e_y = _normals(unit_x, unit_y)
        if torch.is_grad_enabled() and not (e_x != 0).any(dim=-1).all():  # create_graph
            raise RuntimeError(
                "the angle has no second derivatives where it is 0 or pi: inputs are parallel (`kernel` of degree 1 "
                "or 2 has them)"
            )
        gradient = gradients[0][..., None]
        return (
            _reduced(-gradient * e_x / norm_x[..., None], x),
            _reduced(-gradient * e_y / norm_y[..., None], y),
        )


class AngularMap(torch.autograd.Function):
    """`arc_cosine.mapped_angle`; derivative p^2 F_(p-1)(t) sin t / (F_p(0) sin t') and its expansion at the ends."""

    @staticmethod
    def forward(ctx: Any, angle: Tensor, slope: float, degree: int) -> Tensor:
        ctx.save_for_backward(angle)
        ctx.slope, ctx.degree = slope, degree
        return mapped_angle(angle, slope, degree)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (angle,) = ctx.saved_tensors
        slope, degree = ctx.slope, ctx.degree
        mapped: Tensor = AngularMap.apply(angle, slope, degree)  # anew, for second derivatives
        sine = torch.sin(mapped)
        if degree == 0:  # F_0 is linear in the angle; t' grows like sqrt(t) from 0
            rate = (1 - slope) ** 2 / math.pi / (1 + slope**2) / sine if slope != 1 else 0 * sine
            return gradients[0] * rate, None, None
        # nearer to an end rounding would be divided by rounding
        there = sine > torch.finfo(sine.dtype).eps ** 0.5
        below = rectified(angle, slope, degree - 1) * degree**2 / rectified(0.0, slope, degree)
        # at an end that is mapped to an end: t' = t - c t^2 in distances from them, or sqrt(4/3) t (degree 2)
        bend = 2 * (1 - slope) ** 2 / (1 + slope**2) / (3 * math.pi)
        distance = torch.minimum(angle, math.pi - angle)
        end = 1 - bend * distance if degree == 1 else torch.full_like(angle, math.sqrt(4 / 3))
        exact = below * torch.sin(angle) / torch.where(there, sine, 1)
        return gradients[0] * torch.where(there, exact, end * torch.sign(below.detach())), None, None


class Kernel(torch.autograd.Function):
    """|x|^p |y|^p F_p of inputs that are not 0, p = 1 or 2.

    With g = (1 - a)^2/(2 pi): dK_1/dx = K_0 y + g sin t |y| x/|x|, and
    dK_2/dx = 4 K_1 y + 2 |y|^2 h(t) x with h = F_2 - 2 cos t F_1, smooth.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, slope: float, degree: int) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.slope, ctx.degree = slope, degree
        (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
        return (norm_x * norm_y) ** degree * rectified(_angle(unit_x, unit_y), slope, degree)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        slope, degree = ctx.slope, ctx.degree
        gradient = gradients[0][..., None]
        found = []
        for one, other in ((x, y), (y, x)):
            if degree == 1:
                partial = _FirstGradient.apply(one, other, slope)
            else:
                first = Kernel.apply(one, other, slope, 1)[..., None]
                partial = 4 * first * other + 2 * _Smooth.apply(one, other, slope)[..., None] * one
            found.append(_reduced(gradient * partial, one))
        return found[0], found[1], None, None


class _FirstGradient(torch.autograd.Function):
    """dK_1/dx, with both Hessians: g sin t |y|/|x| [1 - xx + e e'] in x, K_0 + g [y f' + x e'] in y.

    x, y of norm 1 there, e along y - cos t x, f along x - cos t y.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.slope = slope
        (unit_x, _), (unit_y, norm_y) = scaled(x), scaled(y)
        t = _angle(unit_x, unit_y)
        g = (1 - slope) ** 2 / (2 * math.pi)
        along_y, along_x = rectified(t, slope, 0), g * torch.sin(t)
        return norm_y[..., None] * (along_y[..., None] * unit_y + along_x[..., None] * unit_x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        v = gradients[0]
        (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
        t = _angle(unit_x, unit_y)
        g = (1 - ctx.slope) ** 2 / (2 * math.pi)
        e, f = _normals(unit_x, unit_y)

        def along(w: Tensor) -> Tensor:
            return (v * w).sum(dim=-1, keepdim=True)

        in_x = v - along(unit_x) * unit_x + along(e) * e
        in_x = (g * torch.sin(t) * norm_y / norm_x)[..., None] * in_x
        in_y = rectified(t, ctx.slope, 0)[..., None] * v + g * (along(unit_y) * f + along(unit_x) * e)
        return _reduced(in_x, x), _reduced(in_y, y), None


class _Smooth(torch.autograd.Function):
    """|y|^2 (F_2 - 2 cos t F_1), whose derivative in t is -(1 - a)^2 sin^2(t) / pi: 0 where the angle has its kinks."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.slope = slope
        (unit_x, _), (unit_y, norm_y) = scaled(x), scaled(y)
        return norm_y**2 * _smooth_part(_angle(unit_x, unit_y), slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
        t = _angle(unit_x, unit_y)
        e, f = _normals(unit_x, unit_y)
        turned = (1 - ctx.slope) ** 2 * torch.sin(t) ** 2 / math.pi * norm_y**2
        in_x = (turned / norm_x)[..., None] * e
        in_y = (turned / norm_y)[..., None] * f + 2 * (norm_y * _smooth_part(t, ctx.slope))[
            ..., None
        ] * unit_y
        v = gradients[0][..., None]
        return _reduced(v * in_x, x), _reduced(v * in_y, y), None


def _smooth_part(t: Tensor, slope: float) -> Tensor:
    """F_2 - 2 cos t F_1 = (1 + a^2) m(t) + 2 a m(pi - t), m = k_0 + sin t cos t / (2 pi)."""
    wave = torch.sin(t) * torch.cos(t) / (2 * math.pi)
    same = angular(t, 0) + wave
    return (1 + slope**2) * same + 2 * slope * (0.5 - angular(t, 0) - wave)
