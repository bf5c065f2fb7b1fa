"""Mirrored matrices: their law, and that one alone is not isometric."""

import math

import pytest
import torch
from torch import nn

from preactivations.init.mirrored import mirrored_gaussian_, mirrored_orthogonal_
from preactivations.relu_law.chain import NormChain


def test_gaussian_blocks_have_the_law_of_a_linear_chain():
    """log |h0|^2 of the half against the exact moments of a linear chain of n/2 units: drift -2/n, variance 4/n."""
    n, depth, networks = 20, 6, 4000
    generator = torch.Generator().manual_seed(2)
    x = torch.full((networks, n), 1 / math.sqrt(n), dtype=torch.float64)
    w = torch.empty(networks, n, n, dtype=torch.float64)
    for k in range(depth):
        for block in w:
            mirrored_gaussian_(block, "first" if k == 0 else "middle", generator=generator)
        h = torch.einsum("eij,ej->ei", w, x)
        x = torch.relu(h)
    q = (h[:, : n // 2] ** 2).sum(1).log().numpy()
    chain = NormChain(n, [n // 2] * depth, slope=1.0)
    moments = chain.log_moments()
    assert abs(q.mean() - moments.mean) < 3.3 * math.sqrt(moments.variance / networks)
    assert abs(q.var() - moments.variance) < 3.3 * moments.variance * math.sqrt(2 / networks) * 1.1
    assert chain.layers[1].v == 2 / n
    per_layer = NormChain(1000, [500], slope=1.0, weight_variance=2 / 1000).log_moments()
    assert per_layer.mean == pytest.approx(-2 / 1000, rel=0.01)
    assert per_layer.variance == pytest.approx(4 / 1000, rel=0.01)


@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolutions(stride):
    """[h; -h] to [y; -y] with a linear map between, which keeps norms."""
    layer = nn.ConvTranspose2d(8, 12, 3, stride=stride, padding=1, bias=False).double()
    assert mirrored_orthogonal_(layer, generator=torch.Generator().manual_seed(0)) is layer.weight
    h, k = torch.randn(2, 1, 4, 5, 5, dtype=torch.float64)

    def through(h):
        return layer(torch.relu(torch.cat([h, -h], dim=1)))

    y = through(h)
    torch.testing.assert_close(y[:, 6:], -y[:, :6])
    torch.testing.assert_close(through(2 * h - k), 2 * y - through(k), rtol=1e-11, atol=1e-12)
    assert y[:, :6].norm().item() == pytest.approx(h.norm().item(), rel=1e-12)
    tensor = torch.empty_like(layer.weight)
    mirrored_orthogonal_(tensor, transposed=True, generator=torch.Generator().manual_seed(0))
    assert torch.equal(tensor, layer.weight)
    # norms of all outputs in the mean: half of the inputs, and 1 / stride^2 of the taps at each position
    wide = nn.ConvTranspose2d(64, 2048, 4, stride=stride)
    mirrored_gaussian_(wide, generator=torch.Generator().manual_seed(1))
    variance = wide.weight[:32, :1024].detach().var().item()
    expected = stride**2 / (32 * 16)
    assert variance == pytest.approx(expected, rel=4 * math.sqrt(2 / (32 * 1024 * 16)))


def test_a_mirrored_matrix_alone_is_not_isometric():
    w = mirrored_orthogonal_(torch.empty(10, 10, dtype=torch.float64))
    s = torch.linalg.svdvals(w)
    assert s[:5].tolist() == pytest.approx([2] * 5)
    assert s[5:].tolist() == pytest.approx([0] * 5, abs=1e-12)
    gates = (w @ torch.randn(10, dtype=torch.float64) > 0).double()
    s = torch.linalg.svdvals(gates[:, None] * w)
    assert s.tolist() == pytest.approx([math.sqrt(2)] * 5 + [0] * 5, abs=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_dtypes_generator_and_gain(dtype):
    one = mirrored_orthogonal_(torch.empty(6, 8, dtype=dtype), generator=torch.Generator().manual_seed(4))
    two = mirrored_orthogonal_(
        torch.empty(6, 8, dtype=dtype), gain=2.0, generator=torch.Generator().manual_seed(4)
    )
    torch.testing.assert_close(2 * one, two)
    assert one.dtype == dtype
    w = mirrored_gaussian_(torch.empty(600, 400), generator=torch.Generator().manual_seed(5))
    assert w.var().item() * 200 == pytest.approx(1, abs=4 * math.sqrt(2 / 60_000))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: mirrored_orthogonal_(torch.empty(5, 4)),
            ValueError,
            "outputs must be an even number.* got 5",
        ),
        (lambda: mirrored_gaussian_(torch.empty(4, 5)), ValueError, "inputs must be an even number.* got 5"),
        (
            lambda: mirrored_gaussian_(torch.empty(4, 5), "last"),
            ValueError,
            "inputs must be an even number.* got 5",
        ),
        (
            lambda: mirrored_orthogonal_(torch.empty(4)),
            ValueError,
            r"at least 2 dimensions, got shape \(4,\)",
        ),
        (
            lambda: mirrored_orthogonal_(torch.empty(4, 4, 2)),
            ValueError,
            r"kernel sizes must be odd.* got \(2,\)",
        ),
        (
            lambda: mirrored_orthogonal_(torch.empty(4, 4), "end"),
            ValueError,
            "position must be one of .* got 'end'",
        ),
        (
            lambda: mirrored_orthogonal_(torch.empty(4, 4), gain=math.inf),
            ValueError,
            "gain must be finite, got inf",
        ),
        (lambda: mirrored_orthogonal_(nn.Conv1d(4, 4, 3, groups=2)), ValueError, "groups must be 1, got 2"),
        (lambda: mirrored_gaussian_(torch.empty(4, 2, 3), groups=2), ValueError, "groups must be 1, got 2"),
        (
            lambda: mirrored_gaussian_(torch.empty(4, 4, dtype=torch.int32)),
            TypeError,
            "must be of a real floating",
        ),
        (
            lambda: mirrored_gaussian_(torch.empty(0, 4), "last"),
            ValueError,
            "outputs must be at least 1, got 0",
        ),
        (
            lambda: mirrored_gaussian_(torch.empty(4, 0), "first"),
            ValueError,
            "inputs must be at least 1, got 0",
        ),
    ],
)
def test_wrong_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
