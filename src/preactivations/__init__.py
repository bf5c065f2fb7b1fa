"""Signal propagation in neural networks at initialization, exactly.

>>> import preactivations as pre
>>> pair = pre.GaussianPair(pre.SymmetricWeibull(4), kind="odd")
>>> round(float(pair.phi(1.0)), 6)
1.097838

Everything is imported when it is first used: `import preactivations` loads neither NumPy nor PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from preactivations import (
        activations,
        conclusions,
        constraints,
        datasets,
        depth_study,
        edge_of_chaos,
        ensembles,
        eoc_claims,
        eoc_study,
        factor,
        fitted,
        fractional_training,
        gaussianity,
        heavy_tails,
        heavy_tails_claims,
        heavy_tails_study,
        init,
        isometry_study,
        isometry_training,
        kernel_claims,
        kernel_study,
        kernels,
        layer_statistics,
        mirrored,
        networks,
        nn,
        pairs,
        propagation,
        relu_law,
        relu_law_claims,
        relu_study,
        row_laws,
        settings,
        streams,
        trained_kernels,
        training,
        training_claims,
        training_comparisons,
        training_results,
        training_runs,
        training_study,
        two_layer,
        unified_view,
        weights,
    )
    from preactivations.constraints import check_pair
    from preactivations.factor import GaussianFactor
    from preactivations.nn import GaussianActivation, Oscillating
    from preactivations.pairs import GaussianPair
    from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull

try:
    __version__ = version("preactivations")
except PackageNotFoundError:  # a checkout that was not installed
    __version__ = "0+unknown"

_NAMES = {
    "GaussianActivation": "nn",
    "GaussianFactor": "factor",
    "GaussianPair": "pairs",
    "Normal": "weights",
    "Oscillating": "nn",
    "SphericalMarginal": "weights",
    "SymmetricWeibull": "weights",
    "check_pair": "constraints",
}

__all__ = [
    "GaussianActivation",
    "GaussianFactor",
    "GaussianPair",
    "Normal",
    "Oscillating",
    "SphericalMarginal",
    "SymmetricWeibull",
    "activations",
    "check_pair",
    "conclusions",
    "constraints",
    "datasets",
    "depth_study",
    "edge_of_chaos",
    "ensembles",
    "eoc_claims",
    "eoc_study",
    "factor",
    "fitted",
    "fractional_training",
    "gaussianity",
    "heavy_tails",
    "heavy_tails_claims",
    "heavy_tails_study",
    "init",
    "isometry_study",
    "isometry_training",
    "kernel_claims",
    "kernel_study",
    "kernels",
    "layer_statistics",
    "mirrored",
    "networks",
    "nn",
    "pairs",
    "propagation",
    "relu_law",
    "relu_law_claims",
    "relu_study",
    "row_laws",
    "settings",
    "streams",
    "trained_kernels",
    "training",
    "training_claims",
    "training_comparisons",
    "training_results",
    "training_runs",
    "training_study",
    "two_layer",
    "unified_view",
    "weights",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name in __all__:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
