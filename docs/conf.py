"""Sphinx: `make docs`."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from docutils.parsers.rst.states import Inliner
from latex2mathml.converter import convert

import preactivations

project = "preactivations"
author = copyright = "The preactivations developers"
version = release = preactivations.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "myst_parser"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"preactivations {version}"

default_role = "code"
highlight_language = "none"  # formulas; examples are known by their prompt
autodoc_typehints = "none"  # the docstrings say more
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": False, "show-inheritance": False}
napoleon_use_param = napoleon_use_rtype = False
napoleon_custom_sections = ["Shape", "Arguments", ("Attributes", "params_style")]

# Chapters of the reference: a page per module; those that are not named here serve the pipeline.
CHAPTERS = {
    "Pairs and laws": ["weights", "factor", "pairs", "constraints", "activations", "row_laws"],
    "PyTorch": ["nn", "init", "mirrored", "networks", "ensembles", "training"],
    "Theory": ["edge_of_chaos", "relu_law", "kernels", "heavy_tails", "two_layer"],
    "Simulation": ["propagation", "layer_statistics", "gaussianity", "settings", "streams", "datasets"],
    "Replication": ["fitted"],
}


def write_reference(folder: Path) -> None:
    """A page per public module, and the list of them."""
    folder.mkdir(exist_ok=True)
    public = [m.name for m in pkgutil.iter_modules(preactivations.__path__) if not m.name.startswith("_")]
    named = {name for names in CHAPTERS.values() for name in names}
    chapters = {**CHAPTERS, "Replication": CHAPTERS["Replication"] + [m for m in public if m not in named]}
    lines = [
        "# Reference",
        "",
        "`import preactivations as pre`; modules are loaded when they are used. Four chapters are the library; the "
        "last one holds the studies of the pipeline.",
        "",
    ]
    for chapter, names in chapters.items():
        lines += [f"## {chapter}", ""]
        for name in names:
            summary = (
                (importlib.import_module(f"preactivations.{name}").__doc__ or "").strip().split("\n\n")[0]
            )
            lines += [f"[`preactivations.{name}`]({name}.rst)", f": {' '.join(summary.split())}", ""]
            page = f"{name}\n{'=' * len(name)}\n\n.. automodule:: preactivations.{name}\n"
            _write(folder / f"{name}.rst", page)
    lines += [
        "```{toctree}",
        ":hidden:",
        "",
        *(name for names in chapters.values() for name in names),
        "```",
        "",
    ]
    _write(folder / "index.md", "\n".join(lines))


def _write(path: Path, text: str) -> None:
    """Only what has changed, so that Sphinx builds only that again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


write_reference(Path(__file__).parent / "reference")


def _plain_formulas() -> None:
    """Docstrings are read in terminals: |x|, a * b and sigma_w stand for themselves there, not for marks of reST."""

    def plain(self: Inliner, match: Any, lineno: int) -> Any:
        return match.string[: match.end()], [], match.string[match.end() :], []

    def marked(kind: str) -> Any:
        def method(self: Inliner, match: Any, lineno: int) -> Any:
            ends = getattr(self.patterns, kind).search(match.string[match.end("start") :])
            return getattr(Inliner, kind)(self, match, lineno) if ends else plain(self, match, lineno)

        return method

    Inliner.dispatch |= {"|": plain, "_": plain, "__": plain, "**": marked("strong"), "*": marked("emphasis")}


def _formulas_as_they_stand(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """An indented block after a paragraph is a formula, not a quotation."""
    result: list[str] = []
    before = ""  # the last line that is not blank
    for k, line in enumerate(lines):
        if line.startswith("    ") and k and not lines[k - 1] and before and not before.startswith(" "):
            result += ["::", ""]
        result.append(line)
        before = line or before
    lines[:] = result


def _without_fields(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Fields of named tuples are listed by their docstring."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Any) -> None:
    """Formulas as MathML, which browsers draw without anything from the network."""

    def inline(writer: Any, node: Any) -> None:
        writer.body.append(convert(node.astext()))
        raise SkipNode

    def block(writer: Any, node: Any) -> None:
        writer.body.append(convert(node.astext(), display="block"))
        raise SkipNode

    _plain_formulas()
    app.connect("autodoc-process-docstring", _formulas_as_they_stand, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", _without_fields)
    app.add_html_math_renderer("mathml", (inline, None), (block, None))


html_math_renderer = "mathml"
