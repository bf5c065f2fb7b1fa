"""Images with labels: digits (inside scikit-learn), MNIST and CIFAR-10 (downloaded once, verified always).

Files are looked for in `<folder>/<name>/`, then in a mirror (a folder given as argument or in the environment variable
PREACTIVATIONS_DATA), then at the addresses in turn. A file counts only if its content has the known MD5 checksum (none
is known for the JPEG files below: they are checked as they are read); a wrong or truncated one is never used,
and set aside as `<file>.bad` unless it is in the mirror. Nothing is a pickle: MNIST is read from its idx
files, CIFAR-10 from the binary archive.

=========  =========================  ==========================================================
name       images                     files
=========  =========================  ==========================================================
digits     1797 of 8 x 8, 0 to 16     none (Alpaydin & Kaynak 1998, test part); no split
mnist      60 000 + 10 000, 28 x 28   four idx files, gzip or plain
cifar10    50 000 + 10 000, 3 x 32^2  cifar-10-binary.tar.gz; from a mirror also `cifar10-jpeg/`
=========  =========================  ==========================================================

`cifar10-jpeg/{train,test}.parquet` (columns image, JPEG bytes, and label) is a lossy re-encoding: the data set then
calls itself "CIFAR-10 (JPEG)".

Checksums: MNIST's are of the uncompressed content, since wrappers differ between mirrors; CIFAR-10's is of the
archive, from its page.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import time
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAMES", "DataError", "Dataset", "fetch", "load"]

NAMES = ("digits", "mnist", "cifar10")
MIRROR_VARIABLE = "PREACTIVATIONS_DATA"
Split = Literal["train", "test"]

_MNIST_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
_MNIST_FILES = {  # MD5 of the content
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_CIFAR_ADDRESSES = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")
_CIFAR_ARCHIVE, _CIFAR_MD5 = "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
_CIFAR_JPEG = ("train.parquet", "test.parquet")
_CIFAR_RECORDS = 10_000  # per file
_ABANDONED = 3600  # seconds since a partial file grew
_CIFAR_COUNT = {"train": 50_000, "test": 10_000}


class DataError(RuntimeError):
    """A data set is not there, or not what it should be; the message says which file and what to do."""


class Dataset(NamedTuple):
    """Images as floats in [0, 1].

    Attributes
    ----------
    title : str
        For figures: "digits", "MNIST", "CIFAR-10" or "CIFAR-10 (JPEG)".
    images : array, float32, shape (n, channels, height, width)
    labels : array, int64, shape (n,)
        0 to 9.
    """

    title: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def load(
    name: str,
    split: Split = "train",
    *,
    folder: str | Path = "data/raw",
    mirror: str | Path | None = None,
    progress: bool = True,
) -> Dataset:
    """A data set; its files are fetched where they are not there yet.

    Parameters
    ----------
    name : {"digits", "mnist", "cifar10"}
    split : {"train", "test"}
        digits: the last fifth of each class is the test part (our choice: there is no official one here).
        "train" by default.
    folder : path
        Downloads are kept in `<folder>/<name>/`; "data/raw" by default.
    mirror : path, optional
        A folder that has the files, looked at before the network; by default that of the environment variable
        PREACTIVATIONS_DATA.
    progress : bool
        Show a bar for downloads, as by default.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        For an unknown name or split.
    DataError
        If files are missing, truncated or not the known ones, or there is no network.
    ImportError
        Without scikit-learn for digits, without pyarrow and Pillow for JPEG files.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    files = fetch(name, folder=folder, mirror=mirror, progress=progress)
    if name in _IN_MEMORY:
        return _IN_MEMORY[name](split)
    if name == "mnist":
        prefix = {"train": "train", "test": "t10k"}[split]
        images, labels = (
            _idx(next(path for path in files if path.name.startswith(f"{prefix}-{what}")))
            for what in ("images", "labels")
        )
        return Dataset(
            "MNIST", (images[:, None] / np.float32(255)).astype(np.float32), labels.astype(np.int64)
        )
    if files[0].suffix == ".parquet":
        return _cifar_jpeg(next(path for path in files if path.stem == split), split)
    return _cifar_binary(files[0], split)


