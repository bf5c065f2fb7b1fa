"""Kernels, angles and their maps with gradients that stay right where the formulas divide zero by zero.

`Kernel` and `AngularMap` have second derivatives everywhere; `Angle` has a kink at 0 and pi, where it has none. Third
ones of kernels are refused.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from preactivations.forward_mode import differentiable, primals
from preactivations.kernels.arc_cosine import angular, holds, mapped_angle, rectified
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


def _along(gradient: Tensor, tangent: Tensor) -> Tensor:
    return (gradient * tangent).sum(dim=-1)


class _Rule(torch.autograd.Function):
    """A function whose rules are made of differentiable operations: PyTorch derives that for `vmap`."""

    generate_vmap_rule = True


class Angle(_Rule):
    """Angle between x and y along the last dimension; d angle/dx = -e/|x|, e the unit vector along y - cos x.

    Taken as 0 at the ends, where the angle has a kink and what is made of it, beyond degree 0, has none.
    """

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        return _angle(scaled(x)[0], scaled(y)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        in_x, in_y = _angle_gradient(x, y)
        gradient = gradients[0][..., None]
        return _reduced(gradient * in_x, x), _reduced(gradient * in_y, y)

    @staticmethod
    @differentiable
    def jvp(ctx: Any, x_tangent: Tensor, y_tangent: Tensor) -> Tensor:
        in_x, in_y = _angle_gradient(*primals(ctx))
        return _along(in_x, x_tangent) + _along(in_y, y_tangent)


def _angle_gradient(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    (unit_x, _), (unit_y, _) = scaled(x.detach()), scaled(y.detach())
    bent = (_normals(unit_x, unit_y)[0] != 0).any(dim=-1, keepdim=True)
    x, y = (_Bent.apply(z, bent) for z in torch.broadcast_tensors(x, y))
    (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
    e_x, e_y = _normals(unit_x, unit_y)
    return -e_x / norm_x[..., None], -e_y / norm_y[..., None]


class _Bent(_Rule):
    """x, with derivatives where the angle is neither 0 nor pi."""

    @staticmethod
    def forward(x: Tensor, bent: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.save_for_forward(inputs[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _refused(gradients[0], *ctx.saved_tensors), None

    @staticmethod
    @differentiable
    def jvp(ctx: Any, x_tangent: Tensor, _: Any) -> Tensor:
        return _refused(x_tangent, *ctx.saved_tensors)


def _refused(derivative: Tensor, bent: Tensor) -> Tensor:
    if not holds(bent):
        raise RuntimeError(
            "the angle has no second derivatives where it is 0 or pi: inputs are parallel (`kernel` of degree 1 or 2 "
            "has them)"
        )
    return torch.where(bent, derivative, math.nan)


class AngularMap(_Rule):
    """`arc_cosine.mapped_angle`; derivative p^2 F_(p-1)(t) sin t / (F_p(0) sin t') and its expansion at the ends."""

    @staticmethod
    def forward(angle: Tensor, slope: float, degree: int) -> Tensor:
        mapped: Tensor = mapped_angle(angle, slope, degree)
        return mapped

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        angle, ctx.slope, ctx.degree = inputs
        ctx.save_for_backward(angle)
        ctx.save_for_forward(angle)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (angle,) = ctx.saved_tensors
        return gradients[0] * _rate(angle, ctx.slope, ctx.degree), None, None

    @staticmethod
    @differentiable
    def jvp(ctx: Any, angle_tangent: Tensor, *_: Any) -> Tensor:
        (angle,) = primals(ctx)
        return angle_tangent * _rate(angle, ctx.slope, ctx.degree)


def _rate(angle: Tensor, slope: float, degree: int) -> Tensor:
    mapped: Tensor = AngularMap.apply(angle, slope, degree)  # anew, for second derivatives
    sine = torch.sin(mapped)
    if degree == 0:  # F_0 is linear in the angle; t' grows like sqrt(t) from 0
        return (1 - slope) ** 2 / math.pi / (1 + slope**2) / sine if slope != 1 else 0 * sine
    # nearer to an end rounding would be divided by rounding
    there = sine > torch.finfo(sine.dtype).eps ** 0.5
    below = rectified(angle, slope, degree - 1) * degree**2 / rectified(0.0, slope, degree)
    # at an end that is mapped to an end: t' = t - c t^2 in distances from them, or sqrt(4/3) t (degree 2)
    bend = 2 * (1 - slope) ** 2 / (1 + slope**2) / (3 * math.pi)
    distance = torch.minimum(angle, math.pi - angle)
    end = 1 - bend * distance if degree == 1 else torch.full_like(angle, math.sqrt(4 / 3))
    exact = below * torch.sin(angle) / torch.where(there, sine, 1)
    return torch.where(there, exact, end * torch.sign(below.detach()))


class Kernel(_Rule):
    """|x|^p |y|^p F_p of inputs that are not 0, p = 1 or 2.

    With g = (1 - a)^2/(2 pi): dK_1/dx = K_0 y + g sin t |y| x/|x|, and
    dK_2/dx = 4 K_1 y + 2 |y|^2 h(t) x with h = F_2 - 2 cos t F_1, smooth.
    """

    @staticmethod
    def forward(x: Tensor, y: Tensor, slope: float, degree: int) -> Tensor:
        (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
        value: Tensor = (norm_x * norm_y) ** degree * rectified(_angle(unit_x, unit_y), slope, degree)
        return value

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, y, ctx.slope, ctx.degree = inputs
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        gradient = gradients[0][..., None]
        in_x = _reduced(gradient * _partial(x, y, ctx.slope, ctx.degree), x)
        return in_x, _reduced(gradient * _partial(y, x, ctx.slope, ctx.degree), y), None, None

    @staticmethod
    @differentiable
    def jvp(ctx: Any, x_tangent: Tensor, y_tangent: Tensor, *_: Any) -> Tensor:
        x, y = primals(ctx)
        in_x = _along(_partial(x, y, ctx.slope, ctx.degree), x_tangent)
        return in_x + _along(_partial(y, x, ctx.slope, ctx.degree), y_tangent)


def _partial(one: Tensor, other: Tensor, slope: float, degree: int) -> Tensor:
    """Derivative of the kernel in `one`."""
    if degree == 1:
        first: Tensor = _FirstGradient.apply(one, other, slope)
        return first
    below: Tensor = Kernel.apply(one, other, slope, 1)
    smooth: Tensor = _Smooth.apply(one, other, slope)
    return 4 * below[..., None] * other + 2 * smooth[..., None] * one


class _FirstGradient(_Rule):
    """dK_1/dx, with both Hessians: g sin t |y|/|x| [1 - xx + e e'] in x, K_0 + g [y f' + x e'] in y.

    x, y of norm 1 there, e along y - cos t x, f along x - cos t y.
    """

    @staticmethod
    def forward(x: Tensor, y: Tensor, slope: float) -> Tensor:
        (unit_x, _), (unit_y, norm_y) = scaled(x), scaled(y)
        t = _angle(unit_x, unit_y)
        g = (1 - slope) ** 2 / (2 * math.pi)
        along_y, along_x = rectified(t, slope, 0), g * torch.sin(t)
        value: Tensor = norm_y[..., None] * (along_y[..., None] * unit_y + along_x[..., None] * unit_x)
        return value

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, y, ctx.slope = inputs
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        in_x, in_y, _ = _Hessian.apply(x, y, gradients[0], gradients[0], ctx.slope)
        return _reduced(in_x, x), _reduced(in_y, y), None

    @staticmethod
    @differentiable
    def jvp(ctx: Any, x_tangent: Tensor, y_tangent: Tensor, *_: Any) -> Tensor:
        x, y = primals(ctx)
        in_x, _, in_y = _Hessian.apply(x, y, x_tangent, y_tangent, ctx.slope)
        value: Tensor = in_x + in_y
        return value


class _Last(_Rule):
    """Second derivatives: not differentiable further."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise NotImplementedError(_TWICE)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError(_TWICE)


_TWICE = "kernels can be differentiated twice, not three times"


class _Hessian(_Last):
    """(v dG/dx, v dG/dy, dG/dy w) of G = dK_1/dx; dG/dx is symmetric."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, v: Tensor, w: Tensor, slope: float) -> tuple[Tensor, Tensor, Tensor]:
        (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
        t = _angle(unit_x, unit_y)
        g = (1 - slope) ** 2 / (2 * math.pi)
        e, f = _normals(unit_x, unit_y)
        both = rectified(t, slope, 0)[..., None]

        def along(direction: Tensor, vector: Tensor) -> Tensor:
            return _along(direction, vector)[..., None]

        in_x = v - along(unit_x, v) * unit_x + along(e, v) * e
        in_x = (g * torch.sin(t) * norm_y / norm_x)[..., None] * in_x
        in_y = both * v + g * (along(unit_y, v) * f + along(unit_x, v) * e)
        return in_x, in_y, both * w + g * (along(f, w) * unit_y + along(e, w) * unit_x)


class _Smooth(_Rule):
    """|y|^2 (F_2 - 2 cos t F_1), whose derivative in t is -(1 - a)^2 sin^2(t) / pi: 0 where the angle has its kinks."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, slope: float) -> Tensor:
        (unit_x, _), (unit_y, norm_y) = scaled(x), scaled(y)
        return norm_y**2 * _smooth_part(_angle(unit_x, unit_y), slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, y, ctx.slope = inputs
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        in_x, in_y = _SmoothGradient.apply(x, y, ctx.slope)
        v = gradients[0][..., None]
        return _reduced(v * in_x, x), _reduced(v * in_y, y), None

    @staticmethod
    @differentiable
    def jvp(ctx: Any, x_tangent: Tensor, y_tangent: Tensor, *_: Any) -> Tensor:
        in_x, in_y = _SmoothGradient.apply(*primals(ctx), ctx.slope)
        return _along(in_x, x_tangent) + _along(in_y, y_tangent)


class _SmoothGradient(_Last):
    """Both derivatives of `_Smooth`."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, slope: float) -> tuple[Tensor, Tensor]:
        (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
        t = _angle(unit_x, unit_y)
        e, f = _normals(unit_x, unit_y)
        turned = (1 - slope) ** 2 * torch.sin(t) ** 2 / math.pi * norm_y**2
        in_x = (turned / norm_x)[..., None] * e
        in_y = (turned / norm_y)[..., None] * f + 2 * (norm_y * _smooth_part(t, slope))[..., None] * unit_y
        return in_x, in_y


def _smooth_part(t: Tensor, slope: float) -> Tensor:
    """F_2 - 2 cos t F_1 = (1 + a^2) m(t) + 2 a m(pi - t), m = k_0 + sin t cos t / (2 pi)."""
    wave = torch.sin(t) * torch.cos(t) / (2 * math.pi)
    same = angular(t, 0) + wave
    return (1 + slope**2) * same + 2 * slope * (0.5 - angular(t, 0) - wave)
