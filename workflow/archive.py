"""Results as one archive per scale: `make pack`, `make restore ARCHIVE=...`, `make verify`.

    python workflow/archive.py pack laptop [ARCHIVE] | restore ARCHIVE [--force] | verify laptop

An archive holds intermediates, tables, figures, timings, the configuration, what Snakemake knows of each result (its
parameters, the sha256 of its inputs), and a manifest: sha256 of every file, and of every source that a result was made
from. Restored results are older than any source, so that Snakemake compares the content of all sources with what it
knows; those that it would not make anew are then dated to now.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zlib
from contextlib import ExitStack
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import plan

from replication.files import whole, write_json

FORMAT = 2


class ArchiveError(Exception):
    """What is wrong, and with which file."""


def folders(scale: str) -> list[Path]:
    """Where the results of a scale are."""
    return [Path(top) / scale for top in ("data", "figures", "tables", "benchmarks/results")]


def manifest_of(scale: str) -> Path:
    return Path("data") / scale / "manifest.json"


def records_of(scale: str) -> Path:
    """What Snakemake knows of each result."""
    return Path("data") / scale / "snakemake.provenance.json"


def config_of(scale: str) -> Path:
    return Path("config") / f"{scale}.yaml"


def result_files(scale: str) -> list[Path]:
    """All of them but the manifest; hidden ones are parts of unfinished jobs."""
    files = {path for folder in folders(scale) for path in folder.rglob("*") if path.is_file()}
    return sorted(
        path for path in files - {manifest_of(scale)} if not any(part.startswith(".") for part in path.parts)
    )


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _same(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _graph(scale: str) -> Any:
    return plan.graph(["--configfile", str(config_of(scale))])


def pack(scale: str, archive: Path) -> str:
    """Write the archive, and the manifest beside the results."""
    dag = _graph(scale)
    if waiting := plan.jobs_of(dag):
        raise ArchiveError(
            f"{len(waiting)} jobs of scale {scale} are out of date, {waiting[0].rule} among them: run "
            f"`make reproduce SCALE={scale}` first (`make plan SCALE={scale}` says why)"
        )
    outputs = {str(path): dag.workflow.persistence.metadata(path) for job in dag.jobs for path in job.output}
    sources = {str(path) for job in dag.jobs for path in job.input} - outputs.keys()
    records = {path: record.model_dump(mode="json") for path, record in outputs.items() if record}
    write_json(records, records_of(scale))
    packed = [*result_files(scale), config_of(scale)]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    manifest = {
        "project": "preactivations",
        "format": FORMAT,
        "scale": scale,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": dict(sorted((package.name, package.version) for package in distributions())),
        "sources": {name: sha256(Path(name)) for name in sorted(sources) if Path(name).is_file()},
        "files": {str(path): {"sha256": sha256(path), "bytes": path.stat().st_size} for path in packed},
    }
    write_json(manifest, manifest_of(scale))

    def write(beside: Path) -> None:
        with tarfile.open(beside, "w:gz", compresslevel=6) as tar:
            tar.add(manifest_of(scale), "manifest.json", filter=_of_nobody)
            for path in packed:
                tar.add(path, filter=_of_nobody)

    whole(archive, write)
    return f"{archive}: {len(packed)} files, {archive.stat().st_size / 1e6:.1f} MB, sha256 {sha256(archive)}"


def _of_nobody(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without the user of this machine, and older than any source."""
    return info.replace(mtime=1, mode=0o644, uid=0, gid=0, uname="", gname="")


def restore(archive: Path, force: bool = False) -> str:
    """Verify, then put everything in its place; nothing is changed if anything is wrong."""
    staged = Path(f".restore.{os.getpid()}")  # on the same disk
    staged.mkdir()
    try:
        manifest = _unpack(archive, staged)
        scale, files = manifest["scale"], manifest["files"]
        if not force and (lost := _own_results(scale, files)):
            raise ArchiveError(
                f"results of scale {scale} are here that the archive would replace, {lost[0]} for one: move them away, "
                "or say FORCE=1"
            )
        if any(Path(".snakemake/locks").glob("*")):
            raise ArchiveError(
                "Snakemake is running here, or was stopped (then: .venv/bin/snakemake --unlock)"
            )
        (staged / "manifest.json").rename(staged / manifest_of(scale))
        moves = [folder for folder in folders(scale) if (staged / folder).exists()]
        _replace(staged, moves + ([] if config_of(scale).exists() else [config_of(scale)]))
    finally:
        shutil.rmtree(staged)
    again = _date(scale)
    lines = [f"{len(files)} files of scale {scale} are in their places, made by {manifest['commit']}."]
    if changed := [name for name, digest in manifest["sources"].items() if not _same(Path(name), digest)]:
        lines.append(f"Sources that are not as they were: {', '.join(changed)}.")
    if not _same(config_of(scale), files[str(config_of(scale))]["sha256"]):
        lines.append(f"{config_of(scale)} is not as it was.")
    if (ours := version("snakemake")) != (theirs := manifest["versions"].get("snakemake")):
        lines.append(f"Snakemake is {ours}, was {theirs}.")
    return "\n".join(
        [*lines, f"{again} jobs would run again; `make plan SCALE={scale}` says which, and why."]
    )


