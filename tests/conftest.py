import mpmath as mp
import pytest


@pytest.fixture(autouse=True)
def _sixty_digits():
    with mp.workdps(60):
        yield
