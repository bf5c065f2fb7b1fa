"""Kernels against quadrature in the plane, 60-digit arithmetic, Monte Carlo, and gradients against differences."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.integrate import quad

from preactivations import kernels, rows
from preactivations.kernels.clt import clt_correction
from preactivations.kernels.maps import Rectified, angular_map, kernel
from preactivations.streams import Stream

ANGLES = (0.0, 1e-9, 1e-4, 0.3, 1.2, math.pi / 2, 2.5, 3.1, math.pi - 1e-5, math.pi)
SLOPES = (0.0, 0.01, 0.2, 0.9, 1.0, -0.2, -1.0, 3.0)


def plane(angle, slope, degree, norm_moment=None):
    """E phi(h) phi(g) by quadrature in polar coordinates: radius and angle of the row in the plane of both inputs."""

    def phi(z):
        return z**degree if z > 0 else slope * z**degree

    radial, _ = quad(lambda r: r ** (2 * degree + 1) * math.exp(-r * r / 2), 0, 40, epsabs=0, epsrel=1e-12)
    edges = sorted(
        {(t + k * math.pi) % (2 * math.pi) for t in (math.pi / 2, angle + math.pi / 2) for k in (0, 1)}
    )
    edges = [0.0, *edges, 2 * math.pi]
    total = sum(
        quad(lambda t: phi(math.cos(t)) * phi(math.cos(t - angle)), a, b, epsabs=1e-14, epsrel=1e-12)[0]
        for a, b in itertools.pairwise(edges)
    )
    return radial * total / (2 * math.pi)


def exact(angle, slope, degree, digits=60):
    """F_degree of `slope` in many digits."""
    with mpmath.workdps(digits):
        a, pi = mpmath.mpf(slope), mpmath.pi

        def k(t):
            match degree:
                case 0:
                    value = pi - t
                case 1:
                    value = mpmath.sin(t) + (pi - t) * mpmath.cos(t)
                case _:
                    value = 3 * mpmath.sin(t) * mpmath.cos(t) + (pi - t) * (1 + 2 * mpmath.cos(t) ** 2)
            return value / (2 * pi)

        t = pi if angle == math.pi else mpmath.mpf(angle)  # the double nearest to pi stands for it
        return (1 + a * a) * k(t) + 2 * a * (-1) ** degree * k(pi - t)


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("slope", [0.0, 0.2, -0.7])
def test_kernel_is_the_mean_over_the_plane(slope, degree):
    for angle in (0.1, 1.2, 2.0, 3.0):
        x, y = np.array([2.0, 0.0]), 0.5 * np.array([math.cos(angle), math.sin(angle)])
        found = kernel(x, y, activation=Rectified(slope, degree))
        assert found == pytest.approx(plane(angle, slope, degree), rel=1e-10)


@pytest.mark.parametrize("law", ["student_9", "sphere", "ball", "elliptical_laplace", "exponential_radius"])
@pytest.mark.parametrize("degree", [0, 1, 2])
def test_kernel_of_a_law_is_its_mean_over_rows(law, degree):
    """Within 4.5 standard errors (two-sided 7e-6): inputs of R^3, rows drawn in R^3."""
    law = rows.row_law(law)
    rng = Stream(5, "kernel", repr(law), degree).block(0)
    x, y = np.array([1.0, 2.0, -0.5]), np.array([0.3, 1.0, 1.5])
    w = law.sample(400_000, 3, rng)
    h, g = w @ x, w @ y
    values = np.where((h > 0) & (g > 0), (h * g) ** degree, 0.0)
    found = float(kernel(x, y, law, Rectified(0.0, degree)))
    error = values.std() / math.sqrt(len(values))
    assert abs(values.mean() - found) < 4.5 * error


def test_stated_values():
    assert round(float(kernel([1, 0], [math.cos(1.2), math.sin(1.2)])), 4) == 0.2603
    assert round(math.cos(angular_map(1.2)), 4) == 0.5206
    cosines = np.cos(kernels.iterate(math.pi / 2, 64))[[1, 4, 16, 64]]
    assert cosines.round(6).tolist() == [0.318310, 0.680954, 0.929456, 0.992066]
    step = kernel([1.0, 0.0], [0.0, 1.0], rows.row_law("cauchy"), "step")
    assert step == pytest.approx(0.25, rel=1e-15), "degree 0 needs no moment"


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("slope", SLOPES)
def test_angular_map_keeps_its_digits_at_both_ends(slope, degree):
    """1 - cos and 1 + cos to 1e-12, where the double next to an angle near pi does not change them by more."""
    for angle in ANGLES:
        found = float(angular_map(angle, slope, degree))
        with mpmath.workdps(60):
            top = exact(0, slope, degree)
            cosine = exact(angle, slope, degree) / top
            mine = mpmath.cos(mpmath.mpf(found))
            for sign in (-1, 1):
                reference, value = 1 + sign * cosine, 1 + sign * mine
                # angles near pi are known to 2e-16 only: what that does to the reference
                moved = 1 + sign * exact(min(angle + 4.5e-16, math.pi), slope, degree) / top
                slack = abs(moved - reference) if angle > 3 else 0
                assert abs(value - reference) <= 1e-12 * abs(reference) + slack + mpmath.mpf(1e-31), (
                    angle,
                    sign,
                )


@pytest.mark.parametrize("angle", [1e-3, 1e-6, 1e-8, 1e-12, 1e-100])
def test_small_angles_shrink_by_their_square(angle):
    """Where cos t' = 2 k_1(t) in double precision has few digits left, or is 1."""
    with mpmath.workdps(250):
        reference = float(mpmath.acos(2 * exact(angle, 0.0, 1, digits=250)))
    assert float(angular_map(angle)) == pytest.approx(reference, rel=1e-13)
    assert reference <= angle