def _date(scale: str) -> int:
    """Tell Snakemake what it knew of the results, and date those to now that are up to date for it.

    Returns the number of jobs that would run again.
    """
    from snakemake.persistence import MetadataRecord
    from snakemake.persistence.file import FilePersistence

    persistence = FilePersistence()
    for name, record in json.loads(records_of(scale).read_text()).items():
        persistence._write_record(name, MetadataRecord.model_validate(record))
        persistence._unmark_incomplete(name)
    again = plan.jobs_of(_graph(scale))
    for path in {*map(str, result_files(scale))} - {path for job in again for path in job.outputs}:
        os.utime(path)
    return len(again)


def _unpack(archive: Path, staged: Path) -> dict[str, Any]:
    """Everything in the archive, checked against its manifest."""
    if not archive.is_file():
        raise ArchiveError(f"there is no archive {archive}")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = tar.getmembers()
            if not members or members[0].name != "manifest.json":
                raise ArchiveError(
                    f"{archive} is not an archive of this project: it does not begin with a manifest"
                )
            tar.extract(members[0], staged, filter="data")
            manifest: dict[str, Any] = json.loads((staged / "manifest.json").read_text())
            scale, files = manifest.get("scale", ""), manifest.get("files", {})
            ours = manifest.get("project") == "preactivations" and manifest.get("format") == FORMAT
            if not ours or not re.fullmatch(r"[\w-]+", scale):
                raise ArchiveError(f"{archive} is of another project or format than {FORMAT}")
            places = tuple(f"{folder}/" for folder in folders(scale))
            for member in members[1:]:
                placed = member.name.startswith(places) or member.name == str(config_of(scale))
                if not (member.isfile() and placed and member.name in files):
                    raise ArchiveError(f"{archive} is damaged: {member.name} is not in its manifest")
            tar.extractall(staged, filter="data")
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ArchiveError(f"{archive} is damaged or can't be unpacked: {error}") from None
    for wrong in _differences(files, staged, "does not have the sha256 of the manifest"):
        raise ArchiveError(f"{archive} is damaged: {wrong}")
    return manifest


def _differences(files: dict[str, Any], root: Path = Path(), changed: str = "has changed") -> list[str]:
    """What is wrong with which of the files of a manifest."""
    return [
        f"{name} {changed if (root / name).is_file() else 'is missing'}"
        for name, entry in files.items()
        if not _same(root / name, entry["sha256"])
    ]


def _own_results(scale: str, files: dict[str, Any]) -> list[Path]:
    """Results here that are not in the archive as they are."""
    here = {str(path): path for path in result_files(scale) if path.parts[0] != "benchmarks"}
    return [
        path
        for name, path in here.items()
        if not name.endswith(".provenance.json")
        and not (name in files and _same(path, files[name]["sha256"]))
    ]


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
            raise ArchiveError(
                f"{path} could not be put in its place ({error}); everything is as before"
            ) from None
        undo.pop_all()


def verify(scale: str) -> str:
    """Hash the results again; the error names those that are not as in the manifest."""
    path = manifest_of(scale)
    if not path.is_file():
        raise ArchiveError(f"there is no {path}: `make pack` and `make restore` write it")
    files = json.loads(path.read_text())["files"]
    del files[str(config_of(scale))]
    wrong = _differences(files)
    wrong += [f"{path} is not in the manifest" for path in result_files(scale) if str(path) not in files]
    if wrong:
        raise ArchiveError(
            "\n".join([f"{len(wrong)} of {len(files)} files are not as in the manifest", *wrong])
        )
    return f"{len(files)} files are as in {path}."


def main() -> None:
    parser = argparse.ArgumentParser(description="Results as one archive per scale.")
    parser.add_argument("command", choices=["pack", "restore", "verify"])
    parser.add_argument("what", help="scale, or the archive to restore")
    parser.add_argument("archive", nargs="?", type=Path, help="where to pack to")
    parser.add_argument("--force", action="store_true", help="replace results that are here")
    arguments = parser.parse_args()
    what = arguments.what
    try:
        if arguments.command == "pack":
            print(pack(what, arguments.archive or Path(f"preactivations-{what}.tar.gz")))
        else:
            print(restore(Path(what), arguments.force) if arguments.command == "restore" else verify(what))
    except ArchiveError as error:
        sys.exit(f"{arguments.command}: {error}")


if __name__ == "__main__":
    main()
