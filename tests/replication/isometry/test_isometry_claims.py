"""Claims of the second companion paper: each verdict turns when the result does."""

import math

import numpy as np
import pandas as pd
import pytest

from replication.isometry.analysis import scheme_comparisons, study_frames
from replication.isometry.claims import isometry_claims
from replication.isometry.jacobians import SCHEMES
from replication.labels import SCHEMES as NAMED


def results():
    deviations = pd.DataFrame(
        {
            "width": [10, 100],
            "depth": [50, 50],
            "median": [1e-6, 0.3],
            "p_low": [0.98, 0.26],
            "sd": [9.0, 2.0],
        }
        | {"mean_log": [-12.0, -1.2], "sd_log": [6.6, 1.6]}
        | {"n_chain": [1000, 1000], "mean_log_chain": [-12.1, -1.21], "mean_log_error_chain": [0.2, 0.05]}
        | {"sd_log_chain": [6.5, 1.59], "sd_log_error_chain": [0.15, 0.04]}
        | {"p_low_chain": [0.98, 0.27], "p_low_error_chain": [0.005, 0.014]}
    )
    jacobians = pd.DataFrame(
        {
            "scheme": list(SCHEMES),
            "width": 100,
            "depth": 5,
            "networks": 20,
            "variance_exact": [10.0, 5.0, 6.0, 0.0],
            "second_exact": [11.0, 6.0, 7.0, 1.0],
            "second": [11.5, 5.5, 7.1, 1.0],
            "second_error": [1.0, 0.5, 0.7, 1e-17],
            "largest_deviation": [5.0, 4.0, 4.5, 1e-15],
        }
    )
    log_angle = np.log([1.0, 0.5])
    return {
        "ks": pd.DataFrame(
            {"width": [5], "depth": [10], "networks": [1000], "ks": [0.02], "critical": [0.043]}
        ),
        "deviations": deviations,
        "units": pd.DataFrame(
            {"width": 5, "depth": 2, "bias_variance": 0.0, "networks": 1000, "t": [math.nan, 1.0]}
            | {"statistic": ["cov x", "both above"], "exact": [0.016, 0.024], "independent": [0.0, 0.015]}
            | {"drawn": [0.017, 0.023], "error": [0.002, 0.002], "skewness": [0.01, 0.02]}
        ),
        "largest": pd.DataFrame(
            {"width": [5], "depth": [2], "bias_variance": [0.0], "networks": [1000], "alive": [969]}
            | {"largest": [0.02], "largest_independent": [0.2], "apart": [0.19], "share": [0.03]}
        ),
        "eigenvalues": pd.DataFrame({"width": 5, "m": [0.5, 1.0, 2.0], "eigenvalue": [0.87, 1.0, 2.0]}),
        "indices": pd.DataFrame(
            {
                "width": 50,
                "factor": [0.9, 1.0],
                "squared_norm_tail_index": [3.3, 1.0],
                "mean": [250, math.inf],
            }
            | {"mean_predicted": [250, math.inf]}
        ),
        "correlations": pd.DataFrame(
            {"width": 30, "start": 0.0, "depth": [1, 40], "mean": [0.32, 0.9], "error": [0.01, 0.01]}
            | {"first": [0.33, math.nan], "log_angle": log_angle, "log_angle_error": 0.01}
            | {"mean_field": np.cos([1.05, 0.9]), "drift": np.cos([1.04, 0.55])}
        ),
        "jacobians": jacobians,
    }


def cells(he=(0.9, 0.3), mirrored=(0.92, 0.91)):
    rows = [
        {"dataset": "digits", "activation": scheme, "depth": depth, "accuracy": value, "trains": 1.0}
        for scheme, values in (("he", he), ("mirrored_orthogonal", mirrored))
        for depth, value in zip((10, 60), values, strict=True)
    ]
    return pd.DataFrame(rows)


CLAIMS = ["law", "units", "norms", "mean field", "variances", "stationary", "angles", "jacobians", "isometry"]
CLAIMS += ["training"]


def verdicts(found=None, trained=None):
    """By the names of `CLAIMS`; of a second data set too."""
    epochs = {"digits": 15, "MNIST": 3}
    found = found or results()
    table = isometry_claims(found | study_frames(found), cells() if trained is None else trained, epochs)
    assert not table.isna().any().any()
    names = CLAIMS + [f"{CLAIMS[-1]} {k}" for k in range(len(table) - len(CLAIMS))]
    return dict(zip(names, table.verdict, strict=True))


