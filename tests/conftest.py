import os

# the tests run side by side: more threads than cores would only wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import mpmath as mp
import pytest


@pytest.fixture(autouse=True)
def _sixty_digits():
    with mp.workdps(60):
        yield
