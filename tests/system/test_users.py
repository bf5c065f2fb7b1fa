"""What users have in their environment, case by case; all of it at once is in tests/pipeline/test_surroundings.py."""

import pytest
from users import CASES, rebuilt

# a plain Snakemake imports the modules of the Python that the user has started
RUNS = [(name, program) for name in CASES for program in ("make", "snakemake")]
RUNS.remove(("another Python", "snakemake"))


@pytest.mark.parametrize(("name", "program"), RUNS)
def test_results_are_the_same(finished, tmp_path, name, program):
    rebuilt(CASES[name], finished, tmp_path, program)