def test_both_ends_are_exact():
    for degree in (0, 1, 2):
        for slope in SLOPES:
            assert angular_map(0.0, slope, degree) == 0
        assert angular_map(math.pi, 0.0, degree) == math.pi / 2
    assert angular_map(math.pi, 1.0) == math.pi
    assert angular_map(math.pi, -1.0) == 0
    t = np.linspace(0, math.pi, 101)
    assert abs(angular_map(t, 1.0) - t).max() < 5e-15, "the identity keeps angles"


def test_fixed_point():
    t = kernels.iterate(1.0, 40_000, 0.2)[-1]
    assert t * 40_000 * kernels.fixed_point_rate(0.2) == pytest.approx(1, abs=0.01)
    assert kernels.fixed_point_rate(1.0) == 0
    small = 1e-4  # t' = t - c t^2 + O(t^3)
    assert (small - float(angular_map(small))) / small**2 == pytest.approx(
        kernels.fixed_point_rate(), rel=1e-3
    )


def test_kernel_of_zero_and_of_equal_inputs():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert kernel(x, x).tolist() == [12.5, 0.0]
    assert kernel(x, -x).tolist() == [0.0, 0.0]
    assert kernel(x, x, activation="identity").tolist() == [25.0, 0.0]


def test_gram_is_the_kernel_of_layers_that_preserve_norms():
    x = Stream(3, "gram").block(0).standard_normal((6, 4))
    one = kernels.gram(x, 1, slope=0.2)
    pairs = np.array([[kernel(a, b, activation="leaky_relu_0.2") for b in x] for a in x])
    np.testing.assert_allclose(one, pairs * 2 / 1.04, rtol=1e-13)
    deep = kernels.gram(x, 5)
    np.testing.assert_allclose(np.diag(deep), (x**2).sum(1), rtol=1e-14)
    assert abs(deep - deep.T).max() < 1e-14
    np.testing.assert_allclose(kernels.gram(x, 0), x @ x.T, atol=1e-14)
    assert np.linalg.eigvalsh(deep).min() > 0


def test_angle_between_keeps_small_angles():
    for t in (1e-12, 1e-7, 0.5, math.pi - 1e-7):
        found = kernels.angle_between([1e200, 0.0], [math.cos(t) * 1e-200, math.sin(t) * 1e-200])
        assert found == pytest.approx(t, rel=1e-9)
    assert kernels.angle_between([1.0, 2.0], [2.0, 4.0]) < 1e-15


# -- finite width ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gaussian", "sphere", "elliptical_laplace"])
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_variance_of_finite_layers(name, slope):
    """n Var k_hat is the variance of one neuron; 4.5 standard errors of it."""
    law, m, angle = rows.row_law(name), 3, 0.8
    w = law.sample(400_000, m, Stream(7, "variance", name, slope).block(0))
    h, g = w[:, 0], math.cos(angle) * w[:, 0] + math.sin(angle) * w[:, 1]
    values = np.where(h > 0, h, slope * h) * np.where(g > 0, g, slope * g)
    square = (values - values.mean()) ** 2
    exact = float(kernels.finite_width_variance(angle, law.ratio(m), slope))
    assert abs(square.mean() - exact) < 4.5 * square.std() / math.sqrt(len(square))


