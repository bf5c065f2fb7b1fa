"""Tables as CSV (full precision), Markdown, LaTeX and HTML (readable), and words. Reads results, computes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replication.labels import activation_name, column_head, law_name, weights_name

if TYPE_CHECKING:
    from pandas import DataFrame

# what values of these columns are called
_NAMES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("activation", "first", "second"), activation_name),
    **dict.fromkeys(("law", "weights", "first_law", "second_law"), lambda law: weights_name(law_name(law))),
}
_INTEGER = 1e9  # whole numbers below are written with all their digits
_LONG = 60  # letters that are not folded
_CLAIM_HEADS = {"number": "number (limit)", "reference": "where", "result": "details"}
# whole pages without anything from elsewhere, so that they open offline and inside a report
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 1.5em; color: #222; background: white; }}
table {{ border-collapse: collapse; font-size: 14px; }}
th, td {{ padding: .25em .7em; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd; }}
th {{ position: sticky; top: 0; background: #f2f2f2; }}
td.long {{ min-width: 16em; }}
tr:hover td {{ background: #fafae6; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


def read_table(path: str | Path) -> DataFrame:
    """A table that was saved as CSV; the name of a weight law is empty where there is none, as in saved rows."""
    import pandas as pd

    frame = pd.read_csv(path)
    laws = [column for column in frame if column.endswith("law")]
    return frame.assign(**{column: frame[column].astype(object).fillna("") for column in laws})


def write_table(
    frame: DataFrame,
    paths: Sequence[str | Path],
    formats: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    folded: Sequence[str] = (),
) -> None:
    """Write `frame` once per path; the ending of a path (.csv, .md, .tex, .html) says how. ValueError for another one.

    For all but CSV `formats` gives format specifications by column, e.g. {"ks": ".4f"} (else three digits), and
    `headers` headings (else `labels.column_head`); activations and laws are called by their names.
    Missing values are left empty. In Markdown and HTML long texts of the columns `folded` show their beginning, the
    whole on demand.
    """
    from tabulate import tabulate

    formats, headers = formats or {}, headers or {}

    def readable(style: str) -> str:
        def shown(text: str, fold: bool = False) -> str:
            text = escape(text, quote=False) if style == "unsafehtml" else text
            text = _folded(text) if fold and style != "latex_booktabs" else text
            return text.replace("|", r"\|") if style == "github" else text

        columns = [
            [shown(_text(value, formats.get(name, ""), name), name in folded) for value in frame[name]]
            for name in map(str, frame)
        ]
        return tabulate(
            list(zip(*columns, strict=True)),
            headers=[shown(headers.get(name) or column_head(name)) for name in map(str, frame)],
            tablefmt=style,
            disable_numparse=True,
        )

    for path in map(Path, paths):
        match path.suffix:
            case ".csv":
                text = frame.to_csv(index=False, lineterminator="\n")
            case ".md":
                text = readable("github") + "\n"
            case ".tex":
                text = readable("latex_booktabs") + "\n"
            case ".html":
                text = _page(path, re.sub(r"<td>(?=[^<]{30})", '<td class="long">', readable("unsafehtml")))
            case other:
                raise ValueError(f"tables are written as .csv, .md, .tex or .html, got {other!r}")
        _write(path, text)


def write_claims(claims: DataFrame, paths: Sequence[str | Path]) -> None:
    """Write rows of `verdicts.claim_row`: the verdict and the number that decides beside the claim, the rest folded."""
    first = [name for name in ("paper", "stage", "claim", "verdict", "number", "source") if name in claims]
    order = [*first, *(name for name in claims if name not in first)]
    write_table(claims[order], paths, headers=_CLAIM_HEADS, folded=("test", "result"))


def claims_markdown(claims: DataFrame) -> str:
    """Markdown table of rows of `verdicts.claim_row`, the verdict second, without a line end at its end."""
    columns = ["claim", "verdict", "number", "source", "test", "result"]
    folded = {name: claims[name].fillna("").map(_folded) for name in ("test", "result")}
    rows = claims.assign(verdict="**" + claims.verdict + "**", **folded)[columns]
    return markdown_table(
        [_CLAIM_HEADS.get(name, name) for name in columns], rows.itertuples(index=False), left=len(columns)
    )


def _folded(text: str) -> str:
    """Long words behind their beginning, which opens them."""
    if len(text) <= _LONG:
        return text
    head = text[: text.rfind(" ", 0, _LONG)]
    return f"<details><summary>{head} ...</summary>{text}</details>"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Markdown table of texts, the first `left` columns aligned to the left, without a line end at its end."""
    lines = [" | ".join(heads), " | ".join(["---"] * left + ["---:"] * (len(heads) - left))]
    lines += [" | ".join(text.replace("|", r"\|") for text in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def write_words(text: str, paths: Sequence[str | Path]) -> None:
    """Write Markdown once per path, as it is (.md) or as a page of its own (.html). ValueError for another ending."""
    from markdown_it import MarkdownIt

    for path in map(Path, paths):
        match path.suffix:
            case ".md":
                _write(path, text)
            case ".html":
                _write(path, _page(path, MarkdownIt("commonmark").enable("table").render(text)))
            case other:
                raise ValueError(f"words are written as .md or .html, got {other!r}")


def _page(path: Path, body: str) -> str:
    return _PAGE.format(title=path.stem.replace("_", " "), body=body)


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _text(value: Any, spec: str, column: str) -> str:
    import pandas as pd

    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if pd.isna(value):
        return ""
    if isinstance(value, str):
        return _NAMES[column](value) if column in _NAMES and value else value
    if isinstance(value, float) and not spec:
        spec = ".0f" if value.is_integer() and abs(value) < _INTEGER else ".3g"
    return format(value, spec)
