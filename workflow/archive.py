"""Results as one archive per scale: `make pack`, `make restore ARCHIVE=...`, `make verify`.

    python workflow/archive.py pack laptop | restore preactivations-laptop.tar.gz | verify laptop

An archive holds intermediates, tables, figures, timings, the configuration, what Snakemake knows of each result (its
parameters, its inputs), and a manifest: sha256 of every file, and of every source that a result was made from. A
restored result is up to date for Snakemake if its sources here are those of the archive; otherwise it is dated back, so
that Snakemake makes it anew. Parameters are compared by Snakemake itself.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import time
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions, version
from pathlib import Path, PurePosixPath
from typing import Any

from plan import dry_run, jobs_of

FORMAT = 1
RECORDS = Path(".snakemake/metadata")
_LONGEST_NAME = 255  # of a file; Snakemake splits the names of its records there


class ArchiveError(Exception):
    """What is wrong, and with which file."""


def folders(scale: str) -> list[Path]:
    """Where the results of a scale are."""
    return [Path(top) / scale for top in ("data", "figures", "tables", "benchmarks/results")]


def manifest_of(scale: str) -> Path:
    return Path("data") / scale / "manifest.json"


def result_files(scale: str) -> list[Path]:
    """All of them but the manifest; hidden ones are parts of unfinished jobs."""
    found = [path for folder in folders(scale) for path in folder.rglob("*") if path.is_file()]
    return sorted(
        path
        for path in found
        if path != manifest_of(scale) and not any(p.startswith(".") for p in path.parts)
    )


def record_of(path: Path) -> Path:
    """The file in which Snakemake keeps what it knows of a result: named by its path in base 64, in parts."""
    name = urlsafe_b64encode(str(path).encode()).decode()
    size = _LONGEST_NAME - 1
    parts = [name[i : i + size] for i in range(0, len(name), size)]
    return RECORDS.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(scale: str, archive: Path) -> dict[str, Any]:
    """Write the archive, and the manifest beside the results; returns the manifest."""
    if waiting := jobs_of(dry_run(scale)):
        raise ArchiveError(
            f"{len(waiting)} jobs of scale {scale} are out of date, {waiting[0].name} among them: run "
            f"`make reproduce SCALE={scale}` first (`make plan SCALE={scale}` says why)"
        )
    results = result_files(scale)
    records = [record for record in map(record_of, results) if record.is_file()]
    inputs = {name for record in records for name in json.loads(record.read_text())["input"] or ()}
    sources = sorted(name for name in inputs - set(map(str, results)) if Path(name).is_file())
    config = Path("config") / f"{scale}.yaml"
    packed = [*results, *records, *filter(Path.is_file, [config])]
    manifest = {
        "project": "preactivations",
        "format": FORMAT,
        "scale": scale,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _commit(),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": dict(sorted((found.name, found.version) for found in distributions())),
        "sources": {name: sha256(Path(name)) for name in sources},
        "files": {str(path): {"sha256": sha256(path), "bytes": path.stat().st_size} for path in packed},
    }
    content = (json.dumps(manifest, indent=1) + "\n").encode()
    with _whole(archive) as beside, tarfile.open(beside, "w:gz", compresslevel=6) as tar:
        tar.addfile(_member("manifest.json", len(content)), io.BytesIO(content))
        for path in packed:
            with path.open("rb") as file:
                tar.addfile(_member(str(path), path.stat().st_size), file)
    with _whole(manifest_of(scale)) as beside:
        beside.write_bytes(content)
    return manifest


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A path beside it to write to, renamed in the end: the file is there whole or not at all."""
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info


