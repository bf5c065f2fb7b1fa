"""Style, colours, panels, legends and saving of figures. Draws saved results, computes nothing.

Colours of the paper: phi_theta from the first half of the "hot" colormap, black (smallest theta) to orange (largest);
ReLU dark turquoise; tanh fuchsia. Every other activation has one colour as well, in all figures.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

from replication.labels import activation_math, phi_math

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "relu": "darkturquoise",
    "tanh": "fuchsia",
    "elu": "tab:blue",
    "erf": "darkgreen",
    "gelu": "slateblue",
    "leaky_relu": "#D55E00",
    "linear": "#0072B2",
    "oscillating_2": "tab:blue",
    "oscillating_3": "tab:olive",
    "oscillating_6": "tab:green",
    "silu": "tab:brown",
    "softplus": "0.4",
    "limit": "0.45",
}
#: Other things than activations (Okabe & Ito, wine, grey): distinguishable with all kinds of colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999999")
MARKERS = {"relu": "s", "tanh": "D"}
TEXT_WIDTH = 7.2  # inches, two columns

_STYLE: Any = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 8,
    "axes.titlelocation": "right",
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
    """The project's look, without a display; settings of the user (matplotlibrc) do not count."""
    matplotlib.use("Agg")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
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

    phi_theta by theta, ReLU and tanh as in the paper, phi_(.99, omega) dashed; the normalized control in grey.
    """
    psi = activation.removeprefix("normalized_")
    if psi != activation:
        dashes = {"tanh": (0, (1, 1)), "relu": (0, (4, 1)), "odd": (0, (4, 1, 1, 1)), "positive": (0, (6, 2))}
        return {"color": COLOURS["limit"], "ls": dashes.get(psi, "-."), "label": activation_math(activation)}
    if psi not in ("odd", "positive"):
        options = {"color": COLOURS.get(psi, "tab:gray"), "label": activation_math(psi)}
        return options | ({"ls": "--"} if psi.startswith("oscillating_") else {})
    colour = "royalblue" if law.startswith("spherical_") else colours[theta]
    return {"color": colour, "label": phi_math(theta, law)}


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


def panels(
    rows: int, columns: int, height: float, *, used: int | None = None, letters: bool = True, **options: Any
) -> tuple[Figure, Any]:
    """A grid of panels over the width of the text, with (a), (b), ... above the left corner of each.

    Parameters
    ----------
    height : float
        Of the figure, inches.
    used : int, optional
        How many panels are drawn on, all by default; the others are hidden.
    letters : bool
        Not for grids whose panels are named by row and column.
    options
        Of `matplotlib.pyplot.subplots`.

    Returns
    -------
    figure, and array of axes, shape (rows, columns)
    """
    from matplotlib import pyplot

    options = {"figsize": (TEXT_WIDTH, height), "layout": "constrained"} | options
    figure, axes = pyplot.subplots(rows, columns, squeeze=False, **options)
    for ax in axes.flat[axes.size if used is None else used :]:
        ax.set_axis_off()
    if letters:
        for letter, ax in zip("abcdefghijklmnopqrstuvwxyz", axes.flat[:used], strict=False):
            ax.text(0.0, 1.03, f"({letter})", transform=ax.transAxes, va="bottom", ha="left", weight="bold")
    return figure, axes


def ticks(ax: Any, x: Any = (), y: Any = ()) -> None:
    """Ticks at these values of an axis, written as they are, and none between them."""
    if len(x):
        ax.set_xticks(x, [f"{value:g}" for value in x])
    if len(y):
        ax.set_yticks(y, [f"{value:g}" for value in y])
    ax.minorticks_off()


def shared_legend(figure: Figure, axes: Any, ncols: int, *extra: Any, **options: Any) -> None:
    """One legend below all panels: every label of the axes once, then the artists of `extra`.

    `axes` is an array or a list of axes; other options are those of `Figure.legend`.
    """
    handles: dict[str, Any] = {}
    for ax in getattr(axes, "flat", axes):
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    handles |= {artist.get_label(): artist for artist in extra}
    keywords: Any = {"loc": "outside lower center", "ncols": ncols} | options
    figure.legend(handles.values(), handles.keys(), **keywords)


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
