"""Training from rows of other rotation-invariant laws: what the invariance of the kernel says for initialization.

At infinite width all rotation-invariant laws of rows with one E|w|^2 start from one kernel (Tsuchida et al. 2018), so
that the choice of the law should not matter for training. Protocol: ours. Perceptrons of ReLU layers, rows scaled to
He's second moment, E|w|^2 = 2, the last layer to 1, biases 0; seeds share the order of batches, not the noise.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import nn

from preactivations.rows import RotationInvariant
from replication.inference import holm, mean_test
from replication.training.analysis import chosen_runs

if TYPE_CHECKING:
    from pandas import DataFrame

REFERENCE = "gaussian"


def row_network(
    law: RotationInvariant, inputs: int, width: int, depth: int, classes: int, rng: np.random.Generator
) -> nn.Sequential:
    """ReLU perceptron with `depth` hidden layers of `width` neurons whose rows have the law `law`.

    E|w|^2 = 2, in the last layer 1; biases 0. `law` has E|w|^2 = m in R^m, as those of `rows` with a second moment.
    ValueError for another one.
    """
    sizes = [inputs, *([width] * depth), classes]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        if not math.isclose(law.norm_moment(2, before), before, rel_tol=1e-9):
            raise ValueError(f"law must have E|w|^2 = m, got {law.norm_moment(2, before):g} for m = {before}")
        last = len(layers) == 2 * depth
        linear = nn.utils.skip_init(nn.Linear, before, after)
        rows = law.sample(after, before, rng) * math.sqrt((1 if last else 2) / before)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(rows))
            linear.bias.zero_()
        layers += [linear] if last else [linear, nn.ReLU()]
    return nn.Sequential(*layers)


def law_comparisons(runs: DataFrame) -> DataFrame:
    """Test accuracy of each law of rows minus that of normal rows, by width, paired by seed, at the chosen rates.

    Columns dataset, width, law, pairs, accuracy (of the law), reference (of normal rows), difference with its 95 %
    interval low to high and two-sided p (both of Student), p_holm over the laws and widths of a data set. The unit of
    intervals and tests is the seed. Diverged runs count as guesses.
    """
    tables = []
    for dataset, part in chosen_runs(runs).groupby("dataset", sort=False) if len(runs) else ():
        rows = []
        for width, cell in part.groupby("width"):
            table = cell.pivot_table(index="seed", columns="law", values="accuracy")
            for law in [law for law in dict.fromkeys(cell.law) if law != REFERENCE]:
                gain = (table[law] - table[REFERENCE]).dropna()
                tested = mean_test(gain)
                rows.append(
                    {"dataset": dataset, "width": width, "law": law, "pairs": len(gain)}
                    | {"accuracy": table[law].mean(), "reference": table[REFERENCE].mean()}
                    | {"difference": tested.mean, "low": tested.low, "high": tested.high, "p": tested.p}
                )
        tables.append(pd.DataFrame(rows).assign(p_holm=holm([row["p"] for row in rows])))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)


_COLUMNS = [
    "dataset", "width", "law", "pairs", "accuracy", "reference", "difference", "low", "high", "p", "p_holm",
]  # fmt: skip
