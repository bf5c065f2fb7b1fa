"""Gradients of kernels and angles: differences, closed forms where the formulas divide zero by zero, types of input."""

import functools
import math

import numpy as np
import pytest
import torch

from preactivations.kernels import maps as kernels
from preactivations.kernels.arc_cosine import angular
from preactivations.kernels.clt import clt_correction
from preactivations.kernels.finite_width import finite_width_variance, log_angle_moments
from preactivations.kernels.maps import Rectified, angular_map, kernel


@pytest.mark.parametrize("name", ["relu", "leaky_relu_0.3", "absolute", "squared_relu", "step"])
def test_gradients_of_the_kernel(name):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(4, 5, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))
    np.testing.assert_allclose(
        kernel(x, y, activation=name).detach().numpy(),
        kernel(x.detach().numpy(), y.detach().numpy(), activation=name),
        rtol=1e-13,
    )
    assert torch.autograd.gradcheck(lambda x, y: kernel(x, y, activation=name), (x, y))
    assert torch.autograd.gradgradcheck(lambda x, y: kernel(x, y, activation=name), (x, y))


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("slope", [0.0, 0.2, -0.5, -1.0, 1.0])
def test_gradients_of_the_map(slope, degree):
    t = torch.tensor([0.3, 1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: angular_map(t, slope, degree), (t,))
    assert torch.autograd.gradgradcheck(lambda t: angular_map(t, slope, degree), (t,))


def test_gradients_at_the_ends():
    ends = torch.tensor([0.0, math.pi], dtype=torch.float64, requires_grad=True)
    for slope, degree, expected in (
        (0.0, 1, [1.0, 0.0]),
        (0.2, 1, [1.0, 0.0]),
        (1.0, 1, [1.0, 1.0]),
        (-1.0, 1, [1.0, -1.0]),
        (0.0, 2, [math.sqrt(4 / 3), 0.0]),
        (-1.0, 2, [math.sqrt(4 / 3)] * 2),
    ):
        (found,) = torch.autograd.grad(angular_map(ends, slope, degree).sum(), ends)
        # next to an end, by differences of the float64 map
        step = 1e-6
        near = [
            (float(angular_map(step, slope, degree)) - float(angular_map(0.0, slope, degree))) / step,
            (float(angular_map(math.pi, slope, degree)) - float(angular_map(math.pi - step, slope, degree)))
            / step,
        ]
        assert found.tolist() == pytest.approx(expected, abs=1e-12)
        assert near == pytest.approx(expected, abs=1e-5)
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(kernel(x, x).sum(), x)
    torch.testing.assert_close(gradient, x.detach())  # of |x|^2 / 2
    both = torch.stack([x[0], x[0], -x[0]])
    (gradient,) = torch.autograd.grad(kernels.gram(both, 3).sum(), x)
    assert torch.isfinite(gradient).all()


def test_second_derivatives_of_equal_inputs():
    """K_1 = (A B)^(1/2) F_1 has d2K/dxdy = K_0 and d2K/dx2 = 0 at y = x; elsewhere differences of the gradient."""
    x = torch.tensor([0.3, 0.4, 1.2], dtype=torch.float64)
    for slope in (0.0, 0.2):
        phi = Rectified(slope)
        (xx, xy), _ = torch.autograd.functional.hessian(
            lambda a, b, phi=phi: kernel(a, b, activation=phi), (x, x.clone())
        )
        torch.testing.assert_close(
            xy, (1 + slope**2) / 2 * torch.eye(3, dtype=torch.float64), atol=1e-14, rtol=0
        )
        torch.testing.assert_close(xx, torch.zeros(3, 3, dtype=torch.float64), atol=1e-14, rtol=0)
    for degree in (1, 2):
        for y in (x, 3 * x, -x, x + 1e-5, x.flip(0)):
            y = y.clone()

            def gradient(a, y=y, degree=degree):
                a = a.clone().requires_grad_()
                return torch.autograd.grad(kernel(a, y, activation=Rectified(0.1, degree)), a)[0]

            (xx, _), _ = torch.autograd.functional.hessian(
                lambda a, b, degree=degree: kernel(a, b, activation=Rectified(0.1, degree)), (x, y)
            )
            step = 1e-6
            for k in range(3):
                shift = step * torch.eye(3, dtype=torch.float64)[k]
                column = (gradient(x + shift) - gradient(x - shift)) / (2 * step)
                torch.testing.assert_close(xx[:, k], column, atol=1e-5, rtol=1e-5)
    y = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(kernels.angle_between(y, 2 * x), y, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivatives where it is 0 or pi"):
        torch.autograd.grad(gradient.sum(), y)


def test_second_derivatives_of_the_map_at_the_ends():
    """t' = t - c t^2: -2 c at 0, whatever the precision."""
    for dtype in (torch.float64, torch.float32):
        for slope in (0.0, 0.2, -1.0):
            for at in (0.0, 1e-9):
                t = torch.tensor(at, dtype=dtype, requires_grad=True)
                (rate,) = torch.autograd.grad(angular_map(t, slope), t, create_graph=True)
                (bend,) = torch.autograd.grad(rate, t)
                assert bend.item() == pytest.approx(-2 * kernels.fixed_point_rate(slope), rel=1e-5)


def test_angles_of_parallel_inputs_have_gradient_zero():
    """Not a unit vector of rounding noise."""
    x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64, requires_grad=True)
    for factor in (1.0, 3.0, 7.0, -1.0, -0.1):
        y = (factor * x).detach()
        (gradient,) = torch.autograd.grad(kernels.angle_between(x, y), x)
        assert (gradient == 0).all(), factor
        (gradient,) = torch.autograd.grad(kernel(x, y, activation="step"), x)
        assert (gradient == 0).all(), factor


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_norms_beyond_the_range_of_squares(make):
    double = {} if make is np.array else {"dtype": torch.float64}
    assert float(kernel(make([1e-200, 0.0], **double), make([1e200, 0.0], **double))) == pytest.approx(0.5)
    assert float(kernel(make([1e-170, 1e-170], **double), make([1e200, 0.0], **double))) == pytest.approx(
        1e30 * float(kernel([1.0, 1.0], [1.0, 0.0]))
    )
    assert float(
        kernels.angle_between(make([1e200, 0.0], **double), make([1e200, 1e200], **double))
    ) == pytest.approx(math.pi / 4)
    if make is torch.tensor:
        for size in (1e25, 1e-30):
            x, y = torch.tensor([size, 0.0]), torch.tensor([size, size])
            assert kernels.angle_between(x, y).item() == pytest.approx(math.pi / 4, rel=1e-6)
    assert float(clt_correction([1e200, 0.0], [1e-200, 1e-200], 0, 1)) == pytest.approx(
        float(clt_correction([1.0, 0.0], [1.0, 1.0], 0, 1)), rel=1e-12
    )


def test_types_of_input():
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0], dtype=torch.float64)
    assert kernel(x, y).dtype == kernel(y, x).dtype == torch.float64
    assert kernel([1, 0], x).item() == pytest.approx(float(kernel([1, 0], [1, 2])), rel=1e-6)
    assert kernel(torch.tensor([1, 2]), torch.tensor([2, 1])).dtype == torch.float32
    assert angular_map(np.float32(np.pi)) == math.pi / 2
    assert angular_map(torch.tensor(np.float32(np.pi))).item() == pytest.approx(math.pi / 2)
    assert kernel([3.0, 4.0], [1.0, 0.0], "sphere", "squared_relu") == pytest.approx(
        float(kernel([3.0, 4.0], [1.0, 0.0], activation="squared_relu")) * 2 / 4
    ), "E|w|^4 = m^2 against m (m + 2)"
    assert kernels.gram(np.zeros((0, 3))).shape == (0, 0)
    assert np.isnan(kernels.angle_if_alive([[0.0, 0.0], [1.0, 0.0]], [1.0, 1.0])).tolist() == [True, False]


