"""Random streams keyed by what is computed, not by when.

A stream is named by a root seed and the values that describe a cell (stage, law, sweep, width, ...). It is cut
into blocks, each with its own range of the counter of a Philox generator (Salmon et al., SC 2011): block k can
be drawn without the blocks before it, so that results depend neither on the order in which blocks are computed
nor on how many are computed at once.

Draws in single precision are made from raw 32-bit words here, vectorized, several times faster than the
ziggurat methods of `numpy.random.Generator`: 23 bits for the magnitude (spacing 1.2e-7 in probability, largest
exponential variate 16.6), one for the sign.

Arguments
---------
size : int
    Number of draws.
rng : numpy.random.Generator
    On a bit generator of 64-bit words, as that of `Stream` (Philox) or NumPy's default; TypeError for
    MT19937, whose words have 32 bits.
out : array, float32, shape (size,), optional
    Where the draws are written; by default a new one. It is returned.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stream", "normal", "symmetric_weibull", "uniform"]

Array32 = NDArray[np.float32]

_PIECE = 1 << 15  # draws at once
_SEPARATOR = "\x1f"  # of the parts of a key


class Stream:
    """Counter-based random numbers for one cell of a study.

    Parameters
    ----------
    seed : int
        Root seed.
    *key : str, int or float
        What the numbers are for. Numbers that are equal (2 and 2.0) make the same key; the text of a number is refused.

    Raises
    ------
    TypeError
        For a key that is neither text nor a real number.
    ValueError
        For what would share the stream of another key: the text of a number ("2.0", "nan"), text with the character
        U+001F, which separates the parts of a key, and integers that are not exact in double precision (2^53 + 1);
        for a seed that is no integer.

    Examples
    --------
    >>> stream = Stream(1, "demo", 2.05)
    >>> bool(stream.block(3).random() == Stream(1, "demo", 2.05).block(3).random())
    True
    """

    def __init__(self, seed: int, *key: str | int | float) -> None:
        if not isinstance(seed, Integral) and int(seed) != seed:
            raise ValueError(f"seed must be an integer, got {seed!r}")
        text = _SEPARATOR.join([str(int(seed)), *map(_part, key)])
        self._key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")

    def block(self, index: int, part: int = 0) -> np.random.Generator:
        """Generator of block `index` >= 0, or of a part of it: 2^128 draws that no other part or block touches.

        ValueError for a negative index or part; both must be below 2^64.
        """
        for name, value in {"index": index, "part": part}.items():
            if value < 0:
                raise ValueError(f"{name} must be >= 0, got {value}")
        return np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, part, index]))

    def seed(self, index: int, part: int = 0) -> int:
        """63-bit seed of `block(index, part)`, for generators that are not NumPy's: its first draw."""
        return int(self.block(index, part).integers(2**63))


def _part(key: str | int | float) -> str:
    """The text of one value of a key, which no other value has."""
    if isinstance(key, str):
        if _is_number(key):
            raise ValueError(f"a key that is a number must be given as one, not as the text {key!r}")
        if _SEPARATOR in key:
            raise ValueError(f"a key must not contain {_SEPARATOR!r}, which separates the parts, got {key!r}")
        return key
    if not isinstance(key, Real | np.bool_):
        raise TypeError(f"a key must be text or a real number, got {key!r} of type {type(key).__name__}")
    value = float(key)
    if isinstance(key, Integral) and int(key) != value:
        raise ValueError(f"a key must be exact in double precision, got {key!r}, which would be {value!r}")
    return repr(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _words(size: int, rng: np.random.Generator) -> NDArray[np.uint32]:
    if isinstance(rng.bit_generator, np.random.MT19937):  # half of every word would be 0
        raise TypeError(
            "MT19937 draws words of 32 bits: take a generator of 64, such as np.random.default_rng()"
        )
    return rng.bit_generator.random_raw((size + 1) // 2).view(np.uint32)[:size]


def _uniform(words: NDArray[np.uint32]) -> Array32:
    """(k + 1/2) 2^-23 for the upper 23 bits k of the words: never 0 or 1, exact in single precision."""
    u = (words >> np.uint32(9)).astype(np.float32)
    u += np.float32(0.5)
    u *= np.float32(2.0**-23)
    return u


def _with_sign(x: Array32, words: NDArray[np.uint32]) -> Array32:
    bits = x.view(np.uint32)
    bits |= words << np.uint32(31)  # the lowest bit of the word
    return bits.view(np.float32)


def _in_pieces(fill: Callable[[Array32, np.random.Generator], None]) -> Callable[..., Array32]:
    """Draws piece by piece: temporaries that stay in the cache and are not handed back to the system (2x in time)."""

    def draw(size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
        if out is None:
            out = np.empty(size, np.float32)
        for start in range(0, size, _PIECE):
            fill(out[start : min(start + _PIECE, size)], rng)
        return out

    return draw


def symmetric_weibull(
    theta: float, size: int, rng: np.random.Generator, out: Array32 | None = None
) -> Array32:
    """Independent draws with P(|W| > w) = exp(-w^theta), single precision, shape (size,), to `out` if given.

    `theta` > 0 is not checked. Other arguments: see the module.
    """

    def fill(part: Array32, rng: np.random.Generator) -> None:
        words = _words(part.size, rng)
        x = _uniform(words)
        np.log(x, out=x)
        np.negative(x, out=x)  # standard exponential
        np.log(x, out=x)
        x *= np.float32(1 / theta)
        np.exp(x, out=x)
        part[:] = _with_sign(x, words)

    return _in_pieces(fill)(size, rng, out)


def uniform(size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
    """Independent draws from the uniform law on (-1, 1), single precision, shape (size,), written to `out` if given."""

    def fill(part: Array32, rng: np.random.Generator) -> None:
        words = _words(part.size, rng)
        part[:] = _with_sign(_uniform(words), words)

    return _in_pieces(fill)(size, rng, out)


def normal(size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
    """Independent standard normal draws (Box & Muller 1958), single precision, shape (size,), to `out` if given.

    |N| is at most sqrt(2 log 2^24) = 5.77, which cuts off a probability of 8e-9.
    """

    def fill(part: Array32, rng: np.random.Generator) -> None:
        half = (part.size + 1) // 2
        words = _words(2 * half, rng)
        radius, angle = _uniform(words[:half]), _uniform(words[half:])
        np.log(radius, out=radius)
        radius *= np.float32(-2)
        np.sqrt(radius, out=radius)
        angle *= np.float32(2 * math.pi)
        np.multiply(radius, np.cos(angle), out=part[:half])
        other = part[half:]
        np.multiply(radius[: other.size], np.sin(angle[: other.size]), out=other)

    return _in_pieces(fill)(size, rng, out)
