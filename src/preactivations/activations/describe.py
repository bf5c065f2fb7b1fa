"""Any activation as an `Activation`: by name, pair, module or function, checked before it is used.

=====================  ====================================================================================
given                  taken as
=====================  ====================================================================================
name                   entry of the registry, or an elementwise class of `torch.nn` with its defaults;
                       letters' case, "_", "-" and spaces are free ("GELU", "leaky_relu", "hard swish")
`Activation`           itself, once its phi' agrees with differences of phi
pair                   `registry.of_pair`; recognized by its attributes
`torch.nn.Module`      what it computes in float64; entry of the registry where it is one of these
function of tensors    derivative by autograd, where that agrees with differences
function of arrays     derivative of the polynomial through 9 values (`_probe.slope_by_values`)
=====================  ====================================================================================

Kinks and jumps of modules and functions are searched for |x| < 66 (`_probe.find_kinks`), and whether phi is a power at
0, or linear on both sides.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preactivations.activations._checks import PROBES, assembled, checked_values, compare, elementwise
from preactivations.activations.registry import REGISTRY, Activation, Pair, by_name, leaky_relu, of_pair
from preactivations.names import object_of

__all__ = ["AnyActivation", "as_map", "describe", "torch_module"]

Array = NDArray[np.float64]
Map = Callable[[Array], Array]
AnyActivation = Any  # what the table lists

#: Names beside those of the registry and of `torch.nn`, without what is free in them.
_ALIASES = {"swish": "silu", "linear": "identity", "leaky": "leaky_relu", "lrelu": "leaky_relu"}
# by name: what needs no module imports none
_MODULES = "preactivations.activations.modules"
_MOST_KEPT = 64  # modules and functions


def describe(activation: AnyActivation) -> Activation:
    """The `Activation` of anything that is one.

    Parameters
    ----------
    activation : str, Activation, pair, torch.nn.Module, or function of arrays or of tensors
        See the table of the module. Modules are copied, and computed in float64 on the CPU, in the mode (train or eval)
        that they are in.

    Returns
    -------
    Activation
        The same object for equal names and pairs, and for functions and modules as long as their values are the same,
        so that its integrals are kept.

    Raises
    ------
    ValueError
        For an unknown name; for what gives NaN or infinity at |x| <= 10, is not elementwise, gives other values when it
        is asked again (random, or with a state that changes), varies too fast; for a derivative, given or by autograd,
        that is not that of phi.
    TypeError
        For what is no activation, is complex, or takes neither arrays nor tensors.

    Examples
    --------
    >>> describe("GELU") is describe("gelu")
    True
    >>> describe(lambda x: np.clip(x, -1, 1)).kinks
    (-1.0, 1.0)
    """
    if isinstance(activation, str):
        return _named(activation)
    if isinstance(activation, Activation):
        if not isinstance(activation.kinks, tuple):
            activation = activation._replace(kinks=tuple(map(float, activation.kinks)))
        return activation if REGISTRY.get(activation.name) is activation else _checked(activation)
    if isinstance(activation, Pair):
        return of_pair(activation)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(activation, torch.nn.Module):
        return _of_module(activation)
    if isinstance(activation, type) or not callable(activation):
        hint = f"; call it first, {activation.__name__}()" if isinstance(activation, type) else ""
        raise TypeError(
            "activation must be a name, an Activation, a pair, a torch.nn.Module or a function of arrays or tensors, "
            f"got {activation!r}{hint}"
        )
    return _kept(activation, activation, _of_function)


# what was described, by identity: (itself, its description, its values at the probes)
_KEPT: OrderedDict[Any, tuple[Any, Activation, Array]] = OrderedDict()


def _kept(given: Any, function: Callable[[Any], Any], made: Callable[[Any], Activation]) -> Activation:
    """The description of before, as long as `function` still has its values; else anew."""
    key = id(given), "torch" in sys.modules
    if key in _KEPT and (_KEPT[key][0] is given or _KEPT[key][0] == given):
        _, found, values = _KEPT[key]
        with np.errstate(all="ignore"):
            if np.array_equal(_now(function), values):
                return found
    found = made(given)
    with np.errstate(all="ignore"):
        _KEPT[key] = given, found, _now(function)
    if len(_KEPT) > _MOST_KEPT:
        _KEPT.popitem(last=False)
    return found


def _now(function: Callable[[Any], Any]) -> Array:
    """Values at the probes of a function of tensors or arrays."""
    if "torch" in sys.modules and (phi := _of_tensors(function)) is not None:
        return np.asarray(phi(PROBES))
    return np.array(function(PROBES.copy()))


def as_map(activation: AnyActivation) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """phi from array to array of the same floating dtype: what simulations and integrals over one law need.

    A function of arrays, or a module, is taken as it is, unchecked; everything else as `describe` takes it, and its
    errors.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(activation, torch.nn.Module):
        from preactivations.activations.array_map import as_array_map

        return as_array_map(activation)
    if callable(activation) and not isinstance(activation, type):
        try:
            if isinstance(activation(np.zeros(1)), (np.ndarray, np.generic)):
                taken: Callable[[NDArray[Any]], NDArray[Any]] = activation
                return taken
        except Exception:  # whatever a function of tensors says to an array
            pass
    act = describe(activation)
    return lambda x: np.asarray(act.phi(x), dtype=np.result_type(x, np.float32))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in "_- ")


