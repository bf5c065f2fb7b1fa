"""Which files a script or notebook of the pipeline depends on through its imports.

Snakemake watches the script of a rule, but not the modules that it imports: every rule declares them as an input. Only
modules of the library and of the file's own folder count. `preactivations/__init__.py` forwards names lazily and holds
nothing else, so it does not count: scripts import submodules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LIBRARY = Path("src/preactivations")


@cache
def imports(path: Path) -> frozenset[Path]:
    """Files that `path` imports itself, also inside functions; imports for type checkers do not run."""
    names: set[str] = set()
    for statement in _statements(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names |= {statement.module} | {f"{statement.module}.{alias.name}" for alias in statement.names}
    files = {path.parent / f"{name}.py" for name in names}
    files |= {
        LIBRARY / f"{name.removeprefix('preactivations.')}.py"
        for name in names
        if name.startswith("preactivations.")
    }
    return frozenset(file for file in files if file.is_file())


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements, also inside others; expressions, the most of a tree, hold no import."""
    todo = [tree]
    while todo:
        node = todo.pop()
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
