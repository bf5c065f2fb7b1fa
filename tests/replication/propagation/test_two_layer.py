"""The protocol of the two-layer study."""

import numpy as np
import pytest

from preactivations.pairs.gaussian import GaussianPair
from preactivations.propagation.output_laws import Setting
from preactivations.weights import SymmetricWeibull
from replication.propagation.two_layer import REFERENCE, ks_line


def test_standardized_line():
    # an exact pair has variance 1: both lines are the same
    pair = GaussianPair(SymmetricWeibull(4), "odd")
    raw, standardized = ks_line(Setting(pair.weights, pair.phi), [1, 3, 10])
    np.testing.assert_allclose(raw, standardized, atol=2e-4)
    # tanh: the plateau is almost only a variance mismatch
    raw, standardized = ks_line(REFERENCE["tanh"], [10])
    assert standardized[0] < 0.4 * raw[0]


def test_relu_goes_with_its_own_weights():
    for wrong in (
        REFERENCE["relu"]._replace(weights=SymmetricWeibull(3)),
        REFERENCE["relu"]._replace(sigma_b=0.5),
    ):
        with pytest.raises(ValueError, match=r"ReLU has an atom, whose law is known for weights N\(0, 1\)"):
            ks_line(wrong, [2])
