"""Networks of one architecture, evaluated and differentiated at once by batched matrix products.

A small network is too little work for one call: at width 10 most of the time of a step is the overhead of its calls. An
ensemble of E members makes one call of E of them. Activations stand as (E, features, batch), the batch last, so that
the innermost loops are long even at width 3. Gradients are written by hand, layer by layer, into one flat buffer:
no graph, no accumulation, and an optimizer step is a few operations on flat tensors (`loop`). The same code runs on
a GPU.

Members do not see each other: each has the gradient that it would have alone, up to rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from preactivations.activations.describe import describe
from preactivations.activations.modules import Elementwise, TabulatedModule, is_elementwise
from preactivations.loops import loop

__all__ = ["Ensemble"]

_ATEN = torch.ops.aten


class Ensemble:
    """Members are copies of `networks`, which must be equal but for their parameters.

    Parameters
    ----------
    networks : sequence of nn.Sequential
        Of `nn.Linear`, `nn.Conv2d` (stride 1, no padding), `nn.MaxPool2d` (window equal to its stride), `nn.Flatten`,
        `nn.RMSNorm` over features (not affine) and activations of `activations.registry`; what `networks.mlp` and
        `networks.lenet` make. One network may stand several times.
    device : torch.device or str, optional
        By default where the networks are.
    dtype : torch.dtype
        Of `parameters`; float32 by default.

    Attributes
    ----------
    parameters : Tensor, shape (E * parameters of a network,)
    gradient : Tensor, of the same shape
        Layer by layer; within a layer, member by member.
    n_members : int
        E.
    template : nn.Sequential
        A copy of the first network, for its layers.

    Raises
    ------
    ValueError
        For no networks, or different ones.
    TypeError
        For a layer that is not known.

    Examples
    --------
    >>> from preactivations.training import mlp
    >>> ensemble = Ensemble([mlp(64, 10, 3, activation="tanh") for _ in range(5)])
    >>> ensemble.logits(torch.zeros(7, 64)).shape  # of the same 7 inputs
    torch.Size([5, 10, 7])
    """

    def __init__(
        self,
        networks: Sequence[nn.Sequential],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if not networks:
            raise ValueError("an ensemble needs at least one network")
        kinds = {_kind(network) for network in {id(network): network for network in networks}.values()}
        if len(kinds) > 1:
            raise ValueError(
                f"the networks of an ensemble must have the same layers, got {len(kinds)} different ones"
            )
        if not isinstance(networks[0][0], (nn.Linear, nn.Conv2d)):
            raise TypeError(f"the first layer must be nn.Linear or nn.Conv2d, got {networks[0][0]}")
        self.template = copy.deepcopy(networks[0]).to(device)
        self.n_members = len(networks)
        values = [
            torch.stack([p.detach() for p in column])
            for column in zip(*(network.parameters() for network in networks), strict=True)
        ]
        self._shapes = [tuple(value.shape[1:]) for value in values]
        self.parameters = torch.cat([value.flatten() for value in values]).to(device, dtype)
        self._build()

    def _build(self) -> None:
        self.gradient = torch.zeros_like(self.parameters)
        self._layers = _layers(
            self.template, list(zip(self._views(self.parameters), self._views(self.gradient), strict=True))
        )

    def _views(self, flat: Tensor) -> list[Tensor]:
        """Parts of a flat tensor, shape (E, *shape of the parameter)."""
        sizes = [self.n_members * int(np.prod(shape)) for shape in self._shapes]
        parts = flat.split(sizes)
        return [part.view(self.n_members, *shape) for part, shape in zip(parts, self._shapes, strict=True)]

    @property
    def widest(self) -> int:
        """Units (or channels) of the widest layer."""
        return max(shape[0] for shape in self._shapes)

    def spread(self, values: Tensor) -> Tensor:
        """One value per member, shape (E,), as a flat tensor like `parameters`."""
        values = values.to(self.parameters)
        return torch.cat([values.repeat_interleave(int(np.prod(shape))) for shape in self._shapes])

    def take(self, flat: Tensor, members: Tensor) -> Tensor:
        """The part of a flat tensor like `parameters` that belongs to some members, itself flat.

        `members` are their numbers, shape (k,), int64.
        """
        return torch.cat([view[members].flatten() for view in self._views(flat)])

    def select(self, members: Tensor) -> Ensemble:
        """An ensemble of some of the members (their numbers, shape (k,)), with copies of their parameters."""
        chosen = copy.copy(self)
        chosen.parameters = self.take(self.parameters, members)
        chosen.n_members = len(members)
        chosen._build()
        return chosen

    def network(self, member: int) -> nn.Sequential:
        """The member of number `member` as a network of its own, with a copy of its parameters."""
        network = copy.deepcopy(self.template)
        with torch.no_grad():
            for parameter, view in zip(network.parameters(), self._views(self.parameters), strict=True):
                parameter.data = view[member].clone()
        return network

    def logits(self, x: Tensor) -> Tensor:
        """Output, shape (E, classes, batch).

        Parameters
        ----------
        x : Tensor, shape (batch, *input) or (E, batch, *input)
            Inputs for all members, or for each its own; dtype and device are those of `parameters`.
        """
        return self._forward(x, keep=False)

    def pre_activations(self, x: Tensor) -> list[Tensor]:
        """Of each dense layer, (E, units, batch), and convolution, (E, batch, channels, height, width).

        A list with the output layer last. `x` as for `logits`.
        """
        layers: list[Tensor] = []
        self._forward(x, keep=False, seen=layers)
        return layers

    def loss_and_gradient(self, x: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy of a batch; its gradient is in `gradient`.

        Parameters
        ----------
        x : Tensor, shape (batch, *input) or (E, batch, *input)
            As for `logits`.
        labels : Tensor of int64, shape (E, batch)
            From 0 on.

        Returns
        -------
        Tensor, shape (E,)
        """
        logits = self._forward(x, keep=True)
        batch = logits.shape[-1]
        log_p = torch.log_softmax(logits, dim=1)
        at = labels.unsqueeze(1)
        loss = -log_p.gather(1, at).mean(dim=(1, 2))
        d = log_p.exp_()
        d.scatter_add_(1, at, d.new_full((1, 1, 1), -1.0).expand(at.shape))
        d /= batch
        for k in range(len(self._layers) - 1, -1, -1):
            d = self._layers[k].backward(d, k > 0)
        return loss

    def _forward(self, x: Tensor, keep: bool, seen: list[Tensor] | None = None) -> Tensor:
        shared = x.dim() == self._input_dim
        h = x
        for k, layer in enumerate(self._layers):
            h = layer.forward(h, keep, shared and k == 0)
            if seen is not None and isinstance(layer, (_Dense, _Conv)):
                seen.append(h.clone())  # the activation may work in place
        return h

    @property
    def _input_dim(self) -> int:
        return 4 if isinstance(self._layers[0], _Conv) else 2


