"""Data sets from files made here: formats, mirrors, checksums, and what is said when something is wrong."""

import gzip
import hashlib
import http.server
import io
import os
import tarfile
import threading
import time

import numpy as np
import pytest

from preactivations import datasets
from preactivations.datasets import DataError, fetch, load

RNG = np.random.default_rng(1)
PIXELS = RNG.integers(0, 256, (30, 28, 28), dtype=np.uint8)
LABELS = np.arange(30, dtype=np.uint8) % 10


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


MNIST = {
    "train-images-idx3-ubyte": idx(PIXELS),
    "train-labels-idx1-ubyte": idx(LABELS),
    "t10k-images-idx3-ubyte": idx(PIXELS[:10]),
    "t10k-labels-idx1-ubyte": idx(LABELS[:10]),
}


def md5(content):
    return hashlib.md5(content).hexdigest()


def cifar_archive():
    records = np.concatenate(
        [np.arange(4, dtype=np.uint8)[:, None], RNG.integers(0, 256, (4, 3072), dtype=np.uint8)], axis=1
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]:
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = records.nbytes
            tar.addfile(info, io.BytesIO(records.tobytes()))
    return records, buffer.getvalue()


RECORDS, ARCHIVE = cifar_archive()


@pytest.fixture(autouse=True)
def _small_files(monkeypatch):
    """The checksums of the files made here, and no network."""
    monkeypatch.delenv("PREACTIVATIONS_DATA", raising=False)
    monkeypatch.setattr(datasets, "_MNIST_FILES", {name: md5(content) for name, content in MNIST.items()})
    monkeypatch.setattr(datasets, "_CIFAR_MD5", md5(ARCHIVE))
    monkeypatch.setattr(datasets, "_CIFAR_RECORDS", 4)
    monkeypatch.setattr(datasets, "_CIFAR_COUNT", {"train": 3, "test": 2})
    for name in ("_MNIST_ADDRESSES", "_CIFAR_ADDRESSES"):
        monkeypatch.setattr(datasets, name, ("http://127.0.0.1:9/",))  # nobody listens there


@pytest.fixture
def mirror(tmp_path):
    (tmp_path / "mirror" / "mnist").mkdir(parents=True)
    for name, content in MNIST.items():
        (tmp_path / "mirror" / "mnist" / f"{name}.gz").write_bytes(gzip.compress(content))
    (tmp_path / "mirror" / "cifar-10-binary.tar.gz").write_bytes(ARCHIVE)
    return tmp_path / "mirror"


