"""Initializers draw from the laws of `weights`, in the manner of torch.nn.init."""

import math

import numpy as np
import pytest
import torch

from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.heavy_tails.scales import sigma
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
    theirs = torch.nn.init.kaiming_normal_(
        torch.empty(6, 7, dtype=dtype), nonlinearity="relu", generator=generator(2)
    )
    assert torch.equal(mine, theirs)
