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
from importlib.metadata import distributions
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
    return Path(f"data/{scale}/manifest.json")


def records_of(scale: str) -> Path:
    """What Snakemake knows of each result."""
    return Path(f"data/{scale}/snakemake.provenance.json")


def config_of(scale: str) -> Path:
    return Path(f"config/{scale}.yaml")


def result_files(scale: str) -> list[Path]:
    """All of them but the manifest; hidden ones are parts of unfinished jobs."""
    files = [path for folder in folders(scale) for path in folder.rglob("*") if path.is_file()]
    hidden = [path for path in files if any(part.startswith(".") for part in path.parts)]
    return sorted({*files} - {*hidden, manifest_of(scale)})


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(scale: str, archive: Path) -> str:
    """Write the archive, and the manifest beside the results."""
    dag = plan.graph(["--configfile", str(config_of(scale))])
    if waiting := plan.jobs_of(dag):
        raise ArchiveError(
            f"{len(waiting)} jobs of scale {scale} are out of date, {waiting[0].rule} among them: run "
            f"`make reproduce SCALE={scale}` first (`make plan SCALE={scale}` says why)"
        )
    known = {str(path): dag.workflow.persistence.metadata(path) for job in dag.jobs for path in job.output}
    records = {path: record.model_dump(mode="json") for path, record in known.items() if record}
    write_json(records, records_of(scale))
    inputs = {str(path) for job in dag.jobs for path in job.input} - known.keys() | {str(config_of(scale))}
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
        "sources": {name: sha256(Path(name)) for name in sorted(inputs) if Path(name).is_file()},
        "files": {str(path): {"sha256": sha256(path), "bytes": path.stat().st_size} for path in packed},
    }
    write_json(manifest, manifest_of(scale))

    def nobodys(info: tarfile.TarInfo) -> tarfile.TarInfo:
        return info.replace(mtime=1, mode=0o644, uid=0, gid=0, uname="", gname="", deep=False)

    def write(beside: Path) -> None:
        with tarfile.open(beside, "w:gz", compresslevel=6) as tar:
            tar.add(manifest_of(scale), "manifest.json", filter=nobodys)
            for path in packed:
                tar.add(path, filter=nobodys)

    whole(archive, write)
    return f"{archive}: {len(packed)} files, {archive.stat().st_size / 1e6:.1f} MB, sha256 {sha256(archive)}"


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
    changed = [name for name, digest in manifest["sources"].items() if not _is(Path(name), digest)]
    return (
        f"{len(files)} files of scale {scale} are in their places, made by {manifest['commit']}.\n"
        + (f"Sources that are not as they were: {', '.join(changed)}.\n" if changed else "")
        + f"{again} jobs would run again; `make plan SCALE={scale}` says which, and why."
    )


def _date(scale: str) -> int:
    """Tell Snakemake what it knew of the results, and date those to now that it would not make anew.

    Returns the number of jobs that would run again.
    """
    from snakemake.persistence import MetadataRecord
    from snakemake.persistence.file import FilePersistence

    persistence = FilePersistence()
    for name, record in json.loads(records_of(scale).read_text()).items():
        persistence._write_record(name, MetadataRecord.model_validate(record))
        persistence._unmark_incomplete(name)
    again = plan.jobs_of(plan.graph(["--configfile", str(config_of(scale))]))
    for path in {*map(str, result_files(scale))} - {path for job in again for path in job.outputs}:
        os.utime(path)
    return len(again)


def _unpack(archive: Path, staged: Path) -> dict[str, Any]:
    """Everything in the archive, checked against its manifest."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            first, *members = tar.getmembers() or [tarfile.TarInfo()]
            if first.name != "manifest.json":
                raise ArchiveError(
                    f"{archive} is not an archive of this project: it does not begin with a manifest"
                )
            tar.extract(first, staged, filter="data")
            manifest: dict[str, Any] = json.loads((staged / first.name).read_text())
            scale, files = manifest.get("scale", ""), manifest.get("files", {})
            ours = manifest.get("project") == "preactivations" and manifest.get("format") == FORMAT
            if not ours or not re.fullmatch(r"[\w-]+", scale):
                raise ArchiveError(f"{archive} is of another project or format than {FORMAT}")
            places = (*(f"{folder}/" for folder in folders(scale)), str(config_of(scale)))
            for member in members:
                if not (member.isfile() and member.name in files and member.name.startswith(places)):
                    raise ArchiveError(f"{archive} is damaged: {member.name} is not in its manifest")
            tar.extractall(staged, filter="data")
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ArchiveError(f"{archive} is damaged or can't be read: {error}") from None
    for wrong in _differences(files, staged, "does not have the sha256 of the manifest"):
        raise ArchiveError(f"{archive} is damaged: {wrong}")
    return manifest


def _differences(files: dict[str, Any], root: Path = Path(), changed: str = "has changed") -> list[str]:
    """What is wrong with which of the files of a manifest."""
    wrong = [name for name, entry in files.items() if not _is(root / name, entry["sha256"])]
    return [f"{name} {changed if (root / name).is_file() else 'is missing'}" for name in wrong]


def _own_results(scale: str, files: dict[str, Any]) -> list[Path]:
    """Results here that are not in the archive as they are; timings and provenance never are."""
    digests = {Path(name): entry["sha256"] for name, entry in files.items()}
    results = [path for path in result_files(scale) if not path.match("*.provenance.json")]
    return [
        path for path in results if path.parts[0] != "benchmarks" and not _is(path, digests.get(path, ""))
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
    parser.add_argument("archive", nargs="?", help="where to pack to")
    parser.add_argument("--force", action="store_true", help="replace results that are here")
    given = parser.parse_args()
    try:
        if given.command == "pack":
            print(pack(given.what, Path(given.archive or f"preactivations-{given.what}.tar.gz")))
        else:
            print(verify(given.what) if given.command == "verify" else restore(Path(given.what), given.force))
    except ArchiveError as error:
        sys.exit(f"{given.command}: {error}")


if __name__ == "__main__":
    main()
