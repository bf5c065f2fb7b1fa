"""One vocabulary: the verdict follows from the cases, and nothing follows from no case."""

import importlib
import inspect
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest

import replication
from replication.verdicts import (
    CLAIM_COLUMNS,
    SOURCES,
    Finding,
    below,
    blocks,
    claim,
    claim_row,
    compare,
    count_verdicts,
    decided,
    every,
    gather,
    numbers,
    some,
    worst_first,
)


def number(ours, **options):
    return compare("item", "published", 1.0, ours, 0.2, **options)["verdict"]


def test_numbers():
    assert [number(x) for x in (0.9, 1.1, 0.7, 1.3, np.nan)] == [
        "agrees",
        "agrees",
        "fails",
        "fails",
        "fails",
    ]
    assert [number(x, at_most=True) for x in (-5.0, 1.1, 1.3)] == ["agrees", "agrees", "fails"]
    explained = [number(x, by_design=True) for x in (1.1, 1.3, np.nan)]
    assert explained == ["agrees", "differs by design", "fails"]


def test_numbers_that_the_sample_cannot_resolve():
    """A confidence interval within .8 to 1.2 agrees, one outside fails, one that contains an end cannot tell."""
    assert number(1.05, half_width=0.1) == "agrees"
    for ours, half_width in ((1.05, 0.19), (1.15, 0.1), (1.25, 0.1), (1.3, np.inf), (1.0, np.nan)):
        assert number(ours, half_width=half_width) == "undecided"
        assert number(2 - ours, half_width=half_width) == "undecided"
        assert number(ours, half_width=half_width, by_design=True) == "undecided"
    assert number(1.31, half_width=0.1) == number(0.69, half_width=0.1) == "fails"
    assert number(1.31, half_width=0.1, by_design=True) == "differs by design"
    assert number(np.nan, half_width=0.1) == "fails"
    assert [number(x, half_width=0.1, at_most=True) for x in (-5.0, 1.15, 1.31)] == [
        "agrees",
        "undecided",
        "fails",
    ]


@pytest.mark.parametrize(
    ("holds", "fails", "verdict"),
    [
        ([True, True], [False, False], "confirmed"),
        ([True, False], [False, False], "undecided"),
        ([False, False], False, "undecided"),
        ([True, False], [False, True], "in part"),
        ([False, False], [False, True], "not confirmed"),
        ([], [], "not tested"),
    ],
)
def test_estimates_that_cannot_tell_decide_nothing(holds, fails, verdict):
    tested = claim_row("words", "our question", Finding("test", "numbers", *decided(holds, fails, "slopes")))
    assert tested["verdict"] == verdict
    unclear = sum(not h for h in holds)
    said = f"not resolved: {unclear} of 2 slopes are too uncertain to tell" in tested["result"]
    assert said == (verdict == "undecided")


def test_counts_by_paper_and_source():
    rows = pd.concat(
        [
            numbers("2", [compare("a", "derived here", 1.0, x, 0.2) for x in (1.0, 1.1, 2.0)]),
            numbers(
                "1", [compare("b", "published", 1.0, 1.0, 0.2), compare("c", "authors' data", 1.0, 3.0, 0.2)]
            ),
        ]
    )
    held, failed = (claim_row("words", "published", Finding("test", "", [holds])) for holds in (True, False))
    claims = gather({"kernels": pd.DataFrame([held, failed, failed]), "training": pd.DataFrame([failed])})
    assert claims.paper.tolist() == ["3", "3", "3", "1"]
    counts = count_verdicts(rows, claims)
    assert counts[["paper", "kind", "source", "verdict", "count"]].apply(tuple, axis=1).tolist() == [
        ("1", "number", "published", "agrees", 1),
        ("1", "number", "authors' data", "fails", 1),
        ("1", "statement", "published", "not confirmed", 1),
        ("2", "number", "derived here", "fails", 1),
        ("2", "number", "derived here", "agrees", 2),
        ("3", "statement", "published", "not confirmed", 2),
        ("3", "statement", "published", "confirmed", 1),
    ]
    assert counts.title.str.len().min() > 20
    ordered = worst_first(claims)
    assert ordered.verdict.tolist() == ["not confirmed"] * 3 + ["confirmed"]
    assert ordered.paper.tolist() == ["1", "3", "3", "3"]


