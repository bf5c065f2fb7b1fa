"""The configuration: shipped files are valid, the schema has not drifted, faults are named."""

import copy
import json
import math
from pathlib import Path

import jsonschema
import pytest
import schema as schema_file
import yaml
from config import model

CONFIGS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))
LAPTOP = yaml.safe_load(next(p for p in CONFIGS if p.stem == "laptop").read_text())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_shipped_configurations(path):
    assert model.validate(model.read(path)).scale == path.stem


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_an_editor_that_knows_the_schema_accepts_them(path):
    schema = jsonschema.Draft202012Validator(json.loads(schema_file.SCHEMA.read_text()))
    stated = yaml.safe_load(path.read_text())
    assert not list(schema.iter_errors(stated))
    assert list(schema.iter_errors(stated | {"colour": "red"}))


def differences(settings, defaults):
    """Keys with another value than the default, by their paths."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from (f"{key}.{below}" for below in differences(value, defaults.get(key, {})))
        elif value != defaults.get(key):
            yield key


def leaves(settings):
    for key, value in settings.items():
        yield from (f"{key}.{below}" for below in leaves(value)) if isinstance(value, dict) else [key]


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.stem != "laptop"], ids=lambda p: p.stem)
def test_scales_state_how_they_differ_and_nothing_else(path):
    stated = yaml.safe_load(path.read_text())
    assert list(leaves(stated)) == list(differences(stated, LAPTOP))


def test_data_sets_are_those_of_the_library():
    from typing import get_args

    from config.base import DATASETS, DataName

    from preactivations.datasets import NAMES, load

    assert get_args(DataName) == tuple(DATASETS) == NAMES
    digits = load("digits")
    assert digits.images.shape[0] == DATASETS["digits"].images
    assert digits.images[0].size == DATASETS["digits"].pixels


def test_schema_has_not_drifted():
    assert schema_file.SCHEMA.read_text() == schema_file.schema(), "run `make schema`"


def test_every_field_is_described():
    schema = model.Config.model_json_schema()
    for name, section in {"Config": schema, **schema["$defs"]}.items():
        for key, field in section["properties"].items():
            assert "description" in field or "$ref" in field, f"{name}.{key}"


FAULTS = [
    ("thetas", [1.5], "thetas.0", "1.5"),
    ("thetas", [math.nan], "thetas.0", "nan"),
    ("thetas", [math.inf], "thetas.0", "inf"),
    ("thetas", ["3"], "thetas.0", "'3'"),
    ("thetas", [], "thetas", "at least 1 item"),
    ("thetas", [3, 4, 3.0], "thetas", "distinct"),
    ("thetas", 3, "thetas", "list"),
    ("seed", -1, "seed", "-1"),
    ("seed", 1.5, "seed", "1.5"),
    ("seed", None, "seed", "None"),
    ("scale", "My Run", "scale", "My Run"),
    ("scale", "../data", "scale", "../data"),
    ("colour", "red", "colour", "keys here: activation, data_mirror, density"),
    ("propagation.two_layer.n_samples", 0, "propagation.two_layer.n_samples", "greater than or equal to 100"),
    ("propagation.two_layer.n_samples", "many", "propagation.two_layer.n_samples", "'many'"),
    ("propagation.two_layer.n_samples", 2e5, "propagation.two_layer.n_samples", "integer"),
    ("propagation.two_layer.widths", [0], "propagation.two_layer.widths.0", "greater than or equal to 1"),
    ("propagation.two_layer.widths", [1, 1], "propagation.two_layer.widths", "distinct"),
    ("propagation.two_layer.sweeps", ["iv"], "propagation.two_layer.sweeps.0", "'iv'"),
    ("propagation.two_layer.activations", ["sigmoid"], "propagation.two_layer.activations.0", "'sigmoid'"),
    ("propagation.two_layer.activations", [], "propagation.two_layer.activations", "at least 1 item"),
    ("propagation.two_layer.memory_mb", 1, "propagation.two_layer.memory_mb", "greater than or equal to 8"),
    ("propagation.two_layer.widths", [300], "propagation.two_layer.widths.0", "less than or equal to 100"),
    ("thetas", [2], "", "thetas must have one above 2"),
    ("propagation.two_layer.n_replicates", 5, "propagation.two_layer.n_replicates", "5"),
    (
        "propagation.two_layer.n_sample",
        5,
        "propagation.two_layer.n_sample",
        "unknown key (did you mean n_samples?), got 5; keys here: act",
    ),
    (
        "propagation.correlations.widths",
        [{"width": 3, "networks": 2, "n": 1}],
        "propagation.correlations.widths.0.n",
        "keys here: networks, width",
    ),
    (
        "fractional.training.datasets",
        [{"title": "digits"}],
        "fractional.training.datasets.0.title",
        "keys here: augment",
    ),
    ("density.fitted.extended_thetas", [3], "", "must not repeat thetas, got [3.0] in both"),
    ("gpu", "tpu", "gpu", "'tpu'"),
    ("propagation.widths", [{"width": 3}], "propagation.widths.0.networks", "Field required"),
    (
        "propagation.widths",
        [{"width": 3, "networks": 500}] * 2,
        "propagation.widths",
        "distinct, repeated: [3]",
    ),
    (
        "propagation.widths",
        [{"width": 3, "networks": 99}],
        "propagation.widths.0.networks",
        "greater than or equal to 100",
    ),
    ("propagation.activations", ["gelu"], "propagation.activations.0", "unit_<psi> with any activation"),
    ("propagation.activations", ["unit_swish"], "propagation.activations.0", "unknown activation 'swish'"),
    ("propagation.activations", ["normalized_odd"], "propagation.activations.0", "unknown activation 'odd'"),
    ("propagation.activations", ["oscillating_"], "propagation.activations.0", "oscillating_"),
    ("propagation.activations", ["odd", "odd_edge"], "propagation", "odd_edge belongs to training"),
    (
        "propagation.activations",
        ["tanh", "normalized_tanh"],
        "propagation",
        "controls give too: normalized_tanh",
    ),
    ("training.activations", ["relu", "unit_tanh"], "training", "controls give too: unit_tanh"),
    ("propagation.activations", ["oscillating_6", "oscillating_6.0"], "propagation.activations", "distinct"),
    ("kernels.independent", ["iid_student_4", "iid_student_4.0"], "kernels.independent", "distinct"),
    ("activation.constraints.laws", ["weibull_4", "weibull_4.0"], "activation.constraints.laws", "distinct"),
    ("scale", "raw", "scale", "data/raw is no folder of results"),
    ("propagation.controls", ["swish"], "propagation.controls.0", "unknown activation 'swish'"),
    ("propagation.quantile_depths", [60], "propagation", "at most depth = 50, got [60]"),
    ("propagation.thetas", [], "propagation", "need thetas or spherical"),
    ("propagation.thetas", [4.0], "propagation", "correlations.thetas must be among thetas [4.0]"),
    ("propagation.correlations.thetas", [6.0], "propagation", "correlations.thetas must be among thetas"),
    ("propagation.network_factors.odd", 2.0, "propagation", "network_factors must be of"),
    ("propagation.network_factors.relu", 0.0, "propagation.network_factors.relu", "greater than 0"),
    ("propagation.largest_widths.weibull_6", 10, "propagation", "largest_widths must be of"),
    ("propagation.correlations.datasets", ["svhn"], "propagation.correlations.datasets.0", "'svhn'"),
    ("propagation.correlations.datasets", [], "propagation.correlations.datasets", "at least 1 item"),
    ("edge_of_chaos.heat_maps", ["swish"], "edge_of_chaos.heat_maps.0", "unknown activation 'swish'"),
    (
        "edge_of_chaos.widths",
        [{"width": 3, "networks": 5}] * 2,
        "edge_of_chaos.widths",
        "distinct, repeated: [3]",
    ),
    ("propagation.correlations.depths", [0], "propagation.correlations", "one above 0"),
    (
        "training.datasets",
        [{"name": "digits", "epochs": 1, "perceptrons": True, "convolutional": True}],
        "training.datasets.0",
        "digits are 8 x 8",
    ),
    (
        "training.datasets",
        [{"name": "mnist", "epochs": 1, "perceptrons": False, "convolutional": False}],
        "training.datasets.0",
        "perceptrons, convolutional or both",
    ),
    ("training.datasets", [], "training.datasets", "at least 1 item"),
    ("training.activations", ["odd", "gelu"], "training.activations.1", "'gelu'"),
    ("training.thetas", [], "training", "need thetas"),
    (
        "training.optimizers",
        [{"name": "sgd", "learning_rates": [0.1]}] * 2,
        "training.optimizers",
        "repeated: ['sgd']",
    ),
    (
        "training.optimizers",
        [{"name": "lion", "learning_rates": [0.1]}],
        "training.optimizers.0.name",
        "'lion'",
    ),
    ("training.seeds", 1, "training.seeds", "greater than or equal to 2"),
    ("training.race", {"seeds": 1, "share": 1.5}, "training.race.share", "less than or equal to 1"),
    ("isometry.training.race", {"seeds": 0, "share": 0.5}, "isometry.training.race.seeds", "greater than"),
    (
        "training.optimizers",
        [{"name": "sgd", "learning_rates": [0.1], "widths": [0, 3, 4]}],
        "training",
        "widths of sgd must be 0 or among widths [3, 10, 30], got [4]",
    ),
    (
        "fractional.training.datasets",
        [
            {
                "name": "digits",
                "epochs": 2,
                "batch_size": 64,
                "seeds": 2,
                "weight_decay": 0,
                "decay_epochs": [],
            }
            | {"augment": True}
        ],
        "fractional.training.datasets.0",
        "augment needs images of 32 x 32 (cifar10), got digits",
    ),
    ("training.persistence.at", [0, 21], "training", "at most the epochs = 20, got [0, 21]"),
    ("training.activations", ["odd", "tanh"], "training", "controls relu needs activations relu"),
    ("training.persistence.dataset", "mnist", "training", "persistence.dataset must be one of ['digits']"),
    ("training.persistence.activations", ["tanh"], "", "persistence.activations must have relu"),
    ("kernels.laws", ["student_4"], "kernels", "nu > 4), got ['student_4']"),
    ("kernels.laws", ["iid_uniform"], "kernels.laws.0", "iid_uniform"),
    ("kernels.controls", ["gaussian"], "kernels", "E|w|^2 infinite"),
    ("kernels.controls", ["student_2.5"], "kernels", "got ['student_2.5']"),
    ("kernels.independent", ["iid_sparse_"], "kernels.independent.0", "iid_sparse_"),
    ("kernels.independent", ["iid_student_2"], "kernels.independent.0", "nu must be above 2"),
    ("kernels.independent", ["iid_sparse_3"], "kernels.independent.0", "p must be in (0, 1], got 3"),
    ("kernels.depth.matrices", ["iid_student_3"], "kernels", "depth.matrices must have a fourth moment"),
    ("kernels.depth.depths", [1, 4], "kernels", "depth.depths must reach 16"),
    ("kernels.degrees.nus", [2], "kernels.degrees.nus.0", "greater than 2"),
    ("kernels.sums.tails", [4.5], "kernels.sums.tails.0", "less than 4"),
    ("kernels.sums.activations", ["relu"], "kernels.sums.activations.0", "has kinks"),
    ("kernels.sums.laws", ["iid_exponential"], "kernels.sums.laws.0", "symmetric laws of rows only"),
    ("kernels.training.laws", ["sphere", "ball"], "kernels.training", "must have gaussian among them"),
    ("kernels.training.laws", ["gaussian", "cauchy"], "kernels.training", "got ['cauchy']"),
    ("fractional.dropout.keeps", [1.0], "fractional.dropout.keeps.0", "less than 1"),
    ("fractional.dropout.orders", [1], "fractional.dropout.orders", "at least 2 items"),
    ("fractional.far.depths", [1, 10], "fractional.far.depths", "at least 3 items"),
    ("kernels.gram.depths", [0], "kernels.gram.depths", "at least 2 items"),
    ("training.persistence.at", [1], "", "persistence.at must have 0"),
    ("kernels.errors.fit_from", 256, "kernels.errors", "at least three of sizes"),
    ("kernels.finite_width.angles", [3.145], "kernels.finite_width.angles.0", "less than 3.14159"),
    ("kernels.finite_width.angles", [0], "kernels.finite_width.angles.0", "greater than 0"),
    ("kernels.datasets", ["svhn"], "kernels.datasets.0", "'svhn'"),
    ("fractional.training.orders", {"tanh": 1}, "fractional.training.orders.tanh.[key]", "tanh"),
    (
        "fractional.training.learning_rates",
        {"relu": [0.1]},
        "fractional.training",
        "none for ['leaky_relu'",
    ),
    ("fractional.training.orders", {"relu": 2}, "fractional.training.orders.relu", "less than 2"),
    ("fractional.deep.orders", [0], "fractional.deep.orders.0", "greater than or equal to 0.05"),
    ("fractional.deep.width", 8, "fractional.deep", "width must be larger at depth 500"),
    ("fractional.tails.width", 0, "fractional.tails.width", "greater than or equal to 1"),
    ("density.fitted.ramp", 600, "density.fitted", "ramp must be below epochs = 600, got 600"),
    ("density.fitted.learning_rate", 0, "density.fitted.learning_rate", "greater than 0"),
    ("density.fitted.start", [3, 1, 1], "density.fitted.start", "at least 4 items"),
    ("density.fitted.start", [3, 1, 1, -1], "density.fitted.start.3", "-1"),
    ("activation.fitted.steps", 1e4, "activation.fitted.steps", "integer"),
    ("activation.fitted.product_samples", [], "activation.fitted.product_samples", "at least 1 item"),
    ("activation.x_zoom", 20, "activation", "x_zoom must be at most x_max = 10, got 20"),
    ("density.n_points", 3, "density.n_points", "3"),
    ("activation.x_max", True, "activation.x_max", "True"),
    ("activation.constraints.laws", ["weibull_1"], "activation.constraints.laws.0", "theta must be"),
    ("figures.dpi", 5, "figures.dpi", "greater than or equal to 30"),
    ("figures", {}, "figures.dpi", "required"),
    ("density", None, "density", "None"),
]


@pytest.mark.parametrize(("key", "value", "named", "says"), FAULTS, ids=[f"{k}={v}" for k, v, *_ in FAULTS])
def test_faults_are_named(key, value, named, says):
    config = copy.deepcopy(LAPTOP)
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    section[last] = value
    with pytest.raises(ValueError, match="not valid") as error:
        model.validate(config)
    line = next(line for line in str(error.value).splitlines() if line.startswith(f"  {named}: "))
    assert says in line


SETTINGS = [
    "odd",
    "odd_edge",
    "positive",
    "relu",
    "tanh",
    "oscillating_2.5",
    "unit_mish",
    "normalized_softplus",
]


@pytest.mark.parametrize("name", SETTINGS)
def test_the_configuration_takes_the_settings_that_there_are(name):
    """Whatever the table of `replication.settings` has, with any activation of the registry."""
    from config.base import SettingName
    from exact import pairs_of
    from pydantic import TypeAdapter

    from replication.settings import setting_by_name

    assert TypeAdapter(SettingName).validate_python(name) == setting_by_name(name, pairs_of("weibull_4")).name


def test_null_takes_an_entry_of_the_laptop_scale_away(tmp_path):
    """Files are merged key by key, so that leaving one out would keep it."""
    training = {"orders": {"linear": None}, "learning_rates": {"linear": None}}
    (tmp_path / "mine.yaml").write_text(
        yaml.safe_dump({"scale": "mine", "fractional": {"training": training}})
    )
    ours = model.validate(model.read(tmp_path / "mine.yaml")).fractional.training
    assert set(ours.orders) == set(ours.learning_rates) == {"relu", "leaky_relu"}


def test_missing_sections_are_named():
    for key in LAPTOP:
        with pytest.raises(ValueError, match=f"  {key}: Field required"):
            model.validate({k: v for k, v in LAPTOP.items() if k != key})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_simulations_fit_their_memory(path):
    """The bounds of the shipped configurations hold a block of every simulation; so does the default of a device."""
    from preactivations.propagation.engine import _DEVICE_MEMORY, block_bytes

    config = model.validate(model.read(path))
    study, edge = config.propagation, config.edge_of_chaos
    images = study.correlations
    pixels = {"digits": 64, "mnist": 784, "cifar10": 3072}
    cells = [([1, *[c.width] * study.depth], 1, study.memory_mb) for c in study.widths]
    cells += [([2, *[c.width] * edge.depth], 2, edge.memory_mb) for c in edge.widths]
    for cell in images.widths:
        for name in images.datasets:
            widths = [pixels[name], *[cell.width] * max(images.depths)]
            cells.append((widths, 10 * images.images_per_class, images.memory_mb))
    for widths, inputs, memory_mb in cells:
        assert block_bytes(widths, inputs) <= 1e6 * memory_mb, (widths[:2], inputs)
        assert block_bytes(widths, inputs, "cuda") <= _DEVICE_MEMORY


# Snakemake merges sections with those of the laptop scale: what they leave out is there
REFUSED = [fault for fault in FAULTS if not isinstance(fault[1], dict)][::18]


@pytest.mark.dag
@pytest.mark.parametrize(("key", "value", "named", "says"), REFUSED, ids=[f"{k}={v}" for k, v, *_ in REFUSED])
def test_refused_before_any_job(tmp_path, key, value, named, says):
    """Also by Snakemake: one line that says it, no job, no file."""
    from copies import copy_of_the_project, snakemake

    project = copy_of_the_project(tmp_path)
    config = copy.deepcopy(LAPTOP)
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    section[last] = value
    (project / "wrong.yaml").write_text(yaml.safe_dump(config))
    before = sorted(
        p for p in project.rglob("*") if ".snakemake" not in p.parts and "__pycache__" not in p.parts
    )
    code, output = snakemake(project, config="wrong.yaml", check=False)
    assert code != 0
    assert "the configuration is not valid:" in output
    assert any(line.startswith(f"  {named}: ") and says in line for line in output.splitlines())
    assert "Traceback" not in output
    assert "Select jobs" not in output
    after = sorted(
        p for p in project.rglob("*") if ".snakemake" not in p.parts and "__pycache__" not in p.parts
    )
    assert after == before
