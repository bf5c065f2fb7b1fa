"""Ensembles end where single runs end; optimizers are PyTorch's; divergence is recorded."""

import copy

import numpy as np
import pytest
import torch
from devices import DEVICES
from torch import nn

from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.loop import evaluate, flipped_and_cropped, train
from preactivations.training.networks import lenet, mlp

OPTIMIZERS = {
    "sgd": lambda parameters, rate: torch.optim.SGD(parameters, lr=rate, momentum=0.9),
    "adam": lambda parameters, rate: torch.optim.Adam(parameters, lr=rate),
}


def problem(n=64, *shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, *(shape or (6,)), generator=generator, dtype=dtype)
    return x, (x.flatten(1)[:, :3]).argmax(1)


def networks(builder, *sizes, count, **options):
    rng = np.random.default_rng(2)
    return [builder(*sizes, rng=rng, **options) for _ in range(count)]


def alone(network, x, y, rate, seed, stream, epochs, batch_size, optimizer):
    """The same run as a plain loop with PyTorch's optimizers."""
    network = network.double()
    method = OPTIMIZERS[optimizer](network.parameters(), rate)
    rng = stream.block(seed)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        mean = 0.0
        for k in range(len(x) // batch_size):
            at = order[k * batch_size : (k + 1) * batch_size]
            method.zero_grad()
            loss = nn.functional.cross_entropy(network(x[at]), y[at])
            loss.backward()
            method.step()
            mean += loss.item() / (len(x) // batch_size)
        losses.append(mean)
    return losses, network


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("builder", "sizes", "shape", "options"),
    [
        (mlp, (6, 5, 3, 3), (6,), {"activation": "odd", "weights": "weibull_4"}),
        (mlp, (6, 5, 3, 3), (6,), {"activation": "gelu", "normalize": True}),
        (lenet, (1, 16, 3), (1, 16, 16), {"activation": "tanh", "sigma_w": 1.2}),
    ],
    ids=["odd", "normalized", "lenet"],
)
def test_members_end_where_single_runs_end(builder, sizes, shape, options, optimizer):
    x, y = problem(48, *shape)
    members = networks(builder, *sizes, count=2, **options)
    rates, seeds, stream = [0.03, 0.003, 0.01, 0.003], [0, 1, 1, 0], Stream(3, "order")
    chosen = [members[0], members[1], members[1], members[0]]
    found = train(
        Ensemble(chosen, dtype=torch.float64), x, y, validation=(x, y), learning_rates=rates, seeds=seeds,
        stream=stream, epochs=3, batch_size=10, optimizer=optimizer,
    )  # fmt: skip
    assert found.members.tolist() == [0, 1, 2, 3]
    assert not found.diverged.any()
    for k in range(4):
        losses, network = alone(copy.deepcopy(chosen[k]), x, y, rates[k], seeds[k], stream, 3, 10, optimizer)
        np.testing.assert_allclose(found.loss[:, k], losses, rtol=1e-6)
        for one, other in zip(found.ensemble.network(k).parameters(), network.parameters(), strict=True):
            torch.testing.assert_close(one, other.detach(), rtol=1e-5, atol=1e-7)
        final = nn.functional.cross_entropy(network(x), y).item()
        assert found.validation[-1].loss[k] == pytest.approx(final, rel=1e-6)
        right = (network(x).argmax(1) == y).double().mean().item()
        assert found.validation[-1].accuracy[k] == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_an_ensemble_of_one_is_the_member_of_many(device):
    """In single precision, over a few steps; one diverges on the way."""
    x, y = (t.to(device) for t in problem(200, dtype=torch.float32))
    members = networks(mlp, 6, 10, 5, 3, count=5, activation="tanh", sigma_w=1.2)
    options = {"validation": (x, y), "stream": Stream(1), "epochs": 1, "batch_size": 20}
    together = train(
        Ensemble([*members, members[0]], device=device), x, y, learning_rates=[0.02] * 5 + [1e12], seeds=[*range(5), 0],
        **options,
    )  # fmt: skip
    assert together.members.tolist() == [0, 1, 2, 3, 4]
    for k, member in enumerate(members):
        single = train(Ensemble([member], device=device), x, y, learning_rates=[0.02], seeds=[k], **options)
        np.testing.assert_allclose(single.loss[:, 0], together.loss[:, k], rtol=1e-5)
        torch.testing.assert_close(
            single.ensemble.logits(x)[0], together.ensemble.logits(x)[k], rtol=1e-4, atol=1e-4
        )


def test_divergence_is_recorded_and_leaves_the_others_alone():
    x, y = problem()
    members = networks(mlp, 6, 5, 3, 3, count=1, activation="relu", sigma_w=1.4) * 3
    options = {"validation": (x, y), "stream": Stream(1), "epochs": 3, "batch_size": 16}
    seen = []
    found = train(
        Ensemble(members, dtype=torch.float64), x, y, learning_rates=[0.01, 1e4, 0.02], seeds=[0, 0, 0],
        at_epoch=lambda epoch, ensemble, who: seen.append((epoch, ensemble.n_members, who.tolist())), **options,
    )  # fmt: skip
    assert found.diverged.tolist() == [0, 1, 0]
    assert found.members.tolist() == [0, 2]
    assert seen == [(0, 3, [0, 1, 2]), (1, 2, [0, 2]), (2, 2, [0, 2]), (3, 2, [0, 2])]
    assert np.isnan(found.loss[:, 1]).all()
    assert np.isfinite(found.loss[:, [0, 2]]).all()
    assert np.isnan(found.validation[1].accuracy[1])
    alone = train(
        Ensemble([members[0]] * 2, dtype=torch.float64),
        x,
        y,
        learning_rates=[0.01, 0.02],
        seeds=[0, 0],
        **options,
    )
    np.testing.assert_allclose(found.loss[:, [0, 2]], alone.loss, rtol=1e-10)


@pytest.mark.parametrize("rate", [1e6, 1e12, 1e30])
def test_divergence_in_the_last_batch_is_seen(rate):
    """One step per epoch: no loss of a batch follows it, the validation part tells."""
    x, y = problem()
    members = networks(mlp, 6, 5, 3, 3, count=2, activation="relu", sigma_w=1.4)
    seen = []
    found = train(
        Ensemble(members), x.float(), y, validation=(x.float(), y), learning_rates=[0.01, rate], seeds=[0, 1],
        stream=Stream(1), epochs=1, batch_size=64, at_epoch=lambda epoch, ensemble, who: seen.append(who.tolist()),
    )  # fmt: skip
    assert found.diverged.tolist() == [0, 1]
    assert seen == [[0, 1], [0]]
    assert np.isnan(found.loss[0, 1])
    assert np.isnan(found.validation[1].loss[1])
    assert np.isfinite(found.loss[0, 0])
    assert found.ensemble.n_members == 1


def test_all_diverge():
    x, y = problem()
    members = networks(mlp, 6, 5, 3, 3, count=2, activation="relu")
    for optimizer in OPTIMIZERS:
        found = train(
            Ensemble(members), x.float(), y, validation=(x.float(), y), learning_rates=[1e15, 1e15],
            seeds=[0, 1], stream=Stream(1), epochs=4, batch_size=16, optimizer=optimizer,
        )  # fmt: skip
        assert found.ensemble is None
        assert (found.diverged >= 1).all()
        assert len(found.validation) == 5
        assert np.isnan(found.validation[-1].loss).all()


def test_the_loss_falls_and_the_ensemble_is_left_as_it_was():
    x, y = problem(400)
    ensemble = Ensemble(
        networks(mlp, 6, 10, 2, 3, count=3, activation="odd", weights="weibull_4"), dtype=torch.float64
    )
    before = ensemble.parameters.clone()
    start = evaluate(ensemble, x, y)
    found = train(
        ensemble, x, y, validation=(x, y), learning_rates=[0.05] * 3, seeds=range(3), stream=Stream(1), epochs=10,
        batch_size=20,
    )  # fmt: skip
    assert torch.equal(ensemble.parameters, before)
    np.testing.assert_allclose(found.validation[0].loss, start.loss)
    assert (found.validation[-1].loss < 0.2).all()
    assert (found.validation[-1].accuracy > 0.9).all()


def test_evaluation_does_not_depend_on_its_chunks(monkeypatch):
    x, y = problem(130)
    ensemble = Ensemble(networks(mlp, 6, 10, 2, 3, count=3, activation="tanh"), dtype=torch.float64)
    whole = evaluate(ensemble, x, y)
    monkeypatch.setattr("preactivations.training.loop._CHUNK", 300)
    np.testing.assert_allclose(evaluate(ensemble, x, y), whole, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"learning_rates": [0.1]}, r"one value per member \(2\), got 1 and 2"),
        ({"learning_rates": [0.1, 0.0]}, "finite and > 0"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'; accepted: 'sgd', 'sgd_without_momentum', 'adam'"),
        ({"batch_size": 65}, r"batch_size must be in \[1, 64\]"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ],
)
def test_errors(change, says):
    x, y = problem()
    options = {"learning_rates": [0.1, 0.1], "seeds": [0, 1], "epochs": 1, "batch_size": 16} | change
    ensemble = Ensemble(networks(mlp, 6, 5, 1, 3, count=2, activation="tanh"), dtype=torch.float64)
    with pytest.raises(ValueError, match=says):
        train(ensemble, x, y, validation=(x, y), stream=Stream(1), **options)