@pytest.mark.parametrize("name", ["gaussian", "student_9", "elliptical_laplace"])
def test_log_angles_of_finite_networks(name):
    """Networks of width 200 with the rows' exact projections: mean and deviation within 4.5 standard errors + 1/n^2."""
    law, width, depth, networks = rows.row_law(name), 200, 20, 2000
    rng = Stream(2, "finite", name).block(0)
    t = np.full(networks, 1.0)
    for _ in range(depth):
        u = law.project(networks * width, width, 2, rng).reshape(networks, width, 2)
        h, g = u[..., 0], np.cos(t)[:, None] * u[..., 0] + np.sin(t)[:, None] * u[..., 1]
        t = kernels.angle_between(np.maximum(h, 0), np.maximum(g, 0))
    log_t = np.log(t)
    ratio = law.ratio(width)
    mean, sd = kernels.log_angle_moments(1.0, depth, width, ratio)
    slack = depth * (ratio / width) ** 2
    assert abs(log_t.mean() - mean[-1]) < 4.5 * log_t.std() / math.sqrt(networks) + slack
    # the log angle is nearly normal: relative error of its deviation 1/sqrt(2 networks)
    assert abs(log_t.std() / sd[-1] - 1) < 4.5 / math.sqrt(2 * networks) + slack
    infinite = math.log(kernels.iterate(1.0, depth)[-1])
    assert abs(log_t.mean() - infinite) > 4.5 * log_t.std() / math.sqrt(networks), "the map alone is off"


def test_log_angles_of_one_layer():
    """Bias and variance of log t' by the delta method, against 5e4 layers of width 400."""
    width, layers, angle = 400, 50_000, 1.0
    rng = Stream(4, "layer").block(0)
    logs = []
    for _ in range(10):
        u = rng.standard_normal((layers // 10, width, 2))
        h, g = u[..., 0], math.cos(angle) * u[..., 0] + math.sin(angle) * u[..., 1]
        logs.append(np.log(kernels.angle_between(np.maximum(h, 0), np.maximum(g, 0))))
    log_t = np.concatenate(logs)
    mean, sd = kernels.log_angle_moments(angle, 1, width)
    assert abs(log_t.mean() - mean[1]) < 4.5 * sd[1] / math.sqrt(layers) + 5 / width**2
    assert log_t.std() / sd[1] == pytest.approx(1, abs=4.5 / math.sqrt(2 * layers) + 5 / width)


def test_small_angles_drift_as_the_paper_on_norms_says():
    from preactivations.relu_law.two_inputs import log_angle_drift

    mean, _ = kernels.log_angle_moments(1e-6, 1, 1000)
    assert mean[1] - math.log(1e-6) == pytest.approx(log_angle_drift(1000), rel=0.01)


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernel([1.0], [1.0, 2.0]), "one length"),
        (lambda: kernel([math.nan], [1.0]), "x must be finite, got nan"),
        (lambda: kernel([], []), "at least 1"),
        (lambda: kernel([0.0, 0.0], [1.0, 0.0], activation="step"), "x must not be 0"),
        (lambda: kernel([1.0], [1.0], "normal"), "unknown law of rows 'normal'"),
        (lambda: clt_correction([1.0, math.inf], [1.0, 0.0], 0, 1), "x must be finite, got inf"),
        (lambda: clt_correction([1.0, 2.0], [1.0], 0, 1), "one length"),
        (lambda: clt_correction([1.0], [0.0], 0, 1), "y must not be 0"),
        (lambda: clt_correction([1.0], [1.0], 0, math.inf), "kappa4 must be finite, got inf"),
        (lambda: kernel([1.0], [1.0], rows.Student(2)), r"E\|w\|\^2 of Student"),
        (lambda: kernel([1.0], [1.0], rows.Student(4), "squared_relu"), r"E\|w\|\^4"),
        (lambda: kernel([1.0], [1.0], activation="tanh"), "unknown activation 'tanh'"),
        (lambda: kernel([1.0], [1.0], activation="leaky_relu_inf"), "unknown activation"),
        (lambda: kernel([1.0], [1.0], activation=Rectified(0.0, 3)), "degree must be 0, 1 or 2, got 3"),
        (lambda: angular_map(3.2), r"angle must be in \[0, pi\], got 3.2"),
        (lambda: angular_map(math.nan), "angle must be in"),
        (lambda: angular_map(torch.tensor(-0.1)), "angle must be in"),
        (lambda: angular_map(1.0, math.inf), "slope must be between -1e6 and 1e6, got inf"),
        (lambda: kernels.fixed_point_rate(1e200), "slope must be between"),
        (lambda: kernels.iterate(1.0, -1), "depth must be at least 0, got -1"),
        (lambda: kernels.gram(np.ones(3)), r"shape \(n, m\)"),
        (lambda: kernels.gram(np.ones((2, 3)), -1), "depth must be at least 0"),
        (lambda: kernels.gram(np.zeros((2, 3))), "must not be 0"),
        (lambda: kernels.finite_width_variance(1.0, math.inf), "ratio must be finite"),
        (lambda: kernels.finite_width_variance(math.pi / 2, 0.35, -1.0), "at least 1/2"),
        (lambda: kernels.log_angle_moments(0.0, 1, 10), r"start must be in \(0, pi\)"),
        (lambda: kernels.log_angle_moments(1.0, 1, 1), "width at least 2"),
        (lambda: kernels.log_angle_moments(1.0, 1, math.nan), "width at least 2"),
        (lambda: kernels.log_angle_moments(1.0, 1, 10, math.inf), "ratio must be finite"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
