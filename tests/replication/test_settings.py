"""Settings stay at their variance; the control and its unnormalized twin have one limit of infinite width."""

import math
import subprocess
import sys

import numpy as np
import pytest
from exact import pairs_of

from preactivations.edge_of_chaos.maps import variance_map
from preactivations.pairs.fitted import ActivationFit
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull
from replication.settings import setting_by_name

LAW = SymmetricWeibull(4)
NAMES = [
    "odd", "odd_edge", "positive", "relu", "tanh", "oscillating_3",
    "unit_tanh", "unit_relu", "unit_gelu", "unit_silu", "unit_odd",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_variance_stays(name):
    setting = setting_by_name(name, pairs_of(LAW))
    after = float(variance_map(setting.exact, setting.variance, **setting.map_scales))
    assert after == pytest.approx(setting.variance, rel=1e-9)
    first = setting.sigma_w**2 * setting.input_norm + setting.sigma_b**2
    assert first == pytest.approx(setting.variance, rel=1e-12)


@pytest.mark.parametrize("psi", ["tanh", "gelu", "relu", "silu", "odd", "positive"])
def test_control_and_twin_have_one_limit(psi):
    """chi_1 = E psi'^2 / E psi^2 for both, here by a sum over a fine grid."""
    control, twin = (setting_by_name(f"{kind}_{psi}", pairs_of(LAW)) for kind in ("normalized", "unit"))
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
    assert setting_by_name("odd_edge", pairs_of(LAW)).chi == pytest.approx(1, rel=1e-9)
    assert setting_by_name("odd", pairs_of(LAW)).chi > 1 > setting_by_name("positive", pairs_of(LAW)).chi
    assert setting_by_name("unit_relu").sigma_w == pytest.approx(math.sqrt(2), rel=1e-12)
    assert setting_by_name("normalized_odd", pairs_of(LAW)).law == LAW


def test_scales_of_ones_own():
    """v is the fixed point that 1 tends to: of tanh by quadrature, of the identity the geometric series."""
    setting = setting_by_name("erf", sigma_w=1.7, sigma_b=0.2)
    v = 1.0
    for _ in range(200):  # E erf(u)^2 = (2/pi) arcsin(2 v / (1 + 2 v))
        v = 1.7**2 * 2 / math.pi * math.asin(2 * v / (1 + 2 * v)) + 0.04
    assert setting.variance == pytest.approx(v, rel=1e-9)
    linear = setting_by_name("identity", sigma_w=0.5, sigma_b=0.3)
    assert linear.variance == pytest.approx(0.09 / (1 - 0.25), rel=1e-9)
    assert setting_by_name("tanh", sigma_w=0.9).variance == 0
    assert setting_by_name("relu", sigma_w=1.5).variance == math.inf
    # uniform weights of variance 1/3
    uniform = setting_by_name("identity", sigma_w=1.0, sigma_b=1.0, weights=SphericalMarginal(1))
    assert uniform.variance == pytest.approx(1.5, rel=1e-9)


def test_a_law_and_names_that_are_none():
    assert setting_by_name("odd", pairs_of("weibull_4")) == setting_by_name("odd", pairs_of(LAW))
    assert setting_by_name("tanh", pairs_of("control")) == setting_by_name("tanh")


def test_exact_pairs_are_imported_when_they_are_needed():
    """Settings of other activations, or of maps, depend neither on the exact pairs nor on PyTorch."""
    code = (
        "import sys, numpy as np; from replication.settings import Setting, setting_by_name;"
        "from preactivations.activations.registry import Activation; from preactivations.weights import Normal;"
        "Setting('cubic', Normal(), Activation('cubic', lambda x: x**3, lambda x: 3 * x**2)).chi;"
        "setting_by_name('tanh').chi; print({'torch', 'preactivations.pairs.factor'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_the_module_is_the_activation():
    import torch

    x = torch.linspace(-3, 3, 61, dtype=torch.float64)
    for name in NAMES:
        setting = setting_by_name(name, pairs_of(LAW))
        np.testing.assert_allclose(setting.module()(x), setting.exact.phi(x.numpy()), rtol=1e-6, atol=1e-9)


def test_errors():
    with pytest.raises(ValueError, match="activation 'odd' goes with a law of weights"):
        setting_by_name("odd")
    with pytest.raises(ValueError, match="unknown activation 'gelu'; accepted: odd, positive"):
        setting_by_name("gelu")
    with pytest.raises(ValueError, match="unknown activation 'swish'"):
        setting_by_name("unit_swish")
    with pytest.raises(ValueError, match="_edge goes with odd only"):
        setting_by_name("positive_edge", pairs_of(LAW))
    for name in ("unit_odd_edge", "normalized_unit_tanh"):
        with pytest.raises(ValueError, match="unknown activation"):
            setting_by_name(name, pairs_of(LAW))
    with pytest.raises(ValueError, match="unknown activation 'relu_edge'"):
        setting_by_name("relu_edge")
    for name in ("odd_edge", "unit_tanh", "swish"):
        with pytest.raises(ValueError, match=f"unknown activation '{name}'"):
            setting_by_name(name, pairs_of(LAW), sigma_w=1.0)
    with pytest.raises(ValueError, match="unknown law of weights 'uniform'"):
        setting_by_name("odd", pairs_of("uniform"))
    with pytest.raises(ValueError, match="infinite"):
        setting_by_name("odd_edge", pairs_of(SphericalMarginal(1)))


def test_the_variance_stays_but_for_fitted_pairs():
    fit = ActivationFit(4.0, "odd", (0.5187, 1.235, 1.2641, -0.0595, 1.8241, 0.7942, 0.0))
    fitted = {"odd": fit.table()}.__getitem__
    for name in (
        "odd",
        "odd_edge",
        "positive",
        "relu",
        "tanh",
        "unit_gelu",
        "normalized_tanh",
        "normalized_odd",
    ):
        setting = setting_by_name(name, pairs_of(LAW))
        np.testing.assert_allclose(setting.variances(4), setting.variance, rtol=1e-9)
    drifting = setting_by_name("odd", fitted)
    assert np.all(np.diff(drifting.variances(4)) < -0.01)
    assert drifting.finite_width(10, 3) is None
    for name in ("odd_edge", "unit_odd", "normalized_odd"):  # made for the activation that there is
        setting = setting_by_name(name, fitted)
        np.testing.assert_allclose(setting.variances(4), 1, rtol=1e-9)
        assert np.isfinite(setting.finite_width(10, 3).ks).all()
    edge = setting_by_name("odd_edge", fitted)
    assert edge.chi == pytest.approx(1, rel=1e-12)
    assert edge.sigma_w**2 + edge.sigma_b**2 != pytest.approx(1, abs=1e-3)