def _named(name: str) -> Activation:
    plain = _plain(name)
    known = {_plain(entry): entry for entry in REGISTRY}
    if plain in known or plain in _ALIASES:
        return by_name(known.get(plain) or _ALIASES[plain])
    if not plain.startswith("oscillating"):
        module = _torch_class(plain)
        if module is not None:
            return _of_torch_name(module)
    try:
        return by_name(name.lower())
    except ValueError as problem:
        raise ValueError(f"{problem}; or the name of an elementwise class of torch.nn") from None


def torch_module(name: str) -> Any:
    """A new module of the class of `torch.nn` of that name, with its parameters; None for names of the registry."""
    plain = _plain(name)
    if (
        plain in _ALIASES
        or plain in {_plain(entry) for entry in REGISTRY}
        or (found := _torch_class(plain)) is None
    ):
        return None
    describe(name)  # refuses what is not elementwise
    from torch import nn

    return getattr(nn, found)()


@functools.cache
def _torch_class(plain: str) -> str | None:
    """Name of the class of `torch.nn.modules.activation` of that plain name."""
    from torch.nn.modules import activation

    return next((name for name in activation.__all__ if _plain(name) == plain), None)


@functools.cache
def _of_torch_name(name: str) -> Activation:
    from torch import nn

    try:
        module = getattr(nn, name)().eval()
    except TypeError as problem:
        raise ValueError(
            f"activation {name!r} needs arguments: give the module, torch.nn.{name}(...)"
        ) from problem
    return _of_module(module)


@functools.lru_cache(maxsize=64)
def _checked(activation: Activation) -> Activation:
    with np.errstate(all="ignore"):
        values = checked_values(activation.phi, activation.name)
    compare(activation.name, activation.phi, activation.dphi, "its phi'", values)
    return activation


# -- functions -----------------------------------------------------------------------------------------


def _of_function(function: Callable[[Any], Any]) -> Activation:
    name = getattr(function, "__name__", type(function).__name__).strip("<>")
    if "torch" in sys.modules and (phi := _of_tensors(function)) is not None:
        Elementwise = object_of(f"{_MODULES}:Elementwise")
        return _of_tensor_map(name, function, phi, (Elementwise, function))
    try:
        elementwise(function, name)
    except (ValueError, TypeError) as problem:
        if str(problem).startswith(name):
            raise
        raise TypeError(f"{name} takes neither arrays nor tensors: {problem}") from problem
    phi = lambda x: np.asarray(function(np.array(x, dtype=np.float64)), dtype=np.float64)  # noqa: E731  # a copy
    act = assembled(name, phi, None, ())
    compare(name, phi, act.dphi, "its derivative by values", act.phi(PROBES))
    return act


