"""The exact activation of a law of weights as a module of PyTorch."""

from __future__ import annotations

from preactivations.activations.modules import TabulatedModule
from preactivations.pairs.gaussian import GaussianPair
from preactivations.pairs.table import Kind
from preactivations.weights import WeightLaw

__all__ = ["GaussianActivation"]


class GaussianActivation(TabulatedModule):
    """Elementwise activation phi that keeps pre-activations normal: W phi(X) ~ N(0, 1) for X ~ N(0, 1).

    Approximates `GaussianPair(weights, kind).phi`: the error divided by max(phi, 1e-3) is at most 1e-6 in
    float32 and 1e-9 in float64 for |x| <= 12, and the growth beyond is the right one. The odd kind is exactly
    odd; the positive kind is positive at every finite x. NaN gives NaN, infinities give the limits. float16 and
    bfloat16 inputs are computed in float32; derivatives, copies and `state_dict` as for `TabulatedModule`.

    For the odd kind of spherical pairs with b > 0, phi'(0) is infinite; the derivative is cut at its value at
    |x| = 1e-6 (1e-12 in float64).

    Parameters
    ----------
    weights : str, SymmetricWeibull or SphericalMarginal
        The law, or its name, that the weights of the *next* layer must have (`preactivations.init`).
    kind : {"odd", "positive"}
        Attributes, and shapes of input and output, are those of `TabulatedModule`.

    Raises
    ------
    TypeError
        For integer or complex inputs, and as for `GaussianPair`.
    ValueError
        For weights without a factor, an unknown kind, or a spherical law so far (odd kind, b above about 37)
        that the table would be too large.

    Examples
    --------
    >>> import torch
    >>> from preactivations.weights import SymmetricWeibull
    >>> act = GaussianActivation(SymmetricWeibull(2), kind="odd")
    >>> act(torch.tensor([0.0, torch.inf], dtype=torch.float64)).round(decimals=9).tolist()
    [0.0, 1.414213562]
    """

    def __init__(self, weights: str | WeightLaw, kind: Kind = "odd") -> None:
        super().__init__(GaussianPair(weights, kind).table())