# -- layers ----------------------------------------------------------------------------------------
# forward(h, keep, shared): keep what backward needs; shared: one input for all members, without their axis.
# backward(d, further): d is the derivative by the output; writes the gradients, returns that by the input if `further`.


def _kind(network: nn.Sequential) -> tuple[str, ...]:
    """What networks of an ensemble have in common: their layers, and the values of activations that are nobody's."""
    own = [m for m in network.modules() if not type(m).__module__.startswith(("torch.", "preactivations."))]
    own += [m for m in network.modules() if isinstance(m, Elementwise)]
    return str(network), *(str(describe(m).phi(np.linspace(-4.9, 5.1, 41))) for m in own if is_elementwise(m))


class _Dense:
    """z = W h + b; as a first layer from (E, batch, inputs), else from (E, inputs, batch)."""

    def __init__(self, parameters: list[tuple[Tensor, Tensor]], first: bool) -> None:
        (self.w, self.w_gradient), *bias = parameters
        self.first = first
        self.b: Tensor | None = None
        self.b_gradient: Tensor | None = None
        if bias:
            self.b, self.b_gradient = (t.unsqueeze(2) for t in bias[0])

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        if shared:
            z = (self.w.flatten(0, 1) @ h.T).view(*self.w.shape[:2], -1)
            h = h.expand(len(self.w), *h.shape)
            if self.b is not None:
                z += self.b
        else:
            inputs = h.mT if self.first else h
            z = torch.bmm(self.w, inputs) if self.b is None else torch.baddbmm(self.b, self.w, inputs)
        self.h = h if keep else None
        return z

    def backward(self, d: Tensor, further: bool) -> Tensor:
        h = self.h
        assert h is not None
        torch.bmm(d, h if self.first else h.mT, out=self.w_gradient)
        if self.b_gradient is not None:
            torch.sum(d, 2, keepdim=True, out=self.b_gradient)
        return torch.bmm(self.w.mT, d) if further else d


