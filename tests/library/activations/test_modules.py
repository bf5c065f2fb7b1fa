"""The fast activation against the exact one, and as a citizen of PyTorch."""

import copy
import io
import math
import shutil

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

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


def awkward_points():
    rng = np.random.default_rng(1)
    signs = np.sign(rng.standard_normal(2000))
    return np.concatenate(
        [
            rng.uniform(-12, 12, 4000),
            rng.standard_normal(2000),
            signs * np.exp(rng.uniform(-30, 0, 2000)),
            [0.0, 12, -12, np.nextafter(12, 0), 1e-30, -1e-30],
        ]
    )


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
        ValueError, match=r"unknown activation 'swish'; accepted: 'elu'.*'odd' and 'positive'"
    ):
        activation("swish")
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


# next to 0, where an odd spherical activation is infinitely steep; in pieces of both kinds; at the ends
PLACES = [0.0, -1e-13, 0.3, 1.0, -1.2, 11.9, 20.0, -20.0, 1e9, -30.0, math.inf, -math.inf]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(4), SphericalMarginal(1)], ids=str)
def test_recorded_graphs_have_the_same_values_and_derivatives(law, kind, dtype):
    """Integers and branches of the eager path would make derivatives 0, or stop the recording."""
    act = GaussianActivation(law, kind)
    x = torch.tensor(PLACES, dtype=dtype)
    one = torch.ones_like(x)

    def forward(function):
        return lambda v: torch.func.jvp(function, (v,), (one,))[1]

    def reverse(function):
        return torch.func.grad(lambda v: function(v).sum())

    slope, curvature = reverse(act)(x), reverse(reverse(act))(x)
    rounding = 100 * torch.finfo(dtype).eps  # of the second differences of a table
    exact = GaussianPair(law, kind).dphi(x[2:8].double().numpy())
    np.testing.assert_allclose(slope[2:8], exact, rtol=1e-2 if dtype == torch.float32 else 1e-6, atol=1e-7)
    # the cut of the infinite slope
    assert torch.isfinite(slope).all()
    dim = torch.export.Dim("n")
    exported = torch.export.export(act, (x,), dynamic_shapes=({0: dim},)).module()
    for graph in (make_fx(act)(x), exported, torch.fx.symbolic_trace(torch.nn.Sequential(act))):
        assert torch.equal(graph(x), act(x))
        for derivative in (reverse, forward):
            torch.testing.assert_close(derivative(graph)(x), slope, rtol=1e-5, atol=0)
        torch.testing.assert_close(forward(reverse(graph))(x), curvature, rtol=1e-4, atol=rounding)
        torch.testing.assert_close(forward(forward(graph))(x), curvature, rtol=1e-4, atol=rounding)
    many = torch.linspace(-30, 30, 1001, dtype=dtype)
    assert torch.equal(exported(many), act(many))
    assert torch.isnan(torch.func.grad(make_fx(act)(x[0]))(torch.tensor(math.nan, dtype=dtype)))
    for recorded in (make_fx(reverse(act))(x), make_fx(forward(act))(x)):
        torch.testing.assert_close(recorded(x), slope, rtol=1e-5, atol=0)
    torch.testing.assert_close(torch.func.linearize(act, x)[1](one), slope, rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(4), SphericalMarginal(1)], ids=str)
