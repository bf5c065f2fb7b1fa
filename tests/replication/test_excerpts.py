"""Numbers in texts are those of the shipped tables, and queries for what is not there are refused."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from replication.excerpts import (
    distances,
    excerpt,
    inserted,
    open_claims,
    queries,
    settings_by_accuracy,
    tables_of,
    verdict_lines,
)
from replication.verdicts import compare, count_verdicts, gather, numbers

ROOT = Path(__file__).parents[2]
TEXTS = [
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/theory").glob("*.md"))
    if queries(path.read_text("utf-8"))
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.name)
def test_texts_quote_the_shipped_tables(text):
    """Written by `make numbers`: writing them again changes nothing."""
    words = text.read_text("utf-8")
    assert inserted(words, ROOT / "docs/tables") == words
    assert len(re.findall("<!-- = ", words)) == len(re.findall("<!-- /= ", words)) == len(queries(words))


def test_texts_and_tables_that_are_shipped_are_listed(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "workflow"))
    import insert

    assert {ROOT / name for name in insert.TEXTS} == set(TEXTS)
    quoted = insert.ALWAYS.union(*(tables_of(text.read_text("utf-8")) for text in TEXTS))
    shipped = list((ROOT / "docs/tables").glob("*"))
    assert {path.stem for path in shipped} == quoted
    assert all(path.stat().st_size < 300_000 for path in shipped)


@pytest.fixture
def tables(tmp_path):
    frame = pd.DataFrame(
        {"scheme": ["he", "he", "two words"], "law": ["", "weibull_4", ""], "depth": [10, 60, 60]}
        | {"accuracy": [0.9, 0.236, -0.0449], "runs": [3, 3, 12], "note": "-0.05 (limit 10.05)"}
    )
    frame.to_csv(tmp_path / "training.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("training scheme=he depth=60 accuracy .2f", ".24"),
        ("training scheme=he depth=60.0 accuracy .0%", "24%"),
        ('training scheme="two words" accuracy +.2f', "-.04"),
        ("training scheme=he accuracy +.2f", "+.90, +.24"),
        ('training scheme=he law="" accuracy .1f', ".9"),
        ("training depth=60 count", "2"),
        ("training depth!=60 count", "1"),
        ("training scheme~=words runs", "12"),
        ("training depth=7 count", "0"),
        ("training most:accuracy .1f", ".9"),
        ("training depth=60 least:accuracy .3f", "-.045"),
        ("training mean:runs .1f", "6.0"),
        ("training depth=10 note", "-.05 (limit 10.05)"),
        ("training scheme=he depth=10 runs", "3"),
    ],
)
def test_words_of_queries(tables, query, words):
    assert excerpt(query, tables) == words
    text = f"a <!-- = {query} -->old<!-- /= --> b"
    assert inserted(text, tables) == f"a <!-- = {query} -->{words}<!-- /= --> b"
    assert tables_of(text) == {"training"}


def test_tables_of_other_runs_are_read_where_they_are_kept(tmp_path):
    kept = tmp_path / "data/reference/measured/speed"
    kept.mkdir(parents=True)
    (tmp_path / "docs/tables").mkdir(parents=True)
    pd.DataFrame({"title": ["a", "b"], "value": [1.26, 3.0]}).to_csv(kept / "engine.csv", index=False)
    text = "<!-- = speed/engine title=a value .1f --><!-- /= -->"
    assert inserted(text, tmp_path / "docs/tables") == text.replace("--><", "-->1.3<", 1)
    assert tables_of(text) == set()


def test_empty_cells_are_found(tmp_path):
    """An empty cell of a table is an empty text."""
    pd.DataFrame({"block": ["b", "", ""], "theta": [4.0, math.nan, 2.05], "n": [1, 2, 3]}).to_csv(
        tmp_path / "t.csv", index=False
    )
    assert excerpt('t block="" n', tmp_path) == "2, 3"
    assert excerpt('t block!="" n', tmp_path) == "1"
    assert excerpt("t theta~=2.0 n", tmp_path) == "3"


def test_the_verdict_of_a_statement(tmp_path):
    claims = {"claim": ["all a are b", "no a is b"], "verdict": ["confirmed", "in part"]}
    pd.DataFrame(claims | {"source": "published"}).to_csv(tmp_path / "verdicts_claims.csv", index=False)
    assert excerpt('claim "all a"', tmp_path) == "confirmed (published)"
    assert tables_of('<!-- = claim "all a" --><!-- /= -->') == {"verdicts_claims"}
    for words in ("b", "c"):
        with pytest.raises(ValueError, match=f"statements contain '{words}'"):
            excerpt(f"claim {words}", tmp_path)


def test_settings_are_sorted_by_accuracy():
    keys = {"activation": ["tanh", "tanh", "odd", "odd"], "law": ["", "", "weibull_4", "weibull_4"]}
    keys |= {"theta": [math.nan, math.nan, 4.0, 4.0], "depth": [10, 30, 10, 30]}
    cells = pd.DataFrame(keys | {"accuracy": [0.8, 0.5, 0.9, 0.8], "trains": [1.0, 0.5, 1.0, 1.0]})
    assert settings_by_accuracy(cells).split("\n")[4:6] == [
        "| phi odd, theta 4 | 100% | .850 | .800 |",
        "| tanh | 75% | .650 | .500 |",
    ]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("training depth=7 accuracy", "no row of training"),
        ("training width=7 accuracy", "training has no column 'width'; it has scheme, law, depth"),
        ("training depth=60 accuracies", "say a column of training and perhaps a format"),
        ("training depth=60", "say a column"),
        ("training depth=60 median:accuracy", "say a column"),
        ("training depth=60 accuracy .2f more", "say a column"),
    ],
)
def test_what_no_row_answers_is_refused(tables, query, says):
    with pytest.raises(ValueError, match=says):
        excerpt(query, tables)


DISTANCES = pd.DataFrame(
    {
        "activation": activation, "theta": theta, "law": law, "width": width, "depth": depth,
        "ks": scale * depth / width, "ks_found": scale * depth / width, "ks_band": 0.0005,
        "ks_standardized": scale * depth / width / 2, "ks_standardized_found": scale * depth / width / 2,
        "ks_standardized_band": 0.0005,
    }
    for activation, theta, law, scale in (
        ("odd", 4.0, "weibull_4", 0.01), ("positive", 4.0, "weibull_4", 0.0013), ("relu", None, "", 0.2),
    )
    for width in (3, 1000)
    for depth in (2, 6)
)  # fmt: skip


def test_table_of_distances():
    table = distances(DISTANCES).strip().splitlines()
    assert table[0] == "| activation | width 3 | width 1000 |"
    assert "| ReLU | .4 (.2) | .0012 (.0006) |" in table
    assert "| phi positive, theta 4 | .0026 (.0013) | - (-) |" in table
    assert len(table) == 5


def test_verdicts_in_words():
    told = [("published", "in part"), ("published", "confirmed"), ("derived here", "not confirmed")]
    claims = gather(
        {
            "kernels": pd.DataFrame(
                {
                    "claim": f"claim {k}",
                    "source": source,
                    "reference": "",
                    "test": "",
                    "number": "2 of 3",
                    "result": "",
                    "verdict": v,
                }
                for k, (source, v) in enumerate(told)
            )
        }
    )
    counts = count_verdicts(numbers("3", [compare("x", "published", 1.0, 1.0, 0.1)]), claims)
    words = verdict_lines(counts)
    assert (
        "in Rectified MLPs | statements | published: 1 in part, 1 confirmed; derived here: 1 not confirmed |"
        in words
    )
    assert "in Rectified MLPs | numbers | published: 1 agrees |" in words
    assert open_claims(claims).strip() == "* claim 0: *in part*, 2 of 3"
