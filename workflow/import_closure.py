"""Which files a script or notebook of the pipeline depends on through its imports.

Snakemake watches the script of a rule, but not the modules that it imports: every rule declares them as an input.
Modules of the packages in `src` and of the file's own folder count. The `__init__` of a package holds a docstring and
a table of the names that it forwards, so it does not count; therefore modules are imported by their full name, and an
import that can't be followed to a file is an error, never an empty list.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCES, PIPELINE = Path("src"), Path("workflow")
_BY_TEXT = re.compile(r"(?:import_module|__import__)\(\s*[\"']([\w.]+)")


class UnresolvedImport(Exception):
    """An import of a package of this project that leads to no file."""


@cache
def imports(path: Path) -> frozenset[Path]:
    """Files that `path` imports itself, also inside functions; imports for type checkers do not run.

    Raises
    ------
    UnresolvedImport
        For a relative import, a module that does not exist, a package or a name that a package forwards, and what names
        no file: `import a.b` without `as`, the name of a module in a text.
    """
    files: set[Path] = set()
    text = path.read_text(encoding="utf-8-sig")
    if by_text := list(filter(_source, _BY_TEXT.findall(text))):
        raise UnresolvedImport(f"{path}: import by a text, {by_text[0]!r}, which is not followed")
    for statement in _statements(ast.parse(text, str(path))):
        try:
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    if "." in alias.name and _source(alias.name) and not alias.asname:
                        raise UnresolvedImport(
                            f"import {alias.name} lets every module be reached; write `as`, or from"
                        )
                    files |= _imported(alias.name, path.parent)
            elif isinstance(statement, ast.ImportFrom):
                files |= _imported_from(statement, path.parent)
        except UnresolvedImport as error:
            raise UnresolvedImport(f"{path}:{statement.lineno}: {error}") from None
    return frozenset(files)


def _imported_from(statement: ast.ImportFrom, folder: Path) -> set[Path]:
    if statement.level or statement.module is None:
        raise UnresolvedImport("relative import; write the full name of the module")
    package = _source(statement.module)
    if package is None or not _is_package(package):
        return _imported(statement.module, folder)
    return {
        file for alias in statement.names for file in _imported(f"{statement.module}.{alias.name}", folder)
    }


def _imported(name: str, folder: Path) -> set[Path]:
    """The file of a module of ours or of the same folder; none for another project's."""
    source = _source(name)
    if source is None:
        sibling, first = folder / f"{name}.py", name.split(".")[0]
        if not sibling.is_file() and any(
            place.exists() for place in (Path(first), folder / first, PIPELINE / first)
        ):
            raise UnresolvedImport(
                f"{name} is neither in a package of {SOURCES} nor a module beside the script"
            )
        return {sibling} if sibling.is_file() else set()
    if _is_package(source):
        raise UnresolvedImport(f"{name} is a package; import the module that defines what is needed")
    file = source.with_suffix(".py")
    if file.is_file():
        return {file}
    parent = name.rpartition(".")[0]
    if _is_package(source.parent):
        raise UnresolvedImport(
            f"package {parent} has no module {name.rpartition('.')[2]}; a name that it forwards is imported from "
            "the module that defines it"
        )
    raise UnresolvedImport(f"there is no module {name}")


def _source(name: str) -> Path | None:
    """Where a module of ours would be, without ending; None if its first package is not in `SOURCES`."""
    parts = name.split(".")
    return SOURCES.joinpath(*parts) if _is_package(SOURCES / parts[0]) else None


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """All statements, also inside others; expressions, the most of a tree, hold no import."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for part in ("orelse",) if typing_only else ("body", "orelse", "handlers", "finalbody", "cases"):
            inner = getattr(node, part, [])
            todo += inner if isinstance(inner, list) else []


def closure(path: str) -> list[str]:
    """All files behind a file, without it; paths from the root of the project, sorted."""
    start = Path(path)
    found, new = set(), {start}
    while new:
        found |= new
        new = {imported for file in new for imported in imports(file)} - found
    return sorted(str(file) for file in found - {start})
