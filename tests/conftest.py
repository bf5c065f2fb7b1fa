import os

# the tests run side by side: more threads than cores would only wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import shutil

import mpmath as mp
import pytest
from copies import copy_of_the_project, snakemake
from filelock import FileLock


@pytest.fixture(autouse=True)
def _sixty_digits():
    with mp.workdps(60):
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A copy of the project in which the smoke scale has been run, once for all workers; not to be changed."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    project = folder / "finished"
    with FileLock(folder / "finished.lock"):
        if not (folder / "finished.ok").exists():
            project.mkdir()
            assert "Verdicts in tables/smoke/verdicts_numbers.csv" in snakemake(copy_of_the_project(project))
            (folder / "finished.ok").touch()
    return project


@pytest.fixture(scope="module")
def built(finished, tmp_path_factory):
    """Such a copy for the tests of a file."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("built") / "project", symlinks=True)


@pytest.fixture
def edit(built):
    """Appends a line to files of the copy, or replaces a text in them, and takes the edits back."""
    saved = {}

    def change(name, line="", replace=None):
        path = built / name
        saved.setdefault(path, (path.read_bytes(), path.stat().st_mtime_ns))
        text = path.read_text()
        if replace:
            assert replace[0] in text
            text = text.replace(*replace)
        path.write_text(text + line)

    yield change
    for path, (content, mtime) in saved.items():
        path.write_bytes(content)
        os.utime(path, ns=(mtime, mtime))
