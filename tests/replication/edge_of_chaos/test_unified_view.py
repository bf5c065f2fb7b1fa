"""Forward and backward statistics of whole networks against exact means and the chi of theory."""

import numpy as np
import pytest
import torch
from exact import pairs_of
from scipy.stats import norm

from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull
from replication.edge_of_chaos.unified_view import _orthogonal, measure, schemes
from replication.settings import setting_by_name


def test_gradients_of_a_linear_network():
    """Second moment sigma_w^2 per layer, exactly in the mean at any width; so is the variance."""
    setting = setting_by_name("identity", sigma_w=1.1)
    rows = measure(setting, 8, 6, 2000, 0.5, Stream(1))
    z = []
    for row in rows:
        assert row["gradient_theory"] == pytest.approx(1.21 ** (6 - row["depth"]))
        for name in ("variance", "gradient"):
            z.append((row[name] - row[f"{name}_theory"]) / row[f"{name}_error"])
    assert np.max(np.abs(z)) < norm.isf(5e-4 / len(z))


def test_one_layer_back_is_chi():
    """The gradient at the layer before the last: exactly chi_1, its pre-activations being normal in a 2-layer net."""
    for name, law, scales in (
        ("tanh", None, {"sigma_w": 1.4, "sigma_b": 0.3}),
        ("odd", SymmetricWeibull(2.05), {"sigma_w": 1.0}),
        ("relu", None, {}),
    ):
        row = measure(setting_by_name(name, pairs_of(law), **scales), 10, 2, 4000, 0.5, Stream(2, name))[0]
        assert abs(row["gradient"] - row["gradient_theory"]) < 4 * row["gradient_error"]


def test_orthogonal_matrices():
    q = _orthogonal(torch.randn(5, 7, 7, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(q @ q.mT, torch.eye(7).expand(5, 7, 7), atol=1e-5, rtol=0)
    rows = measure(
        setting_by_name("identity", sigma_w=1.0), 12, 5, 100, 0.3, Stream(3), matrices="orthogonal"
    )
    for row in rows:  # norms and angles are kept network by network
        assert row["variance"] == pytest.approx(rows[0]["variance"], rel=1e-4)
        assert row["gradient"] == pytest.approx(rows[-1]["gradient"], rel=1e-4)
        assert row["correlation"] == pytest.approx(rows[0]["correlation"], abs=1e-4)


def test_mirrored_relu_networks_keep_everything():
    """They are linear with orthogonal matrices: norms, angles and gradients, network by network."""
    made = schemes(pairs_of("weibull_4"), pairs_of("spherical_1"), 20)["mirrored orthogonal"]
    rows = measure(made.setting, 20, 6, 100, 0.3, Stream(5), matrices=made.matrices, theory=made.theory)
    for row in rows:
        assert row["variance"] == pytest.approx(rows[0]["variance"], rel=1e-4)
        assert row["correlation"] == pytest.approx(rows[0]["correlation"], abs=1e-4)
        assert row["gradient_theory"] == row["variance_theory"] == pytest.approx(1)
        assert abs(row["gradient"] - 1) < 4 * row["gradient_error"]
    assert len({round(row["gradient"], 4) for row in rows[:-1]}) == 1
    with pytest.raises(ValueError, match="mirrored networks need an even width, got 7"):
        measure(made.setting, 7, 3, 100, 0.3, Stream(5), matrices="mirrored")


def test_schemes_of_the_companions_keep_their_statistic():
    """One layer of ReLU networks: E|x|^s and E log|x| of the activations, by many norms."""
    made = schemes(pairs_of("weibull_4"), pairs_of("spherical_1"), 20)
    rng = np.random.default_rng(6)
    x = np.maximum(rng.standard_normal((200_000, 20)), 0)
    before = np.linalg.norm(x, axis=1)
    for name, function in (("fractional moment, s = 0.5", np.sqrt), ("random walk", np.log)):
        # given the norm of x, pre-activations of the next layer are normal
        scale = made[name].setting.sigma_w / np.sqrt(20) * before
        after = np.linalg.norm(np.maximum(scale[:, None] * rng.standard_normal(x.shape), 0), axis=1)
        alive = (before > 0) & (after > 0) if function is np.log else np.ones(len(x), bool)
        ratio = function(after[alive] / before[alive]) if function is np.log else function(after / before)
        error = ratio.std() / np.sqrt(ratio.size)
        assert abs(ratio.mean() - (0 if function is np.log else 1)) < 4 * error


def test_schemes_start_where_they_should():
    names = [
        name
        for name, scheme in schemes(pairs_of("weibull_4"), pairs_of("spherical_1"), 20).items()
        if scheme.keeps
    ]
    assert names[:5] == ["LeCun", "Glorot", "He", "orthogonal", "Edge of Chaos"]
    for scheme in schemes(pairs_of("weibull_4"), pairs_of("spherical_1"), 20).values():
        setting = scheme.setting
        rows = measure(
            setting, 20, 3, 200, 0.5, Stream(4, scheme.name), matrices=scheme.matrices, theory=scheme.theory
        )
        assert abs(rows[0]["variance"] - rows[0]["variance_theory"]) < 4.5 * rows[0]["variance_error"]
        assert abs(rows[1]["variance"] - rows[1]["variance_theory"]) < 4.5 * rows[1]["variance_error"]
        if scheme.matrices == "independent":  # entries of unit variance times sigma_w, the pair's excepted
            variance = setting.sigma_w**2 * setting.weights.variance
            expected = {"LeCun": 1, "Glorot": 1, "He": 2, "Edge of Chaos": 1.46}.get(scheme.name)
            assert expected is None or variance == pytest.approx(expected)


def test_deterministic_and_the_first_of_more():
    setting = setting_by_name("tanh", sigma_w=1.2, sigma_b=0.1)
    few, more = (measure(setting, 6, 3, n, 0.5, Stream(5)) for n in (100, 100))
    assert few == more


@pytest.mark.parametrize(
    ("change", "says"), [({"depth": 1}, "must be at least 2"), ({"start": 2.0}, "start is a corr")]
)
def test_errors(change, says):
    options = {"width": 5, "depth": 3, "n_networks": 100, "start": 0.5} | change
    with pytest.raises(ValueError, match=says):
        measure(setting_by_name("tanh", sigma_w=1.0), **options, stream=Stream(1))
