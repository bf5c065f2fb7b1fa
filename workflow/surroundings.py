"""What Snakemake and its jobs see of the user's environment: nothing that changes a result or stops a job.

    python workflow/surroundings.py    says whether the path of this checkout can be used

Settings of Python, Matplotlib, Jupyter, IPython, of the language and of numerical libraries are replaced by those of
this project, and a profile of Snakemake for all workflows is left out. A file `matplotlibrc`, a kernel that is named
python3, an alphabet without Greek letters or the modules of another Python are common, and none of them is a choice for
this study. Everything else is passed on: the user's choice of a GPU, a proxy or a mirror.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_REPLACED = re.compile(
    r"(PYTHON|MPL|MATPLOTLIB|JUPYTER|IPYTHON|PAPERMILL|LC_|OMP_|KMP_|MKL_|OPENBLAS_|NUMEXPR_).*|LANG|LANGUAGE|SNAKEMAKE_PROFILE"
)
# where compiled modules go changes no result, and a checkout may not be writable
_KEPT = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
_IN_PATHS = set("/._-+=@,%~")  # besides letters, digits and what is not ASCII


def surroundings(environment: Mapping[str, str], root: Path = ROOT) -> dict[str, str]:
    """`environment` with the settings of the project in a checkout at `root`."""
    passed = {
        name: value for name, value in environment.items() if name in _KEPT or not _REPLACED.fullmatch(name)
    }
    cache = root / ".cache"  # holds nothing that a result depends on
    return passed | {
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": str(root / "src"),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "IPYTHONDIR": str(cache / "ipython"),
        "JUPYTER_CONFIG_DIR": str(cache / "jupyter"),
        "JUPYTER_DATA_DIR": str(cache / "jupyter"),
    }


def refusal(path: str | Path) -> str:
    """Why a command at this path can't be run by a shell as Snakemake writes it; empty if it can."""
    strange = sorted({c for c in str(path) if c.isascii() and not c.isalnum() and c not in _IN_PATHS})
    if not strange:
        return ""
    return (
        f"the path {path} contains {', '.join(map(repr, strange))}: Snakemake starts jobs through a shell, which would "
        f"not read it as one word. Move the checkout to a path of letters, digits and {' '.join(sorted(_IN_PATHS))}"
    )


if __name__ == "__main__":
    sys.exit(refusal(ROOT) or 0)
