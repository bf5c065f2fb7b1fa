"""Schemes compared seed by seed, and claims about training: worlds in which they hold, fail, or cannot be decided."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from replication.isometry.analysis import scheme_comparisons
from replication.isometry.training_claims import training_claims
from replication.training.analysis import cell_table

CLAIMS = ["matters", "trains", "faster", "gap"]
SEEDS = 5


def runs(dataset="digits", **worlds):
    """Rows of runs by scheme and depth: accuracy, epochs (None: never), test_loss over a training loss of .1."""
    rng = np.random.default_rng(1)
    rows = []
    for scheme, world in worlds.items():
        for depth in (10, 60):
            for seed in range(SEEDS):
                jitter = 1e-4 * rng.standard_normal()  # no exact ties of what is continuous
                values = {
                    name: value[depth == 60] if isinstance(value, tuple) else value
                    for name, value in world.items()
                }
                row = {
                    "dataset": dataset,
                    "optimizer": "sgd",
                    "activation": scheme,
                    "law": "",
                    "theta": math.nan,
                }
                row |= {"width": 100, "depth": depth, "learning_rate": 0.01, "seed": seed}
                row |= {
                    "diverged": values.get("diverged", 0),
                    "loss": 0.1,
                    "trains": values.get("trains", True),
                }
                row |= {"test_loss": values.get("test_loss", 0.3) + jitter}
                row |= {"test_accuracy": values.get("accuracy", 0.9) + jitter}
                row |= {"validation_accuracy": row["test_accuracy"], "validation_loss": row["test_loss"]}
                epochs = values.get("epochs", 5)
                rows.append(row | {"steps_to_loss": math.nan if epochs is None else float(epochs)})
    return pd.DataFrame(rows)


def verdicts(frame):
    rows = training_claims(cell_table(frame), scheme_comparisons(frame), {"digits": 15})
    assert not pd.DataFrame(rows).isna().any().any()
    return dict(zip(CLAIMS, [row["verdict"] for row in rows], strict=True))


GOOD = {"accuracy": 0.92, "epochs": 3, "test_loss": 0.2}
HE = {"accuracy": (0.9, 0.3), "epochs": 8, "test_loss": 0.5}


def test_all_hold():
    assert verdicts(runs(he=HE, mirrored_orthogonal=GOOD)) == dict.fromkeys(CLAIMS, "confirmed")


@pytest.mark.parametrize(
    ("he", "mirrored", "expected"),
    [
        # He's do not lose with depth; mirrored ones do
        (HE | {"accuracy": (0.9, 0.8)}, GOOD, {"trains": "not confirmed"}),
        (HE, GOOD | {"accuracy": (0.92, 0.8)}, {"trains": "not confirmed"}),
        # He's are faster; all are as fast; He's have the smaller gap
        (HE | {"epochs": 2}, GOOD, {"faster": "not confirmed"}),
        (HE | {"epochs": 3}, GOOD, {"faster": "not confirmed", "matters": "in part"}),
        (HE, GOOD | {"epochs": None}, {"faster": "not confirmed"}),
        (HE | {"test_loss": 0.15}, GOOD, {"gap": "not confirmed"}),
        # alike in all that is compared
        (
            GOOD,
            GOOD,
            {
                "matters": "not confirmed",
                "trains": "not confirmed",
                "faster": "not confirmed",
                "gap": "undecided",
            },
        ),
        # all differences are too small to matter, however sure
        (
            GOOD | {"accuracy": 0.923},
            GOOD,
            {
                "matters": "not confirmed",
                "trains": "not confirmed",
                "faster": "not confirmed",
                "gap": "undecided",
            },
        ),
        # only the shallow ones are faster: significant in one direction, undecided in both
        (HE | {"epochs": (8, 2)}, GOOD, {"faster": "undecided", "matters": "undecided"}),
    ],
)
def test_worlds(he, mirrored, expected):
    found = verdicts(runs(he=he, mirrored_orthogonal=mirrored))
    assert found == dict.fromkeys(CLAIMS, "confirmed") | expected


def test_runs_that_never_come_there_are_last():
    """Censored runs lose against any epoch, and tie with one another; diverged ones count as censored."""
    never = runs(he=HE | {"epochs": None}, mirrored_orthogonal=GOOD | {"epochs": 15})
    diverged = runs(he=HE | {"epochs": 2, "diverged": 1}, mirrored_orthogonal=GOOD | {"epochs": 15})
    for frame in (never, diverged):
        row = scheme_comparisons(frame).iloc[0]
        assert (row.speed_pairs, row.faster, row.slower) == (10, 10, 0)
        assert row.speed_p == pytest.approx(2 / 2**10)
        assert verdicts(frame)["faster"] == "confirmed"
    none = runs(he=HE | {"epochs": None}, mirrored_orthogonal=GOOD | {"epochs": None})
    row = scheme_comparisons(none).iloc[0]
    assert row.speed_pairs == 0
    assert math.isnan(row.speed_p)
    assert verdicts(none)["faster"] == verdicts(none)["matters"] == "not tested"
    # at one depth neither comes there: its pairs say nothing
    half = runs(he=HE | {"epochs": (8, None)}, mirrored_orthogonal=GOOD | {"epochs": (3, None)})
    table = scheme_comparisons(half).set_index("depth")
    assert table.speed_pairs.to_dict() == {"all": 5, "10": 5, "60": 0}
    assert table.faster.to_dict() == {"all": 5, "10": 5, "60": 0}


def test_ranks_do_not_see_how_late():
    """The test is one of ranks: an epoch of 1000 is as late as one of 9."""
    late, later = (runs(he=HE | {"epochs": k}, mirrored_orthogonal=GOOD) for k in (9, 1000))
    pd.testing.assert_frame_equal(scheme_comparisons(late), scheme_comparisons(later))


def test_the_gap_is_of_pairs_that_train():
    """He's deep networks stay at a guess, with no gap at all: they do not count."""
    frame = runs(he=HE | {"trains": (True, False), "test_loss": (0.5, 0.1)}, mirrored_orthogonal=GOOD)
    table = scheme_comparisons(frame).set_index("depth")
    assert table.gap_pairs.to_dict() == {"all": 5, "10": 5, "60": 0}
    assert table.gap["all"] == pytest.approx(-0.3, abs=1e-3)
    assert math.isnan(table.gap["60"])
    pairs = frame[frame.depth == 10].pivot(index="seed", columns="activation", values="test_loss")
    assert table.gap_p["all"] == pytest.approx(ttest_1samp(pairs.mirrored_orthogonal - pairs.he, 0).pvalue)
    assert verdicts(frame)["gap"] == "confirmed"
    # two seeds are too few
    assert (
        verdicts(
            frame[frame.seed < 2].assign(
                test_loss=lambda f: f.test_loss + 0.2 * f.seed * (f.activation == "he")
            )
        )["gap"]
        == "undecided"
    )
    frame["trains"] = frame.activation == "he"
    assert scheme_comparisons(frame).gap_pairs.max() == 0
    assert verdicts(frame)["gap"] == "not tested"