def test_statements_name_their_data_set():
    told = pd.DataFrame([claim_row("it trains", "published", Finding("test", "", [True]))])
    claims = gather({"training": told.assign(dataset="digits", optimizer="sgd")})
    assert claims.claim.tolist() == ["it trains (digits, sgd)"]


def block(shift, shared, seed=5, n=160):
    """Numbers whose own errors are .1 and whose common one is `shared`, all of them off by `shift`."""
    rng = np.random.default_rng(seed)
    off = shift + shared * rng.standard_normal() + 0.1 * rng.standard_normal(n)
    rows = [
        compare("x", "published", 1.0, 1 + d, 0.3, block="b", uncertainty=0.1, shared=shared) for d in off
    ]
    return numbers("1", rows)


def test_a_bias_that_hides_in_each_tolerance_is_seen_in_the_block():
    """A shift of half an error: nearly all numbers agree, and the mean of 160 is sqrt(160)/2 errors off."""
    (row,) = blocks(block(0.05, 0.0)).itertuples()
    assert (row.numbers, row.within_4) == (160, 160)
    assert row.error == pytest.approx(0.1 / math.sqrt(160))
    assert row.z == pytest.approx(row.mean / row.error)
    assert row.p_holm < 0.01
    assert row.sign_p == pytest.approx(binomtest(row.above, 160).pvalue)
    # the same shift is none where the numbers have an error of that size in common
    assert blocks(block(0.05, 0.05)).p_holm[0] > 0.05
    assert (
        blocks(pd.concat([block(0.05, 0.0), numbers("1", [compare("y", "published", 1, 1, 1)])])).shape[0]
        == 1
    )


def test_blocks_without_a_bias_are_told_from_zero_in_five_percent():
    """200 blocks, with an error in common: p below .05 as often as the binomial law has it (99.9 %)."""
    small = sum(blocks(block(0.0, 0.05, seed=k, n=10)).p_holm[0] < 0.05 for k in range(200))
    assert binom.ppf(5e-4, 200, 0.05) <= small <= binom.ppf(1 - 5e-4, 200, 0.05)


def test_blocks_say_where_zero_would_agree_too():
    rows = numbers("1", [compare("x", "published", x, x, 0.2, block="b") for x in (0.1, 0.19, 0.3)])
    (row,) = blocks(rows).itertuples()
    assert (row.zero_agrees, row.above, row.sign_p) == (2, 0, 1.0)
    assert math.isnan(row.error)
    assert math.isnan(row.within_2)


def row(cases, unresolved=""):
    return claim_row("words", "our question", Finding("test", "numbers", cases, unresolved))


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ([True, True], "confirmed"),
        ([True, False], "in part"),
        (np.array([False]), "not confirmed"),
        (pd.Series([], dtype=bool), "not tested"),
        ([], "not tested"),
    ],
)
def test_statements(cases, verdict):
    assert row(cases)["verdict"] == verdict
    assert row(cases)["number"] == (f"{sum(cases)} of {len(cases)}" if len(cases) else "")
    own = claim_row("words", "our question", Finding("test", "numbers", cases, number="2 (limit 3)"))
    assert own["number"] == "2 (limit 3)"
    unresolved = row(cases, "too few")
    assert unresolved["verdict"] == "undecided"
    assert unresolved["result"].endswith("not resolved: too few")


