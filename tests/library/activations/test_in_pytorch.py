"""Tabulated activations in graphs, ensembles and large models: recorded, compiled, exported, built without memory."""

import copy
import io
import math

import numpy as np
import pytest
import torch
from places import awkward_points
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

from preactivations.activations.gaussian import GaussianActivation
from preactivations.activations.modules import Oscillating, activation
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull

KINDS = ["odd", "positive"]
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
