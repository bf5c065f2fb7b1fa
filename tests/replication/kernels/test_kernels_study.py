"""What the stage on kernels computes; the expansion of the central limit theorem against exact routes."""

import itertools
import math

import numpy as np
import pytest
from scipy import special, stats
from scipy.integrate import quad

from preactivations import kernels
from preactivations.kernels.clt import clt_correction
from preactivations.kernels.monte_carlo import joint_moments, kernel_error
from preactivations.rows import row_law
from preactivations.streams import Stream
from replication.kernels import study as kernel_study
from replication.kernels.analysis import slope_row

STREAM = Stream(11, "tests of kernel_study")


def block_kernel(m, shares, law):
    """k - k_Gauss of weights whose sums over blocks of inputs are known: x, y constant on blocks of `shares` inputs.

    By quadrature over both block sums. `law` is the frozen law of a sum of n weights by n.
    """
    first, second = law(shares[0]), law(shares[1])
    x = np.repeat([1.0, 0.7], shares)
    y = np.repeat([0.4, -1.0], shares)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    a, b = (x[0], x[-1]), (y[0], y[-1])
    nodes, weights = np.polynomial.legendre.leggauss(200)

    def inner(s):  # over the second sum, split at the kinks of both
        kinks = sorted({-a[0] * s / a[1], -b[0] * s / b[1]})
        low, high = second.ppf(1e-15), second.isf(1e-15)
        edges = [low, *(k for k in kinks if low < k < high), high]
        total = 0.0
        for left, right in itertools.pairwise(edges):
            t = left + (right - left) * (nodes + 1) / 2
            value = np.maximum(a[0] * s + a[1] * t, 0) * np.maximum(b[0] * s + b[1] * t, 0)
            total += (weights * value * second.pdf(t)).sum() * (right - left) / 2
        return total * first.pdf(s)

    low, high = first.ppf(1e-15), first.isf(1e-15)
    k, _ = quad(inner, low, high, limit=400, epsabs=1e-11, epsrel=1e-11, points=[0.0])
    return k - float(kernels.kernel(x, y)), x, y


def exponential_sum(n):
    return stats.gamma(n, loc=-n)