def test_tensors_keep_dtype_and_gram_has_gradients():
    x = torch.randn(5, 3, requires_grad=True)
    matrix = kernels.gram(x, 2)
    assert matrix.dtype == torch.float32
    assert kernels.iterate(torch.tensor([0.5, 1.0]), 3).shape == (4, 2)
    y = x.detach().double().requires_grad_()
    assert torch.autograd.gradcheck(lambda y: kernels.gram(y, 2, slope=0.1), (y,))
    zero = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(kernel(zero, torch.ones(3, dtype=torch.float64)), zero)
    assert torch.isfinite(gradient).all()


def test_gradients_of_the_correction():
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(3, 6, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))
    for slope in (0.0, 0.3):
        np.testing.assert_allclose(
            clt_correction(x, y, 2, 6, slope).detach().numpy(),
            clt_correction(x.detach().numpy(), y.detach().numpy(), 2, 6, slope),
            rtol=1e-12,
        )
        assert torch.autograd.gradcheck(lambda x, y, slope=slope: clt_correction(x, y, 2, 6, slope), (x, y))
    both = torch.stack([x[0], x[0]])
    (gradient,) = torch.autograd.grad(
        clt_correction(both[0], torch.stack([both[1], -both[1]]), 2, 6).sum(), x
    )
    assert torch.isfinite(gradient).all()


