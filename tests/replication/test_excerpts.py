"""Numbers that texts quote: every place has its words, and they are those of the tables."""

import re
from pathlib import Path

import pandas as pd
import pytest

from replication.excerpts import propagation_excerpts

ROOT = Path(__file__).parents[2]
LAYERS = pd.DataFrame(
    {
        "activation": activation, "theta": theta, "law": law, "width": width, "depth": depth,
        "ks": scale * depth / width, "ks_found": scale * depth / width, "ks_band": 0.0005,
        "ks_standardized": scale * depth / width / 2, "ks_standardized_found": scale * depth / width / 2,
        "ks_standardized_band": 0.0005,
    }
    for activation, theta, law, scale in (
        ("odd", 4.0, "weibull_4", 0.01), ("odd", 10.0, "weibull_10", 0.1),
        ("positive", 4.0, "weibull_4", 0.0013), ("normalized_tanh", None, "", 9.0), ("relu", None, "", 0.2),
    )
    for width in (3, 1000)
    for depth in (2, 6)
)  # fmt: skip


def test_words_of_distances():
    found = propagation_excerpts(LAYERS)
    assert found["distances_of_odd_pairs"] == ".2, .0006"
    assert (found["narrowest_odd_pair"], found["widest_odd_pair"]) == (".2", ".0006")
    assert found["largest_of_positive_pairs"] == ".0026"
    table = found["distances"].strip().splitlines()
    assert table[0] == "| activation | width 3 | width 1000 |"
    assert "| ReLU | .4 (.2) | .0012 (.0006) |" in table
    assert "| phi positive, theta 4 | .0026 (.0013) | - (-) |" in table
    assert len(table) == 6  # without controls


def test_every_place_has_its_words(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "workflow"))
    import insert

    words = propagation_excerpts(LAYERS)
    places = {name: (ROOT / name).read_text(encoding="utf-8") for name in insert.TEXTS}
    assert {name for text in places.values() for name in insert.names(text)} == set(words)
    for text in places.values():
        once = insert.inserted(text, words)
        assert insert.inserted(once, words) == once
        assert len(re.findall("<!-- ", once)) == 2 * len(insert.names(text)) == len(re.findall("<!-- ", text))
    with pytest.raises(KeyError, match="other"):
        insert.inserted("<!-- other --><!-- /other -->", words)
