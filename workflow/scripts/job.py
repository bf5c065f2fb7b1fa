"""What every script of the pipeline does around its few lines of work.

`job(snakemake)` sends output and errors to the rule's log, and on success writes the provenance of the results beside
them. `write_parquet` writes whole files only.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "scipy", "torch", "pandas", "pyarrow", "matplotlib", "snakemake")


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    start = time.perf_counter()
    with Path(snakemake.log[0]).open("w", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        try:
            yield
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
        "device": "cpu",
        "commit": _commit(),
        "seconds": round(time.perf_counter() - start, 3),
    }
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


def write_parquet(frame: Any, path: str) -> None:
    whole(Path(path), lambda beside: frame.to_parquet(beside, index=False))


def write_json(value: Any, path: str) -> None:
    text = json.dumps(value, indent=1) + "\n"
    whole(Path(path), lambda beside: beside.write_text(text))


def _commit() -> str:
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
        return run.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
