"""The requests of `huggingface_hub`, sent with patience: what fails in passing is asked for again.

It sends some requests again and others not: no `GET` of a file after a 503, nothing after a reset in the
middle of a body, and after a 429 it waits as long as it is told. Here every request of its client is sent
under one rule, and its own resuming of broken bodies is told of resets too.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2  # what huggingface_hub speaks HTTP with
from huggingface_hub import constants, get_session
from huggingface_hub.utils import logging as hub_logging

from bertkit.data.reading.hub_patience import Patience, PatienceOverError, given_patience

# A download is begun again until a file has so often arrived with the wrong size.
DOWNLOADS = 4
# For an answer to questions that huggingface_hub would wait for without end.
ANSWER_SECONDS = 30.0
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
PASSING_ERRORS = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
_REPOSITORY = re.compile(r"/api/(models|datasets)/|/resolve/")
# What huggingface_hub says of a file that is shorter or longer than announced.
_WRONG_SIZE = "Consistency check failed"

Fetched = TypeVar("Fetched")


def fetch_patiently(
    fetch: Callable[[], Fetched], *, patience: Patience | None = None, threads: bool = False
) -> Fetched:
    """Call something that fetches from the Hub through `huggingface_hub`, which keeps the files that arrived.

    Args:
        fetch: may be called again.
        patience: how long to go on; None: as the environment says.
        threads: `fetch` has threads of its own, which shall stop soon when this one is interrupted.

    Raises:
        PatienceOverError: the Hub failed too often or for too long.
        Exception: what `fetch` raises for other reasons.
    """
    patience = patience or given_patience()
    failures: Counter[str] = Counter()  # by file: those that have arrived whole do not fail again
    while True:
        try:
            with _patient_client(patience):
                return _stopping_threads(fetch, patience) if threads else fetch()
        except Exception as error:
            if (over := _cause_of(error, PatienceOverError)) is not None:
                raise over from error
            broken = _broken_file(error)
            if broken is None:
                raise
            file, reason = broken
            failures[file] += 1
            patience.wait(failures[file], reason, most=DOWNLOADS)


def _stopping_threads(fetch: Callable[[], Fetched], patience: Patience) -> Fetched:
    """Call what waits for its threads, however it ends: after Ctrl-C until their gigabytes have arrived."""
    with ThreadPoolExecutor(1) as beside:
        fetching = beside.submit(fetch)
        try:
            return fetching.result()
        except BaseException:
            if not fetching.done():
                patience.stop()
            raise


def _broken_file(error: BaseException) -> tuple[str, str] | None:
    """Which file did not arrive whole, and what to say of it; None if that is not what happened."""
    for cause in _causes(error):
        text = str(cause).split("\n", 1)[0]
        if isinstance(cause, OSError) and text.startswith(_WRONG_SIZE):
            named = re.search(r"\((.*)\)\.?$", text)
            file = named[1] if named else "a file"
            return file, f"{file} arrived with another size than announced"
        # The Xet client asks on its own, through nothing that could be watched here.
        if type(cause).__module__.startswith("hf_xet") or type(cause).__name__.startswith("Xet"):
            return "", f"the download broke ({text})"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those it came from."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _cause_of(error: BaseException, kind: type[Exception]) -> Exception | None:
    return next((cause for cause in _causes(error) if isinstance(cause, kind)), None)


@contextmanager
def _patient_client(patience: Patience) -> Iterator[None]:
    """While this lasts the client of `huggingface_hub` sends as `_send` does, and says nothing of it.

    The client is one for the whole process, made by whoever configured it: only its sending changes.
    """
    client = get_session()
    attributes = vars(client)
    before = hub_logging.get_verbosity()
    plain = "send" not in attributes
    if plain:
        attributes["send"] = partial(_send, client.send, patience)
    if before == logging.WARNING:
        hub_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        hub_logging.set_verbosity(before)
        if plain:
            del attributes["send"]


def _send(
    send: Callable[..., httpx2.Response], patience: Patience, request: httpx2.Request, **options: Any
) -> httpx2.Response:
    """Send a request until it is answered.

    Raises:
        PatienceOverError: it never was, or with a status that should have passed.
    """
    if not options.get("stream") and not _is_needed(request.url):
        return send(request, **options)
    timeouts: dict[str, float | None] = request.extensions.get("timeout") or {}
    steps = ("connect", "read", "write", "pool")
    bounded = {step: timeouts.get(step) or ANSWER_SECONDS for step in steps}
    request.extensions = {**request.extensions, "timeout": bounded}
    for failures in count(1):
        try:
            response = send(request, **options)
        except PASSING_ERRORS as error:
            if "CERTIFICATE" in str(error):
                raise
            patience.wait(failures, _said_of(error))
            continue
        if response.status_code in PASSING_STATUS:
            response.close()
            reason = f"the Hub answered {response.status_code}"
            patience.wait(failures, reason, asked=_asked_seconds(response.headers))
            continue
        if response.is_closed or not isinstance(response.stream, httpx2.SyncByteStream):
            patience.arrived()
        else:
            response.stream = _WatchedBody(response.stream, patience)
        return response
    raise AssertionError("counts without end")


def _is_needed(address: httpx2.URL) -> bool:
    """False for what the libraries ask by the way and can do without: counters, lists, other services."""
    own = address.host == urlsplit(constants.ENDPOINT).hostname
    return own and _REPOSITORY.search(address.path) is not None


class _WatchedBody(httpx2.SyncByteStream):
    """The body of an answer: what arrives is noted, and what breaks it off is worth an attempt to resume."""

    def __init__(self, body: httpx2.SyncByteStream, patience: Patience) -> None:
        self._body = body
        self._patience = patience

    def __iter__(self) -> Iterator[bytes]:
        try:
            for block in self._body:
                self._patience.arrived()
                yield block
        except PASSING_ERRORS as error:
            self._patience.failed(_said_of(error))
            if isinstance(error, httpx2.ReadError):
                # A reset: huggingface_hub goes on where a body was cut, but knows it by this name only.
                raise httpx2.RemoteProtocolError(str(error) or "reset") from error
            raise

    def close(self) -> None:
        self._body.close()


def _said_of(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "the Hub does not answer"
    return f"the connection to the Hub broke ({str(error).strip() or type(error).__name__})"


def _asked_seconds(headers: httpx2.Headers) -> float:
    """How long the Hub asks to wait; 0 if it does not say."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    with suppress(TypeError, ValueError):
        date = parsedate_to_datetime(value)
        return max(0.0, (date - datetime.now(date.tzinfo)).total_seconds())
    limit = re.search(r"\bt=(\d+)", headers.get("RateLimit", ""))
    return float(limit[1]) if limit else 0.0
