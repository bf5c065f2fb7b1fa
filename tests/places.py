"""Places at which tabulated activations are compared."""

import numpy as np


def awkward_points():
    rng = np.random.default_rng(1)
    signs = np.sign(rng.standard_normal(2000))
    return np.concatenate(
        [
            rng.uniform(-12, 12, 4000),
            rng.standard_normal(2000),
            signs * np.exp(rng.uniform(-30, 0, 2000)),
            [0.0, 12, -12, np.nextafter(12, 0), 1e-30, -1e-30],
        ]
    )
