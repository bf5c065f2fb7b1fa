"""Style, colours and saving of figures. Draws saved results, computes nothing.

Colours of the paper: phi_theta from the first half of the "hot" colormap, black (smallest theta) to orange (largest);
ReLU dark turquoise; tanh fuchsia.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

from preactivations.activations.registry import REGISTRY, label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "MARKERS",
    "TEXT_WIDTH",
    "label_panels",
    "look",
    "save",
    "style",
    "theta_colours",
    "theta_looks",
    "training_look",
]

COLOURS = {"relu": "darkturquoise", "tanh": "fuchsia", "gelu": "slateblue", "limit": "0.45"}
MARKERS = {"relu": "s", "tanh": "D"}
TEXT_WIDTH = 7.2  # inches, two columns

_STYLE: Any = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.92",
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "preactivations",
}


@contextmanager
def style() -> Iterator[None]:
    """The project's look, without a display."""
    matplotlib.use("Agg")
    with matplotlib.rc_context(_STYLE):
        yield


def theta_colours(thetas: Iterable[float]) -> dict[float, tuple[float, float, float, float]]:
    """Colour per theta, black to orange."""
    ordered = sorted(set(thetas))
    hot = matplotlib.colormaps["hot"]
    return {theta: hot(0.5 * i / max(1, len(ordered) - 1)) for i, theta in enumerate(ordered)}


def theta_looks(thetas: Iterable[float]) -> dict[float, dict[str, Any]]:
    """Keyword arguments of `plot` per theta; the limits theta = 2 and infinity in broken grey lines."""
    looks: dict[float, dict[str, Any]] = {}
    for theta, colour in theta_colours([t for t in thetas if 2 < t < math.inf]).items():
        looks[theta] = {"color": colour, "label": rf"$\theta = {theta:g}$"}
    grey = {"color": COLOURS["limit"], "zorder": 1}
    looks[2.0] = grey | {"ls": "--", "label": r"$\theta = 2$"}
    looks[math.inf] = grey | {"ls": ":", "label": r"$\theta = \infty$"}
    return looks


def look(activation: str, theta: float, colours: dict[float, Any], law: str = "") -> dict[str, Any]:
    """Keyword arguments of `plot` for an activation: colour, label and dashes.

    phi_theta by theta, others by `COLOURS` with the label of the registry, ReLU and tanh as in the paper,
    phi_(.99, omega) dashed; the normalized control in grey.
    """
    psi = activation.removeprefix("normalized_")
    if psi != activation:
        dashes = {"tanh": (0, (1, 1)), "relu": (0, (4, 1)), "odd": (0, (4, 1, 1, 1)), "positive": (0, (6, 2))}
        name = label_of(psi) if psi in REGISTRY else rf"$\phi$ {psi}"
        return {"color": COLOURS["limit"], "ls": dashes[psi], "label": f"{name}, normalized"}
    if psi in REGISTRY:
        return {"color": COLOURS.get(psi, "0.4"), "label": label_of(psi)}
    if psi.startswith("oscillating_"):
        omega = psi.removeprefix("oscillating_")
        colour = {"2": "tab:blue", "3": "tab:olive", "6": "tab:green"}.get(omega, "tab:gray")
        return {"color": colour, "ls": "--", "label": rf"$\phi_{{.99,{omega}}}$"}
    if law.startswith("spherical_"):
        return {
            "color": "royalblue",
            "label": "uniform weights" if law == "spherical_1" else law.replace("_", " "),
        }
    return {"color": colours[theta], "label": rf"$\phi_\theta$, $\theta = {theta:g}$"}


def training_look(activation: str, theta: float, colours: dict[float, Any], law: str = "") -> dict[str, Any]:
    """`look` with a marker, for settings of the training study: colour by activation, dashes and marker by kind.

    On the edge dashed diamonds, positive dotted triangles; normalized dotted crosses, of unit variance dash-dotted.
    """
    for prefix, dashes, marker in (("normalized_", ":", "X"), ("unit_", "-.", "P")):
        if activation.startswith(prefix):
            psi = activation.removeprefix(prefix)
            return {"color": COLOURS.get(psi, "0.5"), "ls": dashes, "marker": marker}
    psi = activation.removesuffix("_edge")
    options = look(psi, theta, colours, law) | {"marker": MARKERS.get(psi, "o")}
    if psi != activation:
        options |= {"ls": "--", "marker": "D"}
    elif psi == "positive":
        options |= {"ls": ":", "marker": "^"}
    elif psi.startswith("oscillating_"):
        options["marker"] = "v"
    return options


def label_panels(axes: Iterable[Axes]) -> None:
    """(a), (b), ... above the left corner of each panel."""
    for letter, ax in zip("abcdefghijklmnopqrstuvwxyz", axes, strict=False):
        ax.text(0.0, 1.03, f"({letter})", transform=ax.transAxes, va="bottom", ha="left", weight="bold")


def save(figure: Figure, paths: Sequence[str | Path], dpi: int) -> None:
    """Write the figure once per path (.pdf, .png), with no date in it: equal figures are equal files."""
    for path in map(Path, paths):
        beside = path.with_name(f".{os.getpid()}.{path.name}")
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
        try:
            figure.savefig(beside, dpi=dpi, metadata=metadata, format=path.suffix[1:])
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