def restore(archive: Path, force: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Verify, then put everything in its place; nothing is changed if anything is wrong.

    Returns the manifest, and the sources that are not here as they were.
    """
    with _staging() as staged:
        manifest = _unpack(archive, staged)
        scale = manifest["scale"]
        if not force and (lost := _own_results(scale, manifest)):
            raise ArchiveError(
                f"results of scale {scale} are here that the archive would replace, {lost} for one: move them away, or "
                "say FORCE=1"
            )
        if any(Path(".snakemake/locks").glob("*")):
            raise ArchiveError(
                "Snakemake is running here, or was stopped (then: .venv/bin/snakemake --unlock)"
            )
        changed = [name for name, digest in manifest["sources"].items() if not _same(Path(name), digest)]
        _date(staged, manifest, set(changed))
        (staged / manifest_of(scale)).write_text(json.dumps(manifest, indent=1) + "\n")
        config = Path("config") / f"{scale}.yaml"
        moves = [folder for folder in folders(scale) if (staged / folder).exists()]
        moves += [Path(name) for name in manifest["files"] if name.startswith(f"{RECORDS}/")]
        moves += [config] if (staged / config).exists() and not config.exists() else []
        _replace(staged, moves)
        for name in manifest["files"]:
            (RECORDS.with_name("incomplete") / record_of(Path(name)).relative_to(RECORDS)).unlink(
                missing_ok=True
            )
    return manifest, changed


@contextmanager
def _staging() -> Iterator[Path]:
    """A folder beside the results, on the same disk; gone in the end."""
    folder = Path(f".restore.{os.getpid()}")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(archive: Path, staged: Path) -> dict[str, Any]:
    """Everything in the archive, checked against its manifest."""
    if not archive.is_file():
        raise ArchiveError(f"there is no archive {archive}")
    name = "its beginning"
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = iter(tar)
            first = next(members, None)
            if first is None or first.name != "manifest.json":
                raise ArchiveError(
                    f"{archive} is not an archive of this project: it does not begin with a manifest"
                )
            manifest = json.loads(_read(tar, first))
            if manifest.get("project") != "preactivations" or manifest.get("format") != FORMAT:
                raise ArchiveError(f"{archive} is of another project or format than {FORMAT}")
            allowed = [f"{folder}/" for folder in [*folders(manifest["scale"]), RECORDS, Path("config")]]
            missing = dict(manifest["files"])
            for member in members:
                name = member.name
                safe = member.isfile() and ".." not in PurePosixPath(name).parts
                if not safe or name not in missing or not name.startswith(tuple(allowed)):
                    raise ArchiveError(f"{archive} is damaged: {name} is not in its manifest")
                content = _read(tar, member)
                if hashlib.sha256(content).hexdigest() != missing.pop(name)["sha256"]:
                    raise ArchiveError(
                        f"{archive} is damaged: {name} does not have the sha256 of the manifest"
                    )
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                (staged / name).write_bytes(content)
    except (
        tarfile.TarError,
        gzip.BadGzipFile,
        zlib.error,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        raise ArchiveError(f"{archive} is damaged at or after {name}: {error}") from None
    if missing:
        raise ArchiveError(f"{archive} is damaged: {next(iter(missing))} is missing")
    return manifest


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def _own_results(scale: str, manifest: dict[str, Any]) -> str | None:
    """A result here that is not in the archive as it is."""
    files = manifest["files"]
    for path in result_files(scale):
        if path.parts[0] == "benchmarks" or path.name.endswith(".provenance.json"):
            continue
        if str(path) not in files or not _same(path, files[str(path)]["sha256"]):
            return str(path)
    return None


def _same(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _date(staged: Path, manifest: dict[str, Any], changed: set[str]) -> None:
    """One time for all results, now; results whose sources are others here are old."""
    now = time.time()
    for name in manifest["files"]:
        record = staged / record_of(Path(name))
        stale = record.is_file() and changed & set(json.loads(record.read_text())["input"] or ())
        os.utime(staged / name, (1, 1) if stale else (now, now))


def _replace(staged: Path, moves: list[Path]) -> None:
    """Each from the staging folder to its place; all back again if one does not go."""
    old = staged / "replaced"
    done: list[Path] = []
    try:
        for path in moves:
            if path.exists():
                (old / path).parent.mkdir(parents=True, exist_ok=True)
                path.rename(old / path)
            done.append(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            (staged / path).rename(path)
    except OSError as error:
        for moved in reversed(done):
            if moved.exists():
                moved.rename(staged / moved)
            if (old / moved).exists():
                (old / moved).rename(moved)
        raise ArchiveError(
            f"{path} could not be put in its place ({error}); everything is as before"
        ) from None


def verify(scale: str) -> tuple[int, list[str]]:
    """How many files were hashed, and what is wrong with which."""
    path = manifest_of(scale)
    if not path.is_file():
        raise ArchiveError(f"there is no {path}: `make pack` and `make restore` write it")
    files = json.loads(path.read_text())["files"]
    results = {
        name: entry for name, entry in files.items() if not name.startswith((f"{RECORDS}/", "config/"))
    }
    wrong = []
    for name, entry in results.items():
        if not Path(name).is_file():
            wrong.append(f"{name} is missing")
        elif sha256(Path(name)) != entry["sha256"]:
            wrong.append(f"{name} has changed")
    wrong += [f"{path} is not in the manifest" for path in result_files(scale) if str(path) not in files]
    return len(results), wrong


def _commit() -> str:
    run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return run.stdout.strip() or "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description="Results as one archive per scale.")
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("scale")
    packing.add_argument("archive", nargs="?", type=Path)
    restoring = commands.add_parser("restore")
    restoring.add_argument("archive", type=Path)
    restoring.add_argument("--force", action="store_true", help="replace results that are here")
    commands.add_parser("verify").add_argument("scale")
    arguments = parser.parse_args()
    try:
        _run(arguments)
    except ArchiveError as error:
        sys.exit(f"{arguments.command}: {error}")


def _run(arguments: argparse.Namespace) -> None:
    if arguments.command == "pack":
        archive = arguments.archive or Path(f"preactivations-{arguments.scale}.tar.gz")
        manifest = pack(arguments.scale, archive)
        size = archive.stat().st_size / 1e6
        print(f"{archive}: {len(manifest['files'])} files, {size:.1f} MB, sha256 {sha256(archive)}")
    elif arguments.command == "restore":
        manifest, changed = restore(arguments.archive, arguments.force)
        scale = manifest["scale"]
        print(
            f"{len(manifest['files'])} files of scale {scale} are in their places, made by {manifest['commit']}."
        )
        if changed:
            print(f"Sources that are not as they were: {', '.join(changed)}.")
        config = Path("config") / f"{scale}.yaml"
        if str(config) in manifest["files"] and not _same(config, manifest["files"][str(config)]["sha256"]):
            print(f"{config} is not as it was.")
        ours, theirs = version("snakemake"), manifest["versions"].get("snakemake")
        if ours != theirs:
            print(f"Snakemake is {ours}, was {theirs}.")
        print(f"`make plan SCALE={scale}` says what would run.")
    else:
        count, wrong = verify(arguments.scale)
        if wrong:
            sys.exit("\n".join([*wrong, f"verify: {len(wrong)} of {count} files are not as in the manifest"]))
        print(f"{count} files are as in {manifest_of(arguments.scale)}.")


if __name__ == "__main__":
    main()