def test_plain_descent_weight_decay_and_steps_of_the_rate():
    """Three steps of w <- w - r (g + c w), r divided by 10 after an epoch, against PyTorch's SGD."""
    torch.manual_seed(0)
    x, y = torch.randn(30, 6), torch.randint(3, (30,))
    net = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    options = {"weight_decay": 0.1, "decay_epochs": [1], "optimizer": "sgd_without_momentum"}
    found = train(
        Ensemble([net]), x, y, validation=(x, y), learning_rates=[0.5], seeds=[0], stream=Stream(0), epochs=2,
        batch_size=30, **options,
    )  # fmt: skip
    twin = copy.deepcopy(net)
    for rate in (0.5, 0.05):
        optimizer = torch.optim.SGD(twin.parameters(), lr=rate, weight_decay=0.1)
        optimizer.zero_grad()
        nn.functional.cross_entropy(twin(x), y).backward()
        optimizer.step()
    for mine, theirs in zip(found.ensemble.network(0).parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="weight_decay must be finite and >= 0, got -1"):
        train(
            Ensemble([net]), x, y, validation=(x, y), learning_rates=[0.5], seeds=[0], stream=Stream(0), epochs=1,
            batch_size=30, weight_decay=-1,
        )  # fmt: skip


def test_members_are_sent_away_and_the_others_go_on_as_alone():
    """Two of four leave after the second epoch: what is left ends where it ends without them; epochs can be short."""
    x, y = problem()
    members = networks(mlp, 6, 5, 3, 3, count=4, activation="tanh")
    options = {"validation": (x, y), "stream": Stream(1), "epochs": 4, "batch_size": 8, "steps": 5}
    seen = []

    def keep(epoch, score, who):
        seen.append((epoch, who.tolist(), score.accuracy.shape))
        return np.isin(who, [1, 2]) if epoch == 2 else np.ones(len(who), dtype=bool)

    found = train(
        Ensemble(members, dtype=torch.float64),
        x,
        y,
        learning_rates=[0.01] * 4,
        seeds=range(4),
        keep=keep,
        **options,
    )
    assert seen == [(1, [0, 1, 2, 3], (4,)), (2, [0, 1, 2, 3], (4,)), (3, [1, 2], (2,)), (4, [1, 2], (2,))]
    assert not found.diverged.any()
    assert found.members.tolist() == [1, 2]
    assert found.batch_loss.shape == (20, 4)
    np.testing.assert_array_equal(np.isnan(found.batch_loss[:, 0]), [False] * 10 + [True] * 10)
    assert [np.isnan(score.loss).tolist() for score in found.validation[2:4]] == [
        [False] * 4,
        [True, False, False, True],
    ]
    np.testing.assert_allclose(found.batch_loss.reshape(4, 5, 4).mean(1)[:, 1], found.loss[:, 1], rtol=1e-6)
    single = train(
        Ensemble(members[2:3], dtype=torch.float64), x, y, learning_rates=[0.01], seeds=[2], **options
    )
    np.testing.assert_allclose(single.loss[:, 0], found.loss[:, 2], rtol=1e-9)
    nobody = train(
        Ensemble(members, dtype=torch.float64), x, y, learning_rates=[0.01] * 4, seeds=range(4), **options,
        keep=lambda epoch, score, who: np.zeros(len(who), dtype=bool),
    )  # fmt: skip
    assert nobody.ensemble is None
    assert len(nobody.validation) == 5


