"""Laws of rows: moments against draws and quadrature, exact projections, rotation invariance."""

import math

import numpy as np
import pytest
from scipy import stats

from preactivations import rows
from preactivations.rows import row_law
from preactivations.streams import Stream

INVARIANT = ("gaussian", "student_9", "elliptical_laplace", "sphere", "ball", "exponential_radius")
INDEPENDENT = (
    "iid_uniform",
    "iid_rademacher",
    "iid_laplace",
    "iid_student_20",
    "iid_exponential",
    "iid_sparse_0.3",
)
N = 200_000


@pytest.mark.parametrize("name", INVARIANT)
@pytest.mark.parametrize("m", [1, 2, 7])
def test_norm_moments(name, m):
    """Within 4.5 standard errors of 2e5 rows; E|w|^2 = m exactly."""
    law = row_law(name)
    assert law.norm_moment(2, m) == pytest.approx(m, rel=1e-14)
    assert law.norm_moment(0, m) == pytest.approx(1, rel=1e-14)
    norm = np.linalg.norm(law.sample(N, m, Stream(1, name, m).block(0)), axis=1)
    for s in (-0.3, 1.0, 2.0, 3.0):
        values = norm**s
        assert abs(values.mean() - law.norm_moment(s, m)) < 4.5 * values.std() / math.sqrt(N) + 1e-12, s


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("gaussian", lambda m: 1.0),
        ("student_5", lambda m: 3.0),
        ("student_9", lambda m: 7 / 5),
        ("elliptical_laplace", lambda m: 2.0),
        ("sphere", lambda m: m / (m + 2)),
        ("ball", lambda m: (m + 2) / (m + 4)),
        ("exponential_radius", lambda m: 6 * m / (m + 2)),
    ],
)
def test_ratios(name, ratio):
    for m in (1, 3, 100, 10**6):
        assert row_law(name).ratio(m) == pytest.approx(ratio(m), rel=1e-9)


def test_infinite_moments():
    assert row_law("cauchy").norm_moment(1, 3) == math.inf
    assert row_law("cauchy").norm_moment(0.5, 3) < math.inf
    assert row_law("student_5").norm_moment(5, 3) == math.inf
    assert row_law("student_5").norm_moment(4.9, 3) < math.inf
    assert row_law("gaussian").norm_moment(-3, 3) == math.inf
    assert row_law("exponential_radius").norm_moment(-1, 3) == math.inf
    assert row_law("cauchy").kernel_factor(0, 3) == 1
    assert row_law("cauchy").ratio(3) == math.inf
    assert row_law("iid_student_2.5").moment(2) == pytest.approx(1)
    assert row_law("iid_student_2.5").symmetric
    assert not row_law("iid_exponential").symmetric


@pytest.mark.parametrize("name", [*INVARIANT, "cauchy"])
def test_projections_have_the_law_of_coordinates(name):
    """Two-sample KS, 1e-4 level: projections on two axes against coordinates of whole rows, and on a skew direction."""
    law, m = row_law(name), 6
    rng = Stream(2, name).block(0)
    u, w = law.project(20_000, m, 2, rng), law.sample(20_000, m, rng)
    skew = Stream(3, "direction").block(0).standard_normal(m)
    skew /= np.linalg.norm(skew)
    for a, b in (
        (u[:, 0], w[:, 3]),
        (u[:, 0], w @ skew),
        (np.hypot(*u.T), np.hypot(w[:, 0], w[:, 5])),
        (u[:, 0] * u[:, 1], w[:, 1] * w[:, 2]),
    ):
        assert stats.ks_2samp(a, b).pvalue > 1e-4


