"""Angles and their maps with gradients that stay finite where the formulas divide zero by zero."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from preactivations._arc_cosine import mapped_angle, rectified

__all__ = ["Angle", "AngularMap"]


class Angle(torch.autograd.Function):
    """Angle between x and y along the last dimension.

    d angle/dx = -(y/|y| - cos angle x/|x|) / (|x| sin angle); taken as 0 at the ends, where the angle has a kink but
    every kernel of degree 1 or 2 has not.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        unit_x, unit_y = (z / torch.linalg.vector_norm(z, dim=-1, keepdim=True) for z in (x, y))
        apart, together = (torch.linalg.vector_norm(z, dim=-1) for z in (unit_x - unit_y, unit_x + unit_y))
        return 2 * torch.atan2(apart, together)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        norm_x, norm_y = (torch.linalg.vector_norm(z, dim=-1, keepdim=True) for z in (x, y))
        unit_x, unit_y = x / norm_x, y / norm_y
        lost = unit_x - unit_y  # 1 - cos = |lost|^2 / 2, with the digits that 1 - x.y would lose
        versed = (lost * lost).sum(dim=-1, keepdim=True) / 2
        away_y, away_x = versed * unit_x - lost, versed * unit_y + lost  # y - cos x, x - cos y
        gradient = gradients[0][..., None]
        found = []
        for away, norm in ((away_y, norm_x), (away_x, norm_y)):
            square = (away * away).sum(dim=-1, keepdim=True)  # sin^2
            there = square > 0
            direction = torch.where(there, away, 0) / torch.where(there, square, 1).sqrt()
            found.append(-gradient * direction / norm)
        return found[0], found[1]


class AngularMap(torch.autograd.Function):
    """`_arc_cosine.mapped_angle`; derivative p^2 F_(p-1)(t) sin t / (F_p(0) sin t') and its limits at the ends."""

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
        there = (
            sine > torch.finfo(sine.dtype).eps ** 0.5
        )  # nearer to an end rounding would be divided by rounding
        below = rectified(angle, slope, degree - 1) * degree**2 / rectified(0.0, slope, degree)
        limit = math.sqrt(4 / 3) if degree == 2 else 1.0
        rate = torch.where(
            there, below * torch.sin(angle) / torch.where(there, sine, 1), limit * torch.sign(below)
        )
        return gradients[0] * rate, None, None
