"""Loss curves of fits that failed, kept beside the log."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from preactivations.pairs.fitted import FitError


def keep_losses(error: FitError, path: Path, step: str) -> FitError:
    """Write the loss curve of a failed fit; the error with its place. `step` names the index column."""
    pd.Series(error.losses, name="loss").to_csv(path, index_label=step)
    return FitError(f"{error}; the loss curve is in {path}", error.losses)