@pytest.mark.parametrize("m", [40, 160, 640])
def test_expansion_of_skewed_weights_against_sums_known_exactly(m):
    """Sums of centred exponentials are gamma: what is left is of order m^(-3/2)."""
    exact, x, y = block_kernel(m, (m // 4, m - m // 4), exponential_sum)
    formula = float(clt_correction(x, y, 2.0, 6.0))
    first_order = float(clt_correction(x, y, 1e-9, 0.0)) * 2e9
    assert abs(exact - formula) < 2 * m**-1.5
    assert abs(exact - formula) < 0.3 * abs(exact - first_order), "the terms of order 1/m are needed"


def test_order_of_what_is_left():
    left = []
    for m in (40, 640):
        exact, x, y = block_kernel(m, (m // 4, m - m // 4), exponential_sum)
        left.append(abs(exact - float(clt_correction(x, y, 2.0, 6.0))))
    order = math.log(left[0] / left[1]) / math.log(16)
    assert 1.3 < order < 2.2


def published(x, y, kappa3, kappa4):
    """The formula of the paper's note, for |x| = |y| = 1."""
    rho = x @ y
    s = math.sqrt(1 - rho**2)
    skew = -rho * (x**3 + y**3).sum() + 3 * (x**2 * y + x * y**2).sum()
    kurtosis = (
        (2 * rho**2 - 1) * (x**4 + y**4).sum()
        - 4 * rho * (x**3 * y + x * y**3).sum()
        + 6 * (x**2 * y**2).sum()
    )
    return kappa3 / 6 * skew / (2 * math.sqrt(2 * math.pi)) + kappa4 / 24 * kurtosis / (2 * math.pi * s)


def test_correction_is_the_formula_of_the_note():
    for index in range(5):
        x, y = STREAM.block(index).standard_normal((2, 7)) + 0.3
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
        assert clt_correction(x, y, 0, 1) == pytest.approx(published(x, y, 0, 1), rel=1e-11)
        tiny = 1e-8  # the squared skewness is not in the note
        assert clt_correction(x, y, tiny, 0) / tiny == pytest.approx(published(x, y, 1, 0), rel=1e-6)


def test_correction_at_both_ends_and_for_slopes():
    x, y = STREAM.block(9).standard_normal((2, 9))
    assert clt_correction(x, x, 0, 5) == 0, "E relu(h)^2 is 1/2 for all symmetric weights"
    assert abs(clt_correction(x, -x, 0, 5)) < 1e-40
    # E relu(h)^2 = 1/2 + E h|h| / 2, and E h|h| to first order: third derivative of z|z| is 4 delta
    unit = x / np.linalg.norm(x)
    skew = (unit**3).sum() / 6 * 2 / math.sqrt(2 * math.pi)
    assert clt_correction(unit, unit, 1e-3, 0) == pytest.approx(1e-3 * skew, rel=1e-6)
    near = np.stack([unit, unit + 1e-9 * y])
    assert abs(clt_correction(near[0], near[1], 0, 5)) < 1e-25, "it vanishes like the cube of the angle"
    assert clt_correction(x, y, 2, 6, slope=1.0) == pytest.approx(0, abs=1e-12), (
        "linear: exact for all weights"
    )
    even = clt_correction(x, y, 2, 6, slope=-1.0)  # E|h||g|: even in each
    assert even == pytest.approx(float(clt_correction(-x, y, 2, 6, slope=-1.0)), rel=1e-12)
    scaled = clt_correction(np.stack([3 * x, x]), 5 * y, 2, 6)
    assert scaled[0] == pytest.approx(3 * scaled[1], rel=1e-13)


def test_lattices_miss_the_formula():
    """Signs with equal |x_i|: a binomial sum, by enumeration; the error is not that of the expansion."""
    m = 64
    half = stats.binom(m // 2, 0.5)
    k = np.arange(m // 2 + 1)
    s = (2 * k - m // 2)[:, None] / math.sqrt(m)
    t = s.T
    p = half.pmf(k)
    exact = (np.maximum(s + t, 0) * np.maximum(s - t, 0) * p[:, None] * p).sum()
    x, y = np.ones(m) / 8, np.repeat([1, -1], m // 2) / 8
    miss = (exact - float(kernels.kernel(x, y))) / float(clt_correction(x, y, 0, -2))
    assert 2 < abs(miss) < 4, "a factor of 3, as the note says"


def test_joint_moments():
    """Against draws, and exactly where all weights are signs."""
    x, y = np.array([0.5, -1.0, 0.3]), np.array([1.0, 0.2, 0.4])
    signs = np.array(list(itertools.product([-1, 1], repeat=3)))
    found = joint_moments(row_law("iid_rademacher"), x, y, 6)
    for (j, k), value in found.items():
        assert value == pytest.approx(((signs @ x) ** j * (signs @ y) ** k).mean(), abs=1e-14)
    w = row_law("iid_exponential").sample(400_000, 3, STREAM.block(20))
    for (j, k), value in joint_moments(row_law("iid_exponential"), x, y, 4).items():
        values = (w @ x) ** j * (w @ y) ** k
        assert abs(values.mean() - value) < 4.5 * values.std() / math.sqrt(len(values)) + 1e-12


def test_monte_carlo_of_errors_is_unbiased_and_sharp():
    """Against gamma sums by quadrature, signs by enumeration and plain Monte Carlo: 4.5 standard errors."""
    exact, x, y = block_kernel(16, (4, 12), exponential_sum)
    found = kernel_error(row_law("iid_exponential"), x, y, 400_000, STREAM)
    assert abs(found.error - exact) < 4.5 * found.standard_error
    assert found.standard_error < 0.2 * found.plain_standard_error

    x, y = kernel_study.inputs("signed", 10)
    signs = np.array(list(itertools.product([-1, 1], repeat=10)))
    exact = (np.maximum(signs @ x, 0) * np.maximum(signs @ y, 0)).mean() - float(kernels.kernel(x, y))
    found = kernel_error(row_law("iid_rademacher"), x, y, 200_000, STREAM)
    assert abs(found.error - exact) < 4.5 * found.standard_error
    x4, y4 = kernel_study.inputs("localized", 4)  # where the controls leave rounding only
    signs4 = np.array(list(itertools.product([-1, 1], repeat=4)))
    exact4 = (np.maximum(signs4 @ x4, 0) * np.maximum(signs4 @ y4, 0)).mean() - float(kernels.kernel(x4, y4))
    assert abs(kernel_error(row_law("iid_rademacher"), x4, y4, 10_000, STREAM).error - exact4) < 1e-13
    assert found.standard_error < 0.2 * found.plain_standard_error

    x, y = kernel_study.inputs("positive", 6)
    w = row_law("iid_student_4").sample(1_000_000, 6, STREAM.block(21))
    plain = np.maximum(w @ x, 0) * np.maximum(w @ y, 0)
    found = kernel_error(row_law("iid_student_4"), x, y, 1_000_000, STREAM)
    error = math.hypot(plain.std() / 1000, found.standard_error)
    assert abs(found.error - (plain.mean() - float(kernels.kernel(x, y)))) < 4.5 * error


@pytest.mark.parametrize("kind", ["signed", "positive", "localized"])
def test_inputs(kind):
    for m in (2, 3, 64, 501):
        x, y = kernel_study.inputs(kind, m)
        assert np.linalg.norm(x) == pytest.approx(1)
        assert np.linalg.norm(y) == pytest.approx(1)
        if kind == "signed":
            assert abs(x @ y) < 1e-14
        if kind == "positive":
            assert x.min() > 0
            assert y.min() > 0
            assert x @ y == pytest.approx(math.sqrt(0.5)), "45 degrees at every m"
        if kind == "localized":
            assert x[0] ** 2 == pytest.approx(0.8)
            assert y[0] ** 2 == pytest.approx(0.8)
    if kind != "localized":
        assert max(abs(x).max(), abs(y).max()) < 0.11, "delocalized"
    with pytest.raises(ValueError, match="m must be at least 2"):
        kernel_study.inputs(kind, 1)
    with pytest.raises(ValueError, match="kind must be"):
        kernel_study.inputs("other", 4)


def test_slopes_from_monte_carlo():
    """From draws to the powers of the central limit theorem: within .2, 4.5 standard errors included."""
    for name, kind, predicted in (("iid_laplace", "signed", -1.0), ("iid_exponential", "positive", -0.5)):
        rows = [kernel_study.error_row(row_law(name), kind, m, 300_000, STREAM) for m in (32, 64, 128, 256)]
        found = slope_row(*(np.array([r[c] for r in rows], float) for c in ("m", "error", "standard_error")))
        assert abs(found["slope"] - predicted) < 0.2
        assert found["slope_error"] < 0.1


def test_dead_inputs_have_no_spectrum():
    rows = kernel_study.gram_rows(8, 20, [0, 4, 8], [0.0], 2, 6, STREAM)
    assert np.isnan([r["condition"] for r in rows if r["network"] >= 0]).any()
    assert not np.isnan([r["condition"] for r in rows if r["network"] < 0]).any()


def test_theory_is_not_tested_where_it_does_not_hold():
    for name, tested in (
        ("student_5", False),
        ("student_9", True),
        ("iid_exponential", False),
        ("iid_uniform", True),
    ):
        rows = kernel_study.depth_rows(row_law(name), 10, [1], 3, STREAM)
        assert {r["tested"] for r in rows} == {tested}


def test_curves_of_a_layer():
    rows = kernel_study.curve_rows(row_law("sphere"), 10, 50_000, [0.0, 0.2], 9, STREAM)
    assert len(rows) == 18
    assert max(abs(r["drawn"] - r["map"]) for r in rows) < 0.015
    cauchy = kernel_study.curve_rows(row_law("cauchy"), 10, 50_000, [0.0], 9, STREAM)
    assert max(abs(r["drawn"] - r["map"]) for r in cauchy) > 0.1


def test_finite_width():
    row = kernel_study.finite_width_row(row_law("sphere"), 10, 20, 1.2, 20_000, STREAM)
    assert abs(row["kernel_drawn"] - row["kernel"]) < 4.5 * row["kernel_error"]
    assert abs(row["variance_drawn"] - row["variance"]) < 4.5 * row["variance_error"]
    heavy = kernel_study.finite_width_row(row_law("student_5"), 10, 20, 1.2, 100, STREAM)
    assert math.isfinite(heavy["variance"])
    assert math.isnan(heavy["variance_error"]), "E|w|^8 is infinite"


def test_depth_by_projections_and_by_matrices_agree():
    """Geometric mean of the angle, width 50, normal-like rows both ways: 4.5 standard errors."""
    found = []
    for name, networks in (("gaussian", 400), ("iid_sparse_1", 400)):  # sparse with p = 1: normal weights
        rows = kernel_study.depth_rows(row_law(name), 50, [1, 8], networks, STREAM, start=1.0)
        assert {r["depth"] for r in rows} == {1, 8}
        log_angle = np.log([r["angle"] for r in rows if r["depth"] == 8])
        found.append((log_angle.mean(), log_angle.std() / math.sqrt(networks)))
        assert abs(found[-1][0] - rows[-1]["log_mean"]) < 4.5 * found[-1][1] + 8 / 50**2
    assert abs(found[0][0] - found[1][0]) < 4.5 * math.hypot(found[0][1], found[1][1])


def test_dead_networks_have_no_angle():
    rows = kernel_study.depth_rows(row_law("gaussian"), 2, [6], 200, STREAM)
    angles = np.array([r["angle"] for r in rows])
    assert np.isnan(angles).any()
    assert not np.isnan(angles).all()


def test_spectrum():
    assert kernel_study.spectrum(np.eye(5)) == (pytest.approx(1), pytest.approx(5))
    assert kernel_study.spectrum(np.ones((4, 4))).effective_rank == pytest.approx(1)
    assert kernel_study.spectrum(np.diag([4.0, 1.0])).condition == pytest.approx(4)
    half = kernel_study.spectrum(np.diag([1.0, 1.0, 0.0]))
    assert half == (math.inf, pytest.approx(2))


def test_gram_rows():
    rows = kernel_study.gram_rows(8, 20, [0, 1, 3], [0.0, 0.2], 2000, 2, STREAM)
    by = {(r["slope"], r["depth"], r["network"]): r for r in rows}
    assert len(rows) == len(by) == 2 * 3 * 3
    for slope in (0.0, 0.2):
        ranks = [by[slope, depth, -1]["effective_rank"] for depth in (0, 1, 3)]
        assert ranks == sorted(ranks, reverse=True)
        for network in (0, 1):
            assert by[slope, 0, network]["condition"] == pytest.approx(by[slope, 0, -1]["condition"])
            assert by[slope, 3, network]["effective_rank"] == pytest.approx(ranks[2], rel=0.1)


def test_constants():
    values = {row["name"]: row["value"] for row in kernel_study.constants()}
    assert round(values["kernel"], 4) == 0.2603
    assert round(values["cosine_64"], 6) == 0.992066


def test_effective_rows():
    """Nearly normal rows count once each; with 3 degrees a small part of many rows counts."""
    stream = Stream(5, "degrees")
    (first, *_) = kernel_study.degree_rows(1e6, 10, 40_000, 3, stream)
    assert first["effective"] == pytest.approx(40_000, rel=0.05)
    few, many = (kernel_study.degree_rows(3.0, 10, n, 3, stream)[0]["effective"] for n in (10_000, 640_000))
    assert few < many < 0.1 * 640_000


def test_degrees_scatter_as_their_effective_number():
    """Standard deviation of cos t' over 60 layers of t6 rows against that of as many normal ones, within 30 %."""
    values = {}
    for nu, neurons in ((6.0, 8000), (1e6, 4000)):
        rows = [kernel_study.degree_rows(nu, 10, neurons, 3, Stream(k, "scatter", nu))[1] for k in range(60)]
        values[nu] = np.std([r["drawn"] for r in rows]) * math.sqrt(np.mean([r["effective"] for r in rows]))
    assert values[6.0] == pytest.approx(values[1e6], rel=0.3)


def test_rows_without_samples():
    """The inputs are those of the Monte Carlo study; erf with 64 uniform weights by plain Monte Carlo."""
    row = kernel_study.tail_error_row(3.5, 64)
    assert row["predicted"] == -0.75
    assert 0 < row["error"] < row["formula"]
    x, y = kernel_study.inputs("positive", 64)
    smooth = kernel_study.smooth_error_row(row_law("iid_uniform"), "erf", 64)
    # arcsin(2 x.y / 3) of weights that are normal, and what uniform ones leave of it, by plain Monte Carlo
    w = row_law("iid_uniform").sample(400_000, 64, STREAM.block(77))
    products = special.erf(w @ x) * special.erf(w @ y)
    assert smooth["kernel"] == pytest.approx(2 / math.pi * math.asin(2 * float(x @ y) / 3), abs=1e-10)
    error = products.std() / math.sqrt(len(products))
    assert abs(products.mean() - smooth["kernel"] - smooth["error"]) < 4.5 * error
