"""Interleaved timing: figures that are compared are measured in turn, in one run, and the best of each counts.

What a program reports it also saves, in data/reference/measured/speed, from which the README quotes it.
"""

from __future__ import annotations

import csv
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path


def forget() -> None:
    """Clear what functions of the library keep of earlier calls."""
    for name, module in list(sys.modules.items()):
        if name.startswith("preactivations."):
            for kept in vars(module).values():
                if hasattr(kept, "cache_clear"):
                    kept.cache_clear()


def best_times(tasks: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each task: minimum over `rounds` rounds, each of which runs all tasks once, with nothing kept."""
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(rounds):
        for name, task in tasks.items():
            forget()
            start = time.perf_counter()
            task()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        model = f"{len(names)} x {names[0]}" if names else model
    return f"{model}, Python {platform.python_version()}"


_REPORTED: list[dict[str, object]] = []


def report(title: str, value: float, bound: float | None = None, unit: str = "x", **at: object) -> None:
    """Print a figure, and keep it for `save`; `at` says of what, in columns of their own."""
    words = ", ".join([title, *(f"{name} {what}" for name, what in at.items())])
    print(f"{words:<72s} {value:8.2f} {unit}" + (f"   (target {bound:g})" if bound else ""))
    _REPORTED.append({"title": title, **at, "value": value, "unit": unit, "target": bound or ""})


def save(program: str) -> None:
    """Write what was reported, `program` being the path of the reporting program."""
    folder = Path(__file__).parents[1] / "data/reference/measured/speed"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{Path(program).stem}.csv", "w", encoding="utf-8", newline="") as file:
        names = dict.fromkeys(name for row in _REPORTED for name in row)
        table = csv.DictWriter(file, [*names, "machine"], restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(row | {"machine": machine()} for row in _REPORTED)
