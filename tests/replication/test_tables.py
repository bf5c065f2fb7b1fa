"""Tables keep full precision in CSV and are readable elsewhere."""

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from replication.tables import write_claims, write_table, write_words

FRAME = pd.DataFrame({"law": ["a", "b"], "ks": [1 / 3, math.nan], "ok": [True, False], "n": [1, 20]})


def test_round_trip_and_formats(tmp_path):
    paths = [tmp_path / f"t.{ending}" for ending in ("csv", "md", "tex")]
    write_table(FRAME, paths, {"ks": ".3f"}, {"ks": "KS"})
    pd.testing.assert_frame_equal(pd.read_csv(paths[0]), FRAME)
    lines = paths[1].read_text().splitlines()
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == ["law", "KS", "ok", "n"]
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == ["a", "0.333", "yes", "1"]
    assert [cell.strip() for cell in lines[3].strip("|").split("|")] == ["b", "", "no", "20"]
    assert r"\toprule" in paths[2].read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.md", "t.tex"]


def test_what_no_format_is_given_for_is_readable_too(tmp_path):
    """Three digits, names instead of keys; the CSV keeps both."""
    frame = pd.DataFrame(
        {"activation": ["normalized_gelu", "odd"], "law": ["iid_student_4", "weibull_4"]}
        | {"accuracy_low": [0.123456, 1234567.8], "n_networks": [20_000.0, 3.0], "p_holm": [1e-9, 0.5]}
    )
    write_table(frame, [tmp_path / "t.md", tmp_path / "t.csv"])
    head, _, *lines = (tmp_path / "t.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in (head, *lines)]
    assert rows[0] == ["activation", "law", "test accuracy, low", "networks", "p (Holm)"]
    assert rows[1] == ["GELU, normalized", "Student t4", "0.123", "20000", "1e-09"]
    assert rows[2] == ["phi odd", "theta 4", "1.23e+06", "3", "0.5"]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), frame)


def test_bars_do_not_end_a_cell(tmp_path):
    frame = pd.DataFrame({"claim": ["largest |s - 1|"], "value": [0]})
    write_table(frame, [tmp_path / "t.md", tmp_path / "t.tex"], headers={"value": "|v|"})
    header, _, line = (tmp_path / "t.md").read_text().splitlines()
    assert r"largest \|s - 1\|" in line
    assert r"\|v\|" in header
    assert r"\|" not in (tmp_path / "t.tex").read_text()


def test_unknown_ending(tmp_path):
    with pytest.raises(ValueError, match=r"\.csv, \.md, \.tex or \.html, got '\.xlsx'"):
        write_table(FRAME, [tmp_path / "t.xlsx"])
    with pytest.raises(ValueError, match=r"\.md or \.html, got '\.txt'"):
        write_words("text", [tmp_path / "t.txt"])
    assert list(tmp_path.iterdir()) == []


def cells(page):
    """Texts of the cells of a page, row by row."""
    return [
        [(cell.text or "").strip() for cell in row if cell.tag in ("td", "th")]
        for row in ElementTree.fromstring(re.search("<table>.*</table>", page, re.DOTALL).group(0)).iter("tr")
    ]


def test_pages_hold_the_readable_table_and_nothing_from_elsewhere(tmp_path):
    frame = FRAME.assign(law=["a < b & c", "|d|"])
    write_table(frame, [tmp_path / "the_law.html"], {"ks": ".3f"}, {"ks": "KS"})
    page = (tmp_path / "the_law.html").read_text()
    assert cells(page) == [
        ["law", "KS", "ok", "n"], ["a < b & c", "0.333", "yes", "1"], ["|d|", "", "no", "20"]
    ]  # fmt: skip
    assert "<title>the law</title>" in page
    assert "http" not in page
    assert "<script" not in page


def test_words_as_page(tmp_path):
    text = "## From where?\n\n* a **bold** word\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    write_words(text, [tmp_path / "w.md", tmp_path / "w.html"])
    assert (tmp_path / "w.md").read_text() == text
    page = (tmp_path / "w.html").read_text()
    assert "<h2>From where?</h2>" in page
    assert "<li>a <strong>bold</strong> word</li>" in page
    assert cells(re.sub("</?t(head|body)>", "", page)) == [["a", "b"], ["1", "2"]]


def test_a_table_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(path, text, encoding):
        path.write_bytes(text[:10].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_table(pd.DataFrame({"a": [1.0]}), [tmp_path / "a.csv"])
    assert list(tmp_path.iterdir()) == []


def test_long_results_are_folded_where_readers_look(tmp_path):
    long = "listed: " + "a | <b> " * 20
    rows = pd.DataFrame(
        {
            "claim": ["x", "y"],
            "number": "2",
            "test": "t",
            "result": [long, "short"],
            "verdict": "in part",
        }
    )
    names = [tmp_path / f"claims.{ending}" for ending in ("csv", "md", "html", "tex")]
    write_claims(rows, names)
    csv, md, html, tex = (name.read_text() for name in names)
    assert pd.read_csv(names[0]).result.tolist() == rows.result.tolist()
    assert list(pd.read_csv(names[0])) == ["claim", "verdict", "number", "test", "result"]
    assert "<summary>listed: a \\| <b> a" in md
    assert "<summary>listed: a | &lt;b&gt; a" in html
    assert "number (limit)" in md
    assert "details" not in tex.replace("& details", "") + csv
    assert md.count("<details>") == html.count("<details>") == 1
