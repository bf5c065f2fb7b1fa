"""Verdicts on the claims: made-up results that fulfil them, and then do not."""

import math

import numpy as np
import pandas as pd
import pytest

from replication.edge_of_chaos.analysis import study_frames, unified_table
from replication.edge_of_chaos.claims import edge_of_chaos_claims
from replication.verdicts import CLAIM_COLUMNS

NAN = math.nan


def results():
    depths = np.arange(1, 51)
    correlations = []
    for width, bias in ((10, 0.05), (100, 0.005)):
        for place, limit, xi in (("below", 1.0, 5.0), ("above", 0.2, 8.0)):
            theory = limit + (0.5 - limit) * np.exp(-depths / xi)
            correlations.append((place, width, bias, limit, theory))
        correlations.append(("on", width, bias, 1.0, 1 - 1 / (1 + depths)))
    frames = [
        pd.DataFrame(
            {
                "activation": "tanh", "place": place, "theta": NAN, "width": width, "depth": depths,
                "covariance": theory, "covariance_error": 0.01, "correlation": theory - bias * (depths > 2),
                "correlation_error": 0.001, "low": theory - 0.2, "high": theory + 0.2, "theory": theory,
                "limit": limit,
            }
        )
        for place, width, bias, limit, theory in correlations
    ]  # fmt: skip
    far = np.arange(1, 2001)
    gaps = {"tanh": 3 / far, "relu": 4.5 * np.pi**2 / far**2}
    off = np.array([-0.01, -0.005, -0.002, -0.001, 0.001, 0.002, 0.005, 0.01])
    return {
        "pairs": pd.DataFrame(
            {"kind": ["odd", "positive"], "theta": 4.0, "chi": [1.25, 0.3], "sigma_w": [0.8**0.5, NAN]}
            | {"sigma_b": [0.2**0.5, NAN]}
        ),
        "unique": pd.DataFrame(
            {"activation": ["tanh", "oscillating_6"], "theta": NAN, "settings": 80, "most": [1, 9]}
        ),
        "ranges": pd.DataFrame(
            {"omega": [6.0], "sigma_w_low": 0.97, "sigma_w_high": 1.0, "period": math.exp(4 * math.pi / 6)}
        ),
        "points": pd.DataFrame(
            {
                "omega": 6.0, "sigma_w": 0.99, "number": range(4), "stable": [True, False, True, False],
                "ratio": [math.exp(4 * math.pi / 6)] * 2 + [NAN] * 2,
            }
        ),
        "variances": pd.DataFrame(
            {
                "start": [0.1, 1.0, 2.0, 30.0], "depth": 50, "variance": [0.11, 0.9, 0.88, 6.0],
                "theory": [0.1, 0.88, 0.88, 7.1], "width": 100, "n_networks": 50,
            }
        ),
        "correlations": pd.concat(frames),
        "rates": pd.concat(
            pd.DataFrame({"activation": name, "theta": NAN, "depth": far, "gap": gap}) for name, gap in gaps.items()
        ),
        "scales": pd.DataFrame(
            {
                "activation": "tanh", "theta": NAN, "sigma_w": 1.2 * (1 + off), "edge": 1.2, "xi_c": 1 / np.abs(off),
            }
        ),
        "unified": pd.DataFrame(
            {
                "scheme": "He", "keeps": "variance", "formula": "2/fan_in", "width": 100, "depth": depths,
                "n_networks": 9,
                "gradient": 1.0, "gradient_error": 0.05, "gradient_theory": 1.0, "variance": 1.0,
                "variance_theory": 1.0,
                "variance_error": 0.01,
                "correlation": 0.9, "correlation_error": 0.01, "correlation_theory": 0.9, "ks": 0.1,
                "ks_standardized": 0.1,
            }
        ),
    }  # fmt: skip


def claims(data):
    return edge_of_chaos_claims(data | study_frames(data))


def verdict(start, change=None):
    data = results()
    if change is not None:
        change(data)
    table = claims(data)
    return table[table.claim.str.startswith(start)].verdict.iloc[0]


def test_every_claim_has_a_row():
    table = claims(results())
    assert list(table) == CLAIM_COLUMNS
    assert len(table) == 13
    assert table.notna().all(axis=None)


