"""Any activation: what is taken as what, moments of all of torch.nn against quadrature, and what is refused."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn
from torch.nn import functional

from preactivations.activations.describe import describe
from preactivations.activations.gaussian import GaussianActivation
from preactivations.activations.modules import Oscillating, as_module, module_of
from preactivations.activations.registry import Activation, by_name, of_pair
from preactivations.edge_of_chaos.maps import chi, correlation_map, variance_map, variance_slope
from preactivations.pairs.constraints import check_pair
from preactivations.pairs.gaussian import GaussianPair
from preactivations.propagation import simulate
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.networks import mlp
from preactivations.weights import SphericalMarginal, SymmetricWeibull

#: Modules with the points where they, or their slopes, jump.
MODULES = {
    "CELU": (nn.CELU(), [0]), "CELU(.5)": (nn.CELU(0.5), [0]), "ELU": (nn.ELU(), [0]), "ELU(2)": (nn.ELU(2.0), [0]),
    "GELU": (nn.GELU(), []), "GELU, tanh": (nn.GELU("tanh"), []), "Hardsigmoid": (nn.Hardsigmoid(), [-3, 3]),
    "Hardswish": (nn.Hardswish(), [-3, 3]), "Hardtanh": (nn.Hardtanh(), [-1, 1]),
    "Hardtanh(-.3, 2)": (nn.Hardtanh(-0.3, 2.0), [-0.3, 2]), "LeakyReLU": (nn.LeakyReLU(0.2), [0]),
    "LogSigmoid": (nn.LogSigmoid(), []), "Mish": (nn.Mish(), []), "PReLU": (nn.PReLU(init=0.1), [0]),
    "ReLU": (nn.ReLU(), [0]), "ReLU6": (nn.ReLU6(), [0, 6]), "RReLU": (nn.RReLU().eval(), [0]),
    "SELU": (nn.SELU(), [0]),
    "SiLU": (nn.SiLU(), []), "Sigmoid": (nn.Sigmoid(), []), "Softplus": (nn.Softplus(), []),
    "Softplus(2)": (nn.Softplus(2.0), []), "Softshrink": (nn.Softshrink(), [-0.5, 0.5]),
    "Softsign": (nn.Softsign(), [0]),
    "Tanh": (nn.Tanh(), []), "Tanhshrink": (nn.Tanhshrink(), []),
}  # fmt: skip
JUMPS = {
    "Hardshrink": (nn.Hardshrink(), [-0.5, 0.5]),
    "Hardshrink(.7)": (nn.Hardshrink(0.7), [-0.7, 0.7]),
    "Threshold": (nn.Threshold(0.1, 20.0), [0.1]),
}


def at(module, x):
    """Value and slope of a module at a number."""
    u = torch.tensor([x], dtype=torch.float64, requires_grad=True)
    value = module.double()(u)
    (slope,) = torch.autograd.grad(value.sum(), u)
    return float(value), float(slope)


def mean(function, v, points):
    """E f(u), u ~ N(0, v), by adaptive quadrature between the points."""
    s = math.sqrt(v)
    edges = sorted(
        {-14 * s, *(-k * s for k in (1, 4)), 0.0, s, 4 * s, 14 * s, *(p for p in points if abs(p) < 14 * s)}
    )
    density = 1 / math.sqrt(2 * math.pi * v)
    return sum(
        quad(
            lambda u: function(u) * math.exp(-u * u / (2 * v)) * density,
            a,
            b,
            epsabs=0,
            epsrel=1e-12,
            limit=200,
        )[0]
        for a, b in itertools.pairwise(edges)
    )


@pytest.mark.parametrize("name", MODULES)
def test_moments_of_torch(name):
    """All smooth and piecewise smooth elementwise activations, by autograd, with found kinks."""
    module, points = MODULES[name]
    for v in (0.09, 1.0, 20.0):
        square = mean(lambda u: at(module, u)[0] ** 2, v, points)
        slope_square = mean(lambda u: at(module, u)[1] ** 2, v, points)
        mixed = mean(lambda u: u * math.prod(at(module, u)), v, points)
        assert float(variance_map(module, v)) == pytest.approx(square, rel=1e-8)
        assert float(chi(module, v)) == pytest.approx(slope_square, rel=1e-8)
        assert float(variance_slope(module, v)) == pytest.approx(mixed / v, rel=1e-8)


@pytest.mark.parametrize("name", JUMPS)
def test_moments_with_jumps(name):
    module, points = JUMPS[name]
    assert describe(module).kinks == tuple(points)
    for v in (0.09, 1.0, 20.0):
        square = mean(lambda u: at(module, u)[0] ** 2, v, points)
        assert float(variance_map(module, v)) == pytest.approx(square, rel=1e-6)
        h = 1e-4 * v
        difference = float(variance_map(module, v + h) - variance_map(module, v - h)) / (2 * h)
        assert float(variance_slope(module, v)) == pytest.approx(difference, rel=1e-6)
        assert chi(module, v) == math.inf


@pytest.mark.parametrize("name", MODULES)
def test_values_alone_are_enough(name):
    """A function of arrays, whose derivative and kinks are not known."""
    module, points = MODULES[name]
    module = module.double()

    def function(x):
        with torch.no_grad():
            return module(torch.from_numpy(np.array(x))).numpy()

    act = describe(function)
    found = [kink for kink in points if kink not in act.kinks]
    assert not found
    x = np.random.default_rng(0).normal(0, 3, 500)
    u = torch.from_numpy(x).requires_grad_()
    module(u).sum().backward()
    np.testing.assert_allclose(
        act.dphi(x), u.grad.numpy(), rtol=0, atol=1e-11 if "igmoid" not in name else 2e-8
    )
    assert float(variance_map(function, 1.0)) == pytest.approx(float(variance_map(module, 1.0)), rel=1e-10)
    # PyTorch's hard sigmoid has slopes of 1/6 in single precision
    assert float(chi(function, 1.0)) == pytest.approx(
        float(chi(module, 1.0)), rel=1e-7 if "ardsig" in name else 1e-8
    )
    both = [float(correlation_map(f, 0.995, 1.0)) for f in (function, module)]
    assert both[0] == pytest.approx(both[1], rel=1e-8)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("GELU", "gelu"), ("swish", "silu"), ("Leaky_ReLU", "leaky_relu"), ("leaky relu", "leaky_relu"),
        ("linear", "identity"), (nn.ReLU(inplace=True), "relu"), (nn.GELU(), "gelu"), (nn.Softplus(), "softplus"),
        (Oscillating(0.99, 3), "oscillating_3"), ("oscillating_3", "oscillating_3"),
    ],
)  # fmt: skip
def test_what_is_known_is_the_entry_itself(given, name):
    assert describe(given) is by_name(name)


def test_slopes_of_lines_have_closed_forms():
    for given in (nn.LeakyReLU(0.3), nn.PReLU(init=0.3), lambda x: np.where(x > 0, x, 0.3 * x)):
        assert describe(given).slopes == pytest.approx((0.3, 1.0), rel=1e-7)
    assert describe(nn.LeakyReLU(0.3)).slopes == (0.3, 1.0)
    assert describe(abs).slopes == (-1.0, 1.0)
    assert describe(nn.ReLU6()).slopes is None


def test_pairs_bring_their_weights():
    law = SphericalMarginal(1)
    pair = GaussianPair(law, "odd")
    for given in (pair, GaussianActivation(law, "odd")):
        act = describe(given)
        assert act.weight_variance == law.variance
        assert act.power == pair.power < 1
    assert describe(pair) is of_pair(pair)


def test_names_of_torch():
    for name in ("Hardswish", "hard_swish", "HARD-SWISH"):
        assert describe(name) is describe("hardswish")
    with pytest.raises(ValueError, match=r"activation 'Threshold' needs arguments: give the module"):
        describe("threshold")


def test_parameters_that_change_are_seen():
    """Moments are kept by what a module holds, not by which one it is."""
    module = nn.PReLU(init=0.5)
    before = float(variance_map(module, 1.0))
    module.weight.data.fill_(0.0)
    assert (before, float(variance_map(module, 1.0))) == (0.625, 0.5)
    two = nn.Sequential(nn.PReLU(init=0.5), nn.Tanh())
    first = describe(two)
    assert describe(two) is first
    with torch.no_grad():
        two[0].weight.fill_(0.1)
    assert describe(two) is not first
    assert float(first.phi(np.array([-2.0]))[0]) == pytest.approx(math.tanh(-1.0))


class Swish(nn.Module):
    """With a number that its text does not show."""

    def __init__(self, beta):
        super().__init__()
        self.beta = beta

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)


class Tanh(nn.Module):
    """Called as another one."""

    def forward(self, x):
        return 1.7159 * torch.tanh(2 * x / 3)


def by_quad(function, v=1.0):
    return mean(lambda u: function(u) ** 2, v, [])


def test_modules_are_what_they_compute():
    for beta in (1.0, 5.0):
        square = by_quad(lambda u, beta=beta: u / (1 + math.exp(-beta * u)))
        for module in (Swish(beta), nn.Sequential(Swish(beta))):
            assert float(variance_map(module, 1.0)) == pytest.approx(square, rel=1e-10)
    assert float(variance_map(Tanh(), 1.0)) == pytest.approx(
        by_quad(lambda u: 1.7159 * math.tanh(2 * u / 3)), rel=1e-10
    )
    hooked = nn.GELU()
    hooked.register_forward_hook(lambda module, given, value: 2 * value)
    assert float(variance_map(hooked, 1.0)) == pytest.approx(4 * float(variance_map("gelu", 1.0)), rel=1e-12)


def test_functions_that_change_are_seen():
    scale = 1.0

    def function(x):
        return scale * np.tanh(x)

    first = float(variance_map(function, 1.0))
    scale = 2.0
    assert float(variance_map(function, 1.0)) == pytest.approx(4 * first, rel=1e-12)


def test_members_of_an_ensemble_have_one_activation():
    given = ((lambda x: torch.tanh(x)), (lambda x: torch.sin(3 * x)))
    nets = [mlp(4, 3, 2, activation=f, rng=np.random.default_rng(0)) for f in given]
    with pytest.raises(ValueError, match="must have the same layers"):
        Ensemble(nets)
    with pytest.raises(ValueError, match="must have the same layers"):
        Ensemble([mlp(4, 3, 2, activation=Swish(beta)) for beta in (1.0, 5.0)])


def test_what_is_not_a_number_far_out_is_no_line():
    """exp(x) overflows: the function is tanh all the same."""

    def function(x):
        with np.errstate(all="ignore"):
            return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))

    assert describe(function).slopes is None
    assert float(variance_map(function, 1.0)) == pytest.approx(float(variance_map("tanh", 1.0)), rel=1e-10)
    bump = describe(lambda x: x + torch.relu(x - 1.05) - 2 * torch.relu(x - 1.1) + torch.relu(x - 1.15))
    assert (bump.kinks, bump.slopes) == ((1.05, 1.1, 1.15), None)


def test_functions_in_place_get_copies():
    def function(x):
        x[x < 0] *= 0.1
        x += np.tanh(x)
        return x

    def same(x):
        y = np.where(x < 0, 0.1 * x, x)
        return y + np.tanh(y)

    assert float(chi(function, 1.0)) == pytest.approx(float(chi(same, 1.0)), rel=1e-10)
    x = np.array([-1.0, 2.0])
    describe(function).phi(x)
    assert x.tolist() == [-1.0, 2.0]


CANCELLING = {
    "softplus": (lambda x: functional.softplus(x) - math.log(2), lambda u: math.log1p(math.expm1(u) / 2)),
    "sigmoid - 1/2": (lambda x: torch.sigmoid(x) - 0.5, lambda u: math.tanh(u / 2) / 2),
    "sqrt": (lambda x: np.sqrt(1 + x * x) - 1, lambda u: math.hypot(1, u) - 1),
    "1 - cos": (lambda x: 1 - torch.cos(x), lambda u: 2 * math.sin(u / 2) ** 2),
    "bump": (lambda x: np.exp(-x * x) - 1, lambda u: math.expm1(-u * u)),
    "ELU": (
        lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
        lambda u: u if u > 0 else math.expm1(u),
    ),
}


@pytest.mark.parametrize("name", CANCELLING)
def test_values_that_cancel_next_to_zero(name):
    function, exact = CANCELLING[name]
    for v in (1.0, 1e-4):
        square = mean(lambda u: exact(u) ** 2, v, [0.0])
        assert float(variance_map(function, v)) == pytest.approx(square, rel=1e-9)


@pytest.mark.parametrize(
    ("function", "square"),
    [
        (np.rint, sum((2 * k - 1) * math.erfc((k - 0.5) / math.sqrt(2)) for k in range(1, 9))),
        (torch.round, sum((2 * k - 1) * math.erfc((k - 0.5) / math.sqrt(2)) for k in range(1, 9))),
        (lambda x: np.where(x > 1, 1.0, 0.0), math.erfc(1 / math.sqrt(2)) / 2),
        (lambda x: np.sign(x) * (np.abs(x) > 0.5), math.erfc(0.5 / math.sqrt(2))),
    ],
)
def test_steps(function, square):
    assert float(variance_map(function, 1.0)) == pytest.approx(square, rel=1e-10)


def test_slopes_of_fast_and_far_functions_by_values():
    for w in (15, 50):
        exact = w * w * (1 + math.exp(-2 * w * w)) / 2
        assert float(chi(lambda x, w=w: np.sin(w * x), 1.0)) == pytest.approx(exact, rel=1e-10)
    far = describe(lambda x: np.clip(x, -100, 100))
    assert far.kinks == (-100.0, 100.0)
    small = lambda x: 1e-10 * np.clip(x, -1.03, 1.03)  # noqa: E731
    assert float(chi(small, 1.0)) == pytest.approx(1e-20 * math.erf(1.03 / math.sqrt(2)), rel=1e-10)


class Drifting(nn.Module):
    """Adds what it was given before."""

    def __init__(self):
        super().__init__()
        self.sum = 0.0

    def forward(self, x):
        self.sum += float(x.sum() ** 2)
        return x + self.sum


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.sign(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ("squash", ValueError, "unknown activation 'squash'; accepted: 'elu'"),
        ("odd", ValueError, "go with a law of weights"),
        (nn.Softmax(dim=-1), ValueError, "Softmax is not elementwise"),
        (nn.GLU(), ValueError, r"GLU is not elementwise: it gives shape \(32,\) for shape \(64,\)"),
        (nn.Linear(64, 64), ValueError, "Linear is not elementwise"),
        (nn.BatchNorm1d(64), ValueError, "BatchNorm1d is not elementwise"),
        (nn.LayerNorm(64), ValueError, "LayerNorm is not elementwise"),
        (nn.RReLU(), ValueError, r"RReLU gives other values .* is random, .*\(module\.eval\(\)\?\)"),
        (nn.Dropout(), ValueError, "Dropout gives other values for the same input"),
        (Drifting(), ValueError, "Drifting gives other values for the same input"),
        (lambda x: x - x.mean(), ValueError, "lambda is not elementwise"),
        (lambda x: np.sort(x), ValueError, "values of the same numbers in the reverse order are others"),
        (lambda x: np.log(np.abs(x) - 9), ValueError, "lambda gives nan at x = .*; it must be finite for |x| <= 10"),
        (lambda x: np.exp(np.minimum(x, 11) ** 4), ValueError, "lambda gives inf at x = -10"),
        (lambda x: x + 0j, TypeError, "lambda is complex; activations are real"),
        (lambda x: np.sin(1e5 * x), ValueError, "lambda: it varies too fast"),
        (lambda x: "text", TypeError, "lambda must give real numbers"),
        (lambda x: x.upper(), AttributeError, "upper"),
        (lambda x: x["a"], IndexError, "only integers"),
        (StraightThrough.apply, ValueError, "apply: its derivative by autograd is 1 at x = .*, where"),
        (Activation("mine", np.tanh, np.cos), ValueError, "mine: its phi' is .* at x = .*, where phi has the slope"),
        (lambda x: np.tanh(x.astype(np.float32)), ValueError, "lambda computes in float32, of float64 numbers"),
        (nn.Sequential(nn.PReLU()).to("meta"), ValueError, "Sequential is on the device meta"),
        (nn.ReLU, TypeError, r"got <class .*; call it first, ReLU\(\)"),
        (3, TypeError, "activation must be a name, an Activation, a pair, a torch.nn.Module or a function"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_refused(given, error, says):
    with pytest.raises(error, match=says):
        describe(given)


GIVEN = {
    "name": "hardswish",
    "module": nn.Hardswish(),
    "function of tensors": functional.hardswish,
    "description": describe("hardswish"),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_every_function_takes_all_of_them(kind):
    given = GIVEN[kind]
    expected = nn.Hardswish()
    z = simulate([1, 8, 8, 1], given, weights="normal", n_networks=50, stream=Stream(0))
    same = simulate([1, 8, 8, 1], expected, weights="normal", n_networks=50, stream=Stream(0))
    np.testing.assert_allclose(z, same, rtol=1e-5, atol=1e-6)
    on_device = simulate([1, 8, 1], given, weights="normal", n_networks=20, stream=Stream(0), device="cpu")
    assert on_device.shape == (20, 1)
    assert check_pair("normal", given).ks == pytest.approx(check_pair("normal", expected).ks, rel=1e-9)
    nets = [mlp(5, 4, 2, activation=a, rng=np.random.default_rng(0)) for a in (given, expected)]
    x = torch.randn(3, 5)
    torch.testing.assert_close(nets[0](x), nets[1](x))
    torch.testing.assert_close(Ensemble([nets[0]] * 2).logits(x)[0].T, nets[1](x))
    assert float(variance_map(given, 2.0)) == pytest.approx(float(variance_map(expected, 2.0)), rel=1e-12)


def test_pairs_in_simulations_and_networks():
    pair = GaussianPair(SymmetricWeibull(4), "odd")
    options = {"weights": "weibull_4", "n_networks": 40, "stream": Stream(0)}
    given = simulate([1, 6, 6], pair, **options)
    np.testing.assert_allclose(given, simulate([1, 6, 6], pair.module(), **options), rtol=1e-5, atol=1e-6)
    assert check_pair(SymmetricWeibull(4), pair).gaussian
    assert isinstance(mlp(4, 3, 2, activation=pair, weights="weibull_4")[1], GaussianActivation)


def test_modules_of_functions():
    module = as_module(torch.sin)
    assert "sin" in repr(module)
    assert float(module(torch.tensor(1.0))) == pytest.approx(math.sin(1))
    assert module_of(describe(nn.Hardswish())).training
    with pytest.raises(ValueError, match="activation 'tanh' has no PyTorch module"):
        as_module(np.tanh)