def fetch(
    name: str,
    *,
    folder: str | Path = "data/raw",
    mirror: str | Path | None = None,
    progress: bool = True,
) -> list[Path]:
    """Verified files of a data set in `<folder>/<name>/`, copied or downloaded if need be; none for digits.

    Parameters and errors as for `load`, without the split.

    Returns
    -------
    list of Path
        mnist: four files; cifar10: the archive, or the two JPEG files, which are not verified here.
    """
    if name not in NAMES:
        raise ValueError(f"unknown data set {name!r}; accepted: {', '.join(map(repr, NAMES))}")
    if name in _IN_MEMORY:
        return []
    mirror = mirror or os.environ.get(MIRROR_VARIABLE)
    target = Path(folder) / name
    places = [] if mirror is None else [Path(mirror) / name, Path(mirror)]
    if name == "mnist":
        return [
            _file(target, [f"{file}.gz", file], md5, places, _MNIST_ADDRESSES, progress)
            for file, md5 in _MNIST_FILES.items()
        ]
    if not (target / _CIFAR_ARCHIVE).exists() and not any((p / _CIFAR_ARCHIVE).exists() for p in places):
        jpeg = [target, *([] if mirror is None else [Path(mirror) / "cifar10-jpeg"])]
        for place in jpeg:
            if all((place / file).exists() for file in _CIFAR_JPEG):
                for file in _CIFAR_JPEG:
                    if place != target:
                        _whole(target / file, partial(shutil.copyfile, place / file))
                return [target / file for file in _CIFAR_JPEG]
    return [_file(target, [_CIFAR_ARCHIVE], _CIFAR_MD5, places, _CIFAR_ADDRESSES, progress)]


# -- files -----------------------------------------------------------------------------------------


def _file(
    target: Path,
    names: list[str],
    md5: str,
    places: list[Path],
    addresses: tuple[str, ...],
    progress: bool,
) -> Path:
    """The verified file of one of the `names` (the first is the one to download)."""
    for name in names:
        if (target / name).exists():
            found = _content_md5(target / name)
            if found == md5:
                return target / name
            raise DataError(_set_aside(target / name, md5, found))
    faults = []
    if places and not places[-1].is_dir():
        raise DataError(f"{names[0]} is needed, but the mirror {places[-1]} of data sets is not a folder")
    for place in places:
        for name in names:
            if (place / name).exists():
                found = _content_md5(place / name)
                if found != md5:
                    raise DataError(
                        f"{place / name} is not the known file: expected MD5 of its content {md5}, found {found}; "
                        "replace it in the mirror, or do without the mirror"
                    )
                _whole(target / name, partial(shutil.copyfile, place / name))
                return target / name
    for address in addresses:
        path = target / names[0]
        try:
            _whole(path, partial(_download, address + names[0], progress))
        except Exception as error:  # whatever the network does: the next address may do better
            faults.append(f"{address + names[0]}: {type(error).__name__}: {error}")
            continue
        found = _content_md5(path)
        if found == md5:
            return path
        faults.append(f"{address + names[0]}: {_set_aside(path, md5, found)}")
    raise DataError(
        f"{names[0]} could not be had:\n  "
        + "\n  ".join(faults)
        + f"\nPut the file into {target}/ by hand, or name a folder that has it in {MIRROR_VARIABLE}."
    )


def _download(url: str, progress: bool, part: Path) -> None:
    pooch = _package("pooch")
    pooch.HTTPDownloader(progressbar=progress, timeout=30)(url, str(part), None)


