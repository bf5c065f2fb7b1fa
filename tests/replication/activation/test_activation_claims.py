"""Claims on constraints: made-up pairs for which they hold, and then do not."""

import pandas as pd
import pytest

from preactivations.pairs.constraints import COMMON_ACTIVATIONS
from replication.activation.claims import activation_claims
from replication.verdicts import CLAIM_COLUMNS

HOLDS = {"gaussian": True, "no_atom": True, "no_double_density": True, "conjugate_tails": True, "ks": 1e-5}
RELU = HOLDS | {"gaussian": False, "no_atom": False, "ks": 0.25}


def verdicts(common=RELU, exact=HOLDS):
    rows = [
        {"weights": "weibull_3", "activation": "sign"} | common,
        {"weights": "weibull_3", "activation": "odd"} | exact,
        {"weights": "weibull_3", "activation": "positive"} | HOLDS,
    ]
    table = activation_claims(pd.DataFrame(rows))
    assert list(table) == CLAIM_COLUMNS
    return table.verdict.tolist()


def test_every_common_activation_has_a_name():
    rows = [{"weights": "normal", "activation": name} | RELU for name in COMMON_ACTIVATIONS]
    # normal weights with |phi| = 1 are an exact pair, which must not violate a constraint
    assert activation_claims(pd.DataFrame(rows)).verdict.tolist() == ["confirmed", "not confirmed"]
    rows[-1] |= HOLDS
    assert rows[-1]["activation"] == "sign"
    assert activation_claims(pd.DataFrame(rows)).verdict.tolist() == ["confirmed", "confirmed"]


def test_all_hold():
    assert verdicts() == ["confirmed", "confirmed"]


@pytest.mark.parametrize("common", [HOLDS, RELU | {"no_atom": True}, RELU | {"gaussian": True}])
def test_a_common_pair_that_is_normal_or_not_for_no_reason(common):
    assert verdicts(common=common)[0] == "not confirmed"


@pytest.mark.parametrize("name", ["gaussian", "no_atom", "no_double_density", "conjugate_tails"])
def test_a_constructed_pair_that_violates_one(name):
    assert verdicts(exact=HOLDS | {name: False})[1] == "in part"


def test_no_rows_no_verdict():
    empty = pd.DataFrame([{"weights": "", "activation": ""} | HOLDS])[:0]
    assert activation_claims(empty).verdict.tolist() == ["not tested"] * 2
