"""What users have in their environment, case by case; all of it at once is in tests/pipeline/test_surroundings.py."""

import pytest
from users import CASES, rebuilt

# in turn, for time; "another Python" with make: a plain Snakemake imports the modules of the Python of the user
RUNS = list(zip(CASES, 5 * ("snakemake", "make"), strict=True))
assert ("another Python", "make") in RUNS


@pytest.mark.parametrize(("name", "program"), RUNS)
def test_results_are_the_same(finished, tmp_path, name, program):
    rebuilt(CASES[name], finished, tmp_path, program)
