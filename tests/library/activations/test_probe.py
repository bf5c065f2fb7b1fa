"""Kinks, powers and slopes that are found by values alone."""

import math

import numpy as np
import pytest

from preactivations.activations._probe import find_kinks, power_at_zero, slope_by_values
from preactivations.activations.registry import REGISTRY


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=lambda entry: entry.name)
def test_entries_have_the_kinks_that_are_found(entry):
    """The registry against the search: each kink that is found is stated; derivatives agree."""
    assert set(find_kinks(entry.phi)) <= set(entry.kinks)
    x = np.random.default_rng(1).normal(0, 3, 300)
    np.testing.assert_allclose(slope_by_values(entry.phi, entry.kinks)(x), entry.dphi(x), rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("phi", "kinks", "power"),
    [
        (np.cbrt, (0.0,), 1 / 3),
        (lambda x: np.sign(x) * np.abs(x) ** 0.5, (0.0,), 0.5),
        (lambda x: np.abs(x - math.pi), (math.pi,), 1.0),
        (lambda x: np.where(x > 0.7316512, 1.0, 0.0), (0.7316512,), 1.0),
        (np.floor, tuple(np.arange(-67.0, 67.0)), 1.0),
        (lambda x: np.sin(30 * x), (), 1.0),
        (lambda x: np.maximum(x - 40, 0.0), (40.0,), 1.0),
    ],
)
def test_kinks_are_found(phi, kinks, power):
    found = find_kinks(phi)
    assert found == pytest.approx(kinks, rel=1e-14, abs=0)
    if power < 1:
        assert power_at_zero(phi) == pytest.approx(power, abs=1e-4)
