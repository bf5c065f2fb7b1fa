"""Kernels of infinitely wide layers by neural-tangents (Novak et al. 2020), a grid of them as JSON.

python tests/neural_tangents_values.py > tests/library/edge_of_chaos/neural_tangents.json

Runs where neural-tangents is installed, which is no dependency of this project; it uses nothing of this project.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

SIGMA_W, SIGMA_B = 1.3, 0.4
VARIANCES = (0.3, 1.0, 4.0)
CORRELATIONS = (-0.95, -0.7, -0.2, 0.0, 0.4, 0.9, 0.999)


def values() -> list[dict[str, Any]]:
    """Rows of activation, variance and correlation of two pre-activations; of the next ones variance and covariance.

    The inputs of two coordinates have norms sqrt(2 variance), and the first layer weights of variance 1/2.
    """
    import jax
    from neural_tangents import stax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    layers = {
        "relu": stax.Relu(),
        "leaky_relu_0.2": stax.LeakyRelu(0.2),
        "erf": stax.Erf(),
        "gelu": stax.Gelu(approximate=False),
    }
    rows = []
    for name, layer in layers.items():
        _, _, kernel = stax.serial(
            stax.Dense(8, W_std=1.0, b_std=0.0), layer, stax.Dense(8, W_std=SIGMA_W, b_std=SIGMA_B)
        )
        for variance in VARIANCES:
            for correlation in CORRELATIONS:
                along, across = correlation, math.sqrt(1 - correlation**2)
                x = math.sqrt(2 * variance) * np.array([[1.0, 0.0], [along, across]])
                gram = np.asarray(kernel(x, None, "nngp"), dtype=np.float64)
                row = {"activation": name, "variance": variance, "correlation": correlation}
                rows.append(row | {"next_variance": gram[0, 0], "next_covariance": gram[0, 1]})
    jax.config.update("jax_enable_x64", before)
    return rows


if __name__ == "__main__":
    import jax
    import neural_tangents

    head = {"neural_tangents": neural_tangents.__version__, "jax": jax.__version__}
    head |= {"sigma_w": SIGMA_W, "sigma_b": SIGMA_B}
    lines = ",\n".join(json.dumps(row) for row in values())
    print(f'{json.dumps(head)[:-1]}, "rows": [\n{lines}\n]}}')
