"""Exact kernels of independent weights: sums of known laws, quadrature, Monte Carlo, expansions."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import dblquad, quad, simpson

from preactivations.kernels.clt import clt_correction
from preactivations.kernels.monte_carlo import kernel_error
from preactivations.kernels.smooth import smooth_correction, smooth_kernel
from preactivations.kernels.sums import (
    characteristic,
    relu_error,
    relu_tail_correction,
    smooth_error,
    tail_cumulant,
)
from preactivations.rows import IidStudent, row_law
from preactivations.streams import Stream


def signed(m, seed=0):
    """Inputs of norm 1, equal in half of the coordinates and opposite in the others."""
    x = np.random.default_rng(seed).uniform(0.3, 1, m)
    x /= np.linalg.norm(x)
    return x, np.where(np.arange(m) % 2, -x, x)


@pytest.mark.parametrize(
    ("name", "density"),
    [
        ("iid_uniform", stats.uniform(-math.sqrt(3), 2 * math.sqrt(3))),
        ("iid_laplace", stats.laplace(scale=math.sqrt(0.5))),
        ("iid_student_2.5", stats.t(2.5, scale=math.sqrt(0.5 / 2.5))),
        ("iid_student_3.5", stats.t(3.5, scale=math.sqrt(1.5 / 3.5))),
        ("iid_student_7", stats.t(7, scale=math.sqrt(5 / 7))),
    ],
)
def test_characteristic_functions(name, density):
    """Against the cosine transform of SciPy's density; of the discrete parts, by hand."""
    end = min(density.support()[1], np.inf)
    for u in (0.3, 1.0, 4.0):
        if math.isinf(end):
            expected = 2 * quad(density.pdf, 0, np.inf, weight="cos", wvar=u, limit=500)[0]
        else:
            expected = 2 * quad(lambda w, u=u: density.pdf(w) * math.cos(u * w), 0, end)[0]
        assert float(characteristic(row_law(name), u)) == pytest.approx(expected, abs=1e-8)
    assert characteristic(row_law(name), 0.0) == 1
    u = 1e-3
    assert float(characteristic(row_law("iid_sparse_0.25"), u)) == pytest.approx(1 - u * u / 2, abs=1e-10)
    assert float(characteristic(row_law("iid_rademacher"), 0.7)) == math.cos(0.7)


@pytest.mark.parametrize("nu", [2.2, 2.5, 3.5, 3.9])
def test_the_tail_seen_in_the_characteristic_function(nu):
    """log E exp(i u w) + u^2/2 = kappa u^nu + O(u^4, u^(2 + nu)) as u -> 0."""
    law = IidStudent(nu)
    u = np.array([1e-3, 1e-4])
    rest = (np.log(characteristic(law, u)) + u * u / 2) / u**nu
    if nu < 3:
        np.testing.assert_allclose(rest, tail_cumulant(law), rtol=0.02)
    assert tail_cumulant(law) > 0
    # E(cos(u w) - 1 + (u w)^2 / 2) over the tail c nu r^(-nu - 1), at u = 1: c nu Gamma(-nu) cos(pi nu / 2)
    scale = math.sqrt((nu - 2) / nu)
    c = 2 * stats.t(nu, scale=scale).pdf(1e6) * 1e6 ** (nu + 1) / nu
    assert tail_cumulant(law) == pytest.approx(
        c * nu * math.gamma(-nu) * math.cos(math.pi * nu / 2), rel=1e-5
    )


def test_laplace_weights_by_block_sums():
    """16 equal inputs: both sums are differences of gamma variables of shape 8, by Gauss and Laguerre."""
    x = np.full(16, 0.25)
    y = np.where(np.arange(16) < 8, x, -x)
    scale = 0.25 * math.sqrt(0.5)
    r = np.linspace(0, 5, 501)
    # P(|A| > r) = 2 P(G_1 > G_2 + r / scale)
    nodes, weights = np.polynomial.laguerre.laggauss(80)
    density = weights * nodes**7 / math.factorial(7)
    survival = 2 * stats.gamma(8).sf(nodes + r[:, None] / scale) @ density
    k = 0.25 - simpson(r * survival**2, x=r)
    assert relu_error(row_law("iid_laplace"), x, y) == pytest.approx(k - 1 / (2 * math.pi), abs=1e-8)


@pytest.mark.parametrize("name", ["iid_uniform", "iid_laplace", "iid_sparse_0.25", "iid_student_9"])
@pytest.mark.parametrize("m", [16, 64])
def test_against_monte_carlo(name, m):
    """100 000 rows with permuted inputs and control variates: 4.5 standard errors."""
    x, y = signed(m)
    drawn = kernel_error(row_law(name), x, y, 100_000, Stream(3, name, m))
    assert abs(drawn.error - relu_error(row_law(name), x, y)) < 4.5 * drawn.standard_error


