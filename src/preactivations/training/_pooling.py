"""Max-pooling of images by windows of 2 x 2 on a CPU, for `loops`: PyTorch's takes several times as long."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.floating[Any]]


def largest_of_four(x: Images, out: Images, at: NDArray[np.int32]) -> None:
    """The first largest number of each window of images x (n, height, width), and its place in the image.

    A number that is NaN counts as larger than all others, as for `torch.nn.MaxPool2d`.
    """
    n, rows, columns = out.shape
    below = np.int32(x.shape[2])
    for image in range(n):
        for i in range(rows):
            first, second = x[image, 2 * i], x[image, 2 * i + 1]
            values, places = out[image, i], at[image, i]
            for j in range(columns):
                # without branches: which of four is the largest can't be foreseen
                a, b, c, d = first[2 * j], first[2 * j + 1], second[2 * j], second[2 * j + 1]
                right = (b > a) | (b != b)
                top, place = b if right else a, np.int32(1) if right else np.int32(0)
                right = (d > c) | (d != d)
                other, beside = d if right else c, below + np.int32(1) if right else below
                lower = (other > top) | (other != other)
                values[j] = other if lower else top
                places[j] = (beside if lower else place) + np.int32(2 * i * below + 2 * j)


def spread(d: Images, at: NDArray[np.int32], back: Images) -> None:
    """Each derivative by an output at the place of the number that it came from, 0 elsewhere."""
    for image in range(len(d)):
        flat, values, places = back[image].ravel(), d[image].ravel(), at[image].ravel()
        flat[:] = 0
        for k in range(values.size):
            flat[places[k]] = values[k]
