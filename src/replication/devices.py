"""The device that the configuration asks for."""

from __future__ import annotations

from pathlib import Path


def device_of(setting: str) -> str | None:
    """The device for the engine: None is NumPy on the CPU. `auto` takes CUDA where it is."""
    if setting == "cpu":
        return None
    if setting == "auto" and not any(Path("/dev").glob("nvidia[0-9]*")):
        return None  # without paying for PyTorch's import
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if setting == "auto":
        return None
    raise ValueError(
        "device is cuda in the configuration, but PyTorch finds no CUDA here: set it to auto or cpu"
    )


def describe(device: str | None) -> str:
    """Name of the hardware behind a device."""
    if device is None:
        return "cpu"
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"
