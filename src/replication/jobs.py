"""What every script of the pipeline does around its few lines of work.

`job(snakemake)` sends output and errors to the rule's log, and on success writes the provenance of the results beside
them. `write_parquet` writes whole files only. Long jobs compute `Job.cells`, which are kept if the job is stopped.
"""

from __future__ import annotations

import os

# one thread per job: the scheduler fills the cores, and no sum depends on their number
os.environ["OMP_NUM_THREADS"] = "1"

import json
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from replication.cells import Cells, Recorded, Task
from replication.files import read_parquet, whole, write_parquet

_PACKAGES = ("numpy", "scipy", "torch", "pandas", "pyarrow", "matplotlib", "snakemake")


class Job:
    """A job at work: its parameters and what the simulation engine is told.

    Attributes
    ----------
    params, wildcards : Recorded
        Of the rule; what is read from them is known to `cells`.
    record : dict
        What the provenance says beyond the usual.
    """

    def __init__(self, snakemake: Any) -> None:
        self._snakemake = snakemake
        self._values = {part: dict(getattr(snakemake, part).items()) for part in ("params", "wildcards")}
        self._notes: list[dict[str, Any]] = [{}]
        recorded = Recorded(self._values, self._notes)
        self.params, self.wildcards = recorded.params, recorded.wildcards
        self.record: dict[str, Any] = {"device": "cpu"}

    @cached_property
    def device(self) -> str | None:
        """Where networks are simulated: None is NumPy; CUDA by the parameter `gpu`, auto, never or always."""
        device = _device(self.params.gpu)
        if device:
            import torch

            self.record["device"] = f"{device} ({torch.cuda.get_device_name(device)})"
        return device

    @property
    def engine(self) -> dict[str, Any]:
        """Arguments of the simulation that change no number: threads, memory (a device has a bound of its own)."""
        memory = None if self.device else 1e6 * self._snakemake.resources.batch_mb
        return {"memory": memory, "threads": self._snakemake.threads, "device": self.device}

    @property
    def mirror(self) -> str | None:
        """Folder or address of data sets."""
        return self._snakemake.resources.mirror or None

    def read(self) -> dict[str, pd.DataFrame]:
        """Data frames of the Parquet inputs by their names; those of several files one below the other."""
        frames = {}
        for name, files in self._snakemake.input.items():
            paths = [files] if isinstance(files, str) else list(files)
            if paths and all(path.endswith(".parquet") for path in paths):
                parts = [read_parquet(path) for path in paths]
                full = [part for part in parts if len(part)]
                frames[name] = pd.concat(full, ignore_index=True) if full else parts[0]
        return frames

    def write(self, **frames: pd.DataFrame) -> None:
        """Each data frame to the output of its name."""
        for name, frame in frames.items():
            write_parquet(frame, self._snakemake.output[name])

    def cells(self, tasks: Iterable[Task]) -> None:
        """Compute all cells, and write each data frame of their results to the output of its name.

        Parameters
        ----------
        tasks : iterable of (function, arguments)
            `function(**arguments)` gives data frames by the name of an output. Its arguments are plain values.
        """
        output = self._snakemake.output
        if "gpu" in self.params and self.device:
            self._notes[0]["device"] = self.record["device"]  # another card, other bits
        cells = Cells(output[0], [str(path) for path in self._snakemake.input], self._values, self._notes)
        frames = cells.all(tasks)
        for name in dict(output.items()):
            parts = frames.get(name)
            self.write(**{name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()})
        cells.clear()


def _device(gpu: str) -> str | None:
    if gpu == "never":
        return None
    if gpu == "auto" and not any(Path("/dev").glob("nvidia[0-9]*")):
        return None  # without paying for PyTorch's import
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if gpu == "auto":
        return None
    raise ValueError(
        "gpu is always in the configuration, but PyTorch finds no CUDA here: set it to auto or never"
    )


@contextmanager
def job(snakemake: Any) -> Iterator[Job]:
    """A job with its log; on success the provenance is written beside its first output."""
    start = time.perf_counter()
    running = Job(snakemake)
    path = Path(snakemake.log[0])
    with path.open("w", buffering=1, encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            yield running
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
    } | running.record
    text = json.dumps(record, indent=2, default=str) + "\n"
    whole(
        Path(f"{snakemake.output[0]}.provenance.json"), lambda path: path.write_text(text, encoding="utf-8")
    )


def _commit() -> str:
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
        return run.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