def _whole(path: Path, write: Callable[[Path], Any]) -> None:
    """`write` beside `path`, then rename: the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{path.name}.*.part"):  # of a process that was killed: nobody writes to it
        if time.time() - left.stat().st_mtime > _ABANDONED:
            left.unlink(missing_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _content_md5(path: Path) -> str:
    """MD5 of the content (of `.gz` files: uncompressed, except archives), or what is wrong with the file."""
    digest = hashlib.md5(usedforsecurity=False)
    unpack = path.suffix == ".gz" and not path.name.endswith(".tar.gz")
    try:
        with gzip.open(path) if unpack else path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"none ({path.stat().st_size} bytes, can't be unpacked: {error})"
    return digest.hexdigest()


def _set_aside(path: Path, expected: str, found: str) -> str:
    bad = path.with_name(f"{path.name}.bad")
    path.replace(bad)
    return (
        f"{path} is not the known file: expected MD5 of its content {expected}, found {found}; it is set aside as "
        f"{bad.name}; run again to fetch it anew, or put the right file there"
    )


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f"this data set needs {error.name}: pip install 'preactivations[datasets]'", name=error.name
        ) from None


# -- formats ---------------------------------------------------------------------------------------


def _digits(split: Split) -> Dataset:
    images, labels = _package("sklearn.datasets").load_digits(return_X_y=True)
    rank = np.zeros(len(labels), dtype=np.int64)  # how many of the class stand before it
    for label in range(10):
        members = labels == label
        rank[members] = np.arange(np.count_nonzero(members))
    test = rank >= np.floor(0.8 * np.bincount(labels))[labels]
    chosen = test if split == "test" else ~test
    images = (images[chosen] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    return Dataset("digits", images, labels[chosen].astype(np.int64))


_IN_MEMORY = {"digits": _digits}  # no files


def _idx(path: Path) -> NDArray[np.uint8]:
    """Array of an idx file of unsigned bytes."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content = file.read()
    if content[:3] != b"\x00\x00\x08":
        raise DataError(f"{path} is not an idx file of bytes: it begins with {content[:4].hex()}")
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _cifar_binary(archive: Path, split: Split) -> Dataset:
    names = ["test_batch.bin"] if split == "test" else [f"data_batch_{k}.bin" for k in range(1, 6)]
    records = []
    with tarfile.open(archive) as tar:
        for name in names:
            member = tar.extractfile(f"cifar-10-batches-bin/{name}")
            content = b"" if member is None else member.read()
            if len(content) != _CIFAR_RECORDS * 3073:
                raise DataError(
                    f"{name} in {archive} has {len(content)} bytes, not {_CIFAR_RECORDS} records of 3073: "
                    "delete the archive"
                )
            records.append(np.frombuffer(content, np.uint8).reshape(-1, 3073))
    table = np.concatenate(records)
    images = (table[:, 1:].reshape(-1, 3, 32, 32) / np.float32(255)).astype(np.float32)
    return Dataset("CIFAR-10", images, table[:, 0].astype(np.int64))


def _cifar_jpeg(path: Path, split: Split) -> Dataset:
    pyarrow, image = _package("pyarrow"), _package("PIL.Image")
    try:
        table = _package("pyarrow.parquet").read_table(path, columns=["image", "label"])
        if table.num_rows != _CIFAR_COUNT[split]:
            raise ValueError(f"it has {table.num_rows} rows, expected {_CIFAR_COUNT[split]}")
        images = np.empty((table.num_rows, 32, 32, 3), np.uint8)
        for k, cell in enumerate(table["image"].to_pylist()):
            images[k] = np.asarray(image.open(io.BytesIO(cell)))
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        bad = path.with_name(f"{path.name}.bad")
        path.replace(bad)
        raise DataError(
            f"{path} is not {_CIFAR_COUNT[split]} JPEG images of 32 x 32 with labels: {error}; it is set aside as "
            f"{bad.name}; run again to copy it anew"
        ) from None
    channels_first = (images.transpose(0, 3, 1, 2) / np.float32(255)).astype(np.float32)
    return Dataset("CIFAR-10 (JPEG)", channels_first, np.asarray(table["label"].to_numpy(), dtype=np.int64))