class _Conv:
    """Convolution of each member by itself: (E, batch, channels, height, width); a first layer may share its input.

    A grouped convolution of all members is several times slower on a CPU: a group has few channels.
    """

    def __init__(self, parameters: list[tuple[Tensor, Tensor]]) -> None:
        (self.w, self.w_gradient), *bias = parameters
        self.b: Tensor | None = None
        self.b_gradient: Tensor | None = None
        if bias:
            self.b, self.b_gradient = bias[0]

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        if shared:
            h = h.expand(len(self.w), *h.shape)
        self.h = h if keep else None
        biases = [None] * len(self.w) if self.b is None else self.b
        return torch.stack([nn.functional.conv2d(x, w, b) for x, w, b in zip(h, self.w, biases, strict=True)])

    def backward(self, d: Tensor, further: bool) -> Tensor:
        h = self.h
        assert h is not None
        sizes = None if self.b is None else [self.w.shape[1]]
        wanted = [further, True, sizes is not None]
        back = torch.empty_like(h) if further else d
        for k, w in enumerate(self.w):
            dh, dw, db = _ATEN.convolution_backward(
                d[k], h[k], w, sizes, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, wanted
            )
            self.w_gradient[k] = dw
            if self.b_gradient is not None:
                self.b_gradient[k] = db
            if further:
                back[k] = dh
        return back