CASES = [
    ("with sigma_w^2", "confirmed", lambda d: d["pairs"].__setitem__("chi", [0.9, 1.1]), "not confirmed"),
    ("with sigma_w^2", "confirmed", lambda d: d["pairs"].__setitem__("sigma_b", 0.3), "in part"),
    # the phase of the limits, and the constant of ReLU
    (
        "correlations tend",
        "confirmed",
        lambda d: d.__setitem__("correlations", d["correlations"].assign(place="above")),
        "in part",
    ),
    (
        "on the edge",
        "confirmed",
        lambda d: d["rates"].__setitem__("gap", d["rates"].gap * 10),
        "in part",
    ),
    # never falls, though the map does
    (
        "the depth to which",
        "confirmed",
        lambda d: d["correlations"].__setitem__("correlation", 0.5),
        "not confirmed",
    ),
    # smaller than its noise
    (
        "what is left",
        "confirmed",
        lambda d: d["correlations"].__setitem__("correlation_error", 0.5 / d["correlations"].width),
        "undecided",
    ),
    ("the variance map has", "in part", lambda d: d["unique"].__setitem__("most", 1), "confirmed"),
    ("phi_(.99, omega)", "confirmed", lambda d: d["points"].__setitem__("stable", True), "not confirmed"),
    (
        "networks that start",
        "confirmed",
        lambda d: d["variances"].__setitem__("variance", 1.0),
        "not confirmed",
    ),
    (
        "the maps hold",
        "confirmed",
        lambda d: d["correlations"].__setitem__("covariance", 0.0),
        "not confirmed",
    ),
    (
        "what is left",
        "confirmed",
        lambda d: d["correlations"].__setitem__("correlation", d["correlations"].theory - 0.1),
        "not confirmed",
    ),
    (
        "correlations tend",
        "confirmed",
        lambda d: d["correlations"].__setitem__("correlation", 0.6),
        "not confirmed",
    ),
    # stays where it started
    (
        "networks that start",
        "confirmed",
        lambda d: d["variances"].__setitem__("variance", d["variances"].start),
        "not confirmed",
    ),
    # too uncertain
    *(
        (start, "confirmed", lambda d: d["correlations"].__setitem__("correlation_error", 0.2), "undecided")
        for start in ("what is left", "correlations tend")
    ),
    (
        "the second moment",
        "confirmed",
        lambda d: d["unified"].__setitem__("gradient_error", 1.0),
        "undecided",
    ),
    (
        "on the edge",
        "confirmed",
        lambda d: d["rates"].__setitem__("gap", 1 / d["rates"].depth ** 0.5),
        "not confirmed",
    ),
    ("off the edge", "confirmed", lambda d: d["scales"].__setitem__("xi_c", 5.0), "not confirmed"),
    (
        "the depth to which",
        "confirmed",
        lambda d: d.__setitem__("correlations", late(d["correlations"])),
        "not confirmed",
    ),
    ("the second moment", "confirmed", lambda d: d["unified"].__setitem__("gradient", 1e9), "not confirmed"),
    # what cannot tell
    (
        "phi_(.99, omega)",
        "confirmed",
        lambda d: d.__setitem__("points", d["points"].query("number == 0")),
        "not tested",
    ),
    (
        "what is left",
        "confirmed",
        lambda d: d.__setitem__("correlations", d["correlations"].query("width == 10")),
        "undecided",
    ),
    ("off the edge", "confirmed", lambda d: d.__setitem__("scales", d["scales"].iloc[:4:2]), "not tested"),
    (
        "networks that start",
        "confirmed",
        lambda d: d.__setitem__("variances", d["variances"][:0]),
        "not tested",
    ),
]


def late(correlations):
    """The distance from the limit falls five times more slowly than in the map."""
    limit = correlations.limit
    slow = limit + (0.5 - limit) * np.exp(-correlations.depth / 40)
    return correlations.assign(correlation=slow)


@pytest.mark.parametrize(("start", "fulfilled", "change", "broken"), CASES)
def test_verdicts_follow_the_numbers(start, fulfilled, change, broken):
    assert verdict(start) == fulfilled
    assert verdict(start, change) == broken


def test_counts_are_in_the_result():
    data = results()
    data["points"] = pd.concat([data["points"], data["points"].assign(sigma_w=0.98, stable=True)])
    table = claims(data).set_index("claim")
    row = table[table.index.str.startswith("phi_(.99, omega)")].iloc[0]
    assert row.verdict == "in part"
    assert row.number == "1 of 2"
    assert row.result.startswith("sigma_w with fixed points")


def test_no_rows_no_verdict():
    table = claims({name: frame.iloc[:0] for name, frame in results().items()})
    assert table.verdict.tolist() == ["not tested"] * 13


def test_fitted_activations_leave_the_variance():
    rows = pd.DataFrame(
        {"kind": ["odd", "positive"], "theta": 4.0, "limit": [0.85, 1.001], "chi": [0.99, 0.32]}
    )
    last = (
        claims(results() | {"fitted": rows})
        .set_index("claim")
        .filter(like="at infinite width", axis=0)
        .iloc[0]
    )
    assert last.verdict == "in part"
    assert "phi odd, theta 4 0.850 (chi_1 0.990)" in last.result
    assert (claims(results() | {"fitted": rows.iloc[:1]}).verdict == "confirmed").sum() == (
        (claims(results()).verdict == "confirmed").sum() + 1
    )


def test_unified_table():
    (row,) = unified_table(results()["unified"]).to_dict("records")
    assert row["scheme"] == "He"
    assert row["variance"] == 1
    assert row["layers"] == 50
