"""Initializers draw from the laws of `weights`, in the manner of torch.nn.init."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.heavy_tails.scales import sigma
from preactivations.init._layers import weights_of
from preactivations.init.mirrored import mirrored_gaussian_, mirrored_orthogonal_
from preactivations.init.tensors import fractional_moment_, spherical_, weibull_
from preactivations.weights import SphericalMarginal, SymmetricWeibull

CASES = [
    *((weibull_, t, SymmetricWeibull(t)) for t in (2, 2.05, 4, 10)),
    *((spherical_, b, SphericalMarginal(b)) for b in (0.2, 0.5, 1, 3)),
]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("fill", "parameter", "law"), CASES, ids=lambda v: getattr(v, "__name__", str(v)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_law_and_scale(fill, parameter, law, dtype):
    tensor = torch.empty(500, 1000, dtype=dtype)
    assert fill(tensor, parameter, gain=1.5, generator=generator(7)) is tensor
    w = (tensor.double() * math.sqrt(1000) / 1.5).numpy().ravel()

    def cdf(x):
        return np.where(x < 0, 0.5 * law.survival(-x), 1 - 0.5 * law.survival(x))

    rounded = 0.5 * law.survival(1 - 2.0**-23) if dtype == torch.float32 and fill is spherical_ else 0.0
    assert ks_statistic(w, cdf) < null_quantile(1 - 1e-3 / 16, w.size) + rounded


def test_fan_in_of_a_convolution():
    w = weibull_(torch.empty(64, 16, 3, 3), 2, generator=generator())
    # E W^2 = 1 at theta = 2; standard error sqrt(1 / 9216)
    assert float(w.square().mean()) * 16 * 9 == pytest.approx(1, abs=4 / math.sqrt(w.numel()))


# of every kind, many channels that see different weights: a variance is known to 4 sqrt(2 / channels)
LAYERS = [
    nn.Conv1d(64, 4096, 3),
    nn.Conv1d(64, 4096, 3, groups=8),
    nn.Conv1d(4096, 4096, 3, groups=4096),
    nn.Conv2d(1024, 2048, 3, groups=1024),
    nn.ConvTranspose1d(64, 2048, 4),
    nn.ConvTranspose1d(64, 2048, 4, stride=2, groups=4),
    nn.ConvTranspose2d(1024, 1024, 3, stride=3, groups=1024),
    nn.ConvTranspose1d(64, 2048, 5, stride=2),
    nn.Conv1d(64, 4096, 4, stride=2),
]


def middle(values, like, stride):
    """One period of `stride` positions per dimension in the middle, away from the border."""
    for dim in range(2, like.dim()):
        values = values.narrow(dim, values.shape[dim] // 2 // stride * stride, stride)
    return values


def periods(layer):
    """Positions of outputs and of inputs after which the pattern of weights repeats."""
    stride = layer.stride[0]
    return (stride, 1) if isinstance(layer, nn.modules.conv._ConvTransposeNd) else (1, stride)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_fans_are_those_that_are_counted(layer):
    """With all weights 1, outputs of ones count inputs, and gradients count outputs."""
    layer = type(layer)(
        8, 8, layer.kernel_size, stride=layer.stride, groups=min(layer.groups, 8), bias=False
    ).double()
    nn.init.ones_(layer.weight)
    x = torch.ones(1, 8, *[24] * len(layer.kernel_size), dtype=torch.float64, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    weights, (per_output, per_input) = weights_of(layer), periods(layer)
    assert weights.fan_in == pytest.approx(float(middle(y, y, per_output).detach().mean()))
    assert weights.fan_out == pytest.approx(float(middle(x.grad, y, per_input).mean()))
    if layer.stride[0] == 1:
        transposed = isinstance(layer, nn.modules.conv._ConvTransposeNd)
        assert weights_of(layer.weight, layer.groups, transposed)[1:] == weights[1:]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_variance_of_the_outputs_of_convolutions(layer):
    fills = [
        (lambda g: weibull_(layer, 4, generator=g), math.gamma(1.5)),
        (lambda g: spherical_(layer, 1, generator=g), 1 / 3),
        (lambda g: fractional_moment_(layer, 2, "linear", generator=g), 1),
    ]
    nn.init.zeros_(layer.bias)
    x = torch.ones(1, layer.in_channels, *[12] * len(layer.kernel_size))
    for fill, variance in fills:
        assert fill(generator(11)) is layer.weight
        with torch.no_grad():
            y = middle(layer(x), x, periods(layer)[0]).double()
        # independent for different channels, and for the positions of a period, which see different weights;
        # squares of a normal output scatter by sqrt(2), those of one weight by less
        assert abs(float(y.square().mean()) / variance - 1) < 4 * math.sqrt(2 / y.numel())


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_norms_of_the_outputs_of_convolutions(layer):
    """One input per group, the others 0: E|y|^2 = |x|^2 by fan_out."""
    fractional_moment_(layer, 2, "linear", "fan_out", generator(12))
    nn.init.zeros_(layer.bias)
    period = periods(layer)[1]
    squares = []
    for shift in range(period):  # inputs of a strided layer feed different numbers of outputs
        x = torch.zeros(1, layer.in_channels, *[12] * len(layer.kernel_size))
        middle(x[:, :: layer.in_channels // layer.groups], x, period)[..., shift] = 1
        with torch.no_grad():
            squares.append(float(layer(x).double().square().sum()))
    entries = layer.groups * weights_of(layer).fan_out * period
    assert abs(sum(squares) / period / layer.groups - 1) < 4 * math.sqrt(2 / entries)


def test_tensors_with_groups_are_as_their_layers():
    for layer in (nn.Conv1d(8, 12, 3, groups=4), nn.ConvTranspose2d(8, 12, 3, groups=2)):
        options = {"groups": layer.groups, "transposed": isinstance(layer, nn.ConvTranspose2d)}
        for fill in (
            lambda given, **more: weibull_(given, 3, generator=generator(5), **more),
            lambda given, **more: spherical_(given, 1, generator=generator(5), **more),
            lambda given, **more: fractional_moment_(given, 1, "relu", "fan_out", generator(5), **more),
        ):
            assert torch.equal(fill(layer), fill(torch.empty_like(layer.weight), **options))
    with pytest.raises(ValueError, match="groups and transposed are those of the layer"):
        weibull_(layer, 3, groups=2)
    with pytest.raises(ValueError, match="groups must be a number that divides 8, got 3"):
        weibull_(torch.empty(8, 4), 3, groups=3)
    with pytest.raises(TypeError, match="BatchNorm1d is neither linear nor convolutional"):
        weibull_(nn.BatchNorm1d(4), 3)


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils.weight_norm.*:FutureWarning")
@pytest.mark.parametrize(
    "change",
    [
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.orthogonal,
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    ],
)
def test_computed_weights_are_refused(change):
    """What is written to them is overwritten by the next forward pass."""
    layer = change(nn.Linear(4, 4))
    x = torch.ones(1, 4)
    layer.eval()
    before = layer(x)
    fills = [lambda w: weibull_(w, 3), lambda w: spherical_(w, 1), lambda w: fractional_moment_(w, 1)]
    fills += [lambda w: mirrored_orthogonal_(w), lambda w: mirrored_gaussian_(w)]
    for fill in fills:
        with pytest.raises(ValueError, match=r"parametrizations, weight_norm"):
            fill(layer)
        if (
            layer.weight.grad_fn is not None
        ):  # the old spectral_norm leaves no trace on its tensor in eval mode
            with pytest.raises(ValueError, match=r"computed from other parameters .*parametrizations"):
                fill(layer.weight)
    assert torch.equal(layer(x), before)


def test_lazy_layers_and_parts_of_weights():
    for fill in (
        lambda w: weibull_(w, 3),
        lambda w: mirrored_gaussian_(w),
        lambda w: fractional_moment_(w, 1),
    ):
        lazy = nn.LazyLinear(4)
        for given in (lazy, lazy.weight):
            with pytest.raises(ValueError, match=r"materialize (it|its layer) first \(call it once\)"):
                fill(given)
    layer = nn.Linear(6, 8)
    rest = layer.weight[4:].detach().clone()
    weibull_(layer.weight[:4], 3)  # a view of a parameter is one
    assert torch.equal(layer.weight[4:], rest)
    assert torch.isfinite(layer.weight).all()


def test_generator_is_honoured():
    for fill, parameter in ((weibull_, 3), (spherical_, 1), (spherical_, 0), (spherical_, 0.7)):
        first = fill(torch.empty(4, 5), parameter, generator=generator(1))
        assert torch.equal(first, fill(torch.empty(4, 5), parameter, generator=generator(1)))
        assert not torch.equal(first, fill(torch.empty(4, 5), parameter, generator=generator(2)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    w = weibull_(torch.empty(200, 300, dtype=dtype), 4, generator=generator())
    assert w.dtype == dtype
    assert float(w.float().square().mean()) * 300 == pytest.approx(math.gamma(1.5), rel=0.02)


def test_parameters_and_views():
    layer = torch.nn.Linear(10, 20)
    assert weibull_(layer.weight, 3) is layer.weight
    assert layer.weight.requires_grad
    transposed = torch.empty(6, 4).T
    spherical_(transposed, 1, generator=generator())
    assert torch.isfinite(transposed).all()
    assert set((spherical_(torch.empty(3, 4), 0).abs() * 2).ravel().tolist()) == {1.0}
    assert weibull_(torch.empty(0, 5), 3).shape == (0, 5)
    assert weibull_(torch.empty(5, 0), 3).shape == (5, 0)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: weibull_(torch.empty(5), 3), ValueError, r"at least 2 dimensions, got shape \(5,\)"),
        (lambda: weibull_(torch.empty(5, 5), 1.5), ValueError, "at least 2, got 1.5"),
        (lambda: weibull_(torch.empty(5, 5), math.nan), ValueError, "got nan"),
        (lambda: weibull_(torch.empty(5, 5, dtype=torch.int32), 3), TypeError, "torch.int32"),
        (lambda: weibull_(torch.empty(5, 5, dtype=torch.complex64), 3), TypeError, "torch.complex64"),
        (lambda: weibull_(torch.empty(5, 5), 3, gain=math.inf), ValueError, "gain must be finite"),
        (lambda: spherical_(torch.empty(5, 5), -1), ValueError, "got -1"),
        (lambda: weibull_(torch.empty(5, 5), 3, gain="1"), TypeError, "gain must be a real number, got '1'"),
        (lambda: weibull_(np.empty((5, 5)), 3), TypeError, "tensor must be a tensor or a layer, got ndarray"),
        (lambda: weibull_(torch.empty(5, 5), 3 + 0j), TypeError, "theta must be a real number"),
        (lambda: fractional_moment_(torch.empty(5, 5), "2"), TypeError, "s must be a real number, got '2'"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("shape", [(5, 7), (64, 64), (3, 4, 5, 5)])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize(
    ("nonlinearity", "a"), [("relu", None), ("linear", None), ("leaky_relu", 0.3), ("leaky_relu", None)]
)
def test_order_two_is_kaiming_normal(shape, mode, nonlinearity, a):
    mine = fractional_moment_(torch.empty(shape), 2, nonlinearity, mode, generator(1), a=a)
    near = fractional_moment_(torch.empty(shape), 2 - 1e-12, nonlinearity, mode, generator(1), a=a)
    torch.testing.assert_close(mine, near)
    theirs = torch.nn.init.kaiming_normal_(
        torch.empty(shape), a=a or 0, mode=mode, nonlinearity=nonlinearity, generator=generator(1)
    )
    assert torch.equal(mine, theirs)


@pytest.mark.parametrize(("nonlinearity", "a"), [("relu", None), ("leaky_relu", 0.2), ("rrelu", None)])
def test_fractional_moments_are_preserved(nonlinearity, a):
    """5 000 layers of 7 neurons from 5 inputs: E rms(x')^s = rms(x)^s (fan_in), E|x'|^s = |x|^s (fan_out)."""
    layers, s = 5_000, 0.8
    x = torch.tensor([1.0, -2.0, 0.5, 0.0, 1.0], dtype=torch.float64)
    for mode, size in (
        ("fan_in", lambda z: z.square().mean(-1).sqrt()),
        ("fan_out", lambda z: z.norm(dim=-1)),
    ):
        g = generator(3)
        weight = torch.stack(
            [
                fractional_moment_(torch.empty(7, 5, dtype=torch.float64), s, nonlinearity, mode, g, a=a)
                for _ in range(layers)
            ]
        )
        z = weight @ x
        slope = (
            torch.empty_like(z).uniform_(1 / 8, 1 / 3, generator=g) if nonlinearity == "rrelu" else (a or 0.0)
        )
        values = size(torch.where(z > 0, z, slope * z)) ** s
        error = 4.5 * float(values.std()) / math.sqrt(layers)
        assert abs(float(values.mean()) - float(size(x) ** s)) < error


def test_fractional_moment_refusals():
    for arguments, message in (
        ({"s": 0}, r"in \(0, 2\]"),
        ({"s": 3}, r"in \(0, 2\]"),
        ({"s": 1, "mode": "fan_avg"}, "mode must be 'fan_in' or 'fan_out', got 'fan_avg'"),
        ({"s": 1, "nonlinearity": "tanh"}, "activation must be 'linear'"),
        ({"s": 2, "nonlinearity": "gelu"}, r"'rrelu' \(those that scale with their argument\), got 'gelu'"),
        ({"s": 2, "nonlinearity": torch.relu}, r"those that scale with their argument\), got <built-in"),
        ({"s": 1, "a": (0.1, 0.2)}, "must be one slope"),
        ({"s": 0.001, "nonlinearity": "relu"}, "order s = 0.001 at 2 neurons needs a standard deviation of"),
    ):
        tensor = torch.full((2, 3), 7.0)
        with pytest.raises(ValueError, match=message):
            fractional_moment_(tensor, **arguments)
        assert (tensor == 7).all()
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        fractional_moment_(torch.empty(3), 1)
    with pytest.raises(TypeError, match="real floating"):
        fractional_moment_(torch.empty(2, 3, dtype=torch.int64), 1)
    assert fractional_moment_(torch.empty(0, 3), 1).numel() == 0
    with pytest.raises(ValueError, match=r"in \(0, 2\]"):
        fractional_moment_(torch.empty(0, 3), -5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_fractional_moments_in_other_precisions(dtype):
    layer = torch.nn.Linear(400, 300, dtype=dtype)
    assert fractional_moment_(layer.weight, 1, "relu", generator=generator()) is layer.weight
    assert layer.weight.requires_grad
    expected = math.sqrt(2 / 400) * float(sigma(1, 300) / sigma(2, 300))
    assert float(layer.weight.detach().double().std()) == pytest.approx(expected, rel=0.02)
    mine = fractional_moment_(torch.empty(6, 7, dtype=dtype), 2, "relu", generator=generator(2))
    # half precision is drawn in float32: there are PyTorch versions whose own draws have no tails
    working = torch.float64 if dtype == torch.float64 else torch.float32
    theirs = torch.nn.init.kaiming_normal_(
        torch.empty(6, 7, dtype=working), nonlinearity="relu", generator=generator(2)
    )
    assert torch.equal(mine, theirs.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_tails_in_low_precision(dtype):
    """The largest of n normal numbers: beyond 4.4 with probability 1 - e^-22; all initializers take the dtype."""
    n = 2_000_000
    w = (
        fractional_moment_(torch.empty(n // 4, 4, dtype=dtype), 2, "linear", generator=generator(5)).float()
        * 2
    )
    assert w.abs().max() > 4.4
    rounding = 2.0 ** {torch.float8_e4m3fn: -4, torch.float8_e5m2: -3}.get(dtype, -8)
    assert float(w.square().mean()) == pytest.approx(1, abs=4 * math.sqrt(2 / n) + rounding**2)
    for fill in (lambda w: weibull_(w, 4), lambda w: spherical_(w, 0.5), lambda w: fractional_moment_(w, 1)):
        assert torch.isfinite(fill(torch.empty(8, 8, dtype=dtype)).float()).all()