class _Pool:
    """Largest of each window; of (E, batch, channels, height, width), all but the image as one batch."""

    def __init__(self, window: int) -> None:
        self.window = [window, window]

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        images = h.flatten(0, 2)
        self.h = images
        if (pool := self._loop("largest_of_four", h)) is not None:
            out = images.new_empty(len(images), *(side // 2 for side in images.shape[1:]))
            self.at = torch.empty(out.shape, dtype=torch.int32)
            pool(images.numpy(), out.numpy(), self.at.numpy())
        elif keep:
            out, self.at = _ATEN.max_pool2d_with_indices(images, self.window, self.window)
        else:
            out = nn.functional.max_pool2d(images, self.window)
        return out.unflatten(0, h.shape[:3])

    def backward(self, d: Tensor, further: bool) -> Tensor:
        parts = d.flatten(0, 2)
        if (spread := self._loop("spread", d)) is not None:
            back = torch.empty_like(self.h)
            spread(parts.numpy(), self.at.numpy(), back.numpy())
        else:
            back = _ATEN.max_pool2d_with_indices_backward(
                parts, self.h, self.window, self.window, [0, 0], [1, 1], False, self.at
            )
        return back.unflatten(0, d.shape[:3])

    def _loop(self, name: str, h: Tensor) -> Any:
        here = h.device.type == "cpu" and self.window == [2, 2]
        return loop(f"preactivations.training._pooling:{name}") if here else None


class _Flatten:
    """(E, batch, channels, height, width) -> (E, features, batch)."""

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        self.shape = h.shape
        return h.flatten(2).mT.contiguous()

    def backward(self, d: Tensor, further: bool) -> Tensor:
        return d.mT.reshape(self.shape)


class _Normalize:
    """Division by the root mean square over features: dy/dh = (1 - y y^T / n) / rms."""

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        scale = torch.rsqrt(h.square().mean(1, keepdim=True) + self.epsilon)
        y = h * scale
        if keep:
            self.y, self.scale = y, scale
        return y

    def backward(self, d: Tensor, further: bool) -> Tensor:
        return (d - self.y * (d * self.y).mean(1, keepdim=True)) * self.scale


class _Tanh:
    def __init__(self, in_place: bool) -> None:
        self.in_place = in_place

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        if h.device.type == "cpu" and not torch.compiler.is_compiling() and h.is_contiguous():
            y = h if self.in_place else torch.empty_like(h)
            np.tanh(h.numpy(), out=y.numpy())  # six times faster than PyTorch's
        else:
            y = torch.tanh(h)
        if keep:
            self.y = y
        return y

    def backward(self, d: Tensor, further: bool) -> Tensor:
        return _ATEN.tanh_backward(d, self.y)


class _Relu:
    def __init__(self, in_place: bool) -> None:
        self.in_place = in_place

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        y = h.relu_() if self.in_place else h.relu()
        if keep:
            self.y = y
        return y

    def backward(self, d: Tensor, further: bool) -> Tensor:
        return _ATEN.threshold_backward(d, self.y, 0)


class _Exact:
    def __init__(self, module: TabulatedModule) -> None:
        self.module = module

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        if not keep:
            return self.module.values(h)
        y, self.slope = self.module.value_and_slope(h)
        return y

    def backward(self, d: Tensor, further: bool) -> Tensor:
        return d.mul_(self.slope)


class _Elementwise:
    """Any other activation: its slope by automatic differentiation."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def forward(self, h: Tensor, keep: bool, shared: bool) -> Tensor:
        if not keep:
            with torch.no_grad():
                return self.module(h)
        with torch.enable_grad():
            z = h.detach().requires_grad_()  # a tensor of its own: another layer may keep h
            y = self.module(z)
            (self.slope,) = torch.autograd.grad(y, z, torch.ones_like(y))
        return y.detach()

    def backward(self, d: Tensor, further: bool) -> Tensor:
        return d.mul_(self.slope)


def _layers(template: nn.Sequential, parameters: list[tuple[Tensor, Tensor]]) -> list[Any]:
    """Batched layers of a network; `parameters` are its (value, gradient) in order, with the axis of members."""
    layers: list[Any] = []
    rest = iter(parameters)
    for module in template:
        own = [next(rest) for _ in module.parameters()]
        # the output of these layers is not needed by their own backward pass
        in_place = bool(layers) and isinstance(layers[-1], (_Dense, _Conv, _Pool))
        match module:
            case nn.Linear():
                layers.append(_Dense(own, first=not layers))
            case nn.Conv2d() if module.stride == (1, 1) and module.padding == (0, 0):
                layers.append(_Conv(own))
            case nn.MaxPool2d(kernel_size=int(window)) if module.stride == window:
                layers.append(_Pool(window))
            case nn.Flatten():
                layers.append(_Flatten())
            case nn.RMSNorm() if not own and module.eps is not None:
                layers.append(_Normalize(module.eps))
            case nn.Tanh():
                layers.append(_Tanh(in_place))
            case nn.ReLU():
                layers.append(_Relu(in_place))
            case TabulatedModule():
                layers.append(_Exact(module))
            case _ if not own and is_elementwise(module):
                layers.append(_Elementwise(module))
            case _:
                name = type(module).__name__
                raise TypeError(f"an ensemble can't batch the layer {name}; see the docstring of Ensemble")
    return layers
