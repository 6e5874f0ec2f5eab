"""JSON text, strictly: what is accepted can be written back as the same JSON."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_NESTING = 100  # deeper, and writing it back may end the interpreter's stack
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonFaultError(ValueError):
    """What is wrong with a JSON text, for people.

    Attributes:
        hint: what to do, where that is more than "write JSON".
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def parse_json(text: str) -> Any:
    """The value of a JSON text that can be written back as the same JSON.

    Raises:
        JsonFaultError: no JSON; NaN or Infinity; a key given twice; half of a surrogate pair (no UTF-8
            can hold it); a number out of range; more than 100 levels.
    """
    value, end = decode_at(text, skip_space(text, 0))
    end = skip_space(text, end)
    if end != len(text):
        raise JsonFaultError(f"not JSON: more text after the value (column {end + 1})")
    return value


def kind_of(value: object) -> str:
    """The JSON name of a value's type, with its article."""
    if value is None:
        return "null"
    names = {bool: "true or false", dict: "an object", list: "a list", str: "a text"}
    return names.get(type(value), "a number")


def skip_space(text: str, start: int) -> int:
    """The index of the next character that is no JSON white space, or the length of the text."""
    match = _SPACE.match(text, start)
    return match.end() if match else start


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """The value that starts at index `start`, and the index after it.

    Raises:
        JsonFaultError: as `parse_json`; a JSONDecodeError, which knows the index, is its `__cause__`.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise JsonFaultError(f"not JSON: {error.msg} (column {error.colno})") from error
    except JsonFaultError:
        raise
    except RecursionError:
        raise JsonFaultError(f"the value has more than {MAX_NESTING} levels") from None
    except ValueError:  # int() refuses thousands of digits
        raise JsonFaultError("a number is too long") from None
    part = text[start:end]
    if part.count("[") + part.count("{") > MAX_NESTING and _is_deep(value):
        raise JsonFaultError(f"the value has more than {MAX_NESTING} levels")
    if "\\ud" in part or "\\uD" in part:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise JsonFaultError(
                "a text holds half of a surrogate pair, which is no character",
                hint="the text was cut inside a character: write it again, or remove the \\ud... escape",
            ) from None
    return value, end


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_NESTING):
        parts = [item for item in level if isinstance(item, (dict, list))]
        level = [inner for part in parts for inner in (part.values() if isinstance(part, dict) else part)]
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise JsonFaultError(f"the key {twice!r} is given twice", hint="rename or remove one of them")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise JsonFaultError(f"{name} is not JSON", hint="write null, or leave the key out")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise JsonFaultError(f"the number {digits[:20]} is out of range")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_float)
