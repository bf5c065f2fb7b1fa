"""Initializers draw from the laws of `weights`, in the manner of torch.nn.init."""

import math

import numpy as np
import pytest
import torch

from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.init import spherical_, weibull_
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
