"""Verdicts: numbers against targets, statements against the cases in which they were tested.

==========================  ==========================================================================
verdict on a number         |ours - target| is
==========================  ==========================================================================
agrees                      within the tolerance
differs by design           outside, because the target contains an approximation that ours does not
                            make, and that reproduces the target when we make it too
fails                       outside, or not a number
not tested                  not resolved: the confidence interval of ours is partly within, partly
                            outside
==========================  ==========================================================================

==========================  ==========================================================================
verdict on a statement      it holds
==========================  ==========================================================================
confirmed                   in every case
in part                     in some cases
not confirmed               in none
not tested                  unknown: there was no case, or the estimate cannot tell (the result says why)
==========================  ==========================================================================

==========================  ==========================================================================
source                      where the number or the statement comes from
==========================  ==========================================================================
published                   printed in a paper: in text, a table or a figure
authors' data               computed from objects that the authors released
authors' program            read in, or computed with, a program that the authors released
derived here                a result of this project
independent derivation      a result of others than the authors, by another route
our question                nobody's result: what we asked
==========================  ==========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sized
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, TypeVar, get_args

import numpy as np
import pandas as pd

from replication.labels import PAPERS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame

Source = Literal[
    "published", "authors' data", "authors' program", "derived here", "independent derivation", "our question"
]
SOURCES: tuple[Source, ...] = get_args(Source)
NUMBER_VERDICTS = ["agrees", "differs by design", "fails", "not tested"]
NUMBER_COLUMNS = [
    "paper", "item", "target", "source", "ours", "uncertainty", "tolerance", "verdict", "note",
]  # fmt: skip
CLAIM_COLUMNS = ["claim", "source", "reference", "test", "result", "verdict"]

P = ParamSpec("P")
T = TypeVar("T", bound=Sized)


def compare(
    item: str,
    source: Source,
    target: float,
    ours: float,
    tolerance: float,
    *,
    uncertainty: float = math.nan,
    half_width: float = 0.0,
    at_most: bool = False,
    by_design: bool = False,
    note: str = "",
) -> dict[str, Any]:
    """Row of a number, with the keys of `NUMBER_COLUMNS` without paper.

    Parameters
    ----------
    item : str
        What the number is.
    source : str
        Of the target, see the table of the module.
    uncertainty : float
        Standard error of ours, to be shown.
    half_width : float
        Of a confidence interval of ours: all of it must be within the tolerance to agree, and outside to fail.
    at_most : bool
        Whether a smaller number than the target agrees at any distance.
    by_design : bool
        Whether a number outside the tolerance is explained.
    """
    off = ours - target if at_most else abs(ours - target)
    within, outside = resolved(off, half_width, tolerance)
    if within:
        verdict = "agrees"
    elif not (outside or math.isnan(off)):
        verdict = "not tested"
    else:
        verdict = "differs by design" if by_design and not math.isnan(off) else "fails"
    row = (item, target, _checked(source), ours, uncertainty, tolerance, verdict, note)
    return dict(zip(NUMBER_COLUMNS[1:], row, strict=True))


def resolved(
    off: ArrayLike, half_width: ArrayLike, tolerance: ArrayLike
) -> tuple[NDArray[Any], NDArray[Any]]:
    """(within, outside): whether all of an interval about a distance is within a tolerance, or all of it outside.

    Where neither holds the estimate is too uncertain to tell. Arrays of one shape, or numbers.
    """
    at, half, limit = (np.asarray(value, dtype=np.float64) for value in (off, half_width, tolerance))
    return at + half <= limit, at - half > limit


def stated(
    values: DataFrame, constants: dict[str, tuple[str, float, float]], source: Source = "derived here"
) -> list[dict[str, Any]]:
    """Rows of constants that are known to some digits. `values` has name and value.

    `constants` has by name: item, value, half a unit of its last digit.
    """
    ours = values.set_index("name").value
    note = "half a unit of the last digit; computed, no samples"
    return [
        compare(item, source, target, float(ours[name]), half, note=note)
        for name, (item, target, half) in constants.items()
    ]


def numbers(paper: str, rows: list[dict[str, Any]]) -> DataFrame:
    """Rows of `compare` for a paper, a key of `labels.PAPERS`."""
    return pd.DataFrame(rows).assign(paper=paper).reindex(columns=NUMBER_COLUMNS)


def count_verdicts(rows: DataFrame) -> DataFrame:
    """How many numbers of each paper and source have each verdict; papers and sources in the order of `rows`."""
    keys = ["paper", "source"]
    counts = pd.crosstab([rows[key] for key in keys], rows.verdict).reindex(
        columns=NUMBER_VERDICTS, fill_value=0
    )
    counts = counts.loc[list(rows[keys].drop_duplicates().itertuples(index=False, name=None))]
    counts = counts.rename_axis(columns=None).reset_index()
    counts.insert(1, "title", counts.paper.map(PAPERS))
    return counts


class Finding(NamedTuple):
    """What the test of a statement says.

    Attributes
    ----------
    test : str
        What was tested, at which level or limit.
    result : str
        The numbers.
    cases : array of bool, one-dimensional
        Whether the statement holds, by case.
    unresolved : str
        Why the cases cannot tell; empty if they can.
    """

    test: str
    result: str
    cases: ArrayLike
    unresolved: str = ""


class NothingToTestError(Exception):
    """There are no rows, or no values, that a statement is about."""


def some(rows: T, what: str) -> T:
    """`rows`, of any type with a length, if there are any; else the statement under test is "not tested"."""
    if not len(rows):
        raise NothingToTestError(f"no {what}")
    return rows


def every(*cases: ArrayLike) -> list[bool]:
    """One case: whether all cases of all arrays hold. No case if one of the arrays is empty."""
    arrays = [_one_dimensional(array) for array in cases]
    return [] if any(not array.size for array in arrays) else [all(bool(array.all()) for array in arrays)]


def decided(holds: ArrayLike, fails: ArrayLike, what: str) -> tuple[list[bool], str]:
    """`cases` and `unresolved` of a `Finding` from estimates, of which each shows one, the other, or cannot tell.

    Not resolved if some of them (called `what`) cannot tell and none fails; what fails decides whatever the others say.
    """
    shown, refuted = (_one_dimensional(cases) for cases in np.broadcast_arrays(holds, fails))
    unclear = int((~shown & ~refuted).sum())
    reason = f"{unclear} of {shown.size} {what} are too uncertain to tell"
    return shown.tolist(), reason if unclear and not refuted.any() else ""


def claim(
    words: str, source: Source, reference: str = ""
) -> Callable[[Callable[P, Finding]], Callable[P, dict[str, str]]]:
    """Decorator: the row of a statement from the function that tests it.

    Keyword arguments of the function are filled into `words`; `source` is one of the module's table, `reference` the
    paper, or what of it. The row is "not tested" without a call if one of the arguments is a table without rows.
    """

    def decorate(test: Callable[P, Finding]) -> Callable[P, dict[str, str]]:
        @wraps(test)
        def row(*args: P.args, **kwargs: P.kwargs) -> dict[str, str]:
            try:
                for argument in (*args, *kwargs.values()):
                    if isinstance(argument, pd.DataFrame):
                        some(argument, "rows")
                tested = test(*args, **kwargs)
            except NothingToTestError as reason:
                tested = Finding("", str(reason), [])
            return claim_row(words.format(**kwargs), source, tested, reference)

        return row

    return decorate


def claim_row(words: str, source: Source, tested: Finding, reference: str = "") -> dict[str, str]:
    """Row of a statement, keys of `CLAIM_COLUMNS`; the result begins with the number of cases where it holds."""
    try:
        holds = _one_dimensional(tested.cases)
    except NothingToTestError as reason:
        holds, tested = np.zeros(0, bool), tested._replace(unresolved=str(reason))
    result = tested.result
    if holds.size > 1 or not result:
        result = f"in {holds.sum()} of {holds.size}" + (f"; {result}" if result else "")
    if tested.unresolved:
        result = f"{result}; not resolved: {tested.unresolved}"
    if tested.unresolved or not holds.size:
        verdict = "not tested"
    else:
        verdict = "confirmed" if holds.all() else "in part" if holds.any() else "not confirmed"
    row = (words, _checked(source), reference, tested.test, result, verdict)
    return dict(zip(CLAIM_COLUMNS, row, strict=True))


def _one_dimensional(cases: ArrayLike) -> Any:
    holds = np.asarray(cases)
    if holds.ndim != 1:
        raise TypeError(
            f"cases must be one-dimensional, got {cases!r}: all() of no rows is True, so that a bool says too much"
        )
    if pd.isna(holds).any():
        raise NothingToTestError("no value in some of the cases")
    return holds.astype(bool)


def _checked(source: Source) -> Source:
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(map(repr, SOURCES))}, got {source!r}")
    return source
