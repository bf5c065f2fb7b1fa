"""A race of learning rates: who stays after each round, and what of the networks in it is seen."""

import math

import numpy as np
import pytest
import torch

from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.loop import train
from preactivations.training.networks import mlp
from preactivations.training.runs import Plan, Race, race, ranked

RATES = [1e-4, 0.001, 0.01, 0.1, 1.0, 1e7]


def parts(n=400):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2 * n, 8, generator=generator)
    y = x[:, :4].argmax(1)
    return [(x[:n], y[:n]), (x[n:], y[n:]), (x[n:], y[n:])]


def contenders(plan, activation="tanh"):
    networks = [
        mlp(8, 20, 2, 4, activation=activation, rng=np.random.default_rng(k)) for k in range(plan.race.seeds)
    ]
    return Ensemble([networks[seed] for _, seed in plan._replace(seeds=plan.race.seeds).members()])


def test_halving():
    assert Race(2, 0.25).rounds(6) == [3, 2, 1]
    assert Race(2, 0.25).rounds(5) == [3, 2, 1]
    assert Race(2, 0.25).rounds(2) == [1]
    assert Race(2, 0.25).rounds(1) == []


def test_order_of_rates():
    """The better accuracy, then the lower loss (unknown last), then the smaller rate."""
    assert ranked([3.0, 2.0, 1.0], [0.5, 0.5, 0.6], [1.0, 1.0, 9.0]) == [1.0, 2.0, 3.0]
    assert ranked([3.0, 2.0, 1.0], [0.5, 0.5, 0.5], [1.0, math.nan, 1.0]) == [1.0, 3.0, 2.0]


def test_rounds_of_a_race():
    """20 epochs of 40 steps, a quarter of them: rounds end after 50, 100 and 200 steps with 3, 2 and 1 rates left."""
    plan = Plan("sgd", RATES, 5, 20, 10, Race(2, 0.25))
    best, rows = race(contenders(plan), parts(), plan, Stream(1))
    assert [row["round"] for row in rows] == [1] * 6 + [2] * 3 + [3] * 2
    assert [sorted({row["steps"] for row in rows if row["round"] == k}) for k in (1, 2, 3)] == [
        [50],
        [100],
        [200],
    ]
    for k in (1, 2, 3):
        mine = [row for row in rows if row["round"] == k]
        stays = {row["learning_rate"] for row in mine if row["stays"]}
        order = ranked(
            *(
                [row[name] for row in mine]
                for name in ("learning_rate", "validation_accuracy", "validation_loss")
            )
        )
        assert stays == set(order[: [3, 2, 1][k - 1]])
        later = {row["learning_rate"] for row in rows if row["round"] == k + 1}
        assert later in (stays, set())
    assert best == next(row["learning_rate"] for row in rows if row["round"] == 3 and row["stays"])
    wild = next(row for row in rows if row["learning_rate"] == 1e7)
    assert wild["diverged"] == 2
    assert not wild["stays"]
    assert wild["validation_accuracy"] == pytest.approx(0.25)  # of a guess


def test_scores_of_a_round_are_those_of_the_networks_alone():
    plan = Plan("sgd", [0.01, 0.1], 3, 8, 10, Race(2, 0.25))
    _, rows = race(contenders(plan), parts(), plan, Stream(1))
    (x, y), held, _ = parts()
    networks = [mlp(8, 20, 2, 4, activation="tanh", rng=np.random.default_rng(k)) for k in range(2)]
    for row in rows:
        found = train(
            Ensemble(networks), x, y, validation=held, learning_rates=[row["learning_rate"]] * 2, seeds=[3, 4],
            stream=Stream(1), epochs=2, batch_size=10,
        )  # fmt: skip
        assert row["steps"] == 80
        assert row["validation_accuracy"] == pytest.approx(found.validation[-1].accuracy.mean(), abs=1e-2)
        assert row["validation_loss"] == pytest.approx(found.validation[-1].loss.mean(), rel=1e-3)


def test_a_race_in_which_all_diverge_ends_with_the_smallest_rate():
    plan = Plan("sgd", [1e7, 1e6, 1e8], 5, 10, 10, Race(2, 0.5))
    best, rows = race(contenders(plan, "relu"), parts(), plan, Stream(1))
    assert best == 1e6
    assert [(row["round"], row["learning_rate"], row["stays"]) for row in rows] == [
        (1, 1e7, True), (1, 1e6, True), (1, 1e8, False), (2, 1e6, True), (2, 1e7, False),
    ]  # fmt: skip


def test_one_rate_needs_no_race():
    plan = Plan("sgd", [0.1], 5, 10, 10, Race(2, 0.5))
    assert race(contenders(plan), parts(), plan, Stream(1)) == (0.1, [])
    with pytest.raises(ValueError, match="the plan has no race"):
        race(contenders(plan), parts(), plan._replace(race=None), Stream(1))
