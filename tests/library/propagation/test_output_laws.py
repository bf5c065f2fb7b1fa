"""Noise-free laws of the output of networks [1, n, 1] against simulation, closed forms and adaptive quadrature."""

import math

import numpy as np
import pytest
import scipy.special as sc
from scipy.integrate import dblquad, quad

from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.activations.registry import by_name
from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.pairs.gaussian import GaussianPair
from preactivations.propagation import output_laws as output_laws
from preactivations.propagation.engine import simulate
from preactivations.propagation.output_laws import output_cdf, relu_output_cdf
from preactivations.streams import Stream
from preactivations.weights import SphericalMarginal, SymmetricWeibull

WIDTHS = [1, 2, 3, 7, 10]
TANH = {"weights": "normal", "sigma_w": math.sqrt(1.46), "sigma_b": math.sqrt(0.013)}  # at the Edge of Chaos
# dense next to 0, where the density of odd pairs is singular
Z = np.concatenate((-np.geomspace(9, 1e-6, 1500), [0.0], np.geomspace(1e-6, 9, 1500)))
CASES = [
    *((SymmetricWeibull(t), kind) for t in (2.05, 4, 10) for kind in ("odd", "positive")),
    *((SphericalMarginal(b), kind) for b in (0.5, 1) for kind in ("odd", "positive")),
]


@pytest.mark.parametrize(("law", "kind"), CASES, ids=str)
def test_points_and_line_agree(law, kind):
    """Simulated outputs against the computed law: a KS test whose null hypothesis is that the law is right."""
    cdf = output_cdf(Z, WIDTHS, GaussianPair(law, kind).phi, weights=law)
    phi, n = as_array_map(GaussianActivation(law, kind)), 400_000
    limit = null_quantile(1 - 1e-3 / (len(CASES) * len(WIDTHS)), n)
    for k, width in enumerate(WIDTHS):
        stream = Stream(12, str(law), kind, width)
        z = simulate([1, 1, width, 1], phi, weights=law, n_networks=n, stream=stream)
        assert ks_statistic(z, lambda t, f=cdf[k]: np.interp(t, Z, f)) < limit


def test_tanh_points_and_line_agree():
    n = 400_000
    cdf = output_cdf(Z, WIDTHS, np.tanh, **TANH)
    for k, width in enumerate(WIDTHS):
        z = simulate([1, 1, width, 1], np.tanh, **TANH, n_networks=n, stream=Stream(13, width))
        assert ks_statistic(z, lambda t, f=cdf[k]: np.interp(t, Z, f)) < null_quantile(1 - 1e-3 / 5, n)


@pytest.mark.parametrize(("law", "kind"), CASES, ids=str)
def test_width_one_is_normal(law, kind):
    (f,) = output_cdf(Z, [1], GaussianPair(law, kind).phi, weights=law)
    # the error is the truncation at tau = 200: largest where the law given z0 has almost an atom (W near +-1)
    assert np.max(np.abs(f - sc.ndtr(Z))) < 3e-4


def test_convergence_in_the_nodes(monkeypatch):
    networks = [(GaussianPair("weibull_3", k).phi, {"weights": "weibull_3"}) for k in ("odd", "positive")]
    networks.append((np.tanh, TANH))
    coarse = [output_cdf(Z, [2, 5], phi, **law) for phi, law in networks]
    monkeypatch.setattr(output_laws, "_TAU_MAX", 300.0)
    monkeypatch.setattr(output_laws, "_TAU_STEP", 0.03)
    monkeypatch.setattr(output_laws, "_RATIO_STEP", 0.001)
    monkeypatch.setattr(output_laws, "_NODES", 200)
    fine = [output_cdf(Z, [2, 5], phi, **law) for phi, law in networks]
    assert max(np.max(np.abs(a - b)) for a, b in zip(coarse, fine, strict=True)) < 2e-5


def test_tanh_at_width_one_by_adaptive_quadrature():
    # P(z2 > z) = E Phi(-z / d1), d1^2 = s_w^2 tanh(z1)^2 + s_b^2, over z0 and z1: no Fourier transform
    s_w, s_b = TANH["sigma_w"], TANH["sigma_b"]

    def integrand(g1, g0, z):
        d0 = math.hypot(s_w * math.tanh(math.hypot(s_w, s_b) * g0), s_b)
        d1 = math.hypot(s_w * math.tanh(d0 * g1), s_b)
        return 4 * math.exp(-0.5 * (g0 * g0 + g1 * g1)) / (2 * math.pi) * sc.ndtr(-z / d1)

    z = np.array([0.05, 0.3, 1.0, 2.5])
    (f,) = output_cdf(z, [1], np.tanh, **TANH)
    for at, value in zip(z, f, strict=True):
        direct = dblquad(integrand, 0, 8, 0, 8, args=(at,), epsabs=1e-8)[0]
        assert 1 - value == pytest.approx(direct, abs=2e-5)


def test_relu_line_by_adaptive_quadrature_and_simulation():
    z = np.array([1e-9, 0.1, 0.7, 2.0, 6.0])
    s = math.sqrt(2) ** 3
    (one, four) = relu_output_cdf(z, [1, 4])
    for at, value in zip(z, one, strict=True):  # n = 1: z2 = s |N0| |N1| N2 with probability 1/4

        def given(v, at=at):  # P(|N1| N2 > y) by a Bessel function: the density of a product is K0(|y|)/pi
            y = at / (s * v)
            return 2 * math.exp(-0.5 * v * v) / math.sqrt(2 * math.pi) * quad(sc.k0, y, math.inf)[0] / math.pi

        direct = 0.25 * quad(given, 1e-12, 9, limit=200)[0]
        assert 1 - value == pytest.approx(direct, abs=1e-6)
    assert relu_output_cdf(np.array([0.0]), WIDTHS)[:, 0] - 0.5 == pytest.approx(
        [0.5 * (0.5 + 0.5 ** (n + 1)) for n in WIDTHS], abs=1e-5
    )
    n = 400_000
    sample = simulate(
        [1, 1, 4, 1],
        by_name("relu").phi,
        weights="normal",
        sigma_w=math.sqrt(2),
        n_networks=n,
        stream=Stream(14),
    )
    empirical = np.searchsorted(np.sort(sample[:, 0]), z, side="right") / n
    np.testing.assert_allclose(empirical, four, atol=4 * 0.5 / math.sqrt(n))


def test_errors():
    for function in (relu_output_cdf, lambda z, n: output_cdf(z, n, np.tanh, **TANH)):
        with pytest.raises(ValueError, match=r"widths must be between 1 and 100, .* got \[1, 101\]"):
            function([0.0], [1, 101])
    # the widest, at the atom, whose mass is 1/2 + 2^-101
    assert relu_output_cdf([0.0], [100])[0, 0] == pytest.approx(0.75, abs=1e-5)
    with pytest.raises(TypeError, match="no quadrature is known"):
        output_cdf([0.0], [1], np.tanh, weights=SphericalMarginal(0))
    with pytest.raises(ValueError, match="unknown law of weights 'cauchy'"):
        output_cdf([0.0], [1], np.tanh, weights="cauchy")