def test_a_case_without_a_value_confirms_nothing():
    """bool(NaN) is True."""
    tested = row([1.0, np.nan])
    assert (tested["verdict"], tested["number"], tested["result"]) == (
        "undecided",
        "1 of 2 (1 open)",
        "numbers; not resolved: no value in some of the cases",
    )


def test_one_bool_is_refused():
    """`all` of no rows is True: only cases one by one show that there are none."""
    with pytest.raises(TypeError, match="one-dimensional"):
        row(bool(pd.Series([], dtype=bool).all()))


def test_every():
    assert every([True, True], [True]) == [True]
    assert every([True, False], [True]) == [False]
    assert every([True], []) == []
    assert every([True, np.nan], [True]) == [None]
    assert every([True, np.nan], [False]) == [False]
    assert every(pd.Series([1.0, 2.0]) < 3) == [True]


def test_claims_of_empty_tables():
    @claim("about {name}", "published", "abstract")
    def test(frame, *, name):
        """Would raise without rows."""
        chosen = some(frame[frame.x > 1], "x above 1")
        return Finding(f"{name}: x below 3", f"{chosen.x.max():.1f}", every(chosen.x < 3))

    frame = pd.DataFrame({"x": [1.0, 2.0]})
    found = test(frame, name="it")
    assert list(found) == CLAIM_COLUMNS
    assert found["claim"] == "about it"
    assert (found["verdict"], found["result"]) == ("confirmed", "2.0")
    assert test(2 * frame, name="it")["verdict"] == "not confirmed"
    assert (test(frame[:0], name="it")["verdict"], test(frame[:0], name="it")["result"]) == (
        "not tested",
        "no rows",
    )
    assert test(frame[:1], name="it")["result"] == "no x above 1"


def test_sources_are_checked():
    assert len(SOURCES) == 8
    with pytest.raises(ValueError, match=r"source must be one of 'published', .*got 'abstract'"):
        compare("item", "abstract", 1.0, 1.0, 0.2)
    with pytest.raises(ValueError, match="source"):
        claim_row("words", "somewhere", Finding("", "", [True]))


def test_every_claim_says_in_which_world_it_fails():
    """And the tests of its stage change the numbers to such a world."""
    found = sorted(Path(replication.__file__).parent.glob("*/*claims.py"))
    assert len({path.parent for path in found}) == 7
    assert len(found) > 10
    for path in found:
        module = importlib.import_module(f"replication.{path.parent.name}.{path.stem}")
        tests = [
            function
            for function in vars(module).values()
            if getattr(function, "__module__", "") == module.__name__
            and inspect.get_annotations(getattr(function, "__wrapped__", function)).get("return") == "Finding"
        ]
        assert tests
        assert [f.__name__ for f in tests if "Fails" not in (f.__doc__ or "")] == [], path


def test_what_is_not_known_is_not_below():
    assert below([0.5, 2.0, math.nan], 1.0).tolist() == [True, False, None]
    tested = claim_row("words", "our question", Finding("test", "", every(below([0.5, math.nan], 1.0))))
    assert tested["verdict"] == "undecided"
    refuted = claim_row("words", "our question", Finding("test", "", every(below([2.0, math.nan], 1.0))))
    assert refuted["verdict"] == "not confirmed"


def test_missing_numbers_of_a_block_are_left_out():
    """Of 1.2, NaN, 1.3, NaN with errors .1 the mean difference is .25 +- .1/sqrt 2."""
    rows = numbers(
        "1",
        [
            compare("x", "published", 1.0, x, 0.5, block="b", uncertainty=0.1)
            for x in (1.2, math.nan, 1.3, math.nan)
        ],
    )
    (row,) = blocks(rows).itertuples()
    assert (row.numbers, row.above) == (2, 2)
    assert row.z == pytest.approx(0.25 / (0.1 / math.sqrt(2)))


def test_no_stage_has_no_statements():
    assert list(gather({})) == ["paper", "stage", *CLAIM_COLUMNS]
    assert len(gather({})) == 0
