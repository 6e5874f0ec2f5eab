"""A Hub on the loopback that breaks when it is told to, and the one with real data where that is there."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

Files = Mapping[str, bytes]
LARGE = (".safetensors", ".parquet")
HUB = Path(os.environ.get("BERTKIT_TEST_HUB", Path(__file__).parents[4] / "shared" / "hub"))


class SmallHub:
    """Serves files over the part of the Hub's API that its clients read with.

    Attributes:
        requests: `METHOD path` of all that was asked, in order.
        gated: ids that ask for consent.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Files] = {}
        self.requests: list[str] = []
        self.gated: set[str] = set()
        self.closing = Event()
        self.arrived = Condition()
        self._faults: list[tuple[re.Pattern[str], list[str]]] = []
        self._barriers: list[tuple[re.Pattern[str], re.Pattern[str], int]] = []
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.hub = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, kind: str, name: str, files: Files) -> None:
        """Put a repository there; `kind` is `models` or `datasets`."""
        self.repositories[f"{kind}/{name}"] = files

    def fail(self, pattern: str, *faults: str) -> None:
        """Answer the next requests that match `METHOD path` so, in this order.

        A fault is a status code (`503`, `429:SECONDS` with Retry-After), or what happens to a body: `cut`,
        `reset`, `short`, `flip`, `stall`, `drip` (a byte now and then, and never the last); `fine` is none.
        """
        self._faults.append((re.compile(pattern), list(faults)))

    def hold(self, pattern: str, *, until: str, times: int) -> None:
        """Answer what matches only after so many requests have come that match `until`."""
        self._barriers.append((re.compile(pattern), re.compile(until), times))

    def count(self, pattern: str) -> int:
        """How many requests matched."""
        return sum(re.search(pattern, request) is not None for request in self.requests)

    def fault_of(self, request: str) -> str | None:
        for pattern, faults in self._faults:
            if pattern.search(request) and faults:
                return faults.pop(0)
        return None

    def wait_for_others(self, request: str) -> None:
        for pattern, until, times in self._barriers:
            if pattern.search(request):
                with self.arrived:
                    self.arrived.wait_for(lambda u=until, t=times: self.count(u.pattern) >= t, timeout=60)


def commit_of(files: Files) -> str:
    digest = hashlib.sha1()
    for path in sorted(files):
        digest.update(path.encode() + files[path])
    return digest.hexdigest()


def etag_of(path: str, content: bytes) -> str:
    """As the Hub names a file: sha256 for a large one, the id of its git blob for all others."""
    if path.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: SmallHub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        hub, url = self.server.hub, urlsplit(self.path)
        request = f"{self.command} {unquote(url.path)}"
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with hub.arrived:
            hub.requests.append(request)
            hub.arrived.notify_all()
        hub.wait_for_others(request)
        fault = hub.fault_of(request)
        if fault and fault[0].isdigit():
            status, _, seconds = fault.partition(":")
            return self._answer(int(status), b"", {"Retry-After": seconds} if seconds else {})
        parts = unquote(url.path).strip("/").split("/")
        if parts[0] == "api":
            return self._api(parts[1:], parse_qs(body.decode()) if body[:1] != b"{" else json.loads(body))
        kind = "models"
        if parts[0] == "datasets":
            kind, parts = "datasets", parts[1:]
        return self._file(kind, "/".join(parts[:2]), parts[3], "/".join(parts[4:]), fault)

    do_HEAD = do_POST = do_GET

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _files(self, kind: str, name: str, revision: str) -> Files | None:
        hub = self.server.hub
        files = hub.repositories.get(f"{kind}/{name}")
        if files is None:
            self._refuse(401, "RepoNotFound")
        elif name in hub.gated:
            self._refuse(401, "GatedRepo")
        elif revision not in ("main", commit_of(files)):
            self._refuse(404, "RevisionNotFound")
        else:
            return files
        return None

    def _api(self, parts: list[str], asked: Mapping[str, Any]) -> None:
        kind, name, rest = parts[0], "/".join(parts[1:3]), parts[3:] or ["revision", "main"]
        files = self._files(kind, name, rest[1] if len(rest) > 1 else "main")
        if files is None:
            return
        if rest[0] == "revision":
            siblings = [{"rfilename": path} for path in files]
            found: Any = {"id": name, "sha": commit_of(files), "siblings": siblings, "private": False}
            found |= {"gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}
        elif rest[0] == "tree":
            folder = "/".join(rest[2:])
            found = [_node(path, files[path]) for path in files if path.startswith(folder)]
            if folder and not found:
                return self._refuse(404, "EntryNotFound")
        else:
            found = [_node(path, files[path]) for path in asked["paths"] if path in files]
        self._answer(200, json.dumps(found).encode(), {"Content-Type": "application/json"})

    def _file(self, kind: str, name: str, revision: str, path: str, fault: str | None) -> None:
        files = self._files(kind, name, revision)
        if files is None:
            return
        if path not in files:
            return self._refuse(404, "EntryNotFound")
        content = files[path]
        headers = {"ETag": f'"{etag_of(path, content)}"', "X-Repo-Commit": commit_of(files)}
        if path.endswith(LARGE):
            headers |= {"X-Linked-Size": str(len(content)), "X-Linked-Etag": headers["ETag"]}
        status = 200
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            headers["Content-Range"] = f"bytes {found[1]}-{len(content) - 1}/{len(content)}"
            content, status = content[int(found[1]) :], 206
        middle = len(content) // 2
        if self.command == "HEAD" or fault in (None, "fine"):
            return self._answer(status, content, headers)
        if fault == "short":
            return self._answer(status, content[:middle], headers)
        if fault == "flip":
            return self._answer(
                status, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], headers
            )
        self._answer(status, content[:middle], headers | {"Content-Length": str(len(content))})
        self.wfile.flush()
        if fault == "stall":
            self.server.hub.closing.wait(60)
        elif fault == "drip":
            while not self.server.hub.closing.wait(0.1):
                self.wfile.write(b"x")
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _node(path: str, content: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    node: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": oid}
    if path.endswith(LARGE):
        node["lfs"] = {"oid": etag_of(path, content), "size": len(content), "pointerSize": 134}
    return node


@pytest.fixture
def small_hub() -> Iterator[SmallHub]:
    """A Hub without anything in it."""
    hub = SmallHub()
    thread = Thread(target=hub.server.serve_forever)
    thread.start()
    yield hub
    hub.closing.set()
    hub.server.shutdown()
    thread.join()
    hub.server.server_close()


@pytest.fixture
def real_hub() -> Iterator[Callable[..., Any]]:
    """Starts the loopback Hub with real data in this process, with faults: `real_hub(faults=["503:0.2"])`."""
    tool = HUB.parent / "tools" / "loopback_hub.py"
    if not (HUB.is_dir() and tool.is_file()):
        pytest.skip(f"no data sets at BERTKIT_TEST_HUB ({HUB})")
    spec = importlib.util.spec_from_file_location("loopback_hub", tool)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with ExitStack() as running:
        yield lambda **options: running.enter_context(module.LoopbackHub(HUB, **options))


Child = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def child() -> Iterator[Child]:
    """Starts Python in a process of its own, with a Hub and a cache: libraries read these at import."""
    started: list[subprocess.Popen[str]] = []

    def start(endpoint: str, home: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        unproxied = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        given = {
            "HF_ENDPOINT": endpoint, "HF_HOME": str(home / "huggingface"), "HF_HUB_OFFLINE": "0",
            "BERTKIT_CACHE": str(home / "bertkit"), "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=home, env=unproxied | given | environment,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