def test_comparisons():
    """Pairs by seed and depth; one test per scheme, of all depths; corrected within each question."""
    frame = runs(he={"accuracy": 0.6}, orthogonal={"accuracy": 0.9}, mirrored_orthogonal={"accuracy": 0.9})
    equal = frame.activation != "he"
    frame.loc[equal, ["test_accuracy", "test_loss"]] = [0.9, 0.3]
    table = scheme_comparisons(frame).set_index(["scheme", "depth"])
    assert len(table) == 6
    assert table.difference["he", "all"] == pytest.approx(0.3, abs=1e-3)
    by_seed = frame.groupby(["activation", "seed"]).test_accuracy.mean()
    assert table.p["he", "all"] == pytest.approx(
        ttest_1samp(by_seed.mirrored_orthogonal - by_seed.he, 0).pvalue
    )
    assert table.p_holm["he", "all"] == pytest.approx(2 * table.p["he", "all"])
    assert (table.p["orthogonal", "all"], table.gap_p["orthogonal", "all"]) == (1, 1)
    assert table.gap["orthogonal", "all"] == 0
    # the same epochs everywhere
    assert (table.faster == 0).all()
    assert (table.slower == 0).all()
    assert table.speed_p["he", "all"] == 1
    assert math.isnan(table.p["he", "10"])
    assert math.isnan(table.p_holm["he", "10"])
    assert table.pairs["he", "60"] == SEEDS
    assert table.least["he", "all"] < table.difference["he", "all"] < table.largest["he", "all"]


def test_data_sets_are_apart():
    good = runs(he=HE, mirrored_orthogonal=GOOD)
    bad = runs("MNIST", he=HE | {"epochs": 2}, mirrored_orthogonal=GOOD)
    both = pd.concat([good, bad])
    rows = training_claims(cell_table(both), scheme_comparisons(both), {"digits": 15, "MNIST": 3})
    found = {row["claim"]: row["verdict"] for row in rows if "faster" in row["claim"]}
    assert sorted(found.values()) == ["confirmed", "not confirmed"]
    assert [found[claim] for claim in found if "MNIST, 3 epochs" in claim] == ["not confirmed"]


def test_nothing_to_compare():
    """No rows at all, one scheme only, and a budget in which nothing trains."""
    assert len(scheme_comparisons(runs(he=HE))) == 0
    assert set(scheme_comparisons(runs(he=HE))) == set(
        scheme_comparisons(runs(he=HE, mirrored_orthogonal=GOOD))
    )
    assert verdicts(runs(he=HE)) == dict.fromkeys(CLAIMS, "not tested")
    none = runs(he=HE | {"trains": False}, mirrored_orthogonal=GOOD | {"trains": False})
    assert verdicts(none)["trains"] == "not tested"
    empty = training_claims(pd.DataFrame(), pd.DataFrame(), {})
    assert [row["verdict"] for row in empty] == ["not tested"] * 4
