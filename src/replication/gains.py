"""Gains and critical points of the activations of torch.nn, as a table for the documentation."""

from __future__ import annotations

import math
import warnings

from preactivations.activations.describe import describe
from preactivations.edge_of_chaos.critical import critical, gain
from replication.tables import markdown_table


def gains() -> str:
    """Markdown table: by elementwise class of torch.nn with its defaults, at variance 1.

    The gain, PyTorch's where it has one, and the critical point: sigma_w and sigma_b, in brackets where it is unstable.
    """
    from torch import nn
    from torch.nn.modules import activation as module

    theirs = {
        "Sigmoid": nn.init.calculate_gain("sigmoid"),
        "Tanh": nn.init.calculate_gain("tanh"),
        "ReLU": nn.init.calculate_gain("relu"),
        "LeakyReLU": nn.init.calculate_gain("leaky_relu"),
        "SELU": nn.init.calculate_gain("selu"),
    }
    lines = []
    for name in sorted(module.__all__, key=str.lower):
        try:
            made = getattr(nn, name)().eval()
            with warnings.catch_warnings(action="ignore"):  # softmax does not like to be asked
                describe(made)
        except (TypeError, ValueError):  # needs arguments, or is not elementwise
            continue
        known = f"{theirs[name]:.4f}" if name in theirs else ""
        lines.append([f"`{name}`", f"{gain(made):.4f}", known, *_critical(made)])
    heads = ["`torch.nn`", "gain", "`calculate_gain`", "critical sigma_w", "critical sigma_b"]
    return f"\n\n{markdown_table(heads, lines)}\n\n"


def _critical(made: object) -> list[str]:
    try:
        point = critical(made)
    except ValueError as problem:
        return ["infinite chi_1" if "infinite" in str(problem) else "none", ""]
    stable = point.stable or math.isnan(point.variance)
    return [f"{value:.4f}" if stable else f"({value:.4f})" for value in (point.sigma_w, point.sigma_b)]
