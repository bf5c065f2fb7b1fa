"""Tabulated activations against the functions that they were made of."""

import math

import numpy as np
import pytest
import torch

from preactivations.pairs.fitted import ActivationFit
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull

LAWS = [SymmetricWeibull(t) for t in (2, 2.0001, 2.05, 2.5, 4, 10, 1000)]
LAWS += [SphericalMarginal(b) for b in (0, 0.1, 0.5, 1, 3, 20)]
KINDS = ["odd", "positive"]
FITS = [
    ActivationFit(4.0, "odd", (0.5187, 1.235, 1.2641, -0.0595, 1.8241, 0.7942, 0.0)),
    ActivationFit(4.0, "positive", (0.5421, 1.8068, 1.7203, -0.054, 2.2327, 0.5666, 0.4219)),
    ActivationFit(2.05, "odd", (1.4777, 2.0188, 1.5231, -0.0292, 3.3117, -0.6222, 0.0)),
]


def points():
    rng = np.random.default_rng(5)
    near = np.exp(rng.uniform(-40, 0, 500)) * rng.choice([-1, 1], 500)
    return np.concatenate([rng.uniform(-12, 12, 2000), rng.standard_normal(500), near, [12.0, -12.0]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_as_accurate_as_the_exact_activation(law, kind):
    pair, x = GaussianPair(law, kind), points()
    table = pair.table()
    phi, dphi, d2phi = pair.derivatives(x)
    assert np.max(np.abs(table.phi(x) / phi - 1)) <= 1e-13
    scale = np.maximum(np.abs(phi), np.abs(dphi))
    assert np.max(np.abs(table.dphi(x) - dphi) / scale) <= 1e-10
    bent = np.isfinite(d2phi)
    error = np.abs(table.d2phi(x) - d2phi)[bent] / np.maximum(scale, np.abs(d2phi))[bent]
    assert np.max(error) <= 1e-7
    # what it says of itself
    assert table.errors.phi <= 1e-13
    assert np.max(np.abs(table.phi(x) / phi - 1)) <= 4 * table.errors.phi + 2e-14
    assert np.max(error) <= 10 * table.errors.d2phi


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(2.5), SymmetricWeibull(10), SphericalMarginal(1)], ids=str)
def test_beyond_the_uniform_pieces(law, kind):
    pair = GaussianPair(law, kind)
    table = pair.table()
    x = np.array([12.0, 12.5, 100.0, 3e4, 2.0**27, 1e9])
    np.testing.assert_allclose(table.phi(x), pair.phi(x), rtol=1e-12)
    far = np.array([1e10, 1e100, 1e300])
    rates = np.diff(np.log(table.phi(far))) / np.diff(np.log(far))
    np.testing.assert_allclose(rates, pair.growth, rtol=1e-9)
    if kind == "positive":
        left = np.array([-12.0, -20.0, -30.0, -37.0])
        np.testing.assert_allclose(table.phi(left), pair.phi(left), rtol=1e-11)
        np.testing.assert_allclose(table.dphi(left), pair.dphi(left), rtol=1e-9)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_symmetry_and_special_values(law):
    odd, positive = (GaussianPair(law, kind) for kind in KINDS)
    x = np.concatenate([points(), [20.0, 1e200, 1e-300]])
    for method, sign in (("phi", -1), ("dphi", 1), ("d2phi", -1)):
        function = getattr(odd.table(), method)
        np.testing.assert_array_equal(function(-x), sign * function(x))
    special = np.array([math.inf, -math.inf, math.nan, 0.0])
    for pair in (odd, positive):
        table = pair.table()
        np.testing.assert_allclose(table.phi(special), pair.phi(special), rtol=1e-15, atol=0)
        np.testing.assert_allclose(table.dphi(special), pair.dphi(special), rtol=1e-10)
        assert table.phi(1.0) == table.phi([1.0])[0]
        assert np.shape(table.phi(1)) == ()
        assert table.d2phi(np.ones((2, 3, 0))).shape == (2, 3, 0)
        with pytest.raises(TypeError, match="real numbers"):
            table.phi(1j)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(2.05), SphericalMarginal(1)], ids=str)
def test_numpy_and_torch_evaluate_one_table(law, kind):
    table = GaussianPair(law, kind).table()
    x = torch.tensor(np.concatenate([points(), [15.0, -15.0, 1e9]]))
    phi, slope = table.value_and_slope(x.numpy())
    found = table.module().value_and_slope(x)
    np.testing.assert_allclose(found[0], phi, rtol=2e-13)
    inside = np.abs(x.numpy()) > 1e-12  # where the slope of a steep phi is not cut
    np.testing.assert_allclose(found[1][inside], slope[inside], rtol=1e-12, atol=1e-30)


def test_tables_are_made_once_and_compare_by_identity():
    first, second = (GaussianPair("weibull_3", "odd") for _ in range(2))
    assert first.table() is second.table()
    assert len({first.table(), GaussianPair("weibull_3", "positive").table()}) == 2


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: f"{fit.theta:g}-{fit.kind}")
def test_table_of_a_fit(fit):
    table, x = fit.table(), np.concatenate([points(), [30.0, -30.0, 1e3, 1e7]])
    assert table.route == "fitted"
    np.testing.assert_allclose(table.phi(x), fit(x), rtol=1e-13)
    y = x[(np.abs(x) > 1e-2) & (np.abs(x) < 12)]
    h = 1e-5
    differences = (fit(y + h) - fit(y - h)) / (2 * h)
    np.testing.assert_allclose(fit.derivatives(y)[1], differences, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(table.dphi(y), differences, rtol=1e-7, atol=1e-9)
    h = 1e-3
    second = (fit(y + h) - 2 * fit(y) + fit(y - h)) / h**2
    np.testing.assert_allclose(table.d2phi(y), second, rtol=1e-4, atol=1e-5)
    single = table.module()(torch.tensor(x, dtype=torch.float32)).numpy()
    near = np.abs(x) <= 12
    np.testing.assert_allclose(single[near], fit(x)[near], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(single, fit(x), rtol=1e-3, atol=1e-6)
    assert "route='fitted'" in repr(table.module())


@pytest.mark.parametrize(
    "parameters",
    [
        (1, 1, -0.1, 0.3, 2, 0.5, 0),  # a power of a negative number
        (1, 1, 1, 0, 0.5, 0.1, 0),  # ln f + g < 0
        (1, 1, 1, -1.5, 2, 0.5, 0),  # c^alpha + d < 0
        (-1, 1, 1, 0.3, 2, 0.5, 0),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_an_odd_fit_that_is_not_of_the_sign_of_x_is_refused(parameters):
    with pytest.raises(ValueError, match="it must be finite, and of the sign of x"):
        ActivationFit(4.0, "odd", parameters).table()


def test_steep_tables_down_to_the_smallest_numbers():
    for b in (1, 10, 30):
        pair = GaussianPair(SphericalMarginal(b), "odd")
        x = 10.0 ** -np.arange(1, 306)
        np.testing.assert_allclose(pair.table().phi(x), pair.phi(x), rtol=1e-13)


def test_a_positive_fit_that_is_not_positive_is_refused():
    fit = ActivationFit(4.0, "positive", (1.0, 1.0, 1.0, 0.0, 0.5, 0.1, 0.0))  # ln(.5) + .1 < 0
    with pytest.raises(ValueError, match="not positive everywhere"):
        fit.table()
