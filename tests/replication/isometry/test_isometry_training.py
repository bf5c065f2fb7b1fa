"""Deep rectified networks that train, and that do not."""

import math

import pandas as pd
from oracles import cluster_images

from preactivations.streams import Stream
from preactivations.training.runs import Plan, Split
from replication.isometry.training import train_scheme


def test_training_is_deterministic_and_mirrored_networks_learn_where_he_does_not():
    """Ten clusters, 40 layers, 20 steps: the isometric network is far below a guess, He's is at it."""
    data = Split("clusters", *cluster_images())
    plan = Plan("sgd", [0.01], 2, 5)
    found = {}
    for scheme in ("he", "mirrored_orthogonal"):
        runs, curves = train_scheme(scheme, 32, 40, data, plan, Stream(4, "t", scheme), Stream(4, "order"))
        found[scheme] = pd.DataFrame(runs)
        assert len(curves) == 2 * 6
    again, _ = train_scheme("he", 32, 40, data, plan, Stream(4, "t", "he"), Stream(4, "order"))
    pd.testing.assert_frame_equal(pd.DataFrame(again), found["he"])
    assert found["mirrored_orthogonal"].loss.max() < 0.3 * math.log(10)
    assert found["he"].loss.min() > 0.8 * math.log(10)
