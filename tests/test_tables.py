"""Tables keep full precision in CSV and are readable elsewhere."""

import math

import pandas as pd
import pytest

from preactivations.tables import write_table

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


def test_bars_do_not_end_a_cell(tmp_path):
    frame = pd.DataFrame({"claim": ["largest |s - 1|"], "value": [0]})
    write_table(frame, [tmp_path / "t.md", tmp_path / "t.tex"], headers={"value": "|v|"})
    header, _, line = (tmp_path / "t.md").read_text().splitlines()
    assert r"largest \|s - 1\|" in line
    assert r"\|v\|" in header
    assert r"\|" not in (tmp_path / "t.tex").read_text()


def test_unknown_ending(tmp_path):
    with pytest.raises(ValueError, match=r"\.csv, \.md or \.tex, got '\.xlsx'"):
        write_table(FRAME, [tmp_path / "t.xlsx"])
