"""Shapes of the stationary law of norms with biases, by width and weight variance, beside simulated ones.

After the first version of Burkholz & Dubatovka (2019), which asks for this shape at several parameters; our protocol.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from preactivations.gaussianity import ks_to_law
from preactivations.relu_law.norm_laws import NormLaw
from preactivations.relu_law.stationary import squared_norm_tail_index, stationary_law, stationary_sample
from preactivations.streams import Stream

Row = dict[str, Any]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TAIL = 0.01  # share of the law in the tail whose simulated share is counted
_FAR = (1e-6, 1e-9)  # probabilities between which the slope of the tail is taken


def shape_row(width: int, factor: float, bias_variance: float, draws: int, stream: Stream) -> Row:
    """Shape of the stationary law of q = |x|^2 for weight variance factor * 2 / n, ReLU, and of simulated draws.

    Exact: quantiles q05 to q99 of q; mode of log q, as a value of q (the density of q itself can be infinite at 0), and
    `modes`, how many maxima the density of log q has; sd_log and skewness_log of log q; mean of q; tail_index by
    Kesten's equation; tail_slope, that of log P(q > x) against -log x from P = 1e-6 to 1e-9.

    Simulated: `draws` of the series of `stationary_sample`, which knows no law (`layers` of the longest one); ks
    against the exact law; median_drawn, and `above`, how many draws are beyond the exact 99 % point.
    """
    v = factor * 2 / width
    law = stationary_law(width, v, bias_variance)
    q, layers = stationary_sample(draws, stream.block(0), width, v, bias_variance)
    row: Row = {"width": width, "factor": factor, "bias_variance": bias_variance}
    row |= {f"q{100 * p:02.0f}": float(law.ppf(p)) for p in _QUANTILES}
    row |= _log_shape(law)
    index = squared_norm_tail_index(width, v)
    # no mean at index 1, which the root has but for rounding
    row |= {"mean": law.moment(1) if index > 1 + 1e-9 else math.inf, "tail_index": index}
    near, far = (float(law.ppf_of_log(1 - p)) for p in _FAR)
    s_near, s_far = law.sf(np.exp([near, far]))
    row["tail_slope"] = float(math.log(s_near / s_far) / (far - near))
    row |= {"draws": draws, "layers": layers, "ks": ks_to_law(q, law.cdf)}
    return row | {"median_drawn": float(np.median(q)), "above": int((q > law.ppf(1 - TAIL)).sum())}


def _log_shape(law: NormLaw) -> Row:
    """Mode and number of modes, deviation and skewness of log q given q > 0, on a fine grid."""
    y = np.linspace(law.low, law.high, 40_001)
    density = law.pdf_of_log(y)
    mass = density / density.sum()
    mean = float(mass @ y)
    sd = math.sqrt(float(mass @ (y - mean) ** 2))
    rising = np.diff(density[density > 1e-9 * density.max()]) > 0
    return {
        "mode": float(np.exp(y[int(np.argmax(density))])),
        "modes": int(np.count_nonzero(rising[:-1] & ~rising[1:])),
        "sd_log": sd,
        "skewness_log": float(mass @ (y - mean) ** 3) / sd**3,
    }
