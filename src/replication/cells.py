"""Cells: finished parts of a long job, kept until the job is done, so that a stopped one goes on where it was.

A kept cell counts for the same code, input files, device, function and arguments, and the same values of the parameters
that it read. What it read is noted while it is computed (`Recorded`), so that no key is written by hand: parameters
that a cell does not look at, such as the list of the other cells, can change.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from replication.files import DamagedFile, read_json, read_parquet, write_json, write_parquet

Task = tuple[Callable[..., Mapping[str, pd.DataFrame]], dict[str, Any]]


class Recorded(Mapping[str, Any]):
    """A dictionary of plain values, lists and mappings, also by attribute, that notes every value that is read from it.

    Dictionaries inside are recorded in turn: reading `params.study["depth"]` notes study.depth and nothing else. Values
    are noted in the last of `notes` by their path, which begins with `path`.
    """

    def __init__(self, values: Mapping[str, Any], notes: list[dict[str, Any]], path: str = "") -> None:
        self._values, self._notes, self._path = values, notes, path

    def __getitem__(self, key: str) -> Any:
        value, path = self._values[key], f"{self._path}{key}"
        if isinstance(value, Mapping):
            return Recorded(value, self._notes, f"{path}.")
        self._notes[-1][path] = value
        return value

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Cells:
    """Cells of one job.

    Parameters
    ----------
    output : path
        The first output of the job; cells are kept beside it.
    files : list of str
        Code and data that the job reads: other contents make other cells.
    values, notes
        All that the job can read, and where `Recorded` notes what is read. What was read until now holds for all cells,
        what is read between cells for none: it says which ones there are.
    """

    def __init__(
        self, output: str | Path, files: list[str], values: Mapping[str, Any], notes: list[dict[str, Any]]
    ) -> None:
        first = Path(output)
        self._folder = first.with_name(f".cells.{first.stem}")
        base = hashlib.sha256(_text(notes[-1]).encode())
        for path in sorted(files):
            base.update(Path(path).read_bytes())
        self._base, self._values, self._notes = base.hexdigest(), flat(values), notes

    def all(self, tasks: Iterable[Task]) -> dict[str, list[pd.DataFrame]]:
        """Data frames of all cells, by name: read if they are there, else computed and kept."""
        frames: dict[str, list[pd.DataFrame]] = {}
        self._notes.append({})
        for function, arguments in tasks:
            for name, frame in self._get(function, arguments).items():
                frames.setdefault(name, []).append(frame)
        self._notes.pop()
        return frames

    def _get(self, function: Callable[..., Mapping[str, pd.DataFrame]], arguments: dict[str, Any]) -> Any:
        key = hashlib.sha256(_text([self._base, function.__name__, arguments]).encode()).hexdigest()[:24]
        folder = self._folder / key
        if folder.is_dir():
            try:
                read = read_json(folder / "read.json")
                kept = {path.stem: read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
            except DamagedFile as error:
                print(f"computed again: {error}")
            else:
                if all(
                    path in self._values and _text(self._values[path]) == _text(read[path]) for path in read
                ):
                    print(f"kept from a run that was stopped: {function.__name__} {arguments}")
                    return kept
            shutil.rmtree(folder)
        self._notes.append({})
        frames = function(**arguments)
        read = self._notes.pop()
        beside = folder.with_name(f".{os.getpid()}.{folder.name}")
        beside.mkdir(parents=True, exist_ok=True)
        try:
            for name, frame in frames.items():
                write_parquet(frame, beside / f"{name}.parquet")
            write_json(read, beside / "read.json")
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return frames

    def clear(self) -> None:
        """The job is done: its outputs hold everything."""
        shutil.rmtree(self._folder, ignore_errors=True)


def flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Values of nested mappings by path: {"a": {"b": 1}} gives {"a.b": 1}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{path}{key}.") if isinstance(value, Mapping) else {f"{path}{key}": value}
    return found


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


@contextmanager
def progress(total: float, name: str) -> Iterator[Callable[[float], None]]:
    """Progress of a long computation: a bar where there is a terminal, a line per tenth in the log.

    Gives a function that takes what was done since its last call, and may be called from several threads.
    """
    terminal = sys.__stderr__
    shown = terminal is not None and terminal.isatty()
    start, done, tenth, lock = time.perf_counter(), 0.0, 0, threading.Lock()
    with tqdm(
        total=total, desc=name, file=terminal, disable=not shown, leave=False, bar_format=_BAR_FORMAT
    ) as bar:

        def add(amount: float) -> None:
            nonlocal done, tenth
            with lock:
                bar.update(amount)
                done += amount
                if int(10 * done / total) > tenth:
                    tenth = int(10 * done / total)
                    print(f"{name}: {10 * tenth} % after {time.perf_counter() - start:.1f} s")

        yield add


_BAR_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
