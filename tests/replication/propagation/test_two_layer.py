"""The protocol of the two-layer study."""

import numpy as np
import pytest
from exact import pairs_of

from preactivations.gaussianity import null_quantile
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull
from replication.propagation.two_layer import ks_line, ks_points, sweep_widths
from replication.settings import setting_by_name


def test_standardized_line():
    # an exact pair has variance 1: both lines are the same
    raw, standardized = ks_line(setting_by_name("odd", pairs_of("weibull_4")), [1, 3, 10])
    np.testing.assert_allclose(raw, standardized, atol=2e-4)
    # tanh: the plateau is almost only a variance mismatch
    raw, standardized = ks_line(setting_by_name("tanh"), [10])
    assert standardized[0] < 0.4 * raw[0]


def test_relu_goes_with_its_own_weights():
    for wrong in (
        setting_by_name("relu", sigma_w=1.0, weights=SymmetricWeibull(3)),
        setting_by_name("relu", sigma_w=1.0, sigma_b=0.5),
    ):
        with pytest.raises(ValueError, match=r"ReLU has an atom, whose law is known for weights N\(0, 1\)"):
            ks_line(wrong, [2])


def test_sweeps():
    assert [sweep_widths(s, 7) for s in ("i", "ii", "iii")] == [[1, 1, 7, 1], [1, 7, 2, 1], [1, 7, 7, 1]]
    with pytest.raises(ValueError, match="'i', 'ii' or 'iii', got 'iv'"):
        sweep_widths("iv", 1)


@pytest.mark.parametrize(("name", "law"), [("tanh", None), ("relu", None), ("positive", "weibull_4")])
def test_points_lie_on_the_line(name, law):
    """|KS statistic - KS distance of the law| is at most the KS statistic from that law: its 99.9 % point."""
    setting, n = setting_by_name(name, pairs_of(law)), 20_000
    points = ks_points(
        setting.simulated(),
        weights=setting.weights,
        **setting.scales,
        sweeps=["i"],
        widths=[1, 3],
        n_samples=n,
        stream=lambda sweep, width: Stream(1, name, sweep, width),
    )
    line = ks_line(setting, [1, 3])[0]
    for point, distance in zip(points, line, strict=True):
        assert (point["sweep"], point["n_samples"]) == ("i", n)
        assert abs(point["ks"] - distance) < null_quantile(0.999, n)
