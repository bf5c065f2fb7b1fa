"""Cells that train, distance from Gaussian before and while they train."""

import math

import numpy as np
import pytest
import torch
from exact import pairs_of

from preactivations.datasets import Dataset, load
from preactivations.streams import Stream
from preactivations.training.networks import mlp
from preactivations.training.runs import Plan, Race, split_images
from preactivations.weights import SymmetricWeibull
from replication.settings import setting_by_name
from replication.training.analysis import cell_table, race_steps, size_table
from replication.training.cell import train_cell
from replication.training.study import (
    Architecture,
    initial_rows,
    neuron_rows,
    persistence,
    train_setting,
)

CONV = Architecture(0, 0)


@pytest.fixture(scope="module")
def digits():
    return split_images(load("digits"), load("digits", "test"), 0.2, Stream(1, "split"))


def toy(n, size=16, channels=1, seed=0):
    """Two classes that differ in the side of the image that is bright."""
    rng = np.random.default_rng(seed)
    images = rng.random((n, channels, size, size)).astype(np.float32) * 0.3
    labels = rng.integers(0, 2, n)
    images[labels == 0, :, :, : size // 2] += 0.5
    images[labels == 1, :, :, size // 2 :] += 0.5
    return Dataset("toy", images, labels.astype(np.int64))


def test_first_layer_is_normal_with_the_variance_of_the_setting(digits):
    """z of one image over 4 000 first-layer neurons: mean square v within 4 standard errors."""
    for name in ("tanh", "relu", "odd_edge", "oscillating_3"):
        setting = setting_by_name(name, pairs_of(SymmetricWeibull(4)))
        x = torch.from_numpy(digits.train[0][3].reshape(1, -1) * np.float32(math.sqrt(setting.input_norm)))
        network = mlp(
            64, 4000, 1, activation="tanh", sigma_w=setting.sigma_w, sigma_b=setting.sigma_b,
            rng=np.random.default_rng(2),
        )  # fmt: skip
        z = network[0](x).detach().double().numpy()
        assert abs(np.mean(z**2) / setting.variance - 1) < 4 * math.sqrt(2 / 4000)


def test_rows_of_a_cell(digits):
    plan = Plan("sgd", [0.03, 1e4], 3, 10)
    frames = train_setting(
        setting_by_name("tanh"), Architecture(10, 2), digits, plan, Stream(1, "init"), Stream(1, "order")
    )
    runs, curves = (frames[name].to_dict("records") for name in ("runs", "curves"))
    assert set(frames["runs"].dataset) == {"digits"}
    assert set(frames["curves"].activation) == {"tanh"}
    assert [(row["learning_rate"], row["seed"]) for row in runs] == plan.members()
    assert len(curves) == 6 * 11
    good, bad = runs[:3], runs[3:]
    for row in bad:
        assert row["diverged"] == 1
        assert not row["trains"]
        assert all(math.isnan(row[name]) for name in ("loss", "test_accuracy", "steps_to_loss"))
    for row in good:
        assert row["diverged"] == 0
        assert row["trains"] == (row["loss"] < 0.5 * math.log(10))
        mine = [c for c in curves if c["seed"] == row["seed"] and c["learning_rate"] == 0.03]
        assert [c["epoch"] for c in mine] == list(range(11))
        assert mine[-1]["validation_loss"] == pytest.approx(row["validation_loss"])
        # the mean of 20 batches is below after the first epoch of which it is, if not within it
        per_epoch = row["steps"] // 10
        below = [c["epoch"] for c in mine if c["loss"] < 0.5 * math.log(10)]
        assert (below[0] - 1) * per_epoch - 20 <= row["steps_to_loss"] <= below[0] * per_epoch + 20
        assert row["test_accuracy"] > 0.5
    assert len({row["loss"] for row in good}) == 3


def test_seeds_fix_the_start_and_rates_share_it(digits):
    plan = Plan("adam", [1e-3, 1e-2], 2, 1)
    setting = setting_by_name("positive", pairs_of(SymmetricWeibull(4)))
    curves = train_setting(setting, Architecture(5, 2), digits, plan, Stream(4), Stream(5), law="weibull_4")[
        "curves"
    ]
    assert set(curves.theta) == {4.0}
    curves = curves.to_dict("records")
    start = {(c["learning_rate"], c["seed"]): c["validation_loss"] for c in curves if c["epoch"] == 0}
    assert start[1e-3, 0] == pytest.approx(start[1e-2, 0], rel=1e-6)
    assert start[1e-3, 0] != start[1e-3, 1]


def test_the_convolutional_network_trains():
    data = split_images(toy(300), toy(100, seed=1), 0.2, Stream(1))
    plan = Plan("adam", [1e-3], 2, 3, 40)
    runs = train_setting(setting_by_name("relu"), CONV, data, plan, Stream(2), Stream(3))["runs"]
    assert (runs.test_accuracy > 0.9).all()
    with pytest.raises(ValueError, match="no normalized form"):
        train_setting(
            setting_by_name("normalized_tanh"), CONV, data, Plan("sgd", [0.1], 2, 1, 40), Stream(2), Stream(3)
        )


def test_distance_at_initialization():
    """The control is normal; ReLU is not; the edge column is depth |log chi|."""
    rows = {
        name: initial_rows(setting_by_name(name), 5, [2, 8], 2000, Stream(1, name))
        for name in ("normalized_gelu", "relu", "unit_tanh")
    }
    assert [row["depth"] for row in rows["relu"]] == [2, 8]
    control, relu, tanh = (found[-1] for found in rows.values())
    assert control["ks_standardized_found"] < control["ks_standardized_band"]
    assert control["dead"] == 0
    assert relu["ks_standardized_found"] > 5 * relu["ks_standardized_band"]
    assert relu["edge"] == pytest.approx(0, abs=1e-9)
    assert tanh["edge"] == pytest.approx(8 * abs(math.log(tanh["chi"])))
    # P(psi = 0) is 2^-n per layer: a normalized ReLU network dies, and an atom at 0 is far from normal
    (narrow,) = initial_rows(setting_by_name("normalized_relu"), 2, [10], 2000, Stream(2))
    alive = (1 - 0.25) ** 9
    assert abs(narrow["dead"] / 2000 - (1 - alive)) < 4 * math.sqrt(alive * (1 - alive) / 2000)
    assert narrow["ks_standardized"] > 0.3


def test_persistence_starts_at_the_null_law_for_the_control(digits):
    """Neurons are exactly i.i.d. normal for one image; the mean over 50 images is within 20 % of the null mean."""
    found = persistence(
        setting_by_name("normalized_tanh"), Architecture(20, 3), digits, Plan("sgd", [0.01, 1e5], 15, 2), Stream(3),
        Stream(4), epochs=[0, 2], images=50,
    )  # fmt: skip
    assert len(found["runs"]) == 30
    rows = found["layers"].to_dict("records")
    assert {(row["epoch"], row["learning_rate"]) for row in rows} == {(0, 0.01), (0, 1e5), (2, 0.01)}
    for row in rows:
        assert row["n_samples"] == 300
        assert row["n_runs"] == 15
        if row["epoch"] == 0:
            assert row["ks_standardized"] == pytest.approx(row["null_mean"], rel=0.2)
            assert row["variance"] == pytest.approx(1, abs=0.3)


def test_neurons_are_kept_with_their_rate_and_seed(digits):
    """The network put together from the rows gives the pre-activations of the ensemble."""
    plan = Plan("sgd", [0.01, 0.02], 2, 1)
    kept = {}

    def keep(epoch, ensemble, who):
        probe = torch.randn(1, 64, generator=torch.Generator().manual_seed(0))
        kept[epoch] = neuron_rows(ensemble, who), ensemble.pre_activations(probe), list(who)

    persistence(
        setting_by_name("relu"), Architecture(7, 2), digits, plan, Stream(5), Stream(6), epochs=[0, 1], watch=keep
    )  # fmt: skip
    assert list(kept) == [0, 1]
    rows, layers, who = kept[1]
    assert len(rows) == 4 * (7 + 7 + 10)
    probe = torch.randn(1, 64, generator=torch.Generator().manual_seed(0)).numpy()[0]
    assert who == plan.members()
    for k, (rate, seed) in enumerate(who):
        h = probe
        for number in (1, 2, 3):
            mine = [r for r in rows if (r["learning_rate"], r["seed"], r["layer"]) == (rate, seed, number)]
            assert [r["neuron"] for r in mine] == list(range(len(mine)))
            z = np.array([r["weights"] for r in mine]) @ h + np.array([r["bias"] for r in mine])
            np.testing.assert_allclose(z, layers[number - 1][k, :, 0], rtol=1e-4, atol=1e-5)
            h = np.maximum(z, 0)
    assert kept[0][0] != rows


def test_networks_that_count_are_not_those_of_the_race(digits):
    """What the race chooses is trained as in the full grid, run for run; its networks have seeds of their own."""
    plan = Plan("sgd", [0.001, 0.01, 0.1], 3, 4, race=Race(2, 0.5))
    built = []

    def build(shape, classes, seed):
        built.append(seed)
        return mlp(shape[0], 10, 2, classes, activation="tanh", rng=np.random.default_rng(seed))

    names = {"activation": "tanh", "width": 10, "depth": 2}
    seen = []
    raced = train_cell(
        digits, plan, Stream(1), build, **names, watch=lambda epoch, ensemble, who: seen.append((epoch, who))
    )
    assert built == [3, 4, 0, 1, 2]
    grid = train_cell(digits, plan._replace(race=None), Stream(1), build, **names)
    assert len(grid["race"]) == 0
    (rate,) = set(raced["runs"].learning_rate)
    last = raced["race"].iloc[-2:]
    assert rate == last.learning_rate[last.stays].item()
    assert seen == [(epoch, [(rate, seed) for seed in range(3)]) for epoch in range(5)]
    for name in ("runs", "curves"):
        mine = grid[name][grid[name].learning_rate == rate].reset_index(drop=True)
        both = mine.select_dtypes("number").columns
        np.testing.assert_allclose(raced[name][both], mine[both], rtol=1e-4)
    # 22 steps of 3 rates, 22 more of 2, each with 2 networks; 44 of 3 networks; the grid has 44 of 9
    cells = cell_table(raced["runs"])
    (size,) = size_table(raced["runs"], raced["curves"], cells, raced["race"]).to_dict("records")
    steps = len(digits.train[1]) // 100
    assert race_steps(raced["race"]) == 2 * (3 * steps + 2 * steps)
    assert size["steps"] == 2 * (3 * steps + 2 * steps) + 3 * 4 * steps
    assert size["grid_steps"] == 9 * 4 * steps
    assert size["learning_rates"] == "0.001, 0.01, 0.1"
    (whole,) = size_table(grid["runs"], grid["curves"], cells, grid["race"]).to_dict("records")
    assert whole["steps"] == whole["grid_steps"] == 9 * 4 * steps