def test_the_formula_for_onnx_needs_no_bits(law, kind, dtype, monkeypatch):
    """The same pieces by logarithms, also next to powers of 2, for subnormal numbers and at the ends.

    tests/system/test_onnx.py runs it in onnxruntime.
    """
    act, finfo = GaussianActivation(law, kind), torch.finfo(dtype)
    powers = np.exp2(np.arange(-1074.0, 1024.0))
    points = [
        powers,
        np.nextafter(powers, 0),
        np.nextafter(powers, np.inf),
        awkward_points(),
        PLACES,
        [math.nan],
    ]
    x = torch.tensor(np.concatenate(points), dtype=dtype)
    x = torch.cat([x, -x])
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    exported = torch.export.export(act, (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    program = exported.run_decompositions()
    names = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert "aten.floor.default" in names
    assert not [
        name for name in names if any(part in name for part in ("view", "shift", "signbit", "copysign"))
    ]
    found = program.module()(x)
    monkeypatch.undo()
    expected = act(x)
    # of log phi, which is down to the logarithm of the smallest number
    rtol = finfo.eps * max(4.0, -math.log(finfo.tiny))
    torch.testing.assert_close(found, expected, rtol=rtol, atol=finfo.tiny, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", [SymmetricWeibull(4), SphericalMarginal(1)], ids=str)
def test_derivatives_of_compiled_functions(law, kind):
    act = GaussianActivation(law, kind)
    x = torch.tensor(PLACES, dtype=torch.float64)
    one = torch.ones_like(x)
    slope = torch.func.grad(lambda v: act(v).sum())(x)
    torch._dynamo.reset()
    forward = torch.compile(lambda v: torch.func.jvp(act, (v,), (one,))[1], backend="aot_eager")
    reverse = torch.compile(torch.func.grad(lambda v: act(v).sum()), backend="aot_eager")
    per_sample = torch.compile(torch.func.vmap(torch.func.grad(act)), backend="aot_eager")
    module = torch.compile(act, backend="aot_eager")
    module(x)  # without tangents: compiled anew with them
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(module(forward_ad.make_dual(x, one))).tangent
    y = x.clone().requires_grad_()
    module(y).sum().backward()
    for found in (forward(x), reverse(x), per_sample(x), tangent, y.grad):
        torch.testing.assert_close(found, slope, rtol=1e-10, atol=0)
    second = torch.func.grad(torch.func.grad(act))
    curvature = torch.func.vmap(second)(x)
    twice = torch.compile(torch.func.vmap(second), backend="aot_eager")
    torch.testing.assert_close(twice(x), curvature, rtol=1e-8, atol=1e-13)
    with pytest.raises(Exception, match="not three times"):
        torch.compile(torch.func.vmap(torch.func.grad(second)), backend="aot_eager")(x)
    torch._dynamo.reset()  # else too many compilations, and it would run uncompiled
    with pytest.raises(RuntimeError, match=r"create_graph=False|not used|double backward"):
        torch.autograd.grad(module(y).sum(), y, create_graph=True)[0].sum().backward()


def test_formulas_can_be_recorded_and_scripted():
    x = torch.linspace(-3, 3, 7)
    for act in (Oscillating(), activation("erf")):
        for recorded in (
            torch.fx.symbolic_trace(act),
            torch.jit.script(act),
            torch.export.export(act, (x,)).module(),
        ):
            torch.testing.assert_close(recorded(x), act(x))
        with pytest.raises(TypeError, match=r"real floating-point tensor, got torch.complex64"):
            torch.fx.symbolic_trace(act)(x.to(torch.complex64))


def test_fake_tensors():
    with torch._subclasses.FakeTensorMode() as mode:
        built_inside = GaussianActivation("weibull_4")
        x = torch.ones(3, 4, requires_grad=True)
        for act in (built_inside, GaussianActivation("spherical_1")):
            act(x).sum().backward()
            assert act(x).shape == x.grad.shape == (3, 4)
            assert act(x).fake_mode is mode
    real = torch.linspace(-20, 20, 11)
    assert torch.equal(built_inside(real), GaussianActivation("weibull_4")(real))


def test_in_place_operations_before_and_after():
    """A residual sum in place, as for other activations: the output is no view."""
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for kind in KINDS:
        for act in (GaussianActivation("weibull_4", kind), GaussianActivation("spherical_1", kind)):
            h = act((2 * x).relu_())
            h += x
            h.mul_(3)
            (found,) = torch.autograd.grad(h.sum(), x)
            (expected,) = torch.autograd.grad(3 * (act(torch.relu(2 * x)) + x).sum(), x)
            assert torch.equal(found, expected)


def test_large_models_are_built_without_memory():
    def network():
        return torch.nn.Sequential(torch.nn.Linear(4, 4), GaussianActivation("weibull_4"))

    real, x = network(), torch.randn(3, 4)
    with torch.device("meta"):
        built = network()
    assert built(torch.empty(3, 4, device="meta")).shape == (3, 4)
    emptied = copy.deepcopy(built).to_empty(device="cpu")
    emptied.load_state_dict(real.state_dict())
    built.load_state_dict(real.state_dict(), assign=True)
    for net in (emptied, built, copy.deepcopy(real).to("meta").to_empty(device="cpu")):
        net.load_state_dict(real.state_dict())
        assert torch.equal(net(x), real(x))
    with pytest.raises(RuntimeError, match="to skip initialization"):
        torch.nn.utils.skip_init(GaussianActivation, "weibull_4")


def test_stacked_ensembles():
    networks = [
        torch.nn.Sequential(torch.nn.Linear(4, 4), GaussianActivation("weibull_4")).double() for _ in range(3)
    ]
    stacked, x = torch.func.stack_module_state(networks), torch.randn(5, 4, dtype=torch.float64)

    def apply(parameters, buffers):
        return torch.func.functional_call(networks[0], (parameters, buffers), (x,))

    found = torch.func.vmap(apply)(*stacked)
    torch.testing.assert_close(
        found, torch.stack([network(x) for network in networks]), rtol=1e-12, atol=1e-14
    )


def test_memory_format_and_jagged_tensors():
    x = 6 * torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    for kind in KINDS:
        act = GaussianActivation("weibull_4", kind)
        for form in (torch.channels_last, torch.contiguous_format):
            y = x.to(memory_format=form).requires_grad_()
            (slope,) = torch.autograd.grad(act(y).sum(), y)
            assert act(y).is_contiguous(memory_format=form)
            assert slope.is_contiguous(memory_format=form)
            assert torch.equal(act(y), act(x))
        for view in (x[:, :, ::2], x.permute(3, 1, 0, 2), x[:1].expand(7, -1, -1, -1), x[..., 0].mT):
            assert torch.equal(act(view), act(view.clone(memory_format=torch.contiguous_format)))
            assert act(view).stride() == torch.nn.functional.gelu(view).stride()
        jagged = torch.nested.nested_tensor([x[0, 0], x[1, 1, :2]], layout=torch.jagged, requires_grad=True)
        for nested in (jagged, jagged.transpose(1, 2)):
            out = act(nested)
            assert torch.equal(out.values(), act(nested.values()))
            assert (out + nested).shape == nested.shape
        (found,) = torch.autograd.grad(act(jagged).values().sum(), jagged)
        torch.testing.assert_close(found.values(), act.value_and_slope(jagged.detach().values())[1])


def test_saving_and_scripts_are_as_the_docstring_says():
    act, x = GaussianActivation("weibull_4"), torch.linspace(-20, 20, 40_001)
    file = io.BytesIO()
    torch.save(act, file)
    file.seek(0)
    with pytest.raises(Exception, match="weights_only"):
        torch.load(file, weights_only=True)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(x), act(x))
    exported = io.BytesIO()
    torch.export.save(torch.export.export(act, (x,)), exported)
    exported.seek(0)
    assert torch.equal(torch.export.load(exported).module()(x), act(x))
    with pytest.raises(RuntimeError, match=r"use torch\.export\.export instead"):
        torch.jit.trace(act, (x,))
    with pytest.raises((RuntimeError, torch.jit.frontend.FrontendError)):
        torch.jit.script(act)


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