@pytest.fixture
def server(tmp_path):
    """A web server on the folder `web`; yields its address and the folder."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def __init__(self, *arguments, **options):
            super().__init__(*arguments, directory=str(folder), **options)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", folder
        running.shutdown()


def test_digits():
    train, test = load("digits"), load("digits", "test")
    assert train.title == "digits"
    assert train.images.shape[1:] == (1, 8, 8)
    assert len(train.images) + len(test.images) == 1797
    assert train.images.min() == 0
    assert train.images.max() == 1
    # every class is split in the same proportion, and no image is in both parts
    assert np.bincount(test.labels).min() >= 0.19 * np.bincount(train.labels).min()
    both = {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}
    assert len(both) == 0
    assert fetch("digits") == []


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_mnist_from_a_mirror(tmp_path, mirror, monkeypatch, by):
    if by == "environment":
        monkeypatch.setenv("PREACTIVATIONS_DATA", str(mirror))
    options = {"folder": tmp_path / "raw"} | ({"mirror": mirror} if by == "argument" else {})
    train, test = load("mnist", **options), load("mnist", "test", **options)
    np.testing.assert_array_equal(train.images, (PIXELS[:, None] / np.float32(255)).astype(np.float32))
    np.testing.assert_array_equal(train.labels, LABELS)
    assert test.images.shape == (10, 1, 28, 28)
    # once there, neither mirror nor network is needed
    monkeypatch.delenv("PREACTIVATIONS_DATA", raising=False)
    assert len(fetch("mnist", folder=tmp_path / "raw")) == 4


def test_uncompressed_files_in_the_folder(tmp_path):
    (tmp_path / "mnist").mkdir()
    for name, content in MNIST.items():
        (tmp_path / "mnist" / name).write_bytes(content)
    assert load("mnist", folder=tmp_path).images.shape == (30, 1, 28, 28)


def test_second_address_after_a_wrong_file(tmp_path, server, monkeypatch):
    """The first address is missing, the second has a wrong file, the third the right one."""
    address, folder = server
    monkeypatch.setattr(
        datasets, "_MNIST_ADDRESSES", (f"{address}none/", f"{address}bad/", f"{address}good/")
    )
    for place, change in (("bad", b"x"), ("good", b"")):
        (folder / place).mkdir()
        for name, content in MNIST.items():
            (folder / place / f"{name}.gz").write_bytes(gzip.compress(content + change))
    files = fetch("mnist", folder=tmp_path / "raw", progress=False)
    assert load("mnist", folder=tmp_path / "raw").labels.tolist() == LABELS.tolist()
    assert (files[0].parent / f"{files[0].name}.bad").exists()
    assert not list((tmp_path / "raw").rglob("*.part"))


def test_an_interrupted_transfer(tmp_path, monkeypatch):
    """The connection ends in the middle of a file: nothing is kept under its name, and the next address is tried."""
    name, content = "cifar-10-binary.tar.gz", ARCHIVE
    broken = True

    class Stops(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if broken else content)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stops) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(datasets, "_CIFAR_ADDRESSES", (f"http://127.0.0.1:{running.server_port}/",) * 2)
        with pytest.raises(
            DataError, match=rf"(?s)could not be had:(.*{name}: \w+: .*){{2}}PREACTIVATIONS_DATA"
        ):
            fetch("cifar10", folder=tmp_path, progress=False)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        # what a process that was killed has left behind is removed, unless it may still be at work
        for age, process in ((7200, 1), (60, 2)):
            part = tmp_path / "cifar10" / f"{name}.{process}.part"
            part.write_bytes(content[:100])
            os.utime(part, (time.time() - age,) * 2)
        broken = False
        assert fetch("cifar10", folder=tmp_path, progress=False)[0].read_bytes() == content
        assert [path.name for path in (tmp_path / "cifar10").glob("*.part")] == [f"{name}.2.part"]
        running.shutdown()


def test_cifar_from_the_network(tmp_path, server, monkeypatch):
    address, folder = server
    monkeypatch.setattr(datasets, "_CIFAR_ADDRESSES", (address,))
    (folder / "cifar-10-binary.tar.gz").write_bytes(ARCHIVE)
    train = load("cifar10", folder=tmp_path / "raw", progress=False)
    assert train.title == "CIFAR-10"
    assert train.images.shape == (20, 3, 32, 32)
    np.testing.assert_array_equal(train.labels, np.tile(np.arange(4), 5))
    # red, then green, then blue; row by row
    assert train.images[1, 2, 3, 5] == np.float32(RECORDS[1, 1 + 2 * 1024 + 3 * 32 + 5] / np.float32(255))
    assert load("cifar10", "test", folder=tmp_path / "raw").images.shape == (4, 3, 32, 32)


def test_cifar_as_jpeg_says_so(tmp_path):
    import pyarrow
    import pyarrow.parquet
    from PIL import Image

    place = tmp_path / "mirror" / "cifar10-jpeg"
    place.mkdir(parents=True)
    for split, count in (("train", 3), ("test", 2)):
        cells = []
        for k in range(count):
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), (200, 50 * k, 10)).save(buffer, "JPEG")
            cells.append(buffer.getvalue())
        table = pyarrow.table({"image": cells, "label": list(range(count))})
        pyarrow.parquet.write_table(table, place / f"{split}.parquet")
    data = load("cifar10", folder=tmp_path / "raw", mirror=tmp_path / "mirror")
    assert data.title == "CIFAR-10 (JPEG)"
    assert data.images.shape == (3, 3, 32, 32)
    np.testing.assert_allclose(data.images[2, :, 16, 16] * 255, [200, 100, 10], atol=4)
    pyarrow.parquet.write_table(table, tmp_path / "raw" / "cifar10" / "train.parquet")
    with pytest.raises(DataError, match=r"train\.parquet is not 3 JPEG.*has 2 rows, expected 3.*set aside"):
        load("cifar10", folder=tmp_path / "raw")


@pytest.mark.parametrize("fault", ["wrong", "truncated"])
def test_a_bad_file_is_set_aside_and_never_used(tmp_path, mirror, fault):
    raw = tmp_path / "raw"
    fetch("mnist", folder=raw, mirror=mirror)
    path = raw / "mnist" / "train-images-idx3-ubyte.gz"
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2] if fault == "truncated" else gzip.compress(b"something else"))
    found = "can't be unpacked" if fault == "truncated" else md5(b"something else")
    expected = md5(MNIST["train-images-idx3-ubyte"])
    with pytest.raises(
        DataError, match=rf"train-images.*expected MD5 .* {expected}, found .*{found}.*set aside"
    ):
        load("mnist", folder=raw)
    assert not path.exists()
    assert path.with_name(path.name + ".bad").exists()
    assert load("mnist", folder=raw, mirror=mirror).images.shape == (30, 1, 28, 28)  # fetched anew


def test_a_bad_file_in_the_mirror_is_left_there(tmp_path, mirror):
    bad = mirror / "mnist" / "t10k-labels-idx1-ubyte.gz"
    bad.write_bytes(gzip.compress(b"x"))
    with pytest.raises(DataError, match=r"mirror.*t10k-labels.*replace it in the mirror"):
        fetch("mnist", folder=tmp_path / "raw", mirror=mirror)
    assert bad.exists()


def test_no_network(tmp_path):
    with pytest.raises(DataError, match=r"(?s)could not be had:.*127\.0\.0\.1:9.*PREACTIVATIONS_DATA"):
        fetch("cifar10", folder=tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_broken_contents(tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    monkeypatch.setattr(datasets, "_MNIST_FILES", dict.fromkeys(MNIST, md5(b"text")))
    for name in MNIST:
        (tmp_path / "mnist" / name).write_bytes(b"text")
    with pytest.raises(DataError, match="not an idx file of bytes: it begins with 74657874"):
        load("mnist", folder=tmp_path)
    monkeypatch.setattr(datasets, "_CIFAR_RECORDS", 5)
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(ARCHIVE)
    with pytest.raises(DataError, match=r"data_batch_1\.bin in .* has 12292 bytes, not 5 records"):
        load("cifar10", folder=tmp_path)


def test_bad_requests(tmp_path):
    with pytest.raises(ValueError, match="unknown data set 'svhn'; accepted: 'digits', 'mnist', 'cifar10'"):
        load("svhn")
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'all'"):
        load("digits", "all")
    with pytest.raises(DataError, match=r"the mirror .*nowhere of data sets is not a folder"):
        load("mnist", folder=tmp_path, mirror=tmp_path / "nowhere")


MIRROR = os.environ.get("PREACTIVATIONS_DATA")


@pytest.mark.skipif(MIRROR is None, reason="PREACTIVATIONS_DATA names no folder of real files")
def test_real_files(tmp_path, monkeypatch):
    """The published files themselves, where a mirror has them."""
    monkeypatch.undo()
    data = load("mnist", folder=tmp_path, mirror=MIRROR)
    assert data.images.shape == (60_000, 1, 28, 28)
    assert np.bincount(data.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert load("cifar10", "test", folder=tmp_path, mirror=MIRROR).images.shape == (10_000, 3, 32, 32)
