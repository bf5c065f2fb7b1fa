"""Numbers of a run that README, DEVIATIONS and docs quote: what stands between <!-- = query --> and <!-- /= -->.

========================================  ====================================================================
query                                     words
========================================  ====================================================================
table column=value ... column [format]    that column of the rows of tables/<scale>/<table>.csv in which the
                                          columns have these values, in their order, with commas
table column=value ... count              how many rows these are
table column=value ... most:column        the largest of these values; likewise least:column, mean:column
claim words                               verdict and source of the statement that contains the words
distances                                 `distances`: a table
verdicts                                  `verdict_lines`: what `make` says at its end
open_claims                               `open_claims`: statements that are not confirmed
mnist_settings                            `settings_by_accuracy` of mnist/training_cells
gains                                     `gains.gains`, of no table
========================================  ====================================================================

A table that is called folder/table is kept in data/reference/measured: runs of another kind, and speeds. column!=value
takes the other rows, column~=value those whose text contains it. A value with spaces stands in quotation marks, an
empty one is column="". Numbers are written without a leading 0.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from replication.distances import STATISTICS, told
from replication.gains import gains
from replication.labels import PAPERS, activation_name
from replication.propagation.analysis import CELL
from replication.tables import markdown_table, read_table
from replication.training.analysis import SETTING

if TYPE_CHECKING:
    from pandas import DataFrame

_REDUCED: dict[str, Callable[[Any], float]] = {"most": max, "least": min, "mean": np.mean}
_PLACE = re.compile(r"(<!-- = (.+?) -->).*?(<!-- /= -->)", re.DOTALL)


def queries(text: str) -> list[str]:
    """Of the places in a text, in their order."""
    return [match[2] for match in _PLACE.finditer(text)]


def inserted(text: str, tables: Path) -> str:
    """The text with the words of its queries; `tables` is the folder of the tables, docs/tables of a checkout."""
    return _PLACE.sub(lambda match: match[1] + excerpt(match[2], tables) + match[3], text)


def tables_of(text: str) -> set[str]:
    """Names of the tables that a text quotes, but for those that are kept elsewhere."""
    found = set()
    for query in queries(text):
        name = shlex.split(query)[0]
        found.add({"claim": "verdicts_claims"}.get(name) or (_WHOLE[name][0] if name in _WHOLE else name))
    return {name for name in found if "/" not in name and name != "gains"}


def _read(name: str, tables: Path) -> DataFrame:
    folder = tables.parents[1] / "data/reference/measured" if "/" in name else tables
    frame = read_table(folder / f"{name}.csv")
    texts = list(frame.select_dtypes(exclude="number"))
    return frame.assign(**frame[texts].astype(object).fillna(""))


def excerpt(query: str, tables: Path) -> str:
    """Words of a query.

    Raises
    ------
    ValueError
        For a query that no row, or no column, answers.
    """
    name, *words = shlex.split(query)
    if name == "gains":
        return gains()
    if name == "claim":
        return _verdict(words[0], _read("verdicts_claims", tables))
    if name in _WHOLE:
        table, told_by = _WHOLE[name]
        return told_by(_read(table, tables))
    rows = _read(name, tables)
    asked = [word for word in words if "=" not in word]
    reduced, _, of = asked[0].rpartition(":") if asked else ("", "", "")
    if len(asked) not in (1, 2) or of not in [*rows, "count"] or reduced not in ("", *_REDUCED):
        raise ValueError(f"{query}: say a column of {name} and perhaps a format; it has {', '.join(rows)}")
    for condition in (word for word in words if "=" in word):
        key, _, value = condition.partition("=")
        how, key = (key[-1], key[:-1]) if key[-1] in "!~" else ("", key)
        if key not in rows:
            raise ValueError(f"{query}: {name} has no column {key!r}; it has {', '.join(rows)}")
        matches = rows[key].map(partial(_contains if how == "~" else _same, value))
        rows = rows[matches != (how == "!")]
    if of not in rows:
        return str(len(rows))
    if not len(rows):
        raise ValueError(f"{query}: no row of {name}")
    values = rows[of]
    if reduced:
        values = pd.Series([_REDUCED[reduced](values)])
    return ", ".join(_text(value, "".join(asked[1:])) for value in values)


def _verdict(words: str, claims: DataFrame) -> str:
    found = claims[claims.claim.str.contains(words, regex=False)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} statements contain {words!r}; say more of the one that is meant")
    return "{} ({})".format(*found.iloc[0][["verdict", "source"]])


def _contains(value: str, have: object) -> bool:
    return value in str(have)


def _same(value: str, have: object) -> bool:
    try:
        return float(str(have)) == float(value)
    except ValueError:
        return str(have) == value


def _text(value: object, form: str) -> str:
    return re.sub(r"(?<![\d.])0\.(?=\d)", ".", format(value, form))


def distances(table: DataFrame) -> str:
    """Distances from Gaussian by width at the largest depth, a dash where they are not told from 0.

    From N(0, v), and from the normal law of the same variance in brackets.
    """
    texts = {name: table[name].map(_short).where(told(table, name), "-") for name in STATISTICS}
    shown = table.assign(**texts)
    last = shown[shown.depth == shown.depth.max()]
    widths, lines = sorted(set(last.width)), []
    for key, rows in last.groupby(CELL, dropna=False):
        at = {row.width: f"{row.ks} ({row.ks_standardized})" for row in rows.itertuples()}
        lines.append([activation_name(*key), *(at.get(width, "") for width in widths)])
    heads = ["activation", *(f"width {width}" for width in widths)]
    return f"\n\n{markdown_table(heads, lines)}\n\n"


def _short(distance: float) -> str:
    """Two digits, and no more than four decimals."""
    if distance < 1e-4:
        return "< .0001"
    return f"{float(f'{distance:.2g}'):.4f}".rstrip("0").removeprefix("0")


def verdict_lines(counts: DataFrame) -> str:
    """Table of verdicts: a row per paper and kind, with the sources of what was compared."""
    lines = []
    for (paper, kind), rows in counts.groupby(["paper", "kind"], sort=False):
        sources = [
            f"{source}: " + ", ".join(f"{row['count']} {row.verdict}" for _, row in part.iterrows())
            for source, part in rows.groupby("source", sort=False)
        ]
        lines.append([f"{paper}, {PAPERS[str(paper)]}", f"{kind}s", "; ".join(sources)])
    failing = counts["count"][counts.verdict == "fails"].sum()
    words = f"{failing} of the numbers fail." if failing else "No number fails."
    return f"\n\n{markdown_table(['paper', 'what', 'verdicts by source'], lines, left=3)}\n\n{words}\n\n"


def open_claims(claims: DataFrame) -> str:
    """List of the published statements that are not confirmed."""
    mine = claims[(claims.verdict != "confirmed") & (claims.source == "published")]
    return (
        "\n\n"
        + "\n".join(f"* {row.claim}: *{row.verdict}*, {row.number}" for row in mine.itertuples())
        + "\n\n"
    )


def settings_by_accuracy(cells: DataFrame) -> str:
    """Table of training by setting, the best first: means over architectures, each at its chosen rate."""
    lines = []
    for key, rows in cells.groupby(SETTING, dropna=False):
        deep = rows[rows.depth == cells.depth.max()]
        name = activation_name(**dict(zip(SETTING, key, strict=True)))
        lines.append((rows.accuracy.mean(), name, rows.trains.mean(), deep.accuracy.mean()))
    shown = [
        [name, f"{trains:.0%}", _text(accuracy, ".3f"), _text(deep, ".3f")]
        for accuracy, name, trains, deep in sorted(lines, key=lambda line: -line[0])
    ]
    heads = ["setting", "runs that train", "test accuracy", f"at depth {cells.depth.max()}"]
    return f"\n\n{markdown_table(heads, shown)}\n\n"


_WHOLE: dict[str, tuple[str, Callable[[DataFrame], str]]] = {
    "distances": ("propagation_distances", distances),
    "verdicts": ("verdicts_counts", verdict_lines),
    "open_claims": ("verdicts_claims", open_claims),
    "mnist_settings": ("mnist/training_cells", settings_by_accuracy),
}
