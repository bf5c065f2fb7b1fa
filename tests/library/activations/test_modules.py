"""The fast activation against the exact one, and as a citizen of PyTorch."""

import copy
import math
import shutil

import numpy as np
import pytest
import torch
from places import awkward_points

from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.activations.modules import Oscillating, activation
from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull

PAPER = [SymmetricWeibull(t) for t in (2.05, 2.5, 3, 4, 5, 7, 10)]
LAWS = [SymmetricWeibull(2), SymmetricWeibull(2.0001), *PAPER, SymmetricWeibull(1000)]
LAWS += [SphericalMarginal(b) for b in (0, 0.1, 0.5, 1, 5)]
KINDS = ["odd", "positive"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_error_against_the_exact_activation(law, kind):
    act, pair = GaussianActivation(law, kind), GaussianPair(law, kind)
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-9)):
        x = torch.tensor(awkward_points(), dtype=dtype)
        exact = pair.phi(x.double().numpy())
        error = np.abs(act(x).double().numpy() - exact) / np.maximum(np.abs(exact), 1e-3)
        assert error.max() <= tolerance
        np.testing.assert_array_equal(act.values(x).numpy(), act(x).numpy())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(2.5), SphericalMarginal(1)], ids=str)
def test_derivatives_against_the_exact_ones(law, kind):
    act, pair = GaussianActivation(law, kind), GaussianPair(law, kind)
    x = torch.tensor([-11.0, -2.0, -0.5, 0.3, 1.0, 4.0, 11.9], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(act(x).sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    at = x.detach().numpy()
    np.testing.assert_allclose(slope.detach(), pair.dphi(at), rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(curvature, pair.d2phi(at), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("law", [*PAPER, SphericalMarginal(0.5), SphericalMarginal(1)], ids=str)
def test_growth_beyond_the_table(law):
    x = np.array([13.0, 20.0, 30.0])
    for kind in KINDS:
        exact = GaussianPair(law, kind).phi(x)
        approx = GaussianActivation(law, kind)(torch.tensor(x)).numpy()
        np.testing.assert_allclose(approx, exact, rtol=1e-3)
        far = GaussianActivation(law, kind)(torch.tensor([1e3, 1e6, 1e200], dtype=torch.float64))
        power = 1 - 2 / law.theta if isinstance(law, SymmetricWeibull) else 1.0
        rates = torch.diff(far.log()) / torch.tensor([3.0, 194.0]) / math.log(10)
        torch.testing.assert_close(rates, torch.full_like(rates, power), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_symmetry_sign_and_special_values(law):
    odd, positive = GaussianActivation(law, "odd"), GaussianActivation(law, "positive")
    for dtype in (torch.float32, torch.float64):
        largest = 0.5 * torch.finfo(dtype).max
        x = torch.cat([torch.linspace(-40, 40, 4001), torch.tensor([1e-30, 1e-3, 1e10, 1e30])]).to(dtype)
        x = torch.cat([x, torch.tensor([largest], dtype=dtype)])
        assert torch.equal(odd(-x), -odd(x))
        assert torch.isfinite(odd(x)).all()
        assert (positive(x) > 0).all()
        assert (positive(-x) > 0).all()
        inf = torch.tensor([math.inf, -math.inf], dtype=dtype)
        end = math.sqrt(2) if law == SymmetricWeibull(2) else math.inf
        assert odd(inf).tolist() == pytest.approx([end, -end])
        assert positive(inf).tolist() == pytest.approx([end, 0.0])
        nan = torch.tensor([math.nan, 1.0], dtype=dtype)
        assert torch.isnan(odd(nan)).tolist() == torch.isnan(positive(nan)).tolist() == [True, False]
        assert odd(torch.zeros(3, dtype=dtype)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_nan_in_all_derivatives(kind, dtype):
    for law in (SymmetricWeibull(2), SymmetricWeibull(4), SphericalMarginal(1)):
        x = torch.tensor([math.nan, 1.0], dtype=dtype, requires_grad=True)
        phi = GaussianActivation(law, kind)(x)
        (slope,) = torch.autograd.grad(phi.sum(), x, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), x)
        for values in (phi, slope, curvature):
            assert torch.isnan(values).tolist() == [True, False]


@pytest.mark.parametrize("law", [*PAPER, SphericalMarginal(0.5), SphericalMarginal(1)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_product_passes_ks_at_ten_million_samples(law, kind):
    n, rng = 10_000_000, np.random.default_rng(23)
    phi = as_array_map(GaussianActivation(law, kind))
    product = law.sample(n, rng) * phi(rng.standard_normal(n))
    assert ks_statistic(product) < null_quantile(1 - 1e-3 / 18, n)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(3), SphericalMarginal(1), SphericalMarginal(0)], ids=str)
def test_gradcheck(law, kind):
    act = GaussianActivation(law, kind)
    # away from 0, where an odd spherical activation has no derivative
    x = torch.tensor([-14.1, -2.3, -0.71, 0.37, 0.9, 3.3, 13.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(act, (x,), eps=1e-5, atol=1e-5)
    assert torch.autograd.gradgradcheck(act, (x,), eps=1e-5, atol=1e-4)


@pytest.mark.parametrize("law", [SymmetricWeibull(3), SphericalMarginal(1)], ids=str)
def test_slope_at_zero_is_finite(law):
    x = torch.zeros(3, requires_grad=True)
    GaussianActivation(law, "odd")(x).sum().backward()
    exact = GaussianPair(law, "odd")
    expected = exact.dphi(1e-6 if isinstance(law, SphericalMarginal) else 0.0)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_transforms(kind):
    act = GaussianActivation(SymmetricWeibull(3), kind)
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.func.vmap(act)(x), act(x))
    per_sample = torch.func.vmap(torch.func.grad(lambda v: act(v).sum()))(x)
    y = x.clone().requires_grad_()
    act(y).sum().backward()
    torch.testing.assert_close(per_sample, y.grad)
    value, tangent = torch.func.jvp(act, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(value, act(x))
    torch.testing.assert_close(tangent, y.grad)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(3), SphericalMarginal(1)], ids=str)
def test_compile(law, kind):
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        pytest.skip("torch.compile needs a C++ compiler: install g++")
    act = GaussianActivation(law, kind)
    x = torch.tensor(awkward_points()[:2000], dtype=torch.float32, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    torch._dynamo.reset()
    compiled = torch.compile(act, fullgraph=True)
    torch.testing.assert_close(compiled(x), act(y), rtol=1e-6, atol=1e-7)
    compiled(x).square().sum().backward()
    act(y).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_in_mixed_modes(kind):
    law = SymmetricWeibull(3)
    act, x = GaussianActivation(law, kind), torch.tensor([0.3, 1.0, -1.2], dtype=torch.float64)
    one = torch.ones_like(x)

    def forward(v):
        return torch.func.jvp(act, (v,), (one,))[1]

    reverse = torch.func.grad(lambda v: act(v).sum())
    results = [
        torch.func.grad(lambda v: forward(v).sum())(x),
        torch.func.jvp(reverse, (x,), (one,))[1],
        torch.func.grad(lambda v: reverse(v).sum())(x),
        torch.func.hessian(lambda v: act(v).sum())(x).diagonal(),
        torch.func.jvp(forward, (x,), (one,))[1],
        torch.func.jacfwd(torch.func.jacfwd(lambda v: act(v).sum()))(x).diagonal(),
    ]
    for result in results:
        np.testing.assert_allclose(result, GaussianPair(law, kind).d2phi(x.numpy()), rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_gradients_at_the_ends(dtype):
    ends = torch.tensor([-math.inf, -100.0, 3.0, math.inf], dtype=dtype)
    for law, at_infinity in ((SymmetricWeibull(3), 0.0), (SphericalMarginal(1), 1.0)):
        for kind in KINDS:
            x = ends.clone().requires_grad_()
            GaussianActivation(law, kind)(x).sum().backward()
            exact = GaussianPair(law, kind).dphi(ends.double().numpy())
            assert x.grad[3] == exact[3] == at_infinity
            assert x.grad[0] == exact[0]
            np.testing.assert_allclose(x.grad[1:3], exact[1:3], rtol=3e-3, atol=1e-7)


def test_array_map_takes_any_layout():
    phi = as_array_map(GaussianActivation(SymmetricWeibull(3)))
    x = np.linspace(-3, 3, 24).reshape(4, 6)
    for view in (x[::-1], x.T, x[:, ::2], np.float64(0.5) * np.ones(()), np.empty((0, 3))):
        np.testing.assert_array_equal(phi(view), phi(np.array(view, order="C")))
        assert phi(view).shape == view.shape
    with pytest.raises(TypeError, match=r"float32 or float64 tensor, got torch.float16"):
        phi(x.astype(np.float16))


def test_half_precision_and_autocast():
    act = GaussianActivation(SymmetricWeibull(3))
    x = torch.linspace(-3, 3, 61)
    for dtype in (torch.bfloat16, torch.float16):
        y = act(x.to(dtype))
        assert y.dtype == dtype
        torch.testing.assert_close(y.float(), act(x.to(dtype).float()), rtol=1e-2, atol=1e-2)
    layer = torch.nn.Sequential(torch.nn.Linear(4, 4), act)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(torch.randn(2, 4))
    out.float().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters())


def test_module_manners():
    act = GaussianActivation(SymmetricWeibull(3), "positive")
    assert act.state_dict() == {}
    assert list(act.parameters()) == []
    x = torch.randn(100, dtype=torch.float64)
    expected = act(x)
    # casting the module must not round its tables
    for other in (copy.deepcopy(act), copy.deepcopy(act).half(), copy.deepcopy(act).to(torch.bfloat16)):
        assert torch.equal(other(x), expected)
    assert repr(act) == "GaussianActivation(SymmetricWeibull(theta=3.0), kind='positive')"
    assert act(torch.empty(0, 3)).shape == (0, 3)
    assert act(torch.tensor(1.0)).shape == ()
    transposed = torch.randn(3, 5).T
    assert torch.equal(act(transposed), act(transposed.contiguous()))


def test_registry():
    assert isinstance(activation("relu"), torch.nn.ReLU)
    assert isinstance(activation("odd", SymmetricWeibull(3)), GaussianActivation)
    with pytest.raises(
        ValueError, match=r"unknown activation 'squash'; accepted: 'elu'.*'odd' and 'positive'"
    ):
        activation("squash")
    with pytest.raises(ValueError, match="give weights="):
        activation("odd")


def test_errors():
    with pytest.raises(TypeError, match=r"floating-point tensor, got torch.int64; use x.float\(\)"):
        GaussianActivation(SymmetricWeibull(3))(torch.arange(3))
    with pytest.raises(ValueError, match="constant"):
        GaussianActivation(Normal())
    act = GaussianActivation(SymmetricWeibull(3))
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(act(x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    with pytest.raises((RuntimeError, NotImplementedError), match=r"not three times"):
        torch.autograd.grad((h * x).sum(), x)

    def forward(function):
        return lambda v: torch.func.jvp(function, (v,), (torch.ones_like(v),))[1]

    for third in (forward(forward(forward(act))), torch.func.grad(lambda v: forward(forward(act))(v).sum())):
        with pytest.raises(NotImplementedError, match=r"not three times"):
            third(x.detach())
    for x, message in (
        (torch.ones(2, dtype=torch.complex64), r"real floating-point tensor, got torch.complex64; .* x.real"),
        ([1.0, 2.0], "needs a tensor, got list"),
        ("one", "needs a tensor, got str"),
        (torch.eye(2).to_sparse(), "got a tensor of layout torch.sparse_coo"),
        (
            torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            "got a nested tensor of layout torch.strided",
        ),
    ):
        with pytest.raises(TypeError, match=message):
            act(x)
        with pytest.raises(TypeError, match=message.replace("GaussianActivation", "Oscillating")):
            Oscillating()(x)


@pytest.mark.parametrize("omega", [2, 3, 6])
def test_oscillating_activation(omega):
    phi, x = Oscillating(0.99, omega), torch.linspace(-4, 4, 801, dtype=torch.float64)
    at = x.numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(at == 0, 0, at * np.exp(0.99 / omega * np.sin(omega * np.log(np.abs(at)))))
    np.testing.assert_allclose(phi(x), expected, rtol=1e-14)
    period = math.exp(2 * math.pi / omega)
    np.testing.assert_allclose(phi(period * x), period * phi(x), rtol=1e-12)
    assert np.all(np.diff(phi(x).numpy()) > 0)
    torch.testing.assert_close(activation(f"oscillating_{omega}")(x), phi(x), rtol=0, atol=0)


def test_derivatives_of_the_oscillating_activation():
    phi = Oscillating(0.5, 3)
    x = torch.tensor([-2.0, -1e-3, 0.4, 5.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(phi, x)
    assert torch.autograd.gradgradcheck(phi, x)
    ends = torch.tensor([0.0, -0.0, 1e-300, math.inf, math.nan], dtype=torch.float64, requires_grad=True)
    y = phi(ends)
    (slope,) = torch.autograd.grad(y.sum(), ends, create_graph=True)
    assert y[:2].tolist() == [0, 0]
    assert slope[:2].tolist() == [1, 1]  # chosen: there is no derivative at 0
    assert torch.isfinite(slope[2])
    assert y[3] == math.inf
    assert torch.isnan(y[4])
    assert phi(torch.ones(3, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((1.5, 3), "delta must be in"),
        ((-0.1, 3), "delta must be in"),
        ((0.5, 0), "omega must be finite and > 0, got 0"),
    ],
)
def test_oscillating_errors(arguments, says):
    with pytest.raises(ValueError, match=says):
        Oscillating(*arguments)


@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_value_and_slope_are_those_of_autograd(kind):
    act = GaussianActivation(SymmetricWeibull(3), kind)
    for dtype in (torch.float32, torch.float64):
        x = torch.linspace(-14, 14, 501, dtype=dtype, requires_grad=True)
        (slope,) = torch.autograd.grad(act(x).sum(), x)
        found = act.value_and_slope(x.detach())
        torch.testing.assert_close(found, (act(x).detach(), slope), rtol=1e-6, atol=0)
    with pytest.raises(TypeError, match="value_and_slope need a float32 or float64 tensor"):
        act.value_and_slope(torch.arange(3))
