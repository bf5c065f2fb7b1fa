"""Examples in docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import replication

MODULES = ["replication", *(m.name for m in pkgutil.walk_packages(replication.__path__, "replication."))]


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_docstrings(module):
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    assert doctest.testmod(loaded).failed == 0


def test_examples_are_found():
    run = sum(doctest.testmod(importlib.import_module(module)).attempted for module in MODULES)
    assert run >= 9
