"""What users have in their environment, and where they have their checkout: nothing that a result may depend on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from copies import make

# of a figure and of a page that Matplotlib and a kernel have made
FIGURE, PAGE = "figures/smoke/activation_exact", "data/smoke/notebooks/activation.html"


class Case(NamedTuple):
    """Variables, where {away} is a folder outside of the checkout (None: not set); name of the checkout's folder."""

    variables: dict[str, str | None] = {}  # noqa: RUF012
    folder: str = "project"
    linked: bool = False
    umask: int = -1


_MATPLOTLIB = {"MATPLOTLIBRC": "{away}/matplotlibrc", "MPLCONFIGDIR": "{away}", "MPLBACKEND": "TkAgg"}
_KERNEL = {"JUPYTER_PATH": "{away}", "JUPYTER_DATA_DIR": "{away}", "IPYTHONDIR": "{away}/ipython"}
# stricter than Latin-1, and on every machine: Python in the C locale, without the modes that would make it UTF-8
_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
_PYTHON = {
    "PYTHONPATH": "{away}/modules",
    "PYTHONWARNINGS": "error",
    "PYTHONHASHSEED": "3",
    "SNAKEMAKE_PROFILE": "{away}/none",
    "PYTHONOPTIMIZE": "1",
}
_THREADS = {
    "OMP_NUM_THREADS": "7",
    "MKL_NUM_THREADS": "7",
    "OPENBLAS_NUM_THREADS": "7",
    "OMP_DYNAMIC": "true",
}
_HOME: dict[str, str | None] = {"HOME": None, "USER": None, "LOGNAME": None, "XDG_RUNTIME_DIR": "{away}/none"}
_HOME |= {"XDG_CONFIG_HOME": None, "XDG_CACHE_HOME": None, "XDG_DATA_HOME": None}

LONG = "a+b=c@d,e%f~g-" + 10 * "long_name."
CASES = {
    "matplotlibrc": Case(_MATPLOTLIB),
    "another kernel": Case(_KERNEL),
    "another alphabet": Case(_LOCALE),
    "another Python": Case(_PYTHON),
    "threads": Case(_THREADS),
    "no home": Case(_HOME),
    "umask": Case(umask=0o077),
    "unicode in the path": Case(folder="Übung_ζ_名"),
    "long path": Case(folder=LONG),
    "symbolic link": Case(linked=True),
}
TOGETHER = Case(
    _MATPLOTLIB | _KERNEL | _LOCALE | _PYTHON | _THREADS | _HOME,
    "Übung_ζ_名" + LONG,
    linked=True,
    umask=0o077,
)


def home_of(case: Case, away: Path) -> dict[str, str]:
    """The variables of a user, whose files are put into the folder `away`."""
    (away / "kernels/python3").mkdir(parents=True)
    kernel = {"argv": ["false"], "display_name": "another", "language": "python"}
    (away / "kernels/python3/kernel.json").write_text(json.dumps(kernel))
    (away / "matplotlibrc").write_text(
        "font.size: 20\nlines.linewidth: 7\nsavefig.bbox: tight\nsavefig.dpi: 33\n"
    )
    startup = away / "ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "0.py").write_text("raise SystemExit('startup file of the user')\n")
    (away / "modules").mkdir()
    for name in ("pandas", "replication", "psutil"):
        (away / f"modules/{name}.py").write_text("raise ImportError('module of another Python')\n")
    variables = {name: value.format(away=away) for name, value in case.variables.items() if value is not None}
    return {name: value for name, value in os.environ.items() if name not in case.variables} | variables


def run(case: Case, variables: dict[str, str], project: Path, *command: str) -> str:
    """Output of a command in the checkout."""
    done = subprocess.run(
        command, cwd=project, env=variables, umask=case.umask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )  # fmt: skip
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output
    return output


def rebuilt(case: Case, finished: Path, folder: Path, program: str) -> None:
    """A figure and a page are made anew in a copy of a finished run: the plan names both, the figure is the same."""
    project = folder / case.folder
    shutil.copytree(finished, project, symlinks=True)
    # so that the interpreter is on the path of the checkout, as after an installation
    (project / "python").symlink_to(sys.prefix)
    for path in (f"{FIGURE}.pdf", f"{FIGURE}.png", PAGE):
        (project / path).unlink()
    if case.linked:
        (folder / "link").symlink_to(project)
        project = folder / "link"
    variables = home_of(case, folder / "away")
    wanted = [f"{FIGURE}.png", PAGE]
    if program == "make":
        command = [*make(project, "SCALE=smoke", f"TARGETS={' '.join(wanted)}", "CORES=1"), "BIN=python/bin"]
        planned = run(case, variables, project, *command, "plan")
        assert "Scale smoke: 2 jobs would run" in planned
        assert "plot_activation" in planned
        assert "run_notebook (activation)" in planned
    else:
        command = [
            "python/bin/python",
            "-m",
            "snakemake",
            "--cores",
            "1",
            *wanted,
            "--configfile",
            "config/smoke.yaml",
        ]
    run(case, variables, project, *command)
    for ending in ("pdf", "png"):
        assert (project / f"{FIGURE}.{ending}").read_bytes() == (finished / f"{FIGURE}.{ending}").read_bytes()
    page = (project / PAGE).read_text(encoding="utf-8")
    assert "Traceback" not in page
    assert "image/png" in page or "data:image" in page
