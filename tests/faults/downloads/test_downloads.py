"""Downloads from a Hub that breaks: what arrives is right, or one line says what is wrong; nothing hangs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FIND = """
import json, sys
from bertkit.errors import BertkitError
from bertkit.models.sources import find_model
for name in sys.argv[1:]:
    name, _, revision = name.partition("@")
    try:
        source = find_model(name, revision=revision or None)
        said = {"folder": str(source.folder), "commit": source.commit}
    except BertkitError as error:
        said = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    print(json.dumps(said))
"""
READ = """
import json, sys
from bertkit.config.schema import DataSection
from bertkit.data.reading.sources import load_split
from bertkit.errors import BertkitError
for split in sys.argv[2:]:
    try:
        rows = load_split(DataSection(source=sys.argv[1]), split)
        said = {"texts": list(rows.column("text"))}
    except BertkitError as error:
        said = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    print(json.dumps(said))
"""
WEIGHTS = r"^GET /tiny/bert/resolve/.*safetensors"
NAME = "tiny/bert"


@pytest.fixture(scope="module")
def model(tiny_encoder: Path) -> dict[str, bytes]:
    """The files of the tiny encoder."""
    return {path.name: path.read_bytes() for path in sorted(tiny_encoder.iterdir()) if path.is_file()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for the caches of child processes."""
    return tmp_path


@pytest.fixture
def find(child, small_hub, model, home: Path):
    """Finds models in a child process: what is said of each."""
    small_hub.serve("models", NAME, model)

    def run(*names: str, endpoint: str = "", **environment: str) -> list[dict[str, Any]]:
        process = child(endpoint or small_hub.url, home, "-c", FIND, *(names or [NAME]), **environment)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return [json.loads(line) for line in out.splitlines()]

    return run


