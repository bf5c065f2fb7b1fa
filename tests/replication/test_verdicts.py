"""One vocabulary: the verdict follows from the cases, and nothing follows from no case."""

import numpy as np
import pandas as pd
import pytest

from replication.verdicts import (
    CLAIM_COLUMNS,
    SOURCES,
    Finding,
    NothingToTestError,
    claim,
    claim_row,
    compare,
    count_verdicts,
    decided,
    every,
    numbers,
    some,
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
        assert number(ours, half_width=half_width) == "not tested"
        assert number(2 - ours, half_width=half_width) == "not tested"
        assert number(ours, half_width=half_width, by_design=True) == "not tested"
    assert number(1.31, half_width=0.1) == number(0.69, half_width=0.1) == "fails"
    assert number(1.31, half_width=0.1, by_design=True) == "differs by design"
    assert number(np.nan, half_width=0.1) == "fails"
    assert [number(x, half_width=0.1, at_most=True) for x in (-5.0, 1.15, 1.31)] == [
        "agrees",
        "not tested",
        "fails",
    ]


@pytest.mark.parametrize(
    ("holds", "fails", "verdict"),
    [
        ([True, True], [False, False], "confirmed"),
        ([True, False], [False, False], "not tested"),
        ([False, False], False, "not tested"),
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
    assert said == (verdict == "not tested" and unclear > 0)


def test_counts_by_paper_and_source():
    rows = pd.concat(
        [
            numbers("2", [compare("a", "derived here", 1.0, x, 0.2) for x in (1.0, 1.1, 2.0)]),
            numbers(
                "1", [compare("b", "published", 1.0, 1.0, 0.2), compare("c", "authors' data", 1.0, 3.0, 0.2)]
            ),
        ]
    )
    counts = count_verdicts(rows).set_index(["paper", "source"])
    assert list(counts.index) == [("2", "derived here"), ("1", "published"), ("1", "authors' data")]
    assert counts.agrees.tolist() == [2, 1, 0]
    assert counts.fails.tolist() == [1, 0, 1]
    assert counts.title.str.len().min() > 20


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
    counted = f"in {sum(cases)} of {len(cases)}; numbers" if len(cases) > 1 else "numbers"
    assert row(cases)["result"] == counted
    unresolved = row(cases, "too few")
    assert unresolved["verdict"] == "not tested"
    assert unresolved["result"].endswith("not resolved: too few")


def test_a_case_without_a_value_confirms_nothing():
    """bool(NaN) is True."""
    tested = row([1.0, np.nan])
    assert (tested["verdict"], tested["result"]) == (
        "not tested",
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
    with pytest.raises(NothingToTestError):
        every([True, np.nan])
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
    assert len(SOURCES) == 6
    with pytest.raises(ValueError, match=r"source must be one of 'published', .*got 'abstract'"):
        compare("item", "abstract", 1.0, 1.0, 0.2)
    with pytest.raises(ValueError, match="source"):
        claim_row("words", "somewhere", Finding("", "", [True]))
