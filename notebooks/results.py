"""Finds the saved results of a run, for notebooks: inside the pipeline and opened alone."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent


class Results:
    """Results of one scale.

    Parameters
    ----------
    scale : str, optional
        smoke, laptop, paper; by default the one that the pipeline is running, or laptop.
    """

    def __init__(self, scale: str | None = None) -> None:
        self.scale = scale or os.environ.get("PREACTIVATIONS_SCALE", "laptop")

    def table(self, name: str) -> pd.DataFrame:
        """A table of tables/<scale>/."""
        return pd.read_csv(self._existing(ROOT / "tables" / self.scale / f"{name}.csv"))

    def text(self, name: str) -> str:
        """A Markdown file of tables/<scale>/."""
        return self._existing(ROOT / "tables" / self.scale / f"{name}.md").read_text()

    def data(self, name: str) -> pd.DataFrame:
        """An intermediate of data/<scale>/, named by its path without the ending."""
        return pd.read_parquet(self._existing(ROOT / "data" / self.scale / f"{name}.parquet"))

    def names(self, stage: str) -> list[str]:
        """Names of the intermediates of a stage, for `data`."""
        folder = self._existing(ROOT / "data" / self.scale / stage)
        return sorted(f"{stage}/{path.stem}" for path in folder.glob("*.parquet"))

    def _existing(self, path: Path) -> Path:
        if not path.exists():
            raise FileNotFoundError(
                f"{path.relative_to(ROOT)} is not there: run `make reproduce SCALE={self.scale}` first"
            )
        return path
