"""Images as the studies want them, and rows of runs."""

import math

import numpy as np
import pytest
import torch

from preactivations.datasets import Dataset, load
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.networks import mlp
from preactivations.training.runs import Plan, split_images, tensors, train_ensemble


def toy(n, size=16, channels=1, seed=0):
    """Two classes that differ in the side of the image that is bright."""
    rng = np.random.default_rng(seed)
    images = rng.random((n, channels, size, size)).astype(np.float32) * 0.3
    labels = rng.integers(0, 2, n)
    images[labels == 0, :, :, : size // 2] += 0.5
    images[labels == 1, :, :, size // 2 :] += 0.5
    return Dataset("toy", images, labels.astype(np.int64))


def test_split():
    digits = split_images(load("digits"), load("digits", "test"), 0.2, Stream(1, "split"))
    parts = {name: len(getattr(digits, name)[1]) for name in ("train", "validation", "test")}
    n = len(load("digits").labels)
    assert parts["train"] + parts["validation"] == n
    assert parts["validation"] == round(0.2 * n)
    assert parts["test"] == len(load("digits", "test").labels)
    for images, _ in (digits.train, digits.validation, digits.test):
        np.testing.assert_allclose(np.mean(images**2, axis=(1, 2, 3)), 1, rtol=1e-5)
    together = {image.tobytes() for images, _ in (digits.train, digits.validation) for image in images}
    raw = {image.tobytes() for image in load("digits").images}
    assert len(together) == len(raw)  # no image twice, none lost
    again = split_images(load("digits"), load("digits", "test"), 0.2, Stream(1, "split"))
    np.testing.assert_array_equal(again.validation[1], digits.validation[1])


def test_rows_follow_the_members_of_the_plan():
    """Two rates, one of them far too large: its runs diverge and stay in the rows, the others train."""
    data = split_images(toy(300, size=4), toy(60, size=4, seed=1), 0.2, Stream(2, "split"))
    plan = Plan("sgd", [0.05, 1e6], 2, 6, 20)
    parts = [tensors(part, None, flat=True) for part in data[1:]]
    assert parts[0][0].shape == (240, 16)
    networks = [mlp(16, 20, 2, activation="relu", rng=np.random.default_rng(k)) for k in range(2)]
    ensemble = Ensemble([networks[seed] for _, seed in plan.members()])
    runs, curves = train_ensemble(ensemble, parts, plan, Stream(2, "order"))
    assert [(row["learning_rate"], row["seed"]) for row in runs] == [(0.05, 0), (0.05, 1), (1e6, 0), (1e6, 1)]
    assert [row["diverged"] > 0 for row in runs] == [False, False, True, True]
    assert all(row["trains"] and row["test_accuracy"] > 0.9 for row in runs[:2])
    assert all(math.isnan(row["loss"]) and not row["trains"] for row in runs[2:])
    assert len(curves) == 4 * 7
    x = tensors(data.test, None, flat=False)[0]
    assert x.shape == (60, 1, 4, 4)
    assert torch.equal(x.flatten(1), parts[2][0])


def test_errors():
    with pytest.raises(ValueError, match=r"validation_share must leave both parts with images, got 0\.0001"):
        split_images(toy(20), toy(5), 0.0001, Stream(1))
    training, test = toy(20), toy(5)
    kept = np.sort(Stream(1).block(0).permutation(20)[4:])
    test.images[3] = (
        training.images[kept].mean(dtype=np.float64).astype(np.float32)
    )  # nothing left once centred
    with pytest.raises(ValueError, match="image 3 of toy is constant"):
        split_images(training, test, 0.2, Stream(1))