@pytest.fixture
def closed() -> Iterator[str]:
    """An address on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def assert_arrived(said: dict[str, Any], model: dict[str, bytes]) -> Path:
    assert "folder" in said, said
    folder = Path(said["folder"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == model
    return folder


def blob_of(folder: Path, name: str = "model.safetensors") -> Path:
    return (folder / name).resolve()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


FAULTS = ["503", "500", "429", "429:1", "reset", "cut", "short", "stall", "flip"]


def test_what_passes_is_asked_for_again(find, small_hub, model, record_property) -> None:
    record_property("faults", len(FAULTS))
    names = [f"tiny/{fault.replace(':', '-')}" for fault in FAULTS]
    weights = {name: f"^GET /{name}/resolve/.*safetensors" for name in names}
    for name, fault in zip(names, FAULTS, strict=True):
        small_hub.serve("models", name, model)
        small_hub.fail(weights[name], fault)
    digest = hashlib.sha256(model["model.safetensors"]).hexdigest()
    for name, said in zip(names, find(*names), strict=True):
        folder = assert_arrived(said, model)
        assert blob_of(folder).name == digest
        assert small_hub.count(weights[name]) == 2, name


def test_every_kind_of_request_is_asked_again(find, small_hub, model) -> None:
    small_hub.fail("^GET /api/.*/revision/", "503", "502")
    small_hub.fail("^GET /api/.*/tree/", "500", "429:1")
    small_hub.fail("^HEAD .*safetensors", "504", "503")
    small_hub.fail("^GET .*resolve.*json", "503", "reset")
    assert_arrived(find()[0], model)


def test_a_hub_that_keeps_failing_is_given_up(find, small_hub, home: Path) -> None:
    small_hub.fail(WEIGHTS, *["503"] * 100)
    (said,) = find(BERTKIT_DOWNLOAD_SECONDS="2")
    assert said["kind"] == "HubError"
    assert re.fullmatch(
        r"the model tiny/bert cannot be fetched: the Hub answered 503, \d times in \d s", said["message"]
    )
    assert "BERTKIT_DOWNLOAD_SECONDS" in said["hint"]
    assert not list(home.rglob("*.incomplete"))


def test_a_wait_that_is_too_long_is_not_waited_for(find, small_hub) -> None:
    small_hub.fail(WEIGHTS, "429:3600")
    (said,) = find()
    assert "the Hub answered 429 and asks to wait 3600 s" in said["message"]
    assert small_hub.count(WEIGHTS) == 1


def test_bodies_that_always_break_end_in_one_line(find, small_hub) -> None:
    small_hub.fail(WEIGHTS, *["short"] * 100)
    (said,) = find()
    assert said["kind"] == "HubError"
    assert "model.safetensors arrived with another size than announced, 4 times" in said["message"]
    assert small_hub.count(WEIGHTS) == 4


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_changed_byte_that_comes_again_is_an_error(name: str, find, small_hub, model, home: Path) -> None:
    small_hub.fail(f"^GET .*/{name}$", "flip", "flip")
    (said,) = find()
    assert said["kind"] == "HubError"
    assert said["message"].startswith(f"{name} of the model tiny/bert arrives broken")
    # What is broken does not stay for others to find.
    held = {path.name: path.resolve().read_bytes() for path in home.rglob("snapshots/*/*")}
    assert held == {other: content for other, content in model.items() if other != name}
    assert_arrived(find()[0], model)


def test_a_file_that_breaks_in_the_cache_is_fetched_again(find, small_hub, model, closed: str) -> None:
    folder = assert_arrived(find()[0], model)
    flip(blob_of(folder))
    (offline,) = find(HF_HUB_OFFLINE="1")
    assert offline["message"].startswith("model.safetensors of the model tiny/bert is broken in the cache")
    assert "--offline" in offline["hint"]
    (unreachable,) = find(endpoint=closed)
    assert "is out of reach" in unreachable["message"]
    assert "broken in the cache" in unreachable["message"]
    assert_arrived(find()[0], model)
    assert small_hub.count(WEIGHTS) == 2


def test_a_file_is_read_for_its_checksum_once(find, small_hub, model) -> None:
    blob = blob_of(assert_arrived(find()[0], model))
    before = blob.stat()
    flip(blob)
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "folder" in find()[0]
    assert small_hub.count(WEIGHTS) == 1  # a start does not read gigabytes: only a new time or size tells
    os.utime(blob)
    assert_arrived(find()[0], model)
    assert small_hub.count(WEIGHTS) == 2


def test_parts_that_a_killed_download_left_are_removed(find, model, home: Path) -> None:
    blobs = home / "huggingface/hub/models--tiny--bert/blobs"
    blobs.mkdir(parents=True)
    name = hashlib.sha256(model["model.safetensors"]).hexdigest()
    left, fresh = blobs / f"{name}.0a1b2c3d.incomplete", blobs / f"{name}.4e5f6071.incomplete"
    left.write_bytes(b"half")
    fresh.write_bytes(b"half")  # of a process that may be writing to it
    os.utime(left, (time.time() - 3600,) * 2)
    assert_arrived(find()[0], model)
    assert [path.name for path in blobs.glob("*.incomplete")] == [fresh.name]


def test_a_killed_download_is_no_hindrance(find, child, small_hub, model, home: Path, bertkit) -> None:
    small_hub.fail(WEIGHTS, "stall")
    process = child(small_hub.url, home, "-c", FIND, NAME, HF_HUB_DOWNLOAD_TIMEOUT="60")
    with small_hub.arrived:
        assert small_hub.arrived.wait_for(lambda: small_hub.count(WEIGHTS), timeout=60)
    process.kill()
    process.wait()
    assert list(home.rglob("*.incomplete"))
    assert_arrived(find()[0], model)
    caches = {"HF_HOME": str(home / "huggingface"), "BERTKIT_CACHE": str(home / "bertkit")}
    done = bertkit("cache", "clean", "--leftovers", "--yes", cwd=home, environment=caches)
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*.incomplete"))
    assert_arrived(find()[0], model)


def test_an_interrupted_download_ends_at_once(child, small_hub, model, home: Path) -> None:
    small_hub.serve("models", NAME, model)
    small_hub.fail(WEIGHTS, "drip")
    process = child(small_hub.url, home, "-c", FIND, NAME)
    with small_hub.arrived:
        assert small_hub.arrived.wait_for(lambda: small_hub.count(WEIGHTS), timeout=60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)  # the server would go on for as long as this test lasts
    assert "KeyboardInterrupt" in err
    assert not list(home.rglob("*.incomplete"))


def test_what_the_hub_has_not_got_or_does_not_give(find, small_hub, model) -> None:
    small_hub.serve("models", "closed/bert", model)
    small_hub.gated.add("closed/bert")
    missing, gated, revision = find("no/thing", "closed/bert", f"{NAME}@v9")
    assert missing["message"] == "there is no model 'no/thing' on the Hub"
    assert gated["message"] == "the model closed/bert asks for consent"
    assert revision["message"] == f"the model {NAME} has no revision 'v9'"


def test_without_the_hub_the_cache_serves_or_is_said_to_be_empty(find, closed: str, small_hub, model) -> None:
    (empty,) = find(endpoint=closed)
    assert empty["message"] == f"the Hub at {closed} is out of reach (Connection refused)"
    assert_arrived(find()[0], model)
    asked = len(small_hub.requests)
    assert_arrived(find(endpoint=closed)[0], model)
    assert_arrived(find(HF_HUB_OFFLINE="1")[0], model)
    assert len(small_hub.requests) == asked


def test_three_processes_on_a_cold_cache_download_once(child, small_hub, model, home: Path) -> None:
    small_hub.serve("models", NAME, model)
    # The first one gets the weights only when all three want them.
    small_hub.hold(WEIGHTS, until="^HEAD .*safetensors", times=3)
    processes = [child(small_hub.url, home, "-c", FIND, NAME) for _ in range(3)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert_arrived(json.loads(out), model)
        assert "Error" not in err
    assert small_hub.count(WEIGHTS) == 1


def test_a_web_page_in_place_of_a_model_is_told(find, small_hub, model) -> None:
    page = b"<!DOCTYPE html><title>Sign in</title>" + b" " * 200
    small_hub.serve("models", "page/bert", model | {"model.safetensors": page})
    (said,) = find("page/bert")
    assert "model.safetensors is a web page, not weights" in said["message"]


def rows_of(texts: list[str]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerows([["text", "label"], *([text, "a"] for text in texts)])
    return stream.getvalue().encode()


TRAIN = [f"film number {number}" for number in range(50)]
VALIDATION = ["one more film"]
DATA = "tiny/films"
ROWS = r"^GET /datasets/tiny/films/resolve/.*/train.csv"


@pytest.fixture
def read(child, small_hub, home: Path):
    """Reads splits of a data set in a child process: what is said of each."""
    small_hub.serve(
        "datasets", DATA,
        {"README.md": b"# Films\n", "train.csv": rows_of(TRAIN), "validation.csv": rows_of(VALIDATION)},
    )  # fmt: skip

    def run(*splits: str, endpoint: str = "", **environment: str) -> list[dict[str, Any]]:
        process = child(endpoint or small_hub.url, home, "-c", READ, DATA, *splits, **environment)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return [json.loads(line) for line in out.splitlines()]

    return run


def test_a_data_set_comes_whole_through_all_that_breaks(read, small_hub) -> None:
    small_hub.fail("^GET /api/datasets/", "503", "429:1")
    small_hub.fail("^(HEAD|POST) ", "503", "fine", "502")
    small_hub.fail(ROWS, "503", "reset", "short", "flip")
    small_hub.fail("^GET .*README.md", "flip")
    train, validation = read("train", "validation")
    assert train == {"texts": TRAIN}
    assert validation == {"texts": VALIDATION}


def test_rows_of_a_broken_file_are_never_made_into_a_data_set(read, small_hub, home: Path) -> None:
    small_hub.fail(ROWS, "flip", "flip")
    (said,) = read("train")
    assert said["kind"] == "HubError"
    assert said["message"].startswith("train.csv of the data set tiny/films arrives broken")
    assert not list(home.rglob("*.arrow"))
    assert read("train") == [{"texts": TRAIN}]


def test_a_data_set_made_of_a_file_that_is_broken_is_made_anew(read, small_hub, home: Path, closed) -> None:
    assert read("train") == [{"texts": TRAIN}]
    (link,) = home.rglob("snapshots/*/train.csv")
    flip(link.resolve())
    assert read("train", endpoint=closed) == [{"texts": TRAIN}]  # what was made of it while it was whole
    assert read("train") == [{"texts": TRAIN}]
    assert small_hub.count(ROWS) == 2


def test_offline_says_all_that_is_missing(bertkit, tmp_path: Path) -> None:
    done = bertkit("finetune", "sst2", "--model", "some/bert", "--offline", cwd=tmp_path)
    assert done.returncode == 2
    first, hint = done.stderr.splitlines()
    assert first.startswith("error: not in the cache: the model some/bert, the data set ")
    assert "--offline" in first
    assert hint.startswith("hint: ")
    assert not list(tmp_path.iterdir())