def test_all_hold():
    assert verdicts() == dict.fromkeys(CLAIMS, "confirmed")
    assert set(SCHEMES) <= set(NAMED)


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "claim"),
    [
        ("ks", "ks", 0, 0.05, "law"),
        ("units", "drawn", 0, 0.0, "units"),
        ("units", "drawn", 1, 0.015, "units"),
        ("largest", "largest", 0, 0.2, "units"),
        ("largest", "share", 0, 0.2, "units"),
        ("deviations", "sd_log_chain", 1, 2.0, "norms"),
        ("deviations", "p_low_chain", 0, 0.9, "norms"),
        ("eigenvalues", "eigenvalue", 0, 1.0, "variances"),
        ("eigenvalues", "eigenvalue", 1, 5.0, "variances"),
        ("indices", "squared_norm_tail_index", 1, 1.1, "stationary"),
        ("indices", "mean", 0, 251.0, "stationary"),
        ("correlations", "first", 0, 0.5, "angles"),
        ("correlations", "log_angle", 1, math.log(0.9), "angles"),
        ("correlations", "log_angle", 1, math.log(0.89), "angles"),
        ("jacobians", "second", 0, 20.0, "jacobians"),
        ("jacobians", "variance_exact", 1, 0.0, "jacobians"),
        ("jacobians", "largest_deviation", 3, 1e-9, "isometry"),
    ],
)
def test_each_can_fail(table, column, row, value, claim):
    found = results()
    found[table].loc[row, column] = value
    assert verdicts(found) == dict.fromkeys(CLAIMS, "confirmed") | {claim: "not confirmed"}


def test_no_rows_no_verdict():
    nothing = {name: frame.iloc[:0] for name, frame in results().items()}
    assert verdicts(nothing, cells().iloc[:0]) == dict.fromkeys(CLAIMS, "not tested")
    # nor where rows are left, but none that the statement is about
    found = results()
    found["jacobians"] = found["jacobians"][found["jacobians"].scheme == "mirrored_gaussian"]
    found["indices"] = found["indices"].iloc[:1]
    found["eigenvalues"] = found["eigenvalues"].assign(m=0.0)
    found["units"]["skewness"] = 1.0
    for claim in ("units", "variances", "stationary", "jacobians", "isometry"):
        assert verdicts(found)[claim] == "not tested"
    assert verdicts(trained=cells()[cells().activation == "he"])["training"] == "not tested"


def test_mean_field_that_would_hold():
    found = results()
    found["deviations"]["median"] = 1.0
    assert verdicts(found)["mean field"] == "not confirmed"


@pytest.mark.parametrize(("he", "mirrored"), [((0.9, 0.8), (0.92, 0.91)), ((0.9, 0.3), (0.92, 0.8))])
def test_training_needs_both(he, mirrored):
    assert verdicts(trained=cells(he, mirrored))["training"] == "not confirmed"
    two = pd.concat([cells(), cells(he, mirrored).assign(dataset="MNIST")])
    assert list(verdicts(trained=two).values())[-2:] == ["confirmed", "not confirmed"]


def test_what_is_too_uncertain_is_not_tested():
    """Units that look independent too; angles as uncertain as what is to be seen; a budget in which nothing trains."""
    found = results()
    found["largest"]["largest_independent"] = 0.02
    assert verdicts(found)["units"] == "not tested"
    found["correlations"]["log_angle_error"] = 0.5
    assert verdicts(found)["angles"] == "not tested"
    assert verdicts(trained=cells((0.2, 0.2), (0.2, 0.4)).assign(trains=0.0))["training"] == "not tested"


def test_rare_sides_are_not_tested():
    """One network of 20 000 above .1 where 4e-7 is expected is many standard errors away, and no contradiction."""
    found = results()
    found["deviations"].loc[0, ["p_low", "p_low_chain", "p_low_error_chain"]] = [1 - 4e-7, 1 - 5e-5, 4.5e-6]
    assert verdicts(found)["norms"] == "confirmed"


def test_rare_networks_do_not_fail_deep_jacobians():
    found = results()
    found["jacobians"].loc[0, ["depth", "second"]] = [50, 300.0]
    assert verdicts(found)["jacobians"] == "confirmed"


def test_comparisons():
    """Pairs by seed and depth; one test per scheme, of all depths; no difference has p = 1."""
    rng = np.random.default_rng(1)
    rows = []
    for scheme, mean in (("he", 0.6), ("orthogonal", 0.9), ("mirrored_orthogonal", 0.9)):
        for depth in (10, 60):
            for seed in range(5):
                accuracy = mean + (0.01 * rng.standard_normal() if scheme == "he" else 0.0)
                rows.append(
                    {
                        "dataset": "digits",
                        "optimizer": "sgd",
                        "activation": scheme,
                        "law": "",
                        "theta": math.nan,
                    }
                    | {"width": 100, "depth": depth, "learning_rate": 0.01, "seed": seed, "diverged": 0}
                    | {"validation_accuracy": accuracy, "validation_loss": 1.0, "test_accuracy": accuracy}
                )
    table = scheme_comparisons(pd.DataFrame(rows)).set_index(["scheme", "depth"])
    assert len(table) == 6
    assert table.difference["he", "all"] == pytest.approx(0.3, abs=0.02)
    assert table.p["he", "all"] == pytest.approx(2 / 2**10, rel=0.5)
    assert table.p_holm["he", "all"] == pytest.approx(2 * table.p["he", "all"])
    assert table.p["orthogonal", "all"] == 1
    assert math.isnan(table.p["he", "10"])
    assert table.pairs["he", "60"] == 5
    assert table.least["he", "all"] < table.difference["he", "all"] < table.largest["he", "all"]
