"""Finds the saved results of a run, for notebooks: inside the pipeline and opened alone."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
from IPython.display import Image, Markdown

from replication.tables import read_table

ROOT = Path(__file__).resolve().parent.parent


class Results:
    """Results of one scale.

    Parameters
    ----------
    scale : str, optional
        smoke, laptop, paper, ...; by default the one that the pipeline is running, or laptop, or else the one that was
        tabulated last.
    """

    def __init__(self, scale: str | None = None) -> None:
        there = self.scales()
        latest = "laptop" if "laptop" in there or not there else there[-1]
        self.scale = scale or os.environ.get("PREACTIVATIONS_SCALE") or latest

    @staticmethod
    def scales() -> list[str]:
        """Scales that have tables, the latest last."""
        folders = [path for path in (ROOT / "tables").glob("*") if any(path.glob("*.csv"))]
        return [path.name for path in sorted(folders, key=lambda path: path.stat().st_mtime)]

    def table(self, name: str) -> pd.DataFrame:
        """A table of tables/<scale>/."""
        return read_table(self._existing(ROOT / "tables" / self.scale / f"{name}.csv"))

    def words(self, name: str) -> Markdown:
        """A Markdown file of tables/<scale>/, shown."""
        return Markdown(
            self._existing(ROOT / "tables" / self.scale / f"{name}.md").read_text(encoding="utf-8")
        )

    def figure(self, name: str) -> Image:
        """A figure of figures/<scale>/, shown."""
        return Image(self._existing(ROOT / "figures" / self.scale / f"{name}.png"), width=900)

    def data(self, name: str) -> pd.DataFrame:
        """An intermediate of data/<scale>/, named by its path without the ending."""
        return pd.read_parquet(
            self._existing(ROOT / "data" / self.scale / f"{name}.parquet"), page_checksum_verification=True
        )

    def names(self, stage: str) -> list[str]:
        """Names of the intermediates of a stage, for `data`."""
        folder = self._existing(ROOT / "data" / self.scale / stage)
        return sorted(f"{stage}/{path.stem}" for path in folder.glob("*.parquet"))

    def _existing(self, path: Path) -> Path:
        if not path.exists():
            others = [f"Results({scale!r})" for scale in self.scales() if scale != self.scale]
            raise FileNotFoundError(
                f"{path.relative_to(ROOT)} is not there: run `make reproduce SCALE={self.scale}` first"
                + (f", or take {' or '.join(others)}" if others else "")
            )
        return path
