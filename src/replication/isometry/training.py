"""Training of rectified networks from the schemes of `jacobians`, against depth (our protocol)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.runs import Plan, Split, tensors, train_ensemble
from replication.isometry.jacobians import network

__all__ = ["train_scheme"]

Row = dict[str, Any]


def train_scheme(
    scheme: str,
    width: int,
    depth: int,
    data: Split,
    plan: Plan,
    stream: Stream,
    order: Stream,
    *,
    device: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Row], list[Row]]:
    """Train all learning rates and seeds of a scheme at once; rows as from `training.study.train_cell`."""
    parts = [tensors(part, device, flat=True) for part in data[1:]]
    inputs = parts[0][0].shape[1]
    networks = [
        network(scheme, inputs, width, depth, 10, torch.Generator().manual_seed(stream.seed(seed)))
        for seed in range(plan.seeds)
    ]
    ensemble = Ensemble([networks[seed] for _, seed in plan.members()], device=device)
    return train_ensemble(ensemble, parts, plan, order, progress=progress)
