"""The prior of a deep ReLU network as a mixture of Meijer-G laws, against the mixture over scales.

Zavatone-Veth & Pehlevan 2021 (arXiv 2104.11734) and Noci et al. 2021 (arXiv 2106.06615): given the numbers k_l of
active units of each hidden layer, outputs are those of a linear network of these widths, whose law is a Meijer G
function; the k_l are binomial. Derived here: with c = 2^L prod v_l the squared scale is c prod G_l, G_l independent
gamma variables of shape a_l = k_l / 2, and the Mellin transform in x = r^2 / (2 c) of the density of m outputs at the
radius r, E (2 pi c prod G)^(-m/2) exp(-x / prod G), is (2 pi c)^(-m/2) Gamma(s) prod Gamma(a_l + s - m/2) / Gamma(a_l).
"""

import itertools
import math

import mpmath
import numpy as np
import pytest

from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.joint import JointLaw


def density(widths, variances, outputs, radius):
    """Of `outputs` linear units, all with variance 1 after the last hidden layer, at `radius` > 0; no atom."""
    total = mpmath.mpf(0)
    c = 2.0 ** len(widths) * math.prod(variances)
    for active in itertools.product(*(range(1, n + 1) for n in widths)):
        weight = math.prod(math.comb(n, k) * 2.0**-n for n, k in zip(widths, active, strict=True))
        shapes = [mpmath.mpf(k) / 2 for k in active]
        poles = [mpmath.mpf(0), *(a - mpmath.mpf(outputs) / 2 for a in shapes)]
        g = mpmath.meijerg([[], []], [poles, []], mpmath.mpf(radius) ** 2 / (2 * c))
        total += weight * g / mpmath.fprod(mpmath.gamma(a) for a in shapes)
    return float(total * (2 * mpmath.pi * c) ** (-mpmath.mpf(outputs) / 2))


@pytest.mark.parametrize(("widths", "variances"), [([3], [0.7]), ([2, 3], [1.0, 0.4])])
@pytest.mark.parametrize("outputs", [1, 2])
def test_outputs_have_a_mixture_of_meijer_laws(widths, variances, outputs):
    law = JointLaw(NormChain(1, [*widths, outputs], weight_variance=[*variances, 1.0]))
    assert law.atom == pytest.approx(1 - math.prod(1 - 2.0**-n for n in widths), abs=1e-14)
    for radius in (0.05, 0.9, 4.0):
        h = np.full(outputs, radius / math.sqrt(outputs))
        assert law.pdf(h) == pytest.approx(density(widths, variances, outputs, radius), rel=1e-8)


@pytest.mark.parametrize("widths", [[4, 6, 5], [2, 2, 2, 2], [50, 3]])
@pytest.mark.parametrize("p", [-0.4, 0.5, 1.0, 2.7])
def test_moments_of_deep_priors(widths, p):
    """E |z|^(2p) = E N^(2p) prod E (2 v G_l)^p, the Mellin transform of the mixture, summed in mpmath."""
    chain = NormChain(1, widths, weight_variance=0.5)
    with mpmath.workdps(30):
        normal = mpmath.mpf(2) ** p * mpmath.gamma(p + mpmath.mpf(1) / 2) / mpmath.sqrt(mpmath.pi)
        each = [
            mpmath.fsum(
                mpmath.binomial(n, k) * mpmath.gamma(mpmath.mpf(k) / 2 + p) / mpmath.gamma(mpmath.mpf(k) / 2)
                for k in range(1, n + 1)
            )
            / mpmath.mpf(2) ** n
            for n in widths
        ]
        expected = float(normal * mpmath.fprod(each))
    assert float(normal) * float(chain.moment(p)) == pytest.approx(expected, rel=1e-10)
