"""Secrets taken out of texts before they leave the program: into messages, logs and run folders.

What counts as a secret: values of environment variables that are named like one (`HF_TOKEN`), tokens of the
Hub wherever they stand, passwords and keys inside of URLs, and what follows `Authorization:`.
"""

from __future__ import annotations

import os
import re
from typing import Any

MASK = "***"
# Shorter values, and those like ordinary words, would be taken out of what is no secret.
SHORTEST_SECRET = 8
_LIKE_WORDS = re.compile(r"[a-z ._/-]+")
# `HF_TOKEN`, `AWS_SECRET_ACCESS_KEY`, `WANDB_API_KEY`; not `SSH_AUTH_SOCK`, nor `TOKENIZERS_PARALLELISM`.
_SECRET_VARIABLE = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|API_?KEY|ACCESS_KEY|PRIVATE_KEY|SAS)$"
)
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{20,}")
_AUTHORIZATION = re.compile(
    r"(?i)(\bauthorization\b['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?(?:(?:bearer|basic|token)\s+)?)[^\s'\",}]+"
)
_BEARER = re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{16,}")
# Who signs in over http is named with a password or is a token himself: both go. A URL that was taken for a
# path has lost one of its slashes.
_WEB_USER = re.compile(r"(?i)\b(https?://?)[^\s/?#'\"]*@")
# Elsewhere a name before @ may be part of the address, as `abfs://container@account`: the password goes. It
# may hold slashes; a port may not be taken for one.
_PASSWORD = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://?[^\s:/?#@'\"\[]*:)(?!\d+(?:[/?#\s]|$))[^\s@'\"]+@")
_PARAMETER = re.compile(r"([?&;#])([^\s=&;?#'\"]{1,100})=([^\s&;#'\"]+)")
_SECRET_PARAMETER = re.compile(
    r"(?i)(^|[-_.])(key|apikey|auth|authorization|sig|signature|jwt|pwd|passwd|credentials?|session|sas)$"
    r"|(token|secret|password|passphrase|signature|accesskeyid|api_?key|credential)$"
)
# In a message a line of the file may follow: `https://host/a.csv?token=abc:12: no label`.
_LINE_AFTER = re.compile(r":\d*:?$")


def redacted(text: str) -> str:
    """The text with `***` in place of every secret."""
    for secret in _secrets_of_environment():
        text = text.replace(secret, MASK)
    text = _HUB_TOKEN.sub(MASK, text)
    text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _PASSWORD.sub(rf"\1{MASK}@", text)
    text = _WEB_USER.sub(rf"\1{MASK}@", text)
    return _PARAMETER.sub(_without_value, text)


def redacted_values(value: Any) -> Any:
    """The same structure of dicts and lists with every text in it redacted."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {redacted_values(key): redacted_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_values(item) for item in value]
    return value


def holds_secret(text: str) -> bool:
    """Whether something would be taken out of the text."""
    return redacted(text) != text


def is_masked(url: str) -> bool:
    """Whether a secret was taken out of this URL, so that it leads nowhere any more."""
    return f"{MASK}@" in url or f"={MASK}" in url


def _without_value(found: re.Match[str]) -> str:
    from urllib.parse import unquote  # not for every start of the command line

    start, name, value = found.groups()
    if not _SECRET_PARAMETER.search(unquote(name)):
        return found[0]
    line = _LINE_AFTER.search(value)
    return f"{start}{name}={MASK}{line[0] if line else ''}"


def _secrets_of_environment() -> list[str]:
    """Values of variables that hold secrets, the longest first: one may be part of another."""
    found = {
        value
        for name, value in os.environ.items()
        if len(value) >= SHORTEST_SECRET
        and _SECRET_VARIABLE.search(name.upper())
        and not _LIKE_WORDS.fullmatch(value)
    }
    return sorted(found, key=len, reverse=True)
