"""Verdicts of the companion paper on fractional moments: each holds on numbers that agree with theory, and can fail."""

import functools
import math

import numpy as np
import pandas as pd
import pytest

from preactivations.streams import Stream
from replication.fractional import cost, dropout, limits, study
from replication.fractional.analysis import fractional_comparisons, study_frames, width_slopes
from replication.fractional.claims import fractional_claims
from replication.inference import holm
from replication.labels import scheme_name
from replication.training.analysis import cell_table
from replication.verdicts import CLAIM_COLUMNS

SCHEMES = ("fractional_1", "he", "xavier", "random_walk")


def runs(gains, seeds=10, spread=0.01):
    """Runs of one activation per entry: {activation: accuracy of the fractional order above the others}."""
    rng = np.random.default_rng(0)
    rows = []
    for activation, gain in gains.items():
        for scheme in SCHEMES:
            for seed in range(seeds):
                accuracy = 0.5 + (gain if scheme == "fractional_1" else 0) + spread * rng.standard_normal()
                rows.append(
                    {
                        "dataset": "digits",
                        "optimizer": "sgd",
                        "activation": activation,
                        "law": scheme,
                        "theta": math.nan,
                    }
                    | {
                        "width": 8,
                        "depth": 3,
                        "learning_rate": 0.01,
                        "seed": seed,
                        "diverged": 0,
                        "loss": 1 - accuracy,
                    }
                    | {
                        "validation_loss": 1.0,
                        "validation_accuracy": 0.5,
                        "test_loss": 1.0,
                        "test_accuracy": accuracy,
                    }
                    | {"trains": True, "steps_to_loss": 1.0}
                )
    return pd.DataFrame(rows)


@functools.cache
def results():
    stream = Stream(9, "claims")
    log_norm, direction = study.draw_networks("relu", 8, 200, 100, stream)
    chain = study.chain_log_norms("relu", 8, 199, 1000, stream)
    deep = study.deep_moment_rows([2.0, 1.0], [1.0, 2.0], 8, 200, log_norm, direction, chain)
    tests = []
    for activation in ("relu", "linear"):
        norms, _ = study.draw_networks(activation, 8, 20, 300, stream)
        tests += study.density_rows(activation, [2.0, 1.0], 8, 20, norms)[2]
    clt = [
        study.clt_rows(a, 1.0, 8, 20, study.chain_log_norms(a, 8, 20, 5000, stream))
        for a in ("linear", "leaky_relu")
    ]
    return {
        "constants": pd.DataFrame(study.constants()),
        "deep": pd.DataFrame(deep),
        "agreement": pd.DataFrame(
            [{"width": 8, "depth": 200, "networks": 100, "chains": 1000, "ks": 0.1, "p": 0.4}]
        ),
        "widths": pd.DataFrame(study.width_rows([0.5, 1.0, 1.5], range(30, 90))),
        "tests": pd.DataFrame(tests),
        "one_layer": pd.DataFrame([study.one_layer_row("relu", 1.0, 8, 20_000, stream)]),
        "clt": pd.DataFrame(clt),
        "normality": pd.DataFrame(study.ks_to_normal_rows(["linear"], 8, [4, 16, 64])),
        "tails": pd.DataFrame(study.tail_rows([1.0], 4, 80, 20_000, [0.1, 0.01], stream)),
        "traditional": pd.DataFrame(limits.order_rows(["relu", "linear"], [4, 16])),
        "far": pd.DataFrame(limits.depth_rows("rrelu", 1.0, 8, [1, 10, 1000, 100_000])),
        "exponents": pd.DataFrame(limits.exponent_rows("relu", 1.0, 4, 30)),
        "dropout": pd.DataFrame([dropout.dropout_row("relu", 1.0, 0.7, 6, 20_000, stream)]),
        "small": pd.DataFrame(
            [row for keep in (1.0, 0.7) for row in dropout.small_rows("relu", keep, [2.0, 1.0], 6, 10)]
        ),
        "cost": pd.DataFrame([cost.cost_row("relu", 1.0, 5, 6, 3, 0)]),
    }


def claims(gains=None, **changed):
    trained = runs({"relu": 0.2, "linear": 0.2} if gains is None else gains)
    comparisons = fractional_comparisons(trained)
    found = results() | changed
    return fractional_claims(found | study_frames(found), cell_table(trained), comparisons)


