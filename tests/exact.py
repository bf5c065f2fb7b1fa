"""Exact pairs by their law, as settings take them."""

from functools import partial

from preactivations.pairs.gaussian import GaussianPair


def pairs_of(law):
    """kind -> the exact pair of that kind for weights of `law`."""
    return partial(GaussianPair, law)
