"""Files of results: whole or not there, with checksums that are compared by every reader."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import ArrowException


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
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def write_json(value: Any, path: str | Path) -> None:
    text = json.dumps(value, indent=1) + "\n"
    whole(Path(path), lambda beside: beside.write_text(text, encoding="utf-8"))
