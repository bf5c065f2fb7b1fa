"""Cells of a stopped job are kept for what they read, and for nothing else."""

import ast
from pathlib import Path

import pandas as pd
import pytest

from replication.cells import Cells, Recorded, flat, progress

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"


class Project:
    """A job whose cells sum a parameter and their argument; `computed` counts the cells that were not kept."""

    def __init__(self, folder):
        self.output, self.code = folder / "sums.parquet", folder / "code.py"
        self.code.write_text("1")
        self.values = {"study": {"offset": 1, "scale": 2, "list": [1, 2]}, "shared": 5}

    def run(self, before=lambda params: None, stop_after=None):
        notes = [{}]
        params = Recorded(self.values, notes)
        self.computed = []

        def cell(x):
            if stop_after is not None and len(self.computed) == stop_after:
                raise KeyboardInterrupt
            self.computed.append(x)
            return {"sums": pd.DataFrame({"x": [x], "sum": [params.study["offset"] + x]})}

        before(params)
        cells = Cells(self.output, [str(self.code)], self.values, notes)
        return pd.concat(cells.all((cell, {"x": x}) for x in params.study["list"])["sums"])


@pytest.fixture
def project(tmp_path):
    stopped = Project(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(stop_after=1)
    return stopped


def test_a_stopped_job_goes_on_after_its_finished_cells(project):
    assert project.run()["sum"].tolist() == [2, 3]
    assert project.computed == [2]
    project.run()
    assert project.computed == []


def test_what_a_cell_does_not_read_does_not_matter(project):
    """Another parameter, more cells (the list is read between cells), in another order."""
    project.values["study"] |= {"scale": 3, "list": [3, 2, 1]}
    project.run()
    assert project.computed == [3, 2]


@pytest.mark.parametrize("change", ["parameter", "code", "argument", "shared"])
def test_what_a_cell_reads_does(project, change):
    before = lambda params: None  # noqa: E731
    match change:
        case "parameter":
            project.values["study"]["offset"] = 10
        case "code":
            project.code.write_text("2")
        case "argument":
            project.values["study"]["list"] = [7, 2]
        case "shared":
            before = lambda params: params.shared  # noqa: E731
    frame = project.run(before)
    assert len(project.computed) == 2
    assert frame["sum"].tolist() == [project.values["study"]["offset"] + x for x in frame.x]


def test_what_is_read_before_the_cells_holds_for_all(project):
    read = lambda params: params.shared  # noqa: E731
    project.run(read)
    project.run(read)
    assert project.computed == []
    project.values["shared"] = 6
    project.run(read)
    assert project.computed == [1, 2]


def test_a_parameter_that_is_gone_is_another_value(project):
    del project.values["study"]["offset"]
    with pytest.raises(KeyError, match="offset"):
        project.run()


def test_recorded_dictionaries_are_read_as_such():
    notes = [{}]
    params = Recorded({"a": {"b": 1, "c": [2, {"d": 3}]}, "e": None}, notes)
    assert notes == [{}]
    assert dict(params.a) == {"b": 1, "c": [2, {"d": 3}]}
    assert "e" in params
    assert params.get("missing", 4) == 4
    assert len(params) == 2
    assert notes == [{"a.b": 1, "a.c": [2, {"d": 3}], "e": None}]
    with pytest.raises(AttributeError, match="missing"):
        params.missing  # noqa: B018
    assert flat({"a": {"b": 1, "c": [2]}, "e": None}) == {"a.b": 1, "a.c": [2], "e": None}


def test_progress_says_every_tenth(capsys):
    with progress(40, "cells") as add:
        for _ in range(4):
            add(10)
    assert [line.split(" %")[0] for line in capsys.readouterr().out.splitlines()] == [
        "cells: 20", "cells: 50", "cells: 70", "cells: 100",
    ]  # fmt: skip


def made_in_the_job(tree):
    """Names that the script assigns while it runs, but for the job itself and what it reads from files."""
    body = next(node for node in tree.body if isinstance(node, ast.With))
    stored = (n for n in ast.walk(body) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    names = {name.id for name in stored}
    return names - {"run", "data", "images", "labels", "tables"}


@pytest.mark.parametrize(
    "script",
    [p for p in sorted(SCRIPTS.rglob("*.py")) if "run.cells(" in p.read_text()],
    ids=lambda p: p.stem,
)
def test_cells_of_scripts_read_parameters_by_the_job(script):
    """A value that is read before and captured would not be in the key of a cell."""
    tree = ast.parse(script.read_text())
    captured = made_in_the_job(tree)
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        own = {argument.arg for argument in function.args.args}
        own |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        used = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert not (used - own) & captured, function.name
        assert "snakemake.params" not in ast.unparse(function)
