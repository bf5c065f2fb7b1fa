"""Colours of the paper, and files that are equal when the figures are."""

import math

import matplotlib.colors
import matplotlib.pyplot as plt
import pytest

from replication.figures import (
    COLOURS,
    look,
    panels,
    save,
    shared_legend,
    style,
    theta_colours,
    theta_looks,
    training_look,
)


def test_colours_of_the_paper():
    colours = theta_colours([10, 2.05, 4, 4])
    assert list(colours) == [2.05, 4, 10]
    red, green, blue, _ = colours[2.05]
    assert max(red, green, blue) < 0.1  # black
    red, green, blue, _ = colours[10]
    assert red > 0.95
    assert 0.2 < green < 0.6
    assert blue == 0  # orange
    assert all(matplotlib.colors.is_color_like(c) for c in COLOURS.values())
    looks = theta_looks([2, 3, math.inf])
    assert looks[2.0]["ls"] != looks[math.inf]["ls"]


def test_look_of_each_activation():
    colours = theta_colours([2.05, 4])
    assert look("odd", 4.0, colours)["color"] == colours[4]
    assert look("relu", math.nan, colours) == {"color": COLOURS["relu"], "label": "ReLU"}
    assert look("oscillating_6", math.nan, colours)["ls"] == "--"  # dashed in the paper
    assert look("positive", math.nan, colours, "spherical_1")["label"] == "uniform weights"
    normalized = [look(f"normalized_{psi}", math.nan, colours) for psi in ("tanh", "relu", "odd", "positive")]
    assert len({str(options["ls"]) for options in normalized}) == 4
    for options in normalized:
        assert options["label"].endswith("normalized")


def test_panels_have_letters_and_those_left_over_are_hidden():
    figure, axes = panels(2, 2, 3.0, used=3, sharex=True)
    assert [[text.get_text() for text in ax.texts] for ax in axes.flat] == [["(a)"], ["(b)"], ["(c)"], []]
    assert [ax.axison for ax in axes.flat] == [True, True, True, False]
    plt.close(figure)


def test_a_shared_legend_has_every_label_once():
    figure, axes = panels(1, 2, 2.0, letters=False)
    for ax, second in zip(axes.flat, ("b", "c"), strict=True):
        ax.plot([0, 1], [0, 1], label="a")
        ax.plot([0, 1], [1, 0], label=second)
    shared_legend(figure, axes, 2, plt.Line2D([], [], label="d"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c", "d"]
    plt.close(figure)


def test_every_activation_has_one_colour():
    colours = theta_colours([4.0])
    for name in ("gelu", "erf", "silu", "elu", "softplus", "relu", "tanh", "oscillating_6"):
        assert look(name, math.nan, colours)["color"] == training_look(name, math.nan, colours)["color"]
    assert training_look("unit_gelu", math.nan, colours)["color"] == COLOURS["gelu"]


def test_equal_figures_are_equal_files(tmp_path):
    """Whatever settings of Matplotlib the user has (matplotlibrc)."""
    contents = []
    user = {"font.size": 30, "lines.linewidth": 9, "savefig.bbox": "tight", "axes.facecolor": "red"}
    for folder, settings in (("a", {}), ("b", {}), ("c", user)):
        (tmp_path / folder).mkdir()
        with plt.rc_context(settings), style():
            figure, axes = panels(1, 2, 2.0)
            axes[0, 0].plot([0, 1], [1, 0])
            paths = [tmp_path / folder / name for name in ("f.pdf", "f.png")]
            save(figure, paths, dpi=50)
            plt.close(figure)
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1] == contents[2]


def test_a_figure_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    figure, _ = plt.subplots()

    def full(path, **_):
        path.write_bytes(b"%PDF-1.4")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(OSError, match="No space left"):
        save(figure, [tmp_path / "a.pdf"], 80)
    plt.close(figure)
    assert list(tmp_path.iterdir()) == []


def test_looks_of_the_training_study_can_be_told_apart():
    colours = theta_colours([2.05, 4])
    settings = [
        (a, theta, f"weibull_{theta}") for a in ("odd", "odd_edge", "positive") for theta in (2.05, 4)
    ]
    settings += [
        (f"{kind}_{psi}", math.nan, "") for kind in ("normalized", "unit") for psi in ("tanh", "gelu", "relu")
    ]
    settings += [(a, math.nan, "") for a in ("tanh", "relu", "oscillating_6")] + [
        ("positive", math.nan, "spherical_1")
    ]
    looks = [training_look(a, theta, colours, law) for a, theta, law in settings]
    assert len({(str(o["color"]), o.get("ls", "-"), o["marker"]) for o in looks}) == len(settings)
    assert looks[0]["color"] == looks[2]["color"] == looks[4]["color"] == colours[2.05]
