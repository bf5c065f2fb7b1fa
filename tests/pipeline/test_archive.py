"""Archives of results: what comes back is up to date, what is damaged changes nothing."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import archive
import pytest
from copies import copy_of_the_project, hashes, planned, script
from snakemake.persistence.file import FilePersistence

pytestmark = pytest.mark.dag

PACKED = "preactivations-smoke.tar.gz"


def run(project, *arguments):
    return script(project, "workflow/archive.py", *arguments)


@pytest.fixture(scope="module")
def packed(built):
    code, output = run(built, "pack", "smoke")
    assert code == 0, output
    return built / PACKED


@pytest.fixture(scope="module")
def empty(tmp_path_factory, packed):
    """The project on another machine, and the archive."""
    project = copy_of_the_project(tmp_path_factory.mktemp("elsewhere"))
    shutil.copy(packed, project)
    return project


@pytest.fixture
def elsewhere(empty, tmp_path):
    return shutil.copytree(empty, tmp_path / "project")


def tree(project):
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and not {"__pycache__", "cache"} & set(path.parts)
    }


def rewrite(path, change):
    """The archive with each (name, content) passed through `change`; None leaves it out."""
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for member, content in members:
            changed = change(member.name, content)
            if changed is not None:
                member.name, content = changed
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def test_a_restored_run_is_up_to_date_and_a_plot_edit_redraws_one_figure(elsewhere, packed):
    code, output = run(elsewhere, "restore", PACKED)
    assert code == 0, output
    assert "are in their places" in output
    assert hashes(elsewhere) == hashes(packed.parent)
    assert planned(elsewhere) == set()
    assert run(elsewhere, "verify", "smoke")[0] == 0
    with (elsewhere / "workflow/scripts/density/plot_density.py").open("a") as file:
        file.write("\n# edited\n")
    assert planned(elsewhere) == {("plot_density", "")}
    # parameters are compared too
    config = elsewhere / "config/smoke.yaml"
    config.write_text(config.read_text().replace("dpi: 80", "dpi: 90"))
    assert {rule for rule, _ in planned(elsewhere)} >= {"plot_density", "plot_depth", "plot_training"}
    assert not [
        rule
        for rule, _ in planned(elsewhere)
        if rule in ("train", "simulate_depth", "fit_density", "table_training")
    ]
    assert not list(elsewhere.glob(".restore*"))


def test_results_of_other_sources_are_made_anew(elsewhere):
    """The edit came before the restore: it is no newer than the results, and still they are not up to date."""
    with (elsewhere / "src/replication/kernels/claims.py").open("a") as file:
        file.write("\n# edited\n")
    code, output = run(elsewhere, "restore", PACKED)
    assert code == 0, output
    assert "Sources that are not as they were: src/replication/kernels/claims.py." in output
    rules = {rule for rule, _ in planned(elsewhere)}
    assert rules == {"table_kernels", "table_verdicts", "run_notebook"}


def damage_content(name, content):
    return name, content[:-1] + b"!" if name == "tables/smoke/activation_fitted.csv" else content


def without_a_file(name, content):
    return None if name == "tables/smoke/activation_fitted.csv" else (name, content)


def outside(name, content):
    return ("../fitted.csv" if name == "tables/smoke/activation_fitted.csv" else name), content


def not_in_the_manifest(name, content):
    return ("tables/smoke/other.csv" if name == "tables/smoke/activation_fitted.csv" else name), content


def another_project(name, content):
    if name != "manifest.json":
        return name, content
    return name, json.dumps(json.loads(content) | {"project": "another"}).encode()


def odd_manifest(name, content):
    return (
        name,
        b'{"project": "preactivations", "format": 2, "scale": "smoke"}'
        if name == "manifest.json"
        else content,
    )


def another_folder(name, content):
    if name != "manifest.json":
        return name, content
    return name, json.dumps(json.loads(content) | {"scale": "raw"}).encode()


def no_manifest(name, content):
    return None if name == "manifest.json" else (name, content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damage_content, "tables/smoke/activation_fitted.csv does not have the sha256 of the manifest"),
        (without_a_file, "tables/smoke/activation_fitted.csv is missing"),
        (outside, "../fitted.csv is not in its manifest"),
        (not_in_the_manifest, "tables/smoke/other.csv is not in its manifest"),
        (another_project, "is of another project"),
        (odd_manifest, "its manifest is none (KeyError('files'))"),
        (another_folder, "is of another project"),
        (no_manifest, "does not begin with a manifest"),
    ],
)
def test_a_damaged_archive_is_refused_and_changes_nothing(empty, change, message):
    shutil.copy(empty / PACKED, empty / "damaged.tar.gz")
    rewrite(empty / "damaged.tar.gz", change)
    before = tree(empty)
    code, output = run(empty, "restore", "damaged.tar.gz")
    assert code != 0
    assert (
        f"damaged.tar.gz {'is' if 'is of' in message or 'does not begin' in message else 'is damaged:'}"
        in output
    )
    assert message in output
    assert tree(empty) == before


@pytest.mark.parametrize("kind", ["truncated", "flipped", "text", "absent"])
def test_a_damaged_file_is_refused_and_changes_nothing(empty, kind):
    content = (empty / PACKED).read_bytes()
    path = empty / "damaged.tar.gz"
    path.unlink(missing_ok=True)
    if kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "flipped":
        half = len(content) // 2
        path.write_bytes(content[:half] + bytes([content[half] ^ 255]) + content[half + 1 :])
    elif kind == "text":
        path.write_text("not an archive")
    before = tree(empty)
    code, output = run(empty, "restore", "damaged.tar.gz")
    assert code != 0
    assert "damaged.tar.gz" in output
    assert "Traceback" not in output
    assert tree(empty) == before


def test_own_results_are_not_replaced_without_a_word(elsewhere):
    own = elsewhere / "tables/smoke/own.csv"
    own.parent.mkdir(parents=True)
    own.write_text("mine\n")
    before = tree(elsewhere)
    code, output = run(elsewhere, "restore", PACKED)
    assert code != 0
    assert "tables/smoke/own.csv for one" in output
    assert tree(elsewhere) == before
    own.unlink()
    cell = elsewhere / "data/smoke/training/.cells.digits/one/read.json"
    cell.parent.mkdir(parents=True)
    cell.write_text("{}\n")
    code, output = run(elsewhere, "restore", PACKED)
    assert code != 0
    assert "a job that was stopped has kept its cells in data/smoke/training/.cells.digits" in output
    assert cell.exists()
    code, output = run(elsewhere, "restore", PACKED, "--force")
    assert code == 0, output
    assert not cell.exists()


def test_a_replacement_that_fails_half_way_is_taken_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    staged = tmp_path / ".restore"
    for top in ("data", "figures"):
        for folder, text in ((Path(top), "old"), (staged / top, "new")):
            (folder / "s").mkdir(parents=True)
            (folder / "s/file").write_text(text)
    rename = Path.rename

    def failing(path, target):
        if str(path) == str(staged / "figures/s"):
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(
        archive.ArchiveError, match=r"figures/s could not be put in its place .*No space left"
    ):
        archive._replace(staged, [Path("data/s"), Path("figures/s")])
    assert Path("data/s/file").read_text() == Path("figures/s/file").read_text() == "old"


def test_verify_names_what_is_not_as_it_was(elsewhere):
    assert "there is no data/smoke/manifest.json" in run(elsewhere, "verify", "smoke")[1]
    run(elsewhere, "restore", PACKED)
    changed, gone = elsewhere / "tables/smoke/activation_fitted.csv", elsewhere / "figures/smoke/density.png"
    changed.write_text("0\n")
    gone.unlink()
    (elsewhere / "tables/smoke/new.csv").write_text("1\n")
    code, output = run(elsewhere, "verify", "smoke")
    assert code != 0
    assert "tables/smoke/activation_fitted.csv has changed" in output
    assert "figures/smoke/density.png is missing" in output
    assert "tables/smoke/new.csv is not in the manifest" in output


def test_only_a_finished_run_is_packed(built, packed):
    figure = built / "figures/smoke/density.png"
    content = figure.read_bytes()
    times = figure.stat()
    figure.unlink()
    before = packed.read_bytes()
    code, output = run(built, "pack", "smoke")
    assert code != 0
    assert "1 jobs of scale smoke are out of date, plot_density among them" in output
    assert packed.read_bytes() == before
    figure.write_bytes(content)
    os.utime(figure, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_manifest(packed):
    with tarfile.open(packed) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        names = tar.getnames()
        for name in ("tables/smoke/verdicts_numbers.csv", "config/smoke.yaml"):
            digest = hashlib.sha256(tar.extractfile(name).read()).hexdigest()
            assert manifest["files"][name]["sha256"] == digest
    assert set(names) == set(manifest["files"]) | {"manifest.json"}
    assert {"numpy", "torch", "snakemake"} <= set(manifest["versions"])
    assert "src/preactivations/pairs/factor.py" in manifest["sources"]
    assert "workflow/scripts/density/plot_density.py" in manifest["sources"]
    assert "notebooks/overview.ipynb" in manifest["sources"]


def test_what_snakemake_knows_of_results_comes_back(elsewhere, packed):
    known, restored = (FilePersistence(path=project / ".snakemake") for project in (packed.parent, elsewhere))
    names = list(json.loads((packed.parent / "data/smoke/manifest.json").read_text())["records"])
    assert {"tables/smoke/activation_fitted.csv", "data/smoke/kernels/errors.parquet"} <= set(names)
    code, output = run(elsewhere, "restore", PACKED)
    assert code == 0, output
    for name in names:
        assert (record := known._read_record(name)) is not None
        assert restored._read_record(name) == record
