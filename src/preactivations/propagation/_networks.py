"""What the engine and its halves for arrays and tensors hand to each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from preactivations.propagation.conditional import Conditional, Cumulants
from preactivations.weights import WeightLaw

__all__ = ["SPARE_NUMBERS", "Layer", "Networks"]

Array32 = NDArray[np.float32]

#: Weights drawn at once where the law of a neuron is not known well enough.
SPARE_NUMBERS = 1 << 20


class Networks(NamedTuple):
    """The networks of a simulation, validated."""

    widths: list[int]
    laws: list[WeightLaw]  # of each layer
    activation: Any
    x: Array32  # (n_0, inputs)
    sigma_w: float
    sigma_b: float
    normalize: bool
    cumulants: list[Cumulants | None]  # of the weights of each layer; None: weights are drawn
    tolerance: float


class Layer(NamedTuple):
    """One layer of the networks of a block."""

    a: Any  # (networks, n_(l-1), inputs): the activations that it takes
    z: Any  # (networks, n_l, inputs)
    law: Conditional | None = None  # of a pre-activation for the first input, given a, if it was computed
    drawn: Any = None  # (networks,), bool: whose weights were drawn; None for all