def changed(name, column, change, where=None):
    frame = results()[name].copy()
    rows = slice(None) if where is None else where(frame)
    frame.loc[rows, column] = change(frame.loc[rows, column])
    return {name: frame}


def test_all_hold_where_numbers_agree():
    table = claims()
    assert list(table.columns) == CLAIM_COLUMNS
    assert set(table.verdict) == {"confirmed"}, table[table.verdict != "confirmed"].T.to_string()
    assert table.claim.is_unique


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("is preserved", lambda: changed("one_layer", "mean", lambda m: m + 0.1)),
        ("is preserved", lambda: changed("one_layer", "exact", lambda m: m + 0.1)),
        ("miss their moments", lambda: changed("deep", "drawn", lambda d: 1e300 + 0 * d)),
        ("miss their moments", lambda: changed("agreement", "p", lambda p: 0 * p)),
        ("order d^-2", lambda: changed("widths", "excess", lambda s: s**2)),
        ("the larger the slope", lambda: {"constants": results()["constants"].assign(value=1e-3)}),
        ("those of the theorem", lambda: changed("clt", "mean_z", lambda z: z + 10)),
        ("those of the theorem", lambda: changed("clt", "variance_z", lambda z: z - 10)),
        ("tends to normal", lambda: changed("normality", "ks", lambda k: k.iloc[::-1].to_numpy())),
        ("tends to normal", lambda: changed("normality", "ks", lambda k: k**3)),
        ("known exactly", lambda: changed("tests", "ks", lambda k: k + 0.2)),
        ("fewer small", lambda: changed("small", "small", lambda s: 1 - s)),
        ("fewer small", lambda: changed("small", "small", lambda s: 0 * s)),
        ("traditional ones", lambda: changed("traditional", "distance", lambda d: d + 0.1)),
        ("traditional ones", lambda: changed("traditional", "distance", lambda d: np.sqrt(d))),
        ("almost sure", lambda: changed("far", "growth", lambda g: 1 + 0 * g)),
        ("almost sure", lambda: changed("far", "moment", lambda m: 0.99 * m)),
        ("almost sure", lambda: changed("far", "log_median", lambda m: -m)),
        ("almost sure", lambda: changed("far", "log_high", lambda m: abs(m))),
        ("almost sure", lambda: changed("far", "exceeds", lambda e: 0.5 + 0 * e)),
        ("extend to dropout", lambda: changed("dropout", "mean", lambda m: m + 0.1)),
        ("extend to dropout", lambda: changed("dropout", "formula", lambda f: 1.01 * f)),
        ("extend to dropout", lambda: changed("dropout", "uncorrected", lambda u: 1 + 0 * u)),
        ("extend to dropout", lambda: changed("small", "small", lambda s: 1 - s)),
        ("no extra cost", lambda: changed("cost", "largest", lambda x: x + 1e-3)),
        ("no extra cost", lambda: changed("cost", "draws", lambda d: ~d)),
        ("no extra cost", lambda: changed("cost", "layers", lambda d: ~d)),
        ("no extra cost", lambda: changed("cost", "biases", lambda d: ~d)),
        ("preserved, for", lambda: changed("one_layer", "mean_lower", lambda m: m + 0.1)),
        ("miss their moments", lambda: changed("deep", "chain", lambda d: 1e300 + 0 * d)),
        (
            "known exactly",
            lambda: changed("tests", "ks", lambda k: k + 0.2, lambda f: f.activation == "relu"),
        ),
        ("norms have a Pareto tail", lambda: changed("tails", "hill", lambda h: 2 * h)),
        ("norms have a Pareto tail", lambda: changed("tails", "exact", lambda e: 1.05 * e)),
    ],
)
def test_each_can_fail(words, change):
    table = claims(**change())
    found = table[table.claim.str.contains(words, regex=False)]
    assert len(found) == 1
    assert found.verdict.iloc[0] == "not confirmed"


