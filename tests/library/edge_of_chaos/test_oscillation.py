"""The oscillating activation: its range of scales, and the fixed points that it has there."""

import math
from itertools import pairwise

import numpy as np
import pytest
from mpmath import mp
from scipy.integrate import quad

from preactivations.edge_of_chaos.fixpoints import fixed_points, fixed_variance
from preactivations.edge_of_chaos.oscillation import oscillating_range


@pytest.mark.parametrize(("omega", "low", "high"), [(2, 0.697, 1.308), (3, 0.841, 1.103), (6, 0.974, 0.999)])
def test_infinitely_many_fixed_points(omega, low, high):
    """Alternately stable and unstable, in geometric progression, for the sigma_w of the published ranges only."""
    name, period = f"oscillating_{omega}", math.exp(4 * math.pi / omega)
    for sigma_w in (low + 0.1 * (high - low), high - 0.1 * (high - low)):
        points = [p for p in fixed_points(name, sigma_w=sigma_w, interval=(1e-5, 1e7)) if p.variance > 0]
        assert len(points) >= 4
        assert all(a.stable != b.stable for a, b in pairwise(points))
        for a, b in zip(points, points[2:], strict=False):
            assert b.variance / a.variance == pytest.approx(period, rel=1e-8)
            assert b.slope == pytest.approx(a.slope, rel=1e-6)
    for sigma_w in (low - 0.002, high + 0.002):
        assert [p for p in fixed_points(name, sigma_w=sigma_w) if p.variance > 0] == []
    ends = oscillating_range(omega)
    assert ends == pytest.approx((low, high), abs=5e-4)  # published to three digits


def test_from_several_starts_to_several_ends():
    ends = {round(fixed_variance("oscillating_6", sigma_w=0.99, start=s), 6) for s in (0.01, 0.1, 1, 10, 100)}
    assert len(ends) == 5


@pytest.mark.parametrize("omega", [0.01, 0.1, 1.0, 6.0, 100.0])
def test_range_of_the_oscillating_activation(omega):
    """Between its bounds, exp(-+ delta / omega); and by integration over log u at a phase."""
    low, high = oscillating_range(omega)
    assert math.exp(-0.99 / omega) < low <= high < math.exp(0.99 / omega)

    def ratio(phase):
        def f(t):
            return math.exp(1.98 / omega * (math.sin(phase + omega * t) - 1) + 3 * t - math.exp(2 * t) / 2)

        whole = sum(quad(f, a, a + 1, epsabs=0, epsrel=1e-11, limit=200)[0] for a in range(-40, 4))
        return math.log(whole * math.sqrt(2 / math.pi)) + 1.98 / omega

    logs = [ratio(at) for at in np.linspace(0, 2 * math.pi, 33)]
    assert -2 * math.log(low) >= max(logs) - 1e-9
    assert -2 * math.log(high) <= min(logs) + 1e-9
    assert -2 * math.log(low) == pytest.approx(max(logs), abs=0.02 * min(1, 1 / omega) + 1e-12)


def test_range_of_a_fast_oscillation():
    """Its phase has no effect: E exp(2 delta / omega sin) is Bessel's I_0."""
    for omega in (59.0, 61.0, 1e4):
        assert oscillating_range(omega) == pytest.approx(
            [1 / math.sqrt(mp.besseli(0, 1.98 / omega))] * 2, rel=1e-12
        )


def test_range_that_overflows():
    with pytest.raises(ValueError, match=r"delta / omega must be at most 300 .* got 0\.99 / 0\.001"):
        oscillating_range(0.001)
