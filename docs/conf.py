"""Sphinx: `make docs`."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils.nodes import SkipNode
from docutils.parsers.rst.states import Inliner
from latex2mathml.converter import convert

import preactivations
import replication

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

# Chapters of the reference: modules at the root of a package, then a chapter per sub-package.
ROOTS = {preactivations: "Library", replication: "Replication"}


def modules(package: ModuleType) -> dict[str, list[str]]:
    """Public modules by the package that holds them, in the order of the folders."""
    public: dict[str, list[str]] = {package.__name__: []}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.ispkg and "._" not in module.name:
            public.setdefault(module.name.rpartition(".")[0], []).append(module.name)
    return public


def summary(name: str) -> str:
    return " ".join((importlib.import_module(name).__doc__ or "").strip().split("\n\n")[0].split())


def write_reference(folder: Path) -> None:
    """A page per public module, and the list of them."""
    folder.mkdir(exist_ok=True)
    lines = [
        "# Reference",
        "",
        "`import preactivations as pre`; modules are loaded when they are used. Names of a module can be imported "
        "from its package: `from preactivations.kernels import gram`.",
        "",
    ]
    pages: list[str] = []
    for root, title in ROOTS.items():
        lines += [f"## {title}", ""]
        for package, names in modules(root).items():
            if package != root.__name__:
                lines += [f"### `{package}`", "", summary(package), ""]
            for name in names:
                lines += [f"[`{name}`]({name}.rst)", f": {summary(name)}", ""]
                _write(folder / f"{name}.rst", f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n")
            pages += names
    lines += ["```{toctree}", ":hidden:", "", *pages, "```", ""]
    _write(folder / "index.md", "\n".join(lines))
    for page in folder.glob("*.rst"):  # of modules that are gone
        if page.stem not in pages:
            page.unlink()


def _write(path: Path, text: str) -> None:
    """Only what has changed, so that Sphinx builds only that again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


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
