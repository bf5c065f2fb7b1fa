"""Results as one archive per scale: `make pack`, `make restore ARCHIVE=...`, `make verify`.

    python workflow/archive.py pack laptop [ARCHIVE] | restore ARCHIVE [--force] | verify laptop

An archive holds intermediates, tables, figures, timings, the configuration, what Snakemake knows of each result (its
parameters, the sha256 of its inputs), and a manifest: sha256 of every file, and of every source that a result was made
from. Restored results are older than any source, so that Snakemake compares the content of all sources with what it
knows; those that it would not make anew are then dated to now.
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
from pathlib import Path
from tempfile import TemporaryDirectory
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
        "records": records,
    }
    write_json(manifest, manifest_of(scale))
    members = {manifest_of(scale): "manifest.json"} | {path: str(path) for path in packed}

    def write(beside: Path) -> None:
        with tarfile.open(beside, "w:gz", compresslevel=6) as tar:
            for path, name in members.items():
                tar.add(
                    path,
                    name,
                    filter=lambda info: info.replace(mtime=1, uid=0, gid=0, uname="", gname="", deep=False),
                )

    whole(archive, write)
    return f"{archive}: {len(packed)} files, {archive.stat().st_size / 1e6:.1f} MB, sha256 {sha256(archive)}"


def restore(archive: Path, force: bool = False) -> str:
    """Verify, then put everything in its place; nothing is changed if anything is wrong."""
    with TemporaryDirectory(prefix=".restore.", dir=".") as folder:  # on the same disk
        staged = Path(folder)
        manifest = _unpack(archive, staged)
        scale, files = manifest["scale"], manifest["files"]
        digests = {Path(name): entry["sha256"] for name, entry in files.items()}
        own = [path for path in result_files(scale) if not _is(path, digests.get(path, ""))]
        # timings and provenance are never the same
        lost = [path for path in own if path.parts[0] != "benchmarks" and not path.match("*.provenance.json")]
        if lost and not force:
            raise ArchiveError(
                f"results of scale {scale} are here that the archive would replace, {lost[0]} for one: move them away, "
                "or say FORCE=1"
            )
        (staged / "manifest.json").rename(staged / manifest_of(scale))
        moves = [folder for folder in folders(scale) if (staged / folder).exists()]
        _replace(staged, moves + ([] if config_of(scale).exists() else [config_of(scale)]))
    again = _date(scale, manifest["records"])
    changed = [name for name, digest in manifest["sources"].items() if not _is(Path(name), digest)]
    return (
        f"{len(files)} files of scale {scale} are in their places, made by {manifest['commit']}.\n"
        + (f"Sources that are not as they were: {', '.join(changed)}.\n" if changed else "")
        + f"{again} jobs would run again; `make plan SCALE={scale}` says which, and why."
    )


def _date(scale: str, records: dict[str, Any]) -> int:
    """Tell Snakemake what it knew of results, and date those to now that it would not make anew.

    Returns the number of jobs that would run.
    """
    from snakemake.persistence import MetadataRecord
    from snakemake.persistence.file import FilePersistence

    persistence = FilePersistence()
    for name, record in records.items():
        persistence._write_record(name, MetadataRecord.model_validate(record))
        persistence._unmark_incomplete(name)
    dag = plan.graph(["--configfile", str(config_of(scale))])
    stale = {Path(path) for job in dag.needrun_jobs(exclude_finished=False) for path in job.output}
    for path in {*result_files(scale)} - stale:
        os.utime(path)
    return len(plan.jobs_of(dag))


def _unpack(archive: Path, staged: Path) -> dict[str, Any]:
    """Everything in the archive, checked against its manifest."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(staged, filter="data")
        unpacked = {str(path.relative_to(staged)) for path in staged.rglob("*") if not path.is_dir()}
        if "manifest.json" not in unpacked:
            raise ArchiveError(
                f"{archive} is not an archive of this project: it does not begin with a manifest"
            )
        manifest: dict[str, Any] = json.loads((staged / "manifest.json").read_text())
    except tarfile.FilterError as error:  # would be written outside
        raise ArchiveError(f"{archive} is damaged: {error.tarinfo.name} is not in its manifest") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ArchiveError(f"{archive} is damaged or can't be read: {error}") from None
    ours = manifest.get("project") == "preactivations" and manifest.get("format") == FORMAT
    if not ours or not re.fullmatch(r"[\w-]+", manifest["scale"]):
        raise ArchiveError(f"{archive} is of another project or format than {FORMAT}")
    wrong = [
        f"{name} is not in its manifest" for name in unpacked - manifest["files"].keys() - {"manifest.json"}
    ]
    wrong += _differences(manifest["files"], staged, "does not have the sha256 of the manifest")
    if wrong:
        raise ArchiveError(f"{archive} is damaged: {wrong[0]}")
    return manifest


def _differences(files: dict[str, Any], root: Path = Path(), changed: str = "has changed") -> list[str]:
    """What is wrong with which of the files of a manifest."""
    wrong = [name for name, entry in files.items() if not _is(root / name, entry["sha256"])]
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
