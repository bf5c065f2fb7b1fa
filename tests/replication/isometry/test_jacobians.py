"""Schemes of initialization: their networks and Jacobians."""

import pytest
import torch
from torch import nn

from preactivations.streams import Stream
from replication.isometry.jacobians import SCHEMES, network, singular_value_rows


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_scale_of_the_layers(scheme):
    """E |W x|^2 / |x|^2 as stated; the last layer has logits of unit variance; biases 0."""
    net = network(scheme, 40, 200, 3, 10, generator())
    layers = [module for module in net if isinstance(module, nn.Linear)]
    assert len(layers) == 4
    assert all(torch.count_nonzero(layer.bias) == 0 for layer in layers)
    square = [float(layer.weight.detach().square().sum()) for layer in layers]
    # sum of squares: He 2 outputs; orthogonal 2 min(inputs, outputs); mirrored 2 or 4 times the block's
    expected = {
        "he": [400, 400, 400, 10],
        "orthogonal": [80, 400, 400, 10],
        "mirrored_gaussian": [200, 400, 400, 20],
        "mirrored_orthogonal": [80, 400, 400, 20],
    }[scheme]
    assert square == pytest.approx(expected, rel=0.08)


def test_unknown_scheme():
    with pytest.raises(ValueError, match=r"scheme must be one of 'he', .* got 'xavier'"):
        network("xavier", 4, 4, 1, 4, generator())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_singular_values_are_those_of_autograd(scheme):
    stream = Stream(1, "test", scheme)
    frame, summary = singular_value_rows(scheme, 8, 3, 2, stream)
    size = 4 if scheme.startswith("mirrored") else 8
    net = network(scheme, size, 8, 3, size, generator(stream.seed(1)), torch.float64)
    seen = net if size == 4 else net[:-1]
    x = torch.from_numpy(stream.block(1).standard_normal(size))
    expected = torch.linalg.svdvals(torch.autograd.functional.jacobian(seen, x)).numpy()
    values = frame["singular_value"]
    assert values[frame["network"] == 1] == pytest.approx(expected, abs=1e-12)
    assert summary["largest_deviation"] == pytest.approx(abs(values - 1).max())
    assert summary["second"] == pytest.approx((values**4).mean())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_exact_moments_are_those_of_drawn_networks(scheme):
    networks = 20 if scheme == "mirrored_orthogonal" else 500
    _, summary = singular_value_rows(scheme, 10, 2, networks, Stream(2, "test", scheme))
    if scheme == "mirrored_orthogonal":
        assert summary["largest_deviation"] < 1e-12
        assert summary["variance_exact"] == pytest.approx(0, abs=1e-12)
    else:
        assert abs(summary["second"] - summary["second_exact"]) < 4 * summary["second_error"]
        assert summary["variance_exact"] > 0.5
