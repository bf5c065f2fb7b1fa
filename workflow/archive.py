"""Results as one archive per scale: `make pack`, `make restore ARCHIVE=...`, `make verify`.

    python workflow/archive.py pack laptop [ARCHIVE] | restore ARCHIVE [--force] | verify laptop

An archive holds results, timings, the configuration, and a manifest: sha256 of every file and of every source of a
result, and what Snakemake knows of each result (parameters, sha256 of inputs). Restored results are older than any
source, so that Snakemake compares all sources with what it knows; those that it would not make anew are dated to now.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import time
import zlib
from contextlib import ExitStack
from importlib.metadata import distributions
from operator import methodcaller
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import plan

from replication.files import whole, write_json

FORMAT = 2


class ArchiveError(Exception):
    """What is wrong, and with which file."""


def places(scale: str) -> tuple[list[Path], Path, Path]:
    """Folders of the results of a scale, its manifest, its configuration."""
    folders = [Path(top) / scale for top in ("data", "figures", "tables", "benchmarks/results")]
    return folders, folders[0] / "manifest.json", Path(f"config/{scale}.yaml")


def result_files(scale: str) -> list[Path]:
    """All of them but the manifest; hidden ones are parts of unfinished jobs."""
    folders, manifest, _ = places(scale)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in files if path != manifest and not re.search(r"(^|/)\.", str(path)))


def sha256(path: Path) -> str:
    """Of a file; empty if there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(scale: str, archive: Path) -> str:
    """Write the archive, and the manifest beside the results."""
    _, beside, config = places(scale)
    dag = plan.graph(["--configfile", str(config)])
    if waiting := plan.jobs_of(dag):
        raise ArchiveError(
            f"{len(waiting)} jobs of scale {scale} are out of date, {waiting[0].rule} among them: run "
            f"`make reproduce SCALE={scale}` first (`make plan SCALE={scale}` says why)"
        )
    known = {str(path): dag.workflow.persistence.metadata(path) for job in dag.jobs for path in job.output}
    inputs = {str(path) for job in dag.jobs for path in job.input} - known.keys() | {str(config)}
    packed = [*result_files(scale), config]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    manifest = {
        "project": "preactivations",
        "format": FORMAT,
        "scale": scale,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": dict(sorted((package.name, package.version) for package in distributions())),
        "sources": {name: sha256(Path(name)) for name in sorted(inputs) if Path(name).is_file()},
        "files": {str(path): {"sha256": sha256(path), "bytes": path.stat().st_size} for path in packed},
        "records": {path: record.model_dump(mode="json") for path, record in known.items() if record},
    }
    write_json(manifest, beside)
    anonymous = methodcaller("replace", mtime=1, uid=0, gid=0, uname="", gname="", deep=False)

    def write(unfinished: Path) -> None:
        with tarfile.open(unfinished, "w:gz", compresslevel=6) as tar:
            tar.add(beside, "manifest.json", filter=anonymous)
            for path in packed:
                tar.add(path, filter=anonymous)

    whole(archive, write)
    return f"{archive}: {len(packed)} files, {archive.stat().st_size / 1e6:.1f} MB, sha256 {sha256(archive)}"


def restore(archive: Path, force: bool = False) -> str:
    """Verify, then put everything in its place; nothing is changed if anything is wrong."""
    from snakemake.persistence import MetadataRecord
    from snakemake.persistence.file import FilePersistence

    with TemporaryDirectory(prefix=".restore.", dir=".") as name:  # on the same disk
        staged = Path(name)
        manifest = _unpack(archive, staged)
        scale, files = manifest["scale"], manifest["files"]
        folders, beside, config = places(scale)
        if not force and (
            kept := next((path for folder in folders for path in folder.rglob(".cells.*")), None)
        ):
            raise ArchiveError(
                f"a job that was stopped has kept its cells in {kept}: let it finish, or say FORCE=1"
            )
        for path in result_files(scale) if not force else []:
            # timings and provenance are never the same
            told_apart = path.parts[0] != "benchmarks" and not path.match("*.provenance.json")
            if told_apart and sha256(path) != files.get(str(path), {}).get("sha256"):
                raise ArchiveError(
                    f"results of scale {scale} are here that the archive would replace, {path} for one: move them "
                    "away, or say FORCE=1"
                )
        (staged / "manifest.json").rename(staged / beside)
        moves = [*folders, *([] if config.exists() else [config])]
        _replace(staged, [path for path in moves if (staged / path).exists()])
    persistence = FilePersistence()
    for output, record in manifest["records"].items():
        persistence._write_record(output, MetadataRecord.model_validate(record))
        persistence._unmark_incomplete(output)
    dag = plan.graph(["--configfile", str(config)])
    again = {Path(path) for job in dag.needrun_jobs(exclude_finished=False) for path in job.output}
    for path in {*result_files(scale)} - again:
        os.utime(path)
    count = len(plan.jobs_of(dag))
    changed = [name for name, digest in manifest["sources"].items() if sha256(Path(name)) != digest]
    return (
        f"{len(files)} files of scale {scale} are in their places, made by {manifest['commit']}.\n"
        + (f"Sources that are not as they were: {', '.join(changed)}.\n" if changed else "")
        + (
            f"{count} jobs run again: `make plan SCALE={scale}` says which, and why."
            if count
            else "All is up to date."
        )
    )


