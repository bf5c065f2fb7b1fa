"""Deep rectified networks that train, and that do not."""

import math

import pandas as pd
from oracles import cluster_images

from preactivations.streams import Stream
from preactivations.training.runs import Plan, Split
from replication.isometry.jacobians import network
from replication.training.cell import generator, train_cell


def test_training_is_deterministic_and_mirrored_networks_learn_where_he_does_not():
    """Ten clusters, 40 layers, 20 steps: the isometric network is far below a guess, He's is at it."""
    data = Split("clusters", *cluster_images())
    plan = Plan("sgd", [0.01], 2, 5)

    def trained(scheme):
        stream = Stream(4, "t", scheme)
        return train_cell(
            data, plan, Stream(4, "order"),
            lambda shape, classes, k: network(scheme, *shape, 32, 40, classes, generator(stream, k)),
            activation=scheme, width=32, depth=40,
        )  # fmt: skip

    found = {scheme: trained(scheme) for scheme in ("he", "mirrored_orthogonal")}
    assert all(len(frames["curves"]) == 2 * 6 for frames in found.values())
    pd.testing.assert_frame_equal(trained("he")["runs"], found["he"]["runs"])
    assert found["mirrored_orthogonal"]["runs"].loss.max() < 0.3 * math.log(10)
    assert found["he"]["runs"].loss.min() > 0.8 * math.log(10)
