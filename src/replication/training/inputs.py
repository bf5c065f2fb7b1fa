"""What the training scripts begin with: PyTorch's settings, the device, the images in their parts."""

from __future__ import annotations

from typing import Any

import torch

from preactivations.datasets import load
from preactivations.streams import Stream
from preactivations.training.runs import Split, split_images
from replication.devices import describe, device_of


def prepare(snakemake: Any, dataset: str, record: dict[str, Any]) -> tuple[str | None, Split]:
    """The device (noted in the record of the job) and the images of a data set."""
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # convolutions in single precision on every GPU
    device = device_of(snakemake.params.device)
    record["device"] = describe(device)
    mirror = snakemake.resources.mirror or None
    data = split_images(
        load(dataset, "train", mirror=mirror),
        load(dataset, "test", mirror=mirror),
        snakemake.params.study["validation_share"],
        Stream(snakemake.params.seed, "training", dataset, "split"),
    )
    return device, data
