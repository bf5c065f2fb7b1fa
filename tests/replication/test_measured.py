"""Tables of earlier runs that are kept in the repository can still be read by today's functions."""

from pathlib import Path

import numpy as np
import pandas as pd

from replication.inference import holm
from replication.tables import read_table
from replication.training.analysis import CELL
from replication.training.claims import training_claims

FOLDER = Path(__file__).parents[2] / "data/reference/measured/mnist"


def table(name):
    return read_table(FOLDER / f"{name}.csv")


def test_cells_are_one_row_each_with_intervals_around_their_means():
    for name, keys in (("training_cells", CELL), ("isometry_training", ["dataset", "scheme", "depth"])):
        cells = table(name)
        assert not cells.duplicated(keys).any()
        assert cells.accuracy.between(0, 1).all()
    cells = table("training_cells")
    assert (cells.accuracy_low <= cells.accuracy).all()
    assert (cells.accuracy <= cells.accuracy_high).all()


def test_comparisons_give_claims():
    """By the function that answers for a fresh run; the control of each activation is a claim of its own."""
    tests = table("training_comparisons")
    empty = table("training_cells")[:0]
    claims = training_claims(tests, pd.DataFrame(columns=["predictor", "among"]), empty)
    controls = tests[(tests.question == "control") & (tests["scope"] == "all")]
    assert len(controls) > 0
    assert len(claims) > len(controls)
    assert set(claims.verdict) <= {"confirmed", "in part", "not confirmed", "undecided", "not tested"}


def test_corrected_p_values_are_holms():
    schemes = table("isometry_comparisons")
    tested = schemes[schemes.p.notna()]
    assert len(tested) > 1
    np.testing.assert_allclose(tested.p_holm, holm(tested.p.to_list()), rtol=1e-12)
