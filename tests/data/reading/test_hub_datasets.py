"""The real clients against a Hub on the loopback; in child processes, for they read settings at import."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

CHILD = """
import json, sys
from bertkit.config.schema import DataSection
from bertkit.data.reading.sources import load_split, load_splits
from bertkit.errors import BertkitError

for options in json.loads(sys.argv[1]):
    split = options.pop("split", "train")
    try:
        rows = load_split(DataSection(**options), split)
        said = {"rows": len(rows), "columns": rows.columns, "classes": rows.class_names,
                "place": rows.place(1), "first": rows.records[0], "label": rows.column("label")[:7]}
    except BertkitError as error:
        said = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    print("said:" + json.dumps(said))
"""
WNLI: dict[str, Any] = {"source": "nyu-mll/glue", "config": "wnli"}


def ask(endpoint: str, home: Path, *sections: dict[str, Any], **environment: str) -> list[dict[str, Any]]:
    """What reading each of these sections gives, all in one child process."""
    unproxied = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"} | environment
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(sections)], capture_output=True, text=True, check=False,
        cwd=home, timeout=300, env=unproxied | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "%|" not in done.stderr, "a progress bar where there is no terminal"
    return [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("said:")]


@pytest.fixture(scope="module")
def home(hub: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache into which WNLI was downloaded."""
    folder = tmp_path_factory.mktemp("home")
    ask(hub, folder, WNLI)
    return folder


@pytest.fixture(scope="module")
def closed() -> Iterator[str]:
    """An address on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def refusing(request: pytest.FixtureRequest) -> Iterator[str]:
    """A Hub that gives every request one status code, or starts an answer and breaks off."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if request.param != "cut":
                self.send_response(int(request.param))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            for name, value in {"Content-Length": "100", "ETag": '"x"', "X-Repo-Commit": "0" * 40}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"half")
            self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_split_with_its_class_names(hub: str, home: Path) -> None:
    whole, limited, validation = ask(hub, home, WNLI, WNLI | {"limit": 7}, WNLI | {"split": "validation"})
    assert (whole["rows"], limited["rows"], validation["rows"]) == (635, 7, 71)
    assert whole["columns"] == ["sentence1", "sentence2", "label", "idx"]
    assert whole["classes"] == {"label": ["not_entailment", "entailment"]}
    assert whole["place"] == "nyu-mll/glue (wnli), train: row 2"
    assert whole["label"] == limited["label"]
    assert set(whole["label"]) == {0, 1}


def test_streaming_gives_the_same_first_rows(hub: str, home: Path, tmp_path: Path) -> None:
    limited = ask(hub, home, WNLI | {"limit": 7})
    assert ask(hub, tmp_path, WNLI | {"limit": 7, "streaming": True}) == limited
    assert not any((tmp_path / "datasets").rglob("*.arrow"))


def test_unknown_parts_name_those_there_are(hub: str, home: Path) -> None:
    said = ask(
        hub, home, WNLI | {"config": "wnly"}, {"source": "nyu-mll/glue"}, WNLI | {"split": "validaton"},
        WNLI | {"split": "xyz", "streaming": True, "limit": 3}, WNLI | {"source": "nyu-mll/glow"},
        {"source": "imdb"}, {"source": "csv"}, WNLI | {"revision": "none"},
    )  # fmt: skip
    config, no_config, split, streamed, unknown, bare, format_name, revision = said
    assert config["message"].startswith("nyu-mll/glue has no config 'wnly'; it has ")
    assert config["hint"] == "did you mean --set data.config=wnli?"
    assert no_config["message"].startswith("nyu-mll/glue has several configs: ")
    assert split["message"] == "nyu-mll/glue has no split 'validaton'; it has train, validation, test"
    assert split["hint"] == "did you mean validation?"
    assert (split["kind"], streamed["kind"]) == ("MissingSplitError", "MissingSplitError")
    assert unknown["message"] == "there is no data set 'nyu-mll/glow' on the Hub"
    assert bare["message"] == "'imdb' is neither a folder nor the Hub id of a data set"
    assert format_name["message"] == "'csv' is neither a folder nor the Hub id of a data set"
    assert revision["message"] == "the data set nyu-mll/glue has no revision 'none'"


@pytest.mark.parametrize("environment", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_without_the_hub_the_cache_serves(
    environment: dict[str, str], hub: str, home: Path, closed: str
) -> None:
    main = next((home / "hub").glob("datasets--nyu-mll--glue/refs/main")).read_text()
    sections = [
        WNLI, WNLI | {"split": "validation", "limit": 5}, WNLI | {"split": "train[:9]"},
        WNLI | {"revision": main}, WNLI | {"revision": "main"}, WNLI | {"split": "xyz"},
        WNLI | {"revision": "0" * 40}, WNLI | {"config": "cola"}, WNLI | {"revision": "v1"},
        WNLI | {"source": "no/thing"},
    ]  # fmt: skip
    whole, limited, sliced, pinned, branch, split, *others = ask(closed, home, *sections, **environment)
    assert whole == ask(hub, home, WNLI)[0]
    assert [said["rows"] for said in (limited, sliced, pinned, branch)] == [5, 9, 635, 635]
    assert split["message"] == "nyu-mll/glue has no split 'xyz'; it has train, validation, test"
    for said in others:
        assert said["kind"] == "HubError"
        assert "minilm" in said["hint"]
        assert "HF_ENDPOINT" in said["hint"]


def test_hub_out_of_reach_and_nothing_cached(closed: str, tmp_path: Path) -> None:
    (said,) = ask(closed, tmp_path, WNLI)
    assert said["message"] == f"the Hub at {closed} is out of reach (Connection refused)"
    assert "minilm" in said["hint"]
    assert "HF_ENDPOINT" in said["hint"]


def test_a_proxy_is_asked_instead_of_the_hub(hub: str, closed: str, tmp_path: Path) -> None:
    (said,) = ask("http://hub.invalid", tmp_path, WNLI, http_proxy=hub)
    assert "is out of reach" not in said.get("message", "")
    second = tmp_path / "second"
    second.mkdir()
    (said,) = ask(hub, second, WNLI, http_proxy=closed, no_proxy="127.0.0.1")
    assert said["rows"] == 635


@pytest.mark.parametrize(
    ("refusing", "message"),
    [
        ("401", "the Hub answered 401 for the data set nyu-mll/glue"),
        ("403", "the Hub answers, but does not give out the data set nyu-mll/glue"),
        ("cut", "the download of the data set nyu-mll/glue broke: "),
    ],
    indirect=["refusing"],
)
def test_a_hub_that_refuses_or_breaks_off(refusing: str, message: str, tmp_path: Path) -> None:
    (said,) = ask(refusing, tmp_path, WNLI, HF_HUB_DISABLE_XET="1")
    assert said["kind"] == "HubError"
    assert said["message"].startswith(message)
    assert said["hint"]
