"""What every script of the pipeline does around its few lines of work.

`job(snakemake)` sends output and errors to the rule's log, and on success writes the provenance of the results beside
them. `write_parquet` writes whole files only. Long jobs keep their finished `Cells` if they are stopped, and show a
`Bar`.
"""

from __future__ import annotations

import os

# one thread per job: the scheduler fills the cores, and no sum depends on their number
os.environ["OMP_NUM_THREADS"] = "1"

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import ArrowException
from tqdm import tqdm

_PACKAGES = ("numpy", "scipy", "torch", "pandas", "pyarrow", "matplotlib", "snakemake")


@contextmanager
def job(snakemake: Any) -> Iterator[dict[str, Any]]:
    """Yields a dictionary for what the provenance should say beyond the usual."""
    start = time.perf_counter()
    extra: dict[str, Any] = {"device": "cpu"}
    with Path(snakemake.log[0]).open("w", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        try:
            yield extra
        except BaseException:
            traceback.print_exc()
            raise
    record = {
        "rule": snakemake.rule,
        "wildcards": dict(snakemake.wildcards.items()),
        "params": {key: value for key, value in snakemake.params.items()},
        "versions": {name: version(name) for name in _PACKAGES},
        "python": sys.version.split()[0],
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
        "seconds": round(time.perf_counter() - start, 3),
    } | extra
    text = json.dumps(record, indent=2, default=str) + "\n"
    whole(Path(f"{snakemake.output[0]}.provenance.json"), lambda path: path.write_text(text))


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """`write` beside `path`, then rename: the file is there whole or not at all."""
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


class DamagedFile(Exception):
    """A result of an earlier job can't be read."""


def _damaged(path: str | Path, error: Exception) -> DamagedFile:
    reason = " ".join(str(error).split())
    return DamagedFile(f"{path} can't be read: {reason}. Delete it, and the next run makes it anew")


def write_parquet(frame: Any, path: str | Path) -> None:
    whole(Path(path), lambda beside: frame.to_parquet(beside, index=False, write_page_checksum=True))


def read_parquet(path: str | Path) -> Any:
    try:
        return pd.read_parquet(path, page_checksum_verification=True)
    except (OSError, ValueError, ArrowException) as error:
        raise _damaged(path, error) from error


def read_json(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def write_json(value: Any, path: str) -> None:
    text = json.dumps(value, indent=1) + "\n"
    whole(Path(path), lambda beside: beside.write_text(text))


class Cells:
    """Finished parts of a job, kept until the job is done, so that a stopped one goes on where it was.

    A part counts as finished only for the same parameters and the same code.
    """

    def __init__(self, snakemake: Any) -> None:
        first = Path(snakemake.output[0])
        self._folder = first.with_name(f".cells.{first.stem}")
        code = hashlib.sha256()
        for path in sorted(snakemake.input.code):
            code.update(Path(path).read_bytes())
        self._code = code.hexdigest()

    def get(self, key: dict[str, Any], compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Data frames by name: read if they are there, else computed and kept."""
        text = json.dumps([self._code, key], sort_keys=True, default=str)
        folder = self._folder / hashlib.sha256(text.encode()).hexdigest()[:24]
        if folder.is_dir():
            try:
                kept = {path.stem: read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
            except DamagedFile as error:
                print(f"computed again: {error}")
                shutil.rmtree(folder)
            else:
                print(f"kept from a run that was stopped: {key}")
                return kept
        frames = compute()
        beside = folder.with_name(f".{os.getpid()}.{folder.name}")
        beside.mkdir(parents=True, exist_ok=True)
        try:
            for name, frame in frames.items():
                write_parquet(frame, beside / f"{name}.parquet")
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return frames

    def clear(self) -> None:
        """The job is done: its outputs hold everything."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Bar:
    """Progress of a long job: a bar where there is a terminal, a line per tenth in the log."""

    def __init__(self, total: float, name: str) -> None:
        terminal = sys.__stderr__
        shown = terminal is not None and terminal.isatty()
        self._bar = tqdm(
            total=total, desc=name, file=terminal, disable=not shown, leave=False, bar_format=_BAR_FORMAT
        )
        self._total, self._done, self._tenth, self._name = total, 0.0, 0, name
        self._start = time.perf_counter()

    def add(self, amount: float) -> None:
        with _BAR_LOCK:
            self._bar.update(amount)
            self._done += amount
            tenth = int(10 * self._done / self._total)
            if tenth > self._tenth:
                self._tenth = tenth
                print(f"{self._name}: {10 * tenth} % after {time.perf_counter() - self._start:.1f} s")

    def close(self) -> None:
        self._bar.close()


_BAR_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
_BAR_LOCK = threading.Lock()


def _commit() -> str:
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
        return run.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
