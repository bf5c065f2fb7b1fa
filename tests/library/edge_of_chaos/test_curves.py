"""Curves and maps of the Edge of Chaos: points on the edge, reasons where there is none, single points."""

import math

import numpy as np
import pytest

from preactivations.edge_of_chaos.critical import eoc_point
from preactivations.edge_of_chaos.curves import chi_map, eoc_curve, phase
from preactivations.edge_of_chaos.fixpoints import fixed_variance
from preactivations.edge_of_chaos.maps import chi, variance_map, variance_slope
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull


@pytest.mark.parametrize("name", ["tanh", "erf", "gelu", "silu", "elu"])
def test_points_of_the_curve_are_on_the_edge(name):
    curve = eoc_curve(name, 60)
    assert len(curve.sigma_w) > 10
    for w, b, v in list(zip(*curve[:3], strict=True))[:: len(curve.sigma_w) // 8]:
        assert float(variance_map(name, v, sigma_w=w, sigma_b=b)) == pytest.approx(v, rel=1e-9)
        assert float(chi(name, v, sigma_w=w)) == pytest.approx(1, rel=1e-12)
        assert phase(name, sigma_w=0.98 * w, sigma_b=b, start=v) == "ordered"


def test_curves_that_are_points_or_nothing():
    relu = eoc_curve("relu")
    assert relu.sigma_w.tolist() == pytest.approx([math.sqrt(2)])
    assert relu.sigma_b.tolist() == [0]
    assert relu.missing == ()
    for activation, reason in (
        ("softplus", "sigma_b^2 = v - E phi^2 / E phi'^2 would be negative"),
        (GaussianPair(SphericalMarginal(0.5), "odd"), "chi_1 is infinite"),
        (np.sign, "chi_1 is infinite: phi jumps"),
    ):
        curve = eoc_curve(activation, 40, variances=(1e-2, 1e3))
        assert len(curve.sigma_w) == 0
        (gap,) = curve.missing
        assert (gap.low, gap.high) == pytest.approx((1e-2, 1e3))
        assert gap.reason.startswith(reason)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "tanh"])
def test_every_part_of_the_range_has_points_or_a_reason(name):
    """Where one ends the other begins: at dv'/dv = 1, to 1e-10."""
    curve = eoc_curve(name, 100)
    for gap in curve.missing:
        assert not np.any((curve.variance > gap.low) & (curve.variance < gap.high))
        assert gap.low == pytest.approx(1e-4)
        sigma_w = chi(name, gap.high) ** -0.5
        assert float(variance_slope(name, gap.high, sigma_w=sigma_w)) == pytest.approx(1, abs=2e-10)
        assert curve.variance[0] / gap.high < 1.3
    assert len(curve.missing) == (name != "tanh")
    covered = len(curve.variance) + sum(
        np.sum((np.geomspace(1e-4, 1e4, 100) >= gap.low) & (np.geomspace(1e-4, 1e4, 100) <= gap.high))
        for gap in curve.missing
    )
    assert covered == 100


def test_curves_that_begin_at_a_limit():
    # small variances: tanh is linear, so that the curve starts at (1, 0)
    tanh = eoc_curve("tanh")
    assert tanh.sigma_w[0] == pytest.approx(1, abs=2e-4)
    assert tanh.sigma_b[0] < 1e-4


def test_eoc_point_is_on_the_curve():
    pair = GaussianPair(SymmetricWeibull(3), "odd")
    point = eoc_point(pair)
    assert float(variance_map(pair, 1.0, sigma_w=point.sigma_w, sigma_b=point.sigma_b)) == pytest.approx(1)
    assert float(chi(pair, 1.0, sigma_w=point.sigma_w)) == pytest.approx(1)
    curve = eoc_curve(pair, 400)
    assert np.interp(1.0, curve.variance, curve.sigma_w) == pytest.approx(point.sigma_w, abs=1e-3)


@pytest.mark.parametrize("name", ["tanh", "erf", "gelu", "elu"])
def test_map_of_chi_against_single_points(name):
    w, b = np.meshgrid(np.linspace(0.1, 3, 12), np.linspace(0, 1, 5), indexing="ij")
    variance, value = chi_map(name, w, b)
    assert value.shape == (12, 5)
    for k in np.ndindex(w.shape):
        v = fixed_variance(name, sigma_w=w[k], sigma_b=b[k])
        if 1e-11 < v < 1e8:
            assert variance[k] == pytest.approx(v, rel=1e-6)
            assert value[k] == pytest.approx(float(chi(name, v, sigma_w=w[k])), rel=1e-6)
        else:
            assert variance[k] == (0 if v < 1 else math.inf)
