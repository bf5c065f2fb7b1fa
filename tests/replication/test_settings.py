"""Settings stay at their variance; the control and its unnormalized twin have one limit of infinite width."""

import math

import numpy as np
import pytest

from preactivations.edge_of_chaos.maps import variance_map
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull
from replication.settings import setting_by_name

LAW = SymmetricWeibull(4)
NAMES = [
    "odd", "odd_edge", "positive", "relu", "tanh", "oscillating_3",
    "unit_tanh", "unit_relu", "unit_gelu", "unit_silu", "unit_odd",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_variance_stays(name):
    setting = setting_by_name(name, LAW)
    after = float(variance_map(setting.exact, setting.variance, **setting.scales))
    assert after == pytest.approx(setting.variance, rel=1e-9)
    first = setting.sigma_w**2 * setting.input_norm + setting.sigma_b**2
    assert first == pytest.approx(setting.variance, rel=1e-12)


@pytest.mark.parametrize("psi", ["tanh", "gelu", "relu", "silu", "odd", "positive"])
def test_control_and_twin_have_one_limit(psi):
    """chi_1 = E psi'^2 / E psi^2 for both, here by a sum over a fine grid."""
    control, twin = (setting_by_name(f"{kind}_{psi}", LAW) for kind in ("normalized", "unit"))
    assert control.normalize
    assert not twin.normalize
    assert control.weights == twin.weights == Normal()
    x = np.linspace(-12, 12, 40_000)  # symmetric about the kink
    density = np.exp(-0.5 * x * x)
    slope, square = (np.sum(density * f(x) ** 2) for f in (twin.exact.dphi, twin.exact.phi))
    assert twin.chi == pytest.approx(slope / square, rel=1e-5)
    assert control.chi == pytest.approx(twin.chi, rel=1e-9)


def test_known_values():
    assert setting_by_name("relu").chi == pytest.approx(1, rel=1e-12)
    assert setting_by_name("odd_edge", LAW).chi == pytest.approx(1, rel=1e-9)
    assert setting_by_name("odd", LAW).chi > 1 > setting_by_name("positive", LAW).chi
    assert setting_by_name("unit_relu").sigma_w == pytest.approx(math.sqrt(2), rel=1e-12)
    assert setting_by_name("normalized_odd", LAW).law == LAW


def test_the_module_is_the_activation():
    import torch

    x = torch.linspace(-3, 3, 61, dtype=torch.float64)
    for name in NAMES:
        setting = setting_by_name(name, LAW)
        np.testing.assert_allclose(setting.module()(x), setting.exact.phi(x.numpy()), rtol=1e-6, atol=1e-9)


def test_errors():
    with pytest.raises(ValueError, match="activation 'odd' goes with a law of weights"):
        setting_by_name("odd")
    with pytest.raises(ValueError, match="unknown activation 'gelu'; accepted: odd, positive"):
        setting_by_name("gelu")
    with pytest.raises(ValueError, match="unknown activation 'swish'"):
        setting_by_name("unit_swish")
    with pytest.raises(ValueError, match="_edge goes with odd only"):
        setting_by_name("positive_edge", LAW)
    for name in ("unit_odd_edge", "normalized_unit_tanh"):
        with pytest.raises(ValueError, match="unknown activation"):
            setting_by_name(name, LAW)
    with pytest.raises(ValueError, match="unknown activation 'relu_edge'"):
        setting_by_name("relu_edge")
    with pytest.raises(ValueError, match="infinite"):
        setting_by_name("odd_edge", SphericalMarginal(1))
