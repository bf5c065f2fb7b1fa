"""Streams: keyed by values, independent blocks, and float32 variates with the right laws."""

import numpy as np
import pytest

from preactivations import streams
from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.streams import Stream


def test_the_key_is_the_values():
    draw = Stream(1, "study", "odd", 2.05, 3).block(7).random(4)
    assert np.array_equal(draw, Stream(1, "study", "odd", 2.05, 3.0).block(7).random(4))
    others = [
        Stream(2, "study", "odd", 2.05, 3),
        Stream(1, "study", "odd", 2.05, 4),
        Stream(1, "study", "odd2.05", 3),
        Stream(1, "studyodd", 2.05, 3),
    ]
    for other in others:
        assert not np.array_equal(draw, other.block(7).random(4))
    assert not np.array_equal(draw, Stream(1, "study", "odd", 2.05, 3).block(8).random(4))
    with pytest.raises(ValueError, match=r"not as the text '2\.0'"):
        Stream(1, "2.0")
    with pytest.raises(ValueError, match="index must be >= 0"):
        Stream(1).block(-1)


def test_blocks_and_streams_are_uncorrelated():
    n, threshold = 100_000, 4.5 / np.sqrt(100_000)
    draws = np.stack([Stream(1, "a", k // 3).block(k % 3).standard_normal(n) for k in range(9)])
    correlation = np.corrcoef(draws) - np.eye(9)
    assert np.max(np.abs(correlation)) < threshold


def test_single_precision_variates():
    n = 4_000_000
    limit = null_quantile(1 - 1e-3 / 3, n)
    rng = Stream(3, "variates").block(0)
    x = streams.normal(n, rng).astype(np.float64)
    assert ks_statistic(x) < limit
    for k in (1, 2, 3):  # Box-Muller pairs stand half an array apart
        assert abs(np.mean(x[: n // 2] ** k * x[n // 2 :] ** k) - np.mean(x**k) ** 2) < 0.05
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 5 / np.sqrt(n)
    u = streams.uniform(n, rng)
    assert ks_statistic(u, lambda t: 0.5 * (1 + t)) < limit
    w = streams.symmetric_weibull(2.0, n, rng)
    assert ks_statistic(w, lambda t: 0.5 * (1 + np.sign(t) * -np.expm1(-t * t))) < limit
    assert np.all(np.abs(u) < 1)
    assert np.all(w != 0)
    assert streams.normal(3, rng).shape == (3,)
    assert streams.uniform(0, rng).shape == (0,)


def test_generators_of_short_words_are_refused():
    rng = np.random.Generator(np.random.MT19937(1))
    with pytest.raises(TypeError, match="MT19937 draws words of 32 bits"):
        streams.normal(10, rng)
    # others of NumPy have 64
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.SFC64, np.random.Philox):
        words = kind(1).random_raw(1000)
        assert np.mean((words & 0xFFFFFFFF) >> 31) == pytest.approx(0.5, abs=4 * 0.5 / 1000**0.5)
