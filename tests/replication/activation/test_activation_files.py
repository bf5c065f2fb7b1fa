"""Files of activations and of the densities behind them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from preactivations.pairs.factor import GaussianFactor
from preactivations.pairs.fitted import ActivationFit, DensityFit
from preactivations.pairs.gaussian import GaussianPair
from replication.activation.study import TOLERANCE, check_coupling
from replication.activation.tables import Tables, read_table, write_table
from replication.density.study import exact_density, fitted_density, law_theta
from replication.files import DamagedFile, read_parquet, write_parquet

X = np.concatenate([np.linspace(-14, 14, 401), [1e-9, 1e9, -1e9, math.inf, -math.inf, math.nan]])
LAWS = ["weibull_2", "weibull_2.05", "weibull_4", "weibull_10", "spherical_0", "spherical_1"]


@pytest.mark.parametrize("kind", ["odd", "positive"])
@pytest.mark.parametrize("law", LAWS)
def test_a_table_comes_back_as_it_was(law, kind, tmp_path):
    table, path = GaussianPair(law, kind).table(), tmp_path / f"{law}.{kind}.parquet"
    write_table(table, law, path)
    assert path.stat().st_size < 1e6  # Snakemake compares the content of such files
    back = read_table(path)
    for method in ("phi", "dphi", "d2phi"):
        np.testing.assert_array_equal(getattr(back, method)(X), getattr(table, method)(X))
    for name in ("weights", "kind", "route", "power", "growth", "slopes", "kinks", "errors", "error32"):
        assert getattr(back, name) == getattr(table, name)
    ours, theirs = (t.module() for t in (table, back))
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor(X, dtype=dtype)
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0, equal_nan=True)
    facts = read_parquet(path).attrs
    assert facts["weight_variance"] == table.weights.variance
    assert facts["law"] == law


def test_tables_of_a_job(tmp_path):
    for route, table in (
        ("exact", GaussianPair("weibull_4", "odd").table()),
        ("fitted", ActivationFit(4.0, "odd", (0.5, 1.2, 1.3, -0.06, 1.8, 0.8, 0.0)).table()),
    ):
        (tmp_path / route).mkdir()
        write_table(table, "weibull_4", tmp_path / route / "weibull_4.odd.parquet")
    tables = Tables(tmp_path.rglob("*.parquet"))
    assert tables("weibull_4")("odd").route == "exact"
    assert tables("weibull_4", "fitted")("odd").route == "fitted"
    assert tables("weibull_4")("odd") is tables("weibull_4")("odd")
    with pytest.raises(KeyError):
        tables("weibull_4")("positive")
    path = tmp_path / "exact" / "weibull_4.odd.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 255
    path.write_bytes(content)
    with pytest.raises(DamagedFile):
        read_table(path)


def swapped(path, folder):
    write_table(GaussianPair("weibull_4", "positive").table(), "weibull_4", path)


def renamed(path, folder):
    write_table(GaussianPair("weibull_5", "odd").table(), "weibull_5", path)


def fitted_one(path, folder):
    write_table(ActivationFit(4.0, "odd", (0.5, 1.2, 1.3, -0.06, 1.8, 0.8, 0.0)).table(), "weibull_4", path)


def changed_frame(change):
    def damage(path, folder):
        write_table(GaussianPair("weibull_4", "odd").table(), "weibull_4", path)
        frame = read_parquet(path)
        facts = frame.attrs
        frame = change(frame)
        frame.attrs = facts
        write_parquet(frame, path)

    return damage


DAMAGES = {
    "another kind": (swapped, "holds TabulatedActivation.*positive"),
    "another law": (renamed, r"holds TabulatedActivation\(SymmetricWeibull\(theta=5.0\)"),
    "another route": (fitted_one, "holds .*route='fitted'"),
    "NaN": (changed_frame(lambda f: f.assign(float64=f.float64.where(f.piece != 3))), "not finite"),
    "shuffled": (changed_frame(lambda f: f.sample(frac=1, random_state=0)), "not in their order"),
    "rows lost": (changed_frame(lambda f: f.iloc[:-7]), "missing, or not in their order"),
    "degrees lost": (changed_frame(lambda f: f[f.degree < 5]), "coefficients instead of"),
    "a density": (changed_frame(lambda f: f.rename(columns={"degree": "y"})), "no table of an activation"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_is_not_what_its_name_says_is_refused(damage, says, tmp_path):
    (tmp_path / "exact").mkdir()
    path = tmp_path / "exact" / "weibull_4.odd.parquet"
    damage(path, tmp_path)
    with pytest.raises(DamagedFile, match=says) as refused:
        Tables([path])("weibull_4")("odd")
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("law", [*LAWS, "spherical_0.1", "spherical_30"])
def test_the_density_checks_the_activation(law):
    density = exact_density(law, GaussianFactor(law), 3.0, 201)
    for kind in ("odd", "positive"):
        assert check_coupling(GaussianPair(law, kind).table(), density) < TOLERANCE / 10


def test_another_density_is_told_with_the_place():
    density = exact_density("weibull_4", GaussianFactor("weibull_4"), 3.0, 201)
    with pytest.raises(ArithmeticError, match=r"kind='odd'.* at x = .*phi is .* instead of"):
        check_coupling(GaussianPair("weibull_4.0001", "odd").table(), density)
    # a density that is off by 1e-9 of itself, at one point
    density.loc[50, "density"] *= 1 + 1e-9
    with pytest.raises(ArithmeticError, match="phi' f = "):
        check_coupling(GaussianPair("weibull_4", "positive").table(), density)


@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_the_density_sees_every_piece_of_a_bulk_that_is_wrong(kind):
    """An error of 1e-6 in any tenth of a unit of |x| <= 8."""
    density = exact_density("weibull_4", GaussianFactor("weibull_4"), 3.0, 801)
    table = GaussianPair("weibull_4", kind).table()
    per_unit = table.float64.per_unit
    start = 0 if kind == "odd" else 12
    for x in np.arange(0 if kind == "odd" else -8, 8, 0.5):
        wrong = table.float64.uniform.copy()
        first = round((x + start) * per_unit)
        wrong[0, first : first + per_unit // 10 + 1] += 1e-6
        with pytest.raises(ArithmeticError):
            check_coupling(replace(table, float64=table.float64._replace(uniform=wrong)), density)


@pytest.mark.parametrize("law", [*LAWS, "weibull_2.0001"])
def test_exact_densities(law, tmp_path):
    frame = exact_density(law, GaussianFactor(law), 3.0, 801)
    write_parquet(frame, tmp_path / "density.parquet")
    back = read_parquet(tmp_path / "density.parquet")
    theta = back.attrs.pop("theta")
    assert theta == law_theta(law) or math.isnan(law_theta(law))
    assert back.attrs["route"] == "exact"
    assert back.attrs["mass"] == pytest.approx(1, abs=1e-12)
    # next to theta = 2, y does not resolve the tail
    assert back.attrs["error"] < (1e-8 if law == "weibull_2.0001" else 1e-11)
    assert list(back) == ["y", "density", "distribution", "log_tail"]
    assert (np.diff(back.y) > 0).all()
    assert (np.diff(back.distribution) >= 0).all()
    tail = back[back.log_tail > -30]
    # next to theta = 2, y has lost the digits that decide between the two
    rounding = 1e-7 if law in ("weibull_2", "weibull_2.0001") else 1e-12
    np.testing.assert_allclose(tail.distribution + np.exp(tail.log_tail), 1, rtol=rounding)


def test_fitted_densities():
    """A law whatever the fit integrates to, with what it integrates to."""
    fit = DensityFit(4.0, 2.78, 1.34, 0.633, 0.634)
    frame = fitted_density("weibull_4", fit, 0.0078, 3.0, 801)
    assert frame.attrs["mass"] == fit.mass != 1
    assert frame.attrs["error"] == 0.0078
    assert DensityFit(frame.attrs["theta"], *frame.attrs["parameters"]) == fit
    assert np.trapezoid(frame.density, frame.y) == pytest.approx(1, abs=1e-3)
    at = frame[frame.y == 1.5]
    assert float(at.distribution.iloc[0]) == pytest.approx(1 - fit.sf(1.5) / fit.mass)
    assert float(frame.log_tail.iloc[-1]) == pytest.approx(-600, rel=1e-9)