@pytest.mark.parametrize(("name", "kappa4"), [("iid_uniform", -1.2), ("iid_laplace", 3.0)])
def test_the_rest_of_the_expansion_is_of_the_next_order(name, kappa4):
    """Error minus the term in kappa4 falls as m^(-2) for symmetric weights: by 16 for four times as many, to 40 %."""
    rest = []
    for m in (256, 1024):
        x = np.full(m, 1 / math.sqrt(m)) * (1 + 0.3 * np.cos(np.arange(m)))
        x /= np.linalg.norm(x)
        same = np.arange(m) < m // 2
        y = np.where(same, x, -x)
        rest.append(relu_error(row_law(name), x, y) - float(clt_correction(x, y, 0, kappa4)))
    assert rest[0] / rest[1] == pytest.approx(16, rel=0.4)


@pytest.mark.parametrize("nu", [2.5, 3.5])
def test_the_first_order_in_the_tail(nu):
    """Of order m^(1 - nu/2) exactly for equal coordinates; the error comes nearer to it with m."""
    law, gaps, first = IidStudent(nu), [], []
    for m in (64, 1024):
        x = np.full(m, 1 / math.sqrt(m))
        y = np.where(np.arange(m) % 2, -x, x)
        first.append(relu_tail_correction(law, x, y))
        gaps.append(abs(relu_error(law, x, y) / first[-1] - 1))
    assert math.log(first[1] / first[0]) / math.log(16) == pytest.approx(1 - nu / 2, abs=1e-6)
    assert gaps[1] < gaps[0] < 0.6


def test_smooth_kernels():
    """erf: Williams' arcsine; tanh by SciPy's double quadrature; an angle of pi flips the sign of odd ones."""
    for t in (0.3, 1.0, 2.5):
        rho = 2 * math.cos(t) / 3
        assert smooth_kernel("erf", t) == pytest.approx(2 / math.pi * math.asin(rho), abs=1e-10)
    law = stats.multivariate_normal(cov=[[1, math.cos(1.0)], [math.cos(1.0), 1]])
    expected = dblquad(lambda h, g: math.tanh(h) * math.tanh(g) * law.pdf([h, g]), -7, 7, -7, 7, epsabs=1e-7)[
        0
    ]
    assert smooth_kernel("tanh", 1.0) == pytest.approx(expected, abs=1e-6)
    assert smooth_kernel("tanh", math.pi) == pytest.approx(-smooth_kernel("tanh", 0.0), abs=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "gelu", "erf"])
@pytest.mark.parametrize("name", ["iid_uniform", "iid_laplace"])
def test_smooth_errors(activation, name):
    """Plain Monte Carlo with 20 inputs, 400 000 rows, less the same of normal weights: 4.5 standard errors.

    And the rest of the expansion falls faster than 1/m: by more than 8 for four times as many inputs.
    """
    law, m, angle = row_law(name), 20, 1.0
    turned = math.pi / 4 - angle / 2

    def parts(m):
        halves = np.arange(m) % 2 == 0, np.arange(m) % 2 == 1
        return [np.where(h, 1 / math.sqrt(h.sum()), 0.0) for h in halves]

    def both(m):
        p, q = parts(m)
        return math.cos(turned) * p + math.sin(turned) * q, math.sin(turned) * p + math.cos(turned) * q

    from preactivations.activations.registry import by_name

    phi = by_name(activation).phi
    x, y = both(m)
    assert x @ y == pytest.approx(math.cos(angle))
    w = law.sample(400_000, m, Stream(8, activation, name).block(0))
    products = (phi(w @ x) * phi(w @ y) + phi(-(w @ x)) * phi(-(w @ y))) / 2
    error = smooth_error(law, activation, *parts(m), angle)
    found = products.mean() - smooth_kernel(activation, angle)
    assert abs(found - error) < 4.5 * products.std() / math.sqrt(len(products))
    rest = [
        smooth_error(law, activation, *parts(n), angle)
        - smooth_correction(activation, *both(n), law.kurtosis)
        for n in (64, 256)
    ]
    assert abs(rest[1]) < abs(rest[0]) / 8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: characteristic(row_law("iid_exponential"), 1.0), "symmetric laws of rows only"),
        (lambda: tail_cumulant(IidStudent(5.0)), "nu must be between 2 and 4"),
        (lambda: relu_error(row_law("iid_uniform"), np.ones(4), np.ones(4)), "8 coordinates or more"),
        (lambda: relu_error(row_law("iid_uniform"), np.arange(16.0), np.ones(16)), "8 coordinates or more"),
        (
            lambda: smooth_error(row_law("iid_uniform"), "tanh", np.ones(4) / 2, np.ones(4) / 2, 1.0),
            "no coordinate in common",
        ),
        (lambda: smooth_kernel("relu", 1.0), "has kinks"),
        (lambda: smooth_correction("tanh", np.ones(4), np.ones(4) / 2, 1.0), "inputs must have norm 1"),
        (lambda: smooth_correction("tanh", np.ones(4) / 2, np.ones(4) / 2, 1.0), "not be parallel"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
