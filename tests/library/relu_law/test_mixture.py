"""Law of a pre-activation of a ReLU network: closed forms for two units, and networks of weight matrices."""

import math

import numpy as np
import pytest
import scipy.special as sc
from scipy.stats import kstwo

from preactivations.gaussianity import ks_statistic
from preactivations.propagation.engine import simulate
from preactivations.relu_law.chain import NormChain
from preactivations.streams import Stream


def two_units(x):
    """P(h <= x), h ~ N(0, |relu(g)|^2), g of two units: none, one or both are alive.

    With one h is a product of two normal numbers (density K_0(|h|) / pi); with both |g|^2 / 2 is exponential, and h has
    the Laplace law of density exp(-|h|) / 2.
    """
    product = 0.5 + np.sign(x) * sc.iti0k0(np.abs(x))[1] / math.pi
    laplace = 0.5 + np.sign(x) * (1 - np.exp(-np.abs(x))) / 2
    return (x >= 0) / 4 + product / 2 + laplace / 4


def test_two_units():
    x = np.array([-7.0, -1.0, -1e-3, 0.0, 1e-9, 0.1, 2.0, 30.0])
    law = NormChain(1, [2], weight_variance=1.0).law()
    np.testing.assert_allclose(law.mixture_cdf(x), two_units(x), atol=1e-12)
    assert law.mixture_cdf(x.reshape(2, 4)).shape == (2, 4)
    with pytest.raises(TypeError, match="x must be real"):
        law.mixture_cdf("a")


@pytest.mark.parametrize("width", [3, 20])
def test_deep_networks(width):
    """20 000 networks of seven layers, at level .001; dead ones are an atom at 0."""
    z = simulate(
        [1] + [width] * 7 + [1], lambda z: np.maximum(z, 0), weights="normal", sigma_w=math.sqrt(2),
        inputs=1 / math.sqrt(2), n_networks=20_000, stream=Stream(3, "mixture", width),
    ).ravel().astype(float)  # fmt: skip
    law = NormChain(1, [width] * 7, weight_variance=[1.0] + [2 / width] * 6).law()
    alive = z[z != 0]
    assert abs(z.size - alive.size - law.atom * z.size) < 4 * math.sqrt(law.atom * z.size + 1)
    u = law.mixture_cdf(alive * math.sqrt(width / 2)) - law.atom * (alive > 0)
    statistic = ks_statistic(sc.ndtri(np.clip(u / law.alive, 1e-300, 1 - 1e-16)))
    assert kstwo.sf(statistic, alive.size) > 0.001


def test_deep_chains():
    """Most networks are dead, and the norms of the others are below 1e-500."""
    law = NormChain(1, [2] * 2000).law()
    np.testing.assert_allclose(law.mixture_cdf([-1, 0, 1]), [0, law.atom + law.alive / 2, 1], atol=1e-12)


def test_distances_from_normal():
    """Width 1 is alive with probability 1/2, and h is then a product of two normal numbers; E h^2 = 1/2.

    The distance falls as 1/n, by .0229 of the excess kurtosis 15/n.
    """
    x = np.geomspace(1e-6, 5, 20_000)
    cdf = 0.5 + 0.5 * (0.5 + sc.iti0k0(x / math.sqrt(2))[1] / math.pi)
    found = NormChain(1, [1], weight_variance=1.0).output_ks()
    assert found == pytest.approx(np.max(np.abs(cdf - sc.ndtr(x))), rel=1e-5)
    assert NormChain(1, [100_000], weight_variance=1.0).output_ks() == pytest.approx(
        0.0229 * 15 / 100_000, rel=0.01
    )
    # the identity keeps one normal layer: a product again, always alive
    cdf = 0.5 + sc.iti0k0(x)[1] / math.pi
    assert NormChain(1, [1], slope=1.0).output_ks() == pytest.approx(
        np.max(np.abs(cdf - sc.ndtr(x))), rel=1e-5
    )


def test_the_first_layers_are_a_chain():
    chain = NormChain(3, [4, 5, 6], slope=0.1, bias_variance=[0.0, 0.1, 0.2])
    head, same = chain.first(2), NormChain(3, [4, 5], slope=0.1, bias_variance=[0.0, 0.1])
    assert (head.widths, head.depth) == ((4, 5), 2)
    assert head.moment([1, 2]).tolist() == same.moment([1, 2]).tolist()
    for depth in (0, 4):
        with pytest.raises(ValueError, match="depth must be between 1 and 3"):
            chain.first(depth)
