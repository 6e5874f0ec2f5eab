"""What the Hub asks for in its headers, and which failures of a whole download are worth another attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from bertkit.data.reading.hub_patience import Patience, PatienceOverError
from bertkit.data.reading.hub_requests import DOWNLOADS, _asked_seconds, fetch_patiently


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": format_datetime(datetime.now(UTC) - timedelta(hours=1))}, 0),
        ({"RateLimit": '"api";r=0;t=55'}, 55),
        ({"Retry-After": "3", "RateLimit": '"api";r=0;t=55'}, 3),
    ],
)
def test_how_long_the_hub_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert _asked_seconds(httpx2.Headers(headers)) == seconds


def test_a_date_to_wait_for() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    assert 3500 < _asked_seconds(httpx2.Headers({"Retry-After": date})) <= 3600


def fetching(*outcomes: object):
    """Something that fetches, with these outcomes, and how often it was called."""
    calls: list[object] = []

    def fetch() -> object:
        outcome = outcomes[min(len(calls), len(outcomes) - 1)]
        calls.append(outcome)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return fetch, calls


def quick() -> Patience:
    return Patience(60, sleep=lambda seconds: None)


def wrapped(cause: Exception) -> Exception:
    error = ValueError("wrapped")
    error.__cause__ = cause
    return error


def short(name: str) -> OSError:
    said = f"Consistency check failed: file should be of size 9 but has size 4 ({name})."
    return OSError(f"{said}\nThis is usually due to network issues while downloading the file.")


SHORT = short("(…)train.csv")


@pytest.mark.parametrize("error", [SHORT, wrapped(SHORT)])
def test_a_file_of_the_wrong_size_is_fetched_again(error: Exception) -> None:
    fetch, calls = fetching(error, error, "whole")
    assert fetch_patiently(fetch, patience=quick()) == "whole"
    assert len(calls) == 3
    fetch, calls = fetching(error)
    with pytest.raises(PatienceOverError, match=rf"^\(…\)train\.csv arrived with .* {DOWNLOADS} times"):
        fetch_patiently(fetch, patience=quick())
    assert len(calls) == DOWNLOADS


def test_many_files_may_fail_as_long_as_each_arrives_in_the_end() -> None:
    names = [f"train-{number}.parquet" for number in range(10)]
    fetch, calls = fetching(*(short(name) for name in names for _ in range(DOWNLOADS - 1)), "whole")
    assert fetch_patiently(fetch, patience=quick()) == "whole"
    assert len(calls) == 10 * (DOWNLOADS - 1) + 1


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), ValueError("no config"), KeyError("x")]
)
def test_what_does_not_pass_is_raised_at_once(error: Exception) -> None:
    fetch, calls = fetching(error)
    with pytest.raises(type(error)):
        fetch_patiently(fetch, patience=quick())
    assert len(calls) == 1


def test_patience_that_is_over_inside_of_a_library_comes_out_as_it_is() -> None:
    fetch, calls = fetching(wrapped(PatienceOverError("the Hub answered 503")))
    with pytest.raises(PatienceOverError, match="answered 503"):
        fetch_patiently(fetch, patience=quick())
    assert len(calls) == 1


def test_the_client_is_as_it_was_afterwards() -> None:
    from huggingface_hub import get_session

    fetch, _ = fetching("whole")
    fetch_patiently(fetch, patience=quick())
    assert "send" not in vars(get_session())
