"""Verdicts: numbers against targets, statements against the cases in which they were tested.

==========================  ==========================================================================
verdict on a number         |ours - target| is
==========================  ==========================================================================
agrees                      within the tolerance
differs by design           outside, because the target contains an approximation that ours does not
                            make, and that reproduces the target when we make it too
fails                       outside, or not a number
undecided                   not resolved: the confidence interval of ours is partly within, partly
                            outside
==========================  ==========================================================================

==========================  ==========================================================================
verdict on a statement      it holds
==========================  ==========================================================================
confirmed                   in every case
in part                     in some cases
not confirmed               in none
undecided                   unknown: the estimates cannot tell (the result says why)
not tested                  unknown: there was no case
==========================  ==========================================================================

==========================  ==========================================================================
source                      where the number or the statement comes from
==========================  ==========================================================================
published                   printed in one of the four papers: in text, a table or a figure
published for fits          printed in one of them for fitted activations, beside ours with exact ones
literature                  printed in another paper, which is named
authors' data               computed from objects that the authors released
authors' program            read in, or computed with, a program that the authors released
derived here                a result of this project
independent derivation      a result of others than the authors, by another route
our question                nobody's result: what we asked
==========================  ==========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Sized
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, TypeVar, get_args

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

from replication.inference import holm
from replication.labels import PAPER_OF, PAPERS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

Source = Literal[
    "published",
    "published for fits",
    "literature",
    "authors' data",
    "authors' program",
    "derived here",
    "independent derivation",
    "our question",
]
SOURCES: tuple[Source, ...] = get_args(Source)
WORST_FIRST = [
    "fails", "not confirmed", "in part", "undecided", "not tested", "differs by design", "confirmed", "agrees",
]  # fmt: skip
NUMBER_COLUMNS = [
    "paper", "block", "item", "target", "source", "ours", "uncertainty", "shared", "tolerance", "verdict", "note",
]  # fmt: skip
BLOCK_COLUMNS = [
    "paper", "block", "source", "numbers", "above", "sign_p", "mean", "error", "z", "p_holm", "within_2", "within_3",
    "within_4", "zero_agrees", "median_off",
]  # fmt: skip
CLAIM_COLUMNS = ["claim", "source", "reference", "test", "number", "result", "verdict"]

P = ParamSpec("P")
T = TypeVar("T", bound=Sized)


def compare(
    item: str,
    source: Source,
    target: float,
    ours: float,
    tolerance: float,
    *,
    block: str = "",
    uncertainty: float = math.nan,
    shared: float = 0.0,
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
    block : str
        Numbers of one kind, which are looked at together too (`blocks`).
    uncertainty : float
        Standard error of ours - target, as far as it is this number's own.
    shared : float
        Standard error of ours - target that all numbers of the block have in common.
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
        verdict = "undecided"
    else:
        verdict = "differs by design" if by_design and not math.isnan(off) else "fails"
    row = (block, item, target, _checked(source), ours, uncertainty, shared, tolerance, verdict, note)
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
    """Rows of constants that are known to some digits, a block. `values` has name and value.

    `constants` has by name: item, value, half a unit of its last digit.
    """
    ours = values.set_index("name").value
    note = "half a unit of the last digit; computed, no samples"
    return [
        compare(item, source, target, float(ours[name]), half, block="constants", note=note)
        for name, (item, target, half) in constants.items()
    ]


def numbers(paper: str, rows: list[dict[str, Any]]) -> DataFrame:
    """Rows of `compare` for a paper, a key of `labels.PAPERS`."""
    return pd.DataFrame(rows).assign(paper=paper).reindex(columns=NUMBER_COLUMNS)


def count_verdicts(rows: DataFrame, claims: DataFrame) -> DataFrame:
    """How many numbers and statements of each paper and source have each verdict; only what there is.

    Columns paper, title, source, kind (number or statement), verdict, count; the worst verdicts first.
    """
    kinds = [
        frame[["paper", "source", "verdict"]].assign(kind=kind)
        for kind, frame in (("number", rows), ("statement", claims))
    ]
    both = pd.concat(kinds, ignore_index=True)
    counts = both.groupby(["paper", "source", "kind", "verdict"]).size().rename("count").reset_index()
    ranks = {"source": SOURCES, "verdict": WORST_FIRST}
    counts = counts.sort_values(
        ["paper", "kind", "source", "verdict"],
        key=lambda c: c.map(list(ranks[str(c.name)]).index) if c.name in ranks else c,
        ignore_index=True,
    )
    counts.insert(1, "title", counts.paper.map(PAPERS))
    return counts


def gather(tables: dict[str, DataFrame]) -> DataFrame:
    """Statements of all stages, by name of the stage, in one table: paper and stage, then `CLAIM_COLUMNS`.

    Where statements are about a data set and optimizer (columns of the table), their words end with these.
    """
    parts = [pd.DataFrame(columns=["paper", "stage", *CLAIM_COLUMNS])]
    for stage, table in tables.items():
        words = table.claim
        if "optimizer" in table:
            words = words + " (" + table.dataset + ", " + table.optimizer + ")"
        parts.append(table.assign(claim=words, stage=stage, paper=PAPER_OF[stage]))
    return pd.concat(parts, ignore_index=True)[["paper", "stage", *CLAIM_COLUMNS]]


def worst_first(rows: DataFrame) -> DataFrame:
    """Rows with a verdict: what fails or is explained first, then by paper, in their order."""
    return rows.sort_values(["verdict", "paper"], key=_rank, kind="stable", ignore_index=True)


def _rank(column: Series[Any]) -> Series[Any]:
    return column.map(WORST_FIRST.index) if column.name == "verdict" else column


def blocks(rows: DataFrame) -> DataFrame:
    """What the numbers of a block show together, by paper, block and source: a bias that hides in each tolerance.

    numbers; above: how many of ours are larger than their target; sign_p: two-sided p-value of that count (binomial,
    ties left out); mean: of ours - target; error: its standard error, from `uncertainty` and `shared`; z, and p_holm,
    corrected for the blocks that have an error; within_k: how many are within k standard errors; zero_agrees: for how
    many targets 0 would be within the tolerance too; median_off: median of |ours / target - 1|.
    """
    found = []
    keys = ["paper", "block", "source"]
    for key, part in rows[rows.block != ""].groupby(keys, sort=False):
        part = part.dropna(subset=["ours", "target"])
        off = part.ours - part.target
        above, differ = int((off > 0).sum()), int((off != 0).sum())
        error = math.hypot(math.sqrt((part.uncertainty**2).sum(skipna=False)) / len(part), part.shared.mean())
        z = off.mean() / error if error > 0 else math.nan
        each = off.abs() / np.hypot(part.uncertainty, part.shared)
        counts = {f"within_{k}": (each <= k).sum() if each.notna().all() else math.nan for k in (2, 3, 4)}
        found.append(
            dict(zip(keys, key, strict=True))
            | {
                "numbers": len(part),
                "above": above,
                "sign_p": binomtest(above, differ).pvalue if differ else 1.0,
            }
            | {"mean": off.mean(), "error": error, "z": z, "p_holm": 2 * norm.sf(abs(z))}
            | counts
            | {"zero_agrees": int((part.target.abs() <= part.tolerance).sum())}
            | {"median_off": (off / part.target.where(part.target != 0)).abs().median()}
        )
    table = pd.DataFrame(found, columns=BLOCK_COLUMNS)
    tested = table.p_holm.notna()
    table.loc[tested, "p_holm"] = holm(list(table.p_holm[tested]))
    return table


class Finding(NamedTuple):
    """What the test of a statement says.

    Attributes
    ----------
    test : str
        What was tested, at which level or limit.
    result : str
        The numbers behind it.
    cases : array of bool or None, one-dimensional
        Whether the statement holds, by case; None or NaN where that is not known.
    unresolved : str
        Why the cases cannot tell; empty if they can.
    number : str
        The number that decides, with its limit; empty for how many cases hold.
    """

    test: str
    result: str
    cases: ArrayLike | Sequence[bool | None]
    unresolved: str = ""
    number: str = ""


class NothingToTestError(Exception):
    """There are no rows, or no values, that a statement is about."""


def some(rows: T, what: str) -> T:
    """`rows`, of any type with a length, if there are any; else the statement under test is "not tested"."""
    if not len(rows):
        raise NothingToTestError(f"no {what}")
    return rows


def every(*cases: ArrayLike | Sequence[bool | None]) -> list[bool | None]:
    """One case: whether all cases of all arrays hold. No case if one of the arrays is empty; open if none fails."""
    arrays = [_cases(array) for array in cases]
    if any(not size for _, _, size in arrays):
        return []
    holds, unknown = all(known.all() for known, _, _ in arrays), any(left for _, left, _ in arrays)
    return [None if holds and unknown else bool(holds)]


def decided(holds: ArrayLike, fails: ArrayLike, what: str) -> tuple[NDArray[Any], str]:
    """`cases` and `unresolved` of a `Finding` from estimates, of which each shows one, the other, or cannot tell.

    Not resolved if some of them (called `what`) cannot tell and none fails; what fails decides whatever the others say:
    the open ones count neither as holding nor as failing.
    """
    shown, refuted = (_one_dimensional(cases) for cases in np.broadcast_arrays(holds, fails))
    cases = np.where(shown | refuted, shown, np.array(None))
    unclear = int((~shown & ~refuted).sum())
    reason = f"{unclear} of {cases.size} {what} are too uncertain to tell"
    return cases, reason if unclear and not refuted.any() else ""


def below(values: ArrayLike, limit: float) -> NDArray[Any]:
    """Whether each value is below the limit; None for NaN, which is no answer."""
    known = np.asarray(values, dtype=np.float64)
    return np.where(np.isnan(known), np.array(None), known < limit)


def deviation(z: Series[Any], limit: float) -> str:
    """The largest deviation of many, in standard errors, with its limit: the number of a `Finding`."""
    return f"{z.abs().max():.1f} standard errors (limit {limit:.1f})"


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
    """Row of a statement, keys of `CLAIM_COLUMNS`; its number is, unless it says one, in how many cases it holds."""
    holds, open_ones, size = _cases(tested.cases)
    result, unresolved, number = tested.result, tested.unresolved, tested.number
    if size and not number:
        number = f"{holds.sum()} of {size}" + (f" ({open_ones} open)" if open_ones else "")
    if open_ones and holds.all():  # none fails
        unresolved = unresolved or "no value in some of the cases"
    if unresolved:
        result = f"{result}; not resolved: {unresolved}" if result else f"not resolved: {unresolved}"
    if unresolved or not holds.size:
        verdict = "undecided" if unresolved else "not tested"
    else:
        verdict = "confirmed" if holds.all() else "in part" if holds.any() else "not confirmed"
    row = (words, _checked(source), reference, tested.test, number, result, verdict)
    return dict(zip(CLAIM_COLUMNS, row, strict=True))


def _cases(cases: ArrayLike | Sequence[bool | None]) -> tuple[NDArray[np.bool_], int, int]:
    """Whether the statement holds in the cases that have a value; how many have none; all."""
    holds = np.asarray(cases)
    if holds.ndim != 1:
        raise TypeError(
            f"cases must be one-dimensional, got {cases!r}: all() of no rows is True, so that a bool says too much"
        )
    known = ~pd.isna(holds)
    return holds[known].astype(bool), int((~known).sum()), holds.size


def _one_dimensional(cases: ArrayLike) -> NDArray[np.bool_]:
    holds, unknown, _ = _cases(cases)
    if unknown:
        raise NothingToTestError("no value in some of the cases")
    return holds


def _checked(source: Source) -> Source:
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(map(repr, SOURCES))}, got {source!r}")
    return source