def test_images_are_mirrored_and_shifted():
    """Each result is one of the 2 x 81 images that it can be; half are mirrored, shifts are uniform (5 errors)."""
    images = torch.randn(4000, 2, 6, 5, generator=torch.Generator().manual_seed(1))
    found = flipped_and_cropped(images, np.random.default_rng(0), border=1)
    assert found.shape == images.shape
    padded = nn.functional.pad(images, [1] * 4)
    count = np.zeros((2, 3, 3))
    for mirror in (0, 1):
        for a in range(3):
            for b in range(3):
                possible = padded[:, :, a : a + 6, b : b + 5]
                possible = possible.flip(3) if mirror else possible
                count[mirror, a, b] = (possible == found).all(dim=(1, 2, 3)).sum()
    assert count.sum() == 4000
    assert np.abs(count - 4000 / 18).max() < 5 * np.sqrt(4000 / 18)


def test_changes_of_the_batches_follow_the_seed():
    """Members of one seed see the same changed images, whatever else is in the ensemble."""
    x = torch.randn(60, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    y = (x.mean((1, 2, 3)) > 0).long()
    members = networks(lenet, 1, 16, 2, count=2, activation="tanh")
    options = {"validation": (x, y), "stream": Stream(1), "epochs": 2, "batch_size": 20}
    changed = options | {"augment": flipped_and_cropped}
    rates = {"learning_rates": [0.01, 0.01, 0.03], "seeds": [7, 5, 7]}
    found = train(Ensemble([*members, members[0]]), x, y, **rates, **changed)
    alone = train(Ensemble(members[1:]), x, y, learning_rates=[0.01], seeds=[5], **changed)
    np.testing.assert_allclose(found.loss[:, 1], alone.loss[:, 0], rtol=1e-5)
    assert found.batch_loss[0, 0] == pytest.approx(found.batch_loss[0, 2], rel=1e-5)
    plain = train(Ensemble(members[1:]), x, y, learning_rates=[0.01], seeds=[5], **options)
    assert abs(plain.batch_loss[0, 0] - alone.batch_loss[0, 0]) > 1e-4