FUNCTIONS = {
    "angle": kernels.angle_between,
    "step": lambda x, y: kernel(x, y, activation="step"),
    "relu": kernel,
    "leaky_relu": lambda x, y: kernel(x, y, activation="leaky_relu_0.3"),
    "squared_relu": lambda x, y: kernel(x, y, activation="squared_relu"),
    "iterate": lambda x, y: kernels.iterate(kernels.angle_between(x, y), 3, 0.2)[-1],
    "gram": lambda x, y: kernels.gram(torch.stack([x, y]), 2)[0, 1],
    "correction": lambda x, y: clt_correction(x, y, 1.0, 2.0),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_transforms(function):
    """Batches against loops, and all mixtures of forward and reverse mode against reverse mode."""
    generator = torch.Generator().manual_seed(2)
    x, y, tangent = torch.randn(3, 4, 5, dtype=torch.float64, generator=generator)
    close = functools.partial(torch.testing.assert_close, rtol=1e-10, atol=1e-12)
    values, gradients = [], []
    for one, other in zip(x, y, strict=True):
        pair = one.clone().requires_grad_(), other.clone().requires_grad_()
        values.append(function(*pair))
        gradients.append(torch.stack(torch.autograd.grad(values[-1], pair)))
    values, gradients = torch.stack(values).detach(), torch.stack(gradients)
    close(torch.func.vmap(function)(x, y), values)
    close(torch.func.vmap(function, in_dims=(None, 0))(x[0], y)[0], values[0])
    close(torch.func.vmap(torch.func.grad(function))(x, y), gradients[:, 0])
    both = (0, 1)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        close(torch.stack(jacobian(function, both)(x[0], y[0])), gradients[0])
    _, moved = torch.func.jvp(lambda x: function(x, y[0]), (x[0],), (tangent[0],))  # y has no tangent
    close(moved, (gradients[0, 0] * tangent[0]).sum())
    expected = torch.autograd.functional.hessian(function, (x[0], y[0]))
    for outer in (torch.func.jacrev, torch.func.jacfwd):
        for inner in (torch.func.jacrev, torch.func.jacfwd):
            found = outer(inner(function, both), both)(x[0], y[0])
            close(torch.stack(sum(found, ())), torch.stack(sum(expected, ())))
    close(torch.func.vmap(torch.func.hessian(function))(x, y)[0], expected[0][0])
    parallel = [torch.func.vmap(torch.func.grad(function))(x, factor * x) for factor in (1.0, -1.0, 3.0)]
    assert torch.isfinite(torch.stack(parallel)).all()


def test_third_derivatives_and_kinks_are_refused():
    x = torch.tensor([0.3, 0.4, 1.2], dtype=torch.float64)
    for name in ("relu", "squared_relu"):
        second = torch.func.hessian(lambda a, name=name: kernel(a, x.flip(0), activation=name))
        for transform in (torch.func.jacrev, torch.func.jacfwd):
            with pytest.raises(NotImplementedError, match="twice, not three times"):
                transform(second)(x)
    with pytest.raises(RuntimeError, match="no second derivatives where it is 0 or pi"):
        torch.func.hessian(kernels.angle_between)(x, 2 * x)
    hidden = torch.func.vmap(torch.func.hessian(kernels.angle_between))(
        x.expand(2, 3), torch.stack([2 * x, x.flip(0)])
    )
    assert torch.isnan(hidden[0]).all()
    assert torch.isfinite(hidden[1]).all()


@pytest.mark.parametrize(
    "values",
    [np.array([1.0, 1j]), ["1", "2"], np.array([1, None]), torch.tensor([1.0, 1j])],
    ids=["complex", "text", "object", "tensor"],
)
def test_numbers_that_are_not_real_are_refused(values):
    """NumPy drops an imaginary part with a warning, and reads text."""
    like = [1.0, 2.0] if not isinstance(values, torch.Tensor) else torch.ones(2)
    message = "must be real numbers, got dtype"
    for call in (kernel, kernels.angle_between, lambda x, y: clt_correction(x, y, 0, 1)):
        with pytest.raises(TypeError, match=f"x {message}"):
            call(values, like)
        with pytest.raises(TypeError, match=f"y {message}"):
            call(like, values)
    for call in (
        angular_map,
        lambda t: kernels.iterate(t, 2),
        lambda t: angular(t, 1),
        finite_width_variance,
    ):
        with pytest.raises(TypeError, match=f"angle {message}"):
            call(values)
    with pytest.raises(TypeError, match=f"x {message}"):
        kernels.gram(
            [values, like] if not isinstance(values, torch.Tensor) else torch.stack([values, values])
        )
    if not isinstance(values, torch.Tensor):
        with pytest.raises(TypeError, match=f"x {message}"):
            kernels.angle_if_alive(values, like)
        with pytest.raises(TypeError, match=f"y {message}"):  # beside a tensor
            kernel(torch.ones(2), values)
    for call in (
        lambda: clt_correction(like, like, "1", 0),
        lambda: finite_width_variance(1.0, ratio=1j),
        lambda: log_angle_moments("1", 3, 10),
        lambda: log_angle_moments(1.0, 3, 10, ratio=None),
    ):
        with pytest.raises(TypeError, match=r"(kappa3|ratio|start) must be a real number, got"):
            call()


def test_slopes_have_no_gradients():
    with pytest.raises(TypeError, match="slope must be a real number"):
        angular_map(1.0, torch.tensor(0.2, requires_grad=True))
