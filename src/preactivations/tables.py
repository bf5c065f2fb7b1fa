"""Tables as CSV (full precision), Markdown and LaTeX (readable). Reads results, computes nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["write_table"]


def write_table(
    frame: DataFrame,
    paths: Sequence[str | Path],
    formats: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> None:
    """Write `frame` once per path; the ending of a path (.csv, .md, .tex) says how.

    Parameters
    ----------
    frame : DataFrame
    paths : sequence of path
    formats : dict, optional
        Column -> format specification for Markdown and LaTeX, e.g. {"ks": ".4f"}. Missing values are left empty.
    headers : dict, optional
        Column -> heading for Markdown and LaTeX.

    Raises
    ------
    ValueError
        For another ending.
    """
    from tabulate import tabulate

    formats, headers = formats or {}, headers or {}

    def readable(style: str) -> str:
        def shown(text: str) -> str:
            return text.replace("|", r"\|") if style == "github" else text

        columns = [
            [shown(_text(value, formats.get(str(name), ""))) for value in frame[name]] for name in frame
        ]
        return tabulate(
            list(zip(*columns, strict=True)),
            headers=[shown(headers.get(str(name), str(name))) for name in frame],
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
            case other:
                raise ValueError(f"tables are written as .csv, .md or .tex, got {other!r}")
        beside = path.with_name(f".{os.getpid()}.{path.name}")
        beside.write_text(text)
        beside.replace(path)


def _text(value: Any, spec: str) -> str:
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if value is None or value != value:  # NaN
        return ""
    return format(value, spec)
