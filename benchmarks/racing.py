"""Learning rates by successive halving against the full grid, on the digits: steps, time, and what is lost.

Both train the same networks with the rate that they choose, so that a cell differs where they choose another one. One
thread; processor seconds.
"""

from __future__ import annotations

import contextlib
import io
import time
from functools import partial

import numpy as np
import torch
from timing import machine, report, save

from preactivations.datasets import load
from preactivations.pairs.gaussian import GaussianPair
from preactivations.streams import Stream
from preactivations.training.runs import Plan, Race, split_images
from preactivations.weights import as_law
from replication.inference import mean_test
from replication.settings import setting_by_name
from replication.training.analysis import chosen_runs, race_steps
from replication.training.study import Architecture, train_setting

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
SETTINGS = [("tanh", ""), ("relu", ""), ("unit_gelu", ""), ("normalized_tanh", ""), ("oscillating_6", "")]
SETTINGS += [(kind, f"weibull_{theta}") for kind in ("odd", "odd_edge", "positive") for theta in (4, 10)]
SIZES = [Architecture(width, depth) for width in (3, 10, 30) for depth in (3, 10, 30)]
SEED, EPOCHS, SEEDS = 2205, 20, 5


def trained(name: str, law: str, size: Architecture, race: Race | None):
    """Runs at the chosen rate, steps of all networks, processor seconds."""
    plan = Plan("sgd", RATES, SEEDS, EPOCHS, race=race)
    stream = Stream(SEED, "training", "digits", name, law, *size)
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        frames = train_setting(
            setting_by_name(name, law and partial(GaussianPair, as_law(law))),
            size,
            DIGITS,
            plan,
            stream,
            Stream(SEED, "order"),
            law=law,
        )
    seconds = time.process_time() - start
    return chosen_runs(frames["runs"]), frames["runs"].steps.sum() + race_steps(frames["race"]), seconds


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(machine())
    DIGITS = split_images(load("digits"), load("digits", "test"), 0.2, Stream(SEED, "split"))
    steps, seconds, inside, same, lost = np.zeros(2), np.zeros(2), [], [], []
    for name, law in SETTINGS:
        for size in SIZES:
            (raced, *first), (full, *second) = (
                trained(name, law, size, race) for race in (Race(2, 0.375), None)
            )
            steps += first[0], second[0]
            seconds += first[1], second[1]
            grid = mean_test(full.accuracy)
            inside.append(grid.low <= raced.accuracy.mean() <= grid.high)
            same.append(raced.learning_rate.iloc[0] == full.learning_rate.iloc[0])
            lost.append(raced.accuracy.mean() - full.accuracy.mean())
    told = mean_test(lost)
    report("cells", len(lost), unit="")
    report("steps of the grid / of the race and what it chooses", steps[1] / steps[0], 4)
    report("processor seconds, likewise", seconds[1] / seconds[0])
    report("cells with the rate of the grid", 100 * np.mean(same), unit="%")
    report("cells in the 95 % interval of the grid", 100 * np.mean(inside), unit="%")
    report("accuracy minus that of the grid, mean over cells", told.mean, unit="")
    report("its 95 % interval, lower end", told.low, unit="")
    report("its 95 % interval, upper end", told.high, unit="")
    save(__file__)
