"""Settings of networks: weight law, activation, scales, and the variance v at which they stay.

One class for all studies. A setting is made by its name (`setting_by_name`), or of any activation, given by maps.

Networks get inputs of the norm with which the pre-activations of the first layer are exactly N(0, v) (its weights are
normal whatever the activation), so that whatever is measured further on is an effect of finite width.

===================  ===============  =====================  ==================================
name                 weights          sigma_w, sigma_b       v
===================  ===============  =====================  ==================================
odd, positive        the given law    1, 0                   1
odd_edge             the given law    exact point of the     1
                                      Edge of Chaos
relu                 normal           sqrt(2), 0             1 (any)
tanh                 normal           sqrt(1.46, 0.013)      0.3029, the fixed point
oscillating_<omega>  normal           middle of range, 0     the stable fixed point next to 1
normalized_<psi>     normal           1, 0                   1, exactly i.i.d. at any width
unit_<psi>           normal           (E psi(G)^2)^-1/2, 0   1
===================  ===============  =====================  ==================================

`normalized_<psi>` is the exact control: psi divided by its root mean square over the layer (exact where psi is never 0
in a whole layer: with ReLU it is, with probability 2^-n). `unit_<psi>` is the same
network without the normalization: both have one limit of infinite width, maps and chi_1 included, so that they differ
by the law of finite networks alone. psi is odd, positive (the exact activation of the given law, but with normal
weights) or an activation of `activations.by_name`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from preactivations.activations.registry import Activation, Pair, by_name, of_pair
from preactivations.edge_of_chaos.critical import eoc_point
from preactivations.edge_of_chaos.fixpoints import fixed_variance
from preactivations.edge_of_chaos.maps import chi, variance_map
from preactivations.edge_of_chaos.oscillation import oscillating_range
from preactivations.names import parameter
from preactivations.propagation.finite_width import FiniteWidth, finite_width
from preactivations.weights import Normal, WeightLaw

if TYPE_CHECKING:
    from preactivations.pairs.table import Kind
    from preactivations.propagation.distances import LayerDistances
    from preactivations.propagation.statistics import LayerStatistics

Array = NDArray[np.float64]
Map = Callable[[Array], Array]
Pairs = Callable[["Kind"], Pair]
_PREFIXES = ("normalized_", "unit_")


class Setting(NamedTuple):
    """A setting, see the table of the module.

    Attributes
    ----------
    weights : WeightLaw
        Law from the second layer on.
    exact : Activation
        In float64, for theory.
    variance : float
        v, at which the variance stays at infinite width. 0 or infinite where it does not stay.
    sigma_w, sigma_b : float
        Scales of the weights and of the biases.
    normalize : bool
        Whether activations are divided by their root mean square over the layer.
    law : WeightLaw, optional
        Of the pair that the activation belongs to; the control has other weights.
    route : str
        How the pair was computed: exact, or fitted. With a fitted one and the scales of the exact one the variance
        drifts away from v.
    """

    name: str
    weights: WeightLaw
    exact: Activation
    variance: float = 1.0
    sigma_w: float = 1.0
    sigma_b: float = 0.0
    normalize: bool = False
    law: WeightLaw | None = None
    route: str = "exact"

    @property
    def scales(self) -> Any:
        """Keyword arguments of `simulate`, `mlp` and `output_cdf`: sigma_w, sigma_b."""
        return {"sigma_w": self.sigma_w, "sigma_b": self.sigma_b}

    @property
    def map_scales(self) -> Any:
        """Keyword arguments of the maps of `edge_of_chaos`: sigma_w, sigma_b and weight_variance, E W^2."""
        return self.scales | {"weight_variance": self.weights.variance}

    @property
    def input_norm(self) -> float:
        """|x|^2 / n_0 = (v - sigma_b^2) / sigma_w^2, with which the first layer has the variance v."""
        return (self.variance - self.sigma_b**2) / self.sigma_w**2

    @property
    def chi(self) -> float:
        """chi_1 at v: factor per layer of the second moment of gradients at infinite width."""
        sigma_w, weight_variance = self.sigma_w, self.weights.variance
        if self.normalize:  # the root mean square is a constant at infinite width
            sigma_w /= math.sqrt(float(variance_map(self.exact, self.variance, weight_variance=1.0)))
        return float(chi(self.exact, self.variance, sigma_w=sigma_w, weight_variance=weight_variance))

    def finite_width(self, width: int, depth: int) -> FiniteWidth | None:
        """Dependence, kurtosis and distances from normal at first order in 1/width, of layers 1..depth.

        All 0 for the control; None for a fitted pair, whose variance does not stay v.
        """
        if self.normalize:
            return FiniteWidth(*np.zeros((3, depth)))
        if self.route != "exact" and abs(self.variances(2)[-1] / self.variance - 1) > 1e-9:
            return None
        return finite_width(
            self.exact, width, depth, weights=self.weights, **self.scales, variance=self.variance
        )

    def variances(self, depth: int) -> Array:
        """Variances of layers 1..depth at infinite width, from v on, shape (depth,).

        All v, but for a fitted pair with the scales of the exact one.
        """
        found = np.full(depth, self.variance)
        if not self.normalize and 0 < self.variance < math.inf:
            for layer in range(1, depth):
                found[layer] = variance_map(self.exact, found[layer - 1], **self.map_scales)
        return found

    def layers(
        self, widths: list[int], inputs: Any, activation: Any = None, **options: Any
    ) -> LayerStatistics:
        """Statistics of simulated networks, by `propagation.simulate_layers` (its options); `simulated` by default."""
        from preactivations.propagation.engine import simulate_layers

        if activation is None:
            activation = self.simulated(options.get("device"))
        return simulate_layers(widths, activation, **self._network(inputs), **options)

    def distances(self, widths: list[int], inputs: Any, **options: Any) -> LayerDistances:
        """Distances from normal of simulated networks, by `propagation.layer_distances` (its options).

        From N(0, v). The variance of ReLU networks is exact at any width, and their samples miss what makes it.
        """
        from preactivations.propagation.distances import layer_distances

        depth = len(widths) - 1
        return layer_distances(
            widths,
            self.simulated(options.get("device")),
            variance=self.variance,
            exact_variances=[self.variance] * depth if self.name == "relu" else None,
            **self._network(inputs),
            **options,
        )

    def _network(self, inputs: Any) -> Any:
        return {"weights": self.weights, **self.scales, "inputs": inputs, "normalize": self.normalize}

    def module(self) -> Any:
        """The activation as a `torch.nn.Module`, without the normalization."""
        from preactivations.activations.modules import module_of

        return module_of(self.exact)

    def simulated(self, device: str | None = None) -> Any:
        """The activation as `propagation.simulate` wants it, without the normalization.

        A map of float32 arrays for `device` None, else a module.
        """
        if device is not None:
            return self.module()
        if self.exact.name in _PLAIN:
            return _PLAIN[self.exact.name]
        from preactivations.activations.array_map import as_array_map

        return as_array_map(self.module())


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


_PLAIN: dict[str, Map] = {"relu": _relu, "tanh": np.tanh}


def _psi(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name.removesuffix("_edge")


def setting_by_name(
    name: str,
    pairs: Pairs | None = None,
    *,
    sigma_w: float | None = None,
    sigma_b: float = 0.0,
    weights: WeightLaw | None = None,
) -> Setting:
    """A setting by its name (table of the module), or an activation at scales of one's own.

    Parameters
    ----------
    name : str
        One of the table; with `sigma_w`, "odd", "positive" or a name that `activations.by_name` takes.
    pairs : callable, optional
        kind -> the pair of that kind: `partial(GaussianPair, law)`, or what `activation.tables` reads. Settings without
        a pair do not call it.
    sigma_w, sigma_b : float, optional
        Scales instead of those of the table. v is then what the variance map tends to from 1: it may be 0 or infinite.
    weights : WeightLaw, optional
        With `sigma_w`: weights instead of normal ones or those of the pair.

    Raises
    ------
    ValueError
        For an unknown name, missing pairs, or "odd_edge" with a pair without a point on the Edge of Chaos.

    Examples
    --------
    >>> round(setting_by_name("tanh").variance, 4)
    0.3029
    """
    psi = _psi(name)
    own: WeightLaw = Normal()
    exact = pair = None
    if psi in ("odd", "positive"):
        if not pairs:
            raise ValueError(f"activation {name!r} goes with a law of weights: give pairs=")
        pair = pairs(cast("Kind", psi))
        exact, own = of_pair(pair), pair.weights
    facts: Any = {"law": pair.weights, "route": getattr(pair, "route", "exact")} if pair else {}
    if sigma_w is not None:
        bare = exact if exact and psi == name else by_name(name)
        setting = Setting(name, weights or own, bare, 1.0, sigma_w, sigma_b, **facts)
        return setting._replace(variance=fixed_variance(setting.exact, **setting.map_scales))
    if exact and name == psi:
        return Setting(name, own, exact, **facts)
    if pair and exact and name == "odd_edge":
        sigma_w, sigma_b, _ = eoc_point(pair)
        return Setting(name, own, exact, 1.0, sigma_w, sigma_b, **facts)
    if name == "relu":
        return Setting(name, own, by_name(name), sigma_w=math.sqrt(2))
    if name == "tanh":
        return setting_by_name(name, sigma_w=math.sqrt(1.46), sigma_b=math.sqrt(0.013))
    if (omega := parameter(name, "oscillating")) is not None:
        return setting_by_name(name, sigma_w=sum(oscillating_range(omega)) / 2)
    if name.startswith(_PREFIXES):
        exact = exact or by_name(psi)
        if name.startswith("normalized_"):
            return Setting(name, Normal(), exact, normalize=True, **facts)
        sigma_w = 1 / math.sqrt(float(variance_map(exact, 1.0, weight_variance=1.0)))
        return Setting(name, Normal(), exact, sigma_w=sigma_w, **facts)
    raise ValueError(
        f"unknown activation {name!r}; accepted: odd, positive, odd_edge (_edge goes with odd only), relu, tanh, "
        "oscillating_<omega>, and normalized_<psi>, unit_<psi> with any activation <psi>; others with sigma_w"
    )
