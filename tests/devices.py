"""Devices of PyTorch that tests run on; where there is no CUDA, the summary of the tests says so."""

import pytest
import torch

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="no CUDA here: the GPU was not compared with the CPU"
        ),
    ),
]
AVAILABLE = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
