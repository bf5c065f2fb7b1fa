"""Files of tabulated activations: made by the stage activation, read by those that follow.

A file holds both tables of an activation (`pairs.table`): a row per piece and degree, with the coefficient of t^degree
in the table of float64 and in that of float32; what a table does not have of pieces or degrees is 0. Attributes of the
frame, kept by the file: law, kind, route, weight_variance (E W^2), power (of |x| at 0), growth (at infinity), slopes
(at -inf and +inf), kinks, errors (of phi, phi', phi''), error32; and per table degree, numbers of pieces (uniform,
right, left), per_unit, octave_bits, lowest, end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preactivations.pairs.table import Errors, Kind, Pieces, TabulatedActivation
from preactivations.weights import as_law
from replication.files import DamagedFile, read_parquet, write_parquet

Array = NDArray[np.float64]

_FORMATS = ("float64", "float32")


def write_table(table: TabulatedActivation, law: str, path: str | Path) -> None:
    """The file of a table; `law` is the name of its weights."""
    columns = {name: _columns(getattr(table, name)) for name in _FORMATS}
    degrees, pieces = np.max([column.shape for column in columns.values()], axis=0)
    degree, piece = np.indices((degrees, pieces), dtype=np.int32)
    frame = pd.DataFrame({"piece": piece.ravel(), "degree": degree.ravel().astype(np.int8)})
    for name, column in columns.items():
        padded = np.zeros((degrees, pieces))
        padded[: column.shape[0], : column.shape[1]] = column
        frame[name] = padded.ravel().astype(name)
    layout = {name: _layout(getattr(table, name)) for name in _FORMATS}
    facts = {name: getattr(table, name) for name in ("kind", "route", "power", "growth", "error32")}
    facts |= {name: list(getattr(table, name)) for name in ("slopes", "kinks", "errors")}
    frame.attrs = {"law": law, "weight_variance": table.weights.variance} | facts | layout
    write_parquet(frame, path)


def read_table(path: str | Path) -> TabulatedActivation:
    """The table of a file, as it was written, float32 coefficients in their format.

    Raises
    ------
    DamagedFile
        For a file that can't be read, or is no whole table.
    """
    frame = read_parquet(path)
    try:
        return _table_of(frame)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DamagedFile(
            f"{path} is no table of an activation: {error}. Delete it, and the next run makes it anew"
        ) from error


def _table_of(frame: pd.DataFrame) -> TabulatedActivation:
    facts: Any = dict(frame.attrs)
    degrees = int(frame.degree.max()) + 1
    degree, piece = np.indices((degrees, len(frame) // degrees))
    if not (np.array_equal(frame.degree, degree.ravel()) and np.array_equal(frame.piece, piece.ravel())):
        raise ValueError("pieces are missing, or not in their order")
    tables: Any = {
        name: _pieces(frame[name].to_numpy(np.float64).reshape(degrees, -1), facts.pop(name))
        for name in _FORMATS
    }
    weights = as_law(facts.pop("law"))
    del facts["weight_variance"]
    facts |= {name: tuple(facts[name]) for name in ("slopes", "kinks")}
    return TabulatedActivation(weights=weights, **tables, **facts | {"errors": Errors(*facts["errors"])})


def _columns(pieces: Pieces) -> Array:
    return np.hstack([pieces.uniform, pieces.right, pieces.left])


def _layout(pieces: Pieces) -> dict[str, Any]:
    counts = [part.shape[1] for part in (pieces.uniform, pieces.right, pieces.left)]
    return {"degree": len(pieces.right) - 1, "pieces": counts} | dict(
        zip(("per_unit", "octave_bits", "lowest", "end"), pieces[3:], strict=True)
    )


def _pieces(columns: Array, layout: dict[str, Any]) -> Pieces:
    counts, degree = layout.pop("pieces"), layout.pop("degree")
    ends = np.cumsum(counts)
    if columns.shape[0] <= degree or columns.shape[1] < ends[-1]:
        raise ValueError(f"{columns.shape} coefficients instead of {degree + 1, int(ends[-1])}")
    if not np.isfinite(columns[: degree + 1, : counts[0]]).all():
        raise ValueError("coefficients are not finite")
    parts = np.split(columns[: degree + 1, : ends[-1]], ends[:-1], axis=1)
    uniform, right, left = map(np.ascontiguousarray, parts)
    return Pieces(uniform, right, left, **layout)


class Tables:
    """The activations of a job's inputs, each read when it is needed.

    Parameters
    ----------
    paths : iterable of str
        .../<route>/<law>.<kind>.parquet.

    Examples
    --------
    `Tables(paths)("weibull_4")` is a map from kind to table: what `settings.setting_by_name` takes.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        self._paths = {}
        for path in map(Path, paths):
            law, _, kind = path.stem.rpartition(".")
            self._paths[path.parent.name, law, kind] = path
        self._read = cache(read_table)

    def __call__(self, law: str, route: str = "exact") -> Callable[[Kind], TabulatedActivation]:
        """kind -> the table of that law and route.

        When it is called: KeyError if no input has it, DamagedFile for a file that holds another one.
        """

        def table(kind: Kind) -> TabulatedActivation:
            path = self._paths[route, law, kind]
            found = self._read(path)
            if (found.route, found.weights, found.kind) != (route, as_law(law), kind):
                raise DamagedFile(f"{path} holds {found!r}. Delete it, and the next run makes it anew")
            return found

        return table
