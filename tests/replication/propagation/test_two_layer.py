"""The protocol of the two-layer study."""

import numpy as np
import pytest
from exact import pairs_of
from scipy.integrate import trapezoid

from preactivations.gaussianity import ks_distance, null_quantile
from preactivations.propagation.output_laws import output_cdf, relu_output_cdf
from preactivations.streams import Stream
from replication.propagation.two_layer import ks_line, ks_points, sweep_widths
from replication.settings import setting_by_name


def quadrature(setting, widths):
    """(ks, ks_standardized) of sweep (i), without sampling noise, shape (2, widths)."""
    z = np.concatenate((np.linspace(0, 12, 2401), np.geomspace(12, 500, 400)[1:]))
    if setting.exact.name == "relu":
        cdf = relu_output_cdf(z, widths, setting.sigma_w)
    else:
        cdf = output_cdf(z, widths, setting.exact.phi, weights=setting.weights, **setting.scales)
    # E z^2 = 4 int_0^inf z P(z2 > z) dz
    deviation = np.sqrt(4 * trapezoid(z * (1 - cdf), z))
    return np.array(
        [[ks_distance(z, f), ks_distance(z / d, f)] for f, d in zip(cdf, deviation, strict=True)]
    ).T


@pytest.mark.parametrize(
    ("name", "law"), [("tanh", None), ("relu", None), ("odd", "weibull_4"), ("positive", "spherical_1")]
)
def test_line_of_sweep_i_against_quadrature(name, law):
    setting, widths = setting_by_name(name, pairs_of(law)), [1, 2, 6]
    rows = ks_line(
        setting, sweeps=["i"], widths=widths, n_networks=40_000,
        stream=lambda sweep, n: Stream(1, "line", name, sweep, n),
    )  # fmt: skip
    for statistic, known in zip(("ks", "ks_standardized"), quadrature(setting, widths), strict=True):
        for row, exact in zip(rows, known, strict=True):
            assert abs(row[statistic] - exact) < 4.5 * row[f"{statistic}_error"] + 1e-4  # 24 numbers
            assert row[f"{statistic}_error"] < 0.0015


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
    line = quadrature(setting, [1, 3])[0]
    for point, distance in zip(points, line, strict=True):
        assert (point["sweep"], point["n_samples"]) == ("i", n)
        assert abs(point["ks"] - distance) < null_quantile(0.999, n)