def _unpack(archive: Path, staged: Path) -> dict[str, Any]:
    """Everything in the archive, checked against its manifest."""
    if not archive.is_file():
        raise ArchiveError(f"there is no archive {archive}")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in filter(tarfile.TarInfo.isfile, tar):
                place = staged / member.name
                if not place.resolve().is_relative_to(staged.resolve()):
                    raise ArchiveError(f"{archive} is damaged: {member.name} is not in its manifest")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(tar.extractfile(member).read())  # type: ignore[union-attr]
                os.utime(place, (member.mtime, member.mtime))  # older than any source
        if not (staged / "manifest.json").is_file():
            raise ArchiveError(f"{archive} is no archive of results: it does not begin with a manifest")
        manifest: dict[str, Any] = json.loads((staged / "manifest.json").read_text(encoding="utf-8"))
        ours = manifest["project"] == "preactivations" and manifest["format"] == FORMAT
        if not ours or not re.fullmatch(r"(?!(raw|reference)$)[a-z0-9_]+", manifest["scale"]):
            raise ArchiveError(f"{archive} is of another project or format than {FORMAT}")
        wrong = _differences(manifest["files"], staged, "does not have the sha256 of the manifest")
        wrong += [f"{key} is missing" for key in ("records", "sources", "commit") if key not in manifest]
    except (AttributeError, KeyError, TypeError) as error:
        raise ArchiveError(f"{archive} is damaged: its manifest is none ({error!r})") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ArchiveError(f"{archive} is damaged or can't be read: {error}") from None
    unpacked = {str(path.relative_to(staged)) for path in staged.rglob("*") if not path.is_dir()}
    extra = unpacked - {"manifest.json"} - manifest["files"].keys()
    wrong = [*(f"{name} is not in its manifest" for name in extra), *wrong]
    if wrong:
        raise ArchiveError(f"{archive} is damaged: {wrong[0]}")
    return manifest


def _differences(files: dict[str, Any], root: Path = Path(), changed: str = "has changed") -> list[str]:
    """What is wrong with which of the files of a manifest."""
    wrong = [name for name, entry in files.items() if sha256(root / name) != entry["sha256"]]
    return [f"{name} {changed if (root / name).is_file() else 'is missing'}" for name in wrong]


def _replace(staged: Path, moves: list[Path]) -> None:
    """Each from the staging folder to its place; all back again if one does not go."""
    with ExitStack() as undo:
        try:
            for path in moves:
                if path.exists():
                    (staged / "replaced" / path).parent.mkdir(parents=True, exist_ok=True)
                    undo.callback(path.rename(staged / "replaced" / path).rename, path)
                path.parent.mkdir(parents=True, exist_ok=True)
                undo.callback((staged / path).rename(path).rename, staged / path)
        except OSError as error:
            raise ArchiveError(f"{path} could not be put in its place ({error}); all is as before") from None
        undo.pop_all()


def verify(scale: str) -> str:
    """Hash the results again; the error names those that are not as in the manifest."""
    _, path, config = places(scale)
    if not path.is_file():
        raise ArchiveError(f"there is no {path}: `make pack` and `make restore` write it")
    files = json.loads(path.read_text(encoding="utf-8"))["files"]
    del files[str(config)]
    wrong = _differences(files)
    wrong += [f"{path} is not in the manifest" for path in result_files(scale) if str(path) not in files]
    if wrong:
        wrong.append(f"{len(wrong)} of {len(files)} files are not as in the manifest")
        raise ArchiveError("\n".join(wrong))
    return f"{len(files)} files are as in {path}."


def main() -> None:
    try:
        match sys.argv[1:]:
            case ["pack", scale, *to]:
                print(pack(scale, Path(*to or [f"preactivations-{scale}.tar.gz"])))
            case ["restore", archive, *force]:
                print(restore(Path(archive), force == ["--force"]))
            case ["verify", scale]:
                print(verify(scale))
            case _:
                sys.exit(__doc__)
    except ArchiveError as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
