"""Streams: keyed by values, independent blocks, and float32 variates with the right laws."""

import hashlib

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


def test_streams_stay_what_they_are():
    """First draws of a few streams, by the definition: Philox keyed by BLAKE2b of the parts in text."""
    for key, text in (
        ((1,), "1"),
        ((7, "study", 2.05, 3), "7\x1fstudy\x1f2.05\x1f3.0"),
        (
            (0, "null", np.int64(2**53), np.float32(0.5), True),
            "0\x1fnull\x1f9007199254740992.0\x1f0.5\x1f1.0",
        ),
        ((np.int64(3), "relu", float("nan"), float("inf")), "3\x1frelu\x1fnan\x1finf"),
        ((1, 2**70), "1\x1f1.1805916207174113e+21"),
    ):
        words = hashlib.blake2b(text.encode(), digest_size=16).digest()
        philox = np.random.Philox(key=int.from_bytes(words, "little"), counter=[0, 0, 0, 2])
        assert Stream(*key).block(2).random() == np.random.Generator(philox).random()


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        ((1, "a\x1fb"), ValueError, r"must not contain '\\x1f', which separates the parts, got 'a\\x1fb'"),
        ((1, 2**53 + 1), ValueError, "exact in double precision, got 9007199254740993, which would be"),
        ((1, np.int64(2**53 + 1)), ValueError, "exact in double precision"),
        ((1, b"2"), TypeError, "text or a real number, got b'2' of type bytes"),
        ((1, 1j), TypeError, "text or a real number"),
        ((1, None), TypeError, "text or a real number, got None of type NoneType"),
        ((1.5,), ValueError, "seed must be an integer, got 1.5"),
        (("1",), ValueError, "seed must be an integer, got '1'"),
    ],
)
def test_what_would_share_the_stream_of_another_key_is_refused(key, error, message):
    with pytest.raises(error, match=message):
        Stream(*key)


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