def test_no_rows_no_verdict():
    nothing = {name: frame.iloc[:0] for name, frame in results().items()}
    trained = runs({"relu": 0.2}).iloc[:0]
    table = fractional_claims(
        nothing | study_frames(nothing),
        cell_table(runs({"relu": 0.2})).iloc[:0],
        fractional_comparisons(trained),
    )
    assert table.verdict.tolist() == ["not tested"] * 15
    small = results()["widths"]
    table = claims(widths=small[small.s < 0.1])
    assert table[table.claim.str.contains("order d^-2", regex=False)].verdict.tolist() == ["not tested"]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        # with biases lighter than every power, too: one reading is left
        (lambda: changed("exponents", "exponent", lambda e: 2 * e, lambda f: f.biases), "in part"),
        (
            lambda: changed("exponents", "square", lambda e: e.where(e < 0, 1.0), lambda f: f.biases),
            "in part",
        ),
        # a power without biases, too
        (lambda: changed("exponents", "exponent", lambda e: 1 + 0 * e, lambda f: ~f.biases), "in part"),
        (lambda: changed("exponents", "square", lambda e: e + math.inf), "in part"),
        (lambda: changed("exponents", "exponent", lambda e: 0.5 + 0 * e), "not confirmed"),
        (lambda: {"exponents": results()["exponents"][results()["exponents"].biases]}, "not tested"),
    ],
)
def test_both_readings_of_heavy_tails_are_tested(change, verdict):
    table = claims(**change())
    assert table[table.claim.str.contains("two readings")].verdict.tolist() == [verdict]


def test_one_unit_that_fails_is_in_part():
    far = pd.concat(
        [results()["far"], results()["far"].assign(activation="linear", growth=1.1)], ignore_index=True
    )
    table = claims(far=far)
    assert table[table.claim.str.contains("almost sure")].verdict.tolist() == ["in part"]
    unknown = claims(far=results()["far"].assign(moment=math.nan))
    assert unknown[unknown.claim.str.contains("almost sure")].verdict.tolist() == ["not tested"]


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ({"relu": 0.2, "linear": 0.2}, "confirmed"),
        ({"relu": 0.2, "linear": 0.0}, "undecided"),
        ({"relu": 0.0, "linear": 0.0}, "undecided"),
        ({"relu": -0.2, "linear": 0.2}, "not confirmed"),
    ],
)
def test_the_claim_about_training(gains, verdict):
    table = claims(gains)
    assert table[table.claim.str.contains("improve training")].verdict.tolist() == [verdict]


def test_comparisons_are_paired_by_seed():
    """Ten equal signs: p = 2/2^10; Holm over six rows; a common effect of seeds cancels."""
    frame = runs({"relu": 0.02, "linear": 0.0}, spread=0.0)
    frame["test_accuracy"] += 0.3 * frame.seed / 10
    table = fractional_comparisons(frame).set_index(["activation", "baseline"])
    row = table.loc["relu", "he"]
    assert row.accuracy == pytest.approx(0.02)
    assert row.least == pytest.approx(0.02)
    assert row.pairs == 10
    assert row.p == pytest.approx(2 / 2**10, rel=1e-12)
    assert math.isnan(row.low)  # equal values: their scatter is not known
    assert math.isnan(row.loss_high)
    assert row.loss_pairs == 10
    assert table.loc["linear", "he"].p == 1
    np.testing.assert_allclose(table.p_holm, holm(list(table.p)))
    assert row.loss == pytest.approx(-0.02)


def test_diverged_runs_are_guesses():
    frame = runs({"relu": 0.2})
    lost = (frame.law == "fractional_1") & (frame.seed < 5)
    frame.loc[lost, "diverged"] = 1
    frame.loc[lost, ["loss", "test_accuracy"]] = math.nan
    table = fractional_comparisons(frame).set_index("baseline")
    assert table.loc["he"].pairs == 10
    assert table.loc["he"].least == pytest.approx(0.1 - 0.5, abs=0.05)


def test_names_and_slopes():
    assert [scheme_name(s) for s in SCHEMES] == ["s = 1", "He", "Xavier", "random walk"]
    slopes = width_slopes(results()["widths"])
    assert slopes.s.tolist() == [0.5, 1.0, 1.5]
    # second order: 2/d + 5 (2 - s)/(2 d^2): exactly -2
    np.testing.assert_allclose(slopes.second_order, -2, atol=1e-9)