def test_laws_against_scipy():
    """One coordinate of a row against a distribution of SciPy: KS at level 1e-4."""
    rng = Stream(4, "scipy").block(0)
    m = 4
    for name, law in (
        ("student_5", stats.t(5, scale=math.sqrt(3 / 5))),
        ("cauchy", stats.cauchy()),
        ("elliptical_laplace", stats.laplace(scale=math.sqrt(0.5))),
        ("iid_uniform", stats.uniform(-math.sqrt(3), 2 * math.sqrt(3))),
        ("iid_laplace", stats.laplace(scale=math.sqrt(0.5))),
        ("iid_student_4", stats.t(4, scale=math.sqrt(0.5))),
        ("iid_exponential", stats.expon(-1)),
    ):
        assert stats.kstest(row_law(name).sample(20_000, m, rng)[:, 2], law.cdf).pvalue > 1e-4, name
    ball = np.linalg.norm(row_law("ball").sample(20_000, m, rng), axis=1) / math.sqrt(m + 2)
    assert stats.kstest(ball, lambda r: r**m).pvalue > 1e-4
    radius = np.linalg.norm(row_law("exponential_radius").sample(20_000, m, rng), axis=1)
    assert stats.kstest(radius, stats.expon(scale=math.sqrt(m / 2)).cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", INDEPENDENT)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_moments_of_independent_weights(name, dtype):
    """Within 4.5 standard errors of 6e5 draws, to the sixth."""
    law = row_law(name)
    w = law.sample(N, 3, Stream(5, name).block(0), dtype)
    assert w.dtype == dtype
    assert w.shape == (N, 3)
    assert law.moment(0) == 1
    assert law.moment(1) == pytest.approx(0, abs=1e-15)
    assert law.moment(2) == pytest.approx(1, rel=1e-14)
    w = w.astype(np.float64)
    for k in range(1, 7):
        values = w**k
        # 1e-6: single precision
        assert abs(values.mean() - law.moment(k)) < 4.5 * values.std() / math.sqrt(w.size) + 1e-6, k


def test_cumulants_of_independent_weights():
    for name, skewness, kurtosis in (
        ("iid_uniform", 0, -1.2),
        ("iid_rademacher", 0, -2),
        ("iid_laplace", 0, 3),
        ("iid_student_7", 0, 2),
        ("iid_student_4", math.nan, math.inf),
        ("iid_exponential", 2, 6),
        ("iid_sparse_0.25", 0, 9),
    ):
        law = row_law(name)
        if not math.isnan(skewness):
            assert law.skewness == pytest.approx(skewness, abs=1e-12)
        assert law.kurtosis == pytest.approx(kurtosis, rel=1e-12)
    # moments of an exponential less its mean, by SciPy
    for k in range(3, 9):
        expected = stats.expon.expect(lambda x, k=k: (x - 1) ** k)
        assert row_law("iid_exponential").moment(k) == pytest.approx(expected, rel=1e-6)


def test_independent_weights_are_independent_between_rows_and_columns():
    """Correlations of squares below 4.5 / sqrt(n): elliptical Laplace rows have them, independent ones do not."""
    n = 50_000
    rng = Stream(6, "independent").block(0)
    square = row_law("iid_laplace").sample(n, 2, rng) ** 2
    assert abs(np.corrcoef(square.T)[0, 1]) < 4.5 / math.sqrt(n)
    square = row_law("elliptical_laplace").sample(n, 2, rng) ** 2
    assert np.corrcoef(square.T)[0, 1] > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: row_law("normal"), "unknown law of rows 'normal'; accepted: gaussian, cauchy"),
        (lambda: row_law("student_x"), "unknown law of rows"),
        (lambda: rows.Student(0.0), "nu must be > 0 and at most 1e12"),
        (lambda: rows.Student(1e300), "nu must be > 0 and at most 1e12"),
        (lambda: rows.IidStudent(5.0).moment(5.5), "k must be an integer"),
        (lambda: rows.IidStudent(2.0), "nu must be above 2"),
        (lambda: rows.IidSparse(0.0), r"p must be in \(0, 1\], got 0"),
        (lambda: rows.IidUniform().moment(-1), "k must be an integer >= 0"),
        (lambda: rows.IidExponential().moment(1.5), "k must be an integer >= 0"),
        (lambda: rows.Gaussian().project(3, 2, 3, np.random.default_rng(0)), "1 <= size <= m"),
        (lambda: rows.IidUniform().sample(3, 0, np.random.default_rng(0)), "1 <= size <= m"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
