"""Interleaved timing: figures that are compared are measured in turn, in one run, and the best of each counts."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path


def best_times(tasks: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each task: minimum over `rounds` rounds, each of which runs all tasks once."""
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(rounds):
        for name, task in tasks.items():
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


def report(title: str, value: float, bound: float | None = None, unit: str = "x") -> None:
    print(f"{title:<72s} {value:8.2f} {unit}" + (f"   (target {bound:g})" if bound else ""))
