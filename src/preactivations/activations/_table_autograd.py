"""Tables of `pairs.table` in PyTorch, differentiable twice, by hand: inside `modules.TabulatedModule`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from preactivations.activations._table_evaluation import Shape, evaluate
from preactivations.forward_mode import differentiable, primals


class CompiledPhi(torch.autograd.Function):
    """x -> (phi(x), phi'(x)); the second output is kept for the backward pass only."""

    @staticmethod
    def forward(x: Tensor, table: Tensor, shape: Shape, floor: float) -> tuple[Tensor, Tensor]:
        phi, slope = evaluate(x, table, shape, floor, 1)
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
        return Phi.apply(x, *rest), in_dims[0]  # elementwise: the batch dimension is one more


class Phi(CompiledPhi):
    """With forward-mode derivatives, which the compiler does not take."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        CompiledPhi.setup_context(ctx, inputs, output)
        ctx.save_for_forward(inputs[0], inputs[1], output[1])

    @staticmethod
    @differentiable
    def jvp(ctx: Any, x_tangent: Tensor, *_: Any) -> tuple[Tensor, None]:
        return x_tangent * _Slope.apply(*primals(ctx), ctx.shape, ctx.floor), None


class _Slope(torch.autograd.Function):
    """x -> phi'(x), already known, with phi'' computed when it is asked for."""

    @staticmethod
    def forward(x: Tensor, table: Tensor, slope: Tensor, shape: Shape, floor: float) -> Tensor:
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
    @differentiable
    def jvp(ctx: Any, x_tangent: Tensor, *_: Any) -> Any:
        return x_tangent * _Curvature.apply(*primals(ctx), ctx.shape, ctx.floor)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], x: Tensor, table: Tensor, slope: Tensor, *rest: Any
    ) -> tuple[Tensor, Any]:
        return _Slope.apply(x, table, slope, *rest), in_dims[0]


class _Curvature(torch.autograd.Function):
    """x -> phi''(x); not differentiable further."""

    @staticmethod
    def forward(x: Tensor, table: Tensor, shape: Shape, floor: float) -> Tensor:
        return evaluate(x, table, shape, floor, 2)[2]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        raise NotImplementedError(TWICE)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        raise NotImplementedError(TWICE)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, *rest: Any) -> tuple[Tensor, Any]:
        return _Curvature.apply(x, *rest), in_dims[0]


TWICE = "GaussianActivation can be differentiated twice, not three times"
