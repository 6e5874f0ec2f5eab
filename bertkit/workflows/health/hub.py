"""Whether the Hub answers, asked so that the answer comes within seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bertkit.data.reading.hub import CONNECT_SECONDS, check_reachable
from bertkit.errors import HubError
from bertkit.redaction import redacted
from bertkit.workflows.health.finding import Finding

# Names are looked up without any limit of their own.
LONGEST_SECONDS = 2 * CONNECT_SECONDS
WITHOUT_HUB = (
    "check the network, the proxy and HF_ENDPOINT; where there shall be none: export HF_HUB_OFFLINE=1, and "
    "--model minilm"
)


def look_at_hub() -> Iterator[Finding]:
    """Whether the Hub answers, and whether a token is set; the token itself is neither sent nor shown."""
    from huggingface_hub import constants, get_token

    endpoint = redacted(constants.ENDPOINT)
    facts = {
        "endpoint": endpoint,
        "offline": bool(constants.HF_HUB_OFFLINE),
        "token": get_token() is not None,
    }
    token = "a token is set" if facts["token"] else "no token is set, as private models would need"
    if constants.HF_HUB_OFFLINE:
        text = f"HF_HUB_OFFLINE is set: nothing is fetched; {token}"
        return (yield Finding("hub", "ok", text, facts=facts))
    began = time.monotonic()
    fault = _within(LONGEST_SECONDS, lambda: _fault_of(constants.ENDPOINT))
    took = time.monotonic() - began
    facts["seconds"] = round(took, 3)
    if fault is None:
        fault = f"{endpoint} gave no answer within {LONGEST_SECONDS:.0f} s"
    if fault:
        yield Finding("hub", "problem", f"{redacted(fault)}; {token}", WITHOUT_HUB, facts)
    else:
        yield Finding("hub", "ok", f"{endpoint} answers, in {took:.1f} s; {token}", facts=facts)


def _fault_of(endpoint: str) -> str:
    """What is wrong with the Hub at an address, in words; empty if it answers."""
    try:
        check_reachable()
        with urlopen(Request(f"{endpoint}/api/models?limit=1"), timeout=CONNECT_SECONDS):
            return ""
    except HubError as error:
        return error.message
    except HTTPError as error:
        # Whoever refuses or does not know this question is there; so is not who cannot answer.
        return f"the Hub at {endpoint} answers with {error.code}" if error.code >= 500 else ""
    except (URLError, OSError, ValueError) as error:
        return f"the Hub at {endpoint} cannot be asked: {getattr(error, 'reason', None) or error}"


def _within(seconds: float, ask: Callable[[], str]) -> str | None:
    """What a question gives; None where it takes longer than so many seconds."""
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(ask()), daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else None