def _of_tensors(function: Callable[[Any], Any]) -> Map | None:
    """The function as a map of arrays if it is one of tensors."""
    import torch

    probe = torch.from_numpy(PROBES.copy()).requires_grad_()
    try:
        value = function(probe * 1)
    except Exception:  # whatever a function of arrays says to a tensor
        return None
    if not isinstance(value, torch.Tensor):
        return None
    return functools.partial(_array_map, function)


def _array_map(function: Callable[[Any], Any], x: Array) -> Array:
    import torch

    with torch.no_grad():
        value = function(torch.from_numpy(np.array(x, dtype=np.float64)))
    return np.asarray(value.detach().numpy())


def _array_slope(function: Callable[[Any], Any], x: Array) -> Array:
    """phi' by autograd; 0 where there is no graph, as of a constant."""
    import torch

    with torch.enable_grad():
        at = torch.from_numpy(np.array(x, dtype=np.float64)).requires_grad_()
        value = function(at * 1)  # some work in place
        (slope,) = torch.autograd.grad(value.sum(), at, allow_unused=True)
    return np.zeros(np.shape(x)) if slope is None else np.asarray(slope.numpy())


def _of_tensor_map(
    name: str, function: Callable[[Any], Any], phi: Map, module: tuple[Any, ...]
) -> Activation:
    import torch

    values = elementwise(phi, name)
    real = lambda x: np.asarray(phi(x), dtype=np.float64)  # noqa: E731
    with torch.enable_grad():
        graph = function(torch.from_numpy(PROBES.copy()).requires_grad_() * 1).requires_grad
    dphi = functools.partial(_array_slope, function) if graph else None
    if dphi is not None:
        compare(name, real, dphi, "its derivative by autograd", values)
    return assembled(name, real, dphi, module)


# -- modules -------------------------------------------------------------------------------------------


def _of_module(module: Any) -> Activation:
    """By what it is, where that is known, else by what it computes."""
    names = ("Oscillating", "TabulatedModule", "is_made_by", "module_of")
    Oscillating, TabulatedModule, is_made_by, module_of = (object_of(f"{_MODULES}:{name}") for name in names)
    from preactivations.activations.registry import oscillating

    if isinstance(module, TabulatedModule):
        return of_pair(module.table)
    if isinstance(module, Oscillating):
        return oscillating(module.delta, module.omega)
    kind = type(module).__name__
    hooked = module._forward_hooks or module._forward_pre_hooks
    if type(module).__module__ == "torch.nn.modules.activation" and not hooked:
        if kind == "LeakyReLU":
            return leaky_relu(module.negative_slope)
        if kind == "PReLU" and module.weight.numel() == 1:
            return leaky_relu(float(module.weight.detach()))
    entry = (
        None if hooked else next((e for e in REGISTRY.values() if e.module and is_made_by(module, e)), None)
    )
    if entry is not None and repr(module).replace("inplace=True", "") == repr(module_of(entry)):
        return entry
    return _kept(module, _double(module), _computed)


def _double(module: Any) -> Any:
    """A copy that computes in float64, on the CPU."""
    name = type(module).__name__
    if any(value.is_meta for value in [*module.parameters(), *module.buffers()]):
        raise ValueError(f"{name} is on the device meta, where it has no values")
    return copy.deepcopy(module).cpu().double()


def _computed(module: Any) -> Activation:
    own, name = _double(module), type(module).__name__
    try:
        phi, copied = functools.partial(_array_map, own), functools.partial(copy.deepcopy, module)
        return _of_tensor_map(name, own, phi, (copied,))
    except (RuntimeError, IndexError, ValueError) as problem:
        if str(problem).startswith(name):
            raise
        raise ValueError(f"{name} is not elementwise: {problem}") from problem
