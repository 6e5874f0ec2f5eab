"""Lists in the cells of a table."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from typing import Any

from bertkit.errors import DataError

_NEIGHBOURS = re.compile(r"""['"]\s+['"]""")


def is_cell_list(value: Any) -> bool:
    """True for the text of a cell that looks like a list: `["EU", "rejects"]`."""
    return isinstance(value, str) and value.strip()[:1] == "[" and value.strip()[-1:] == "]"


def read_cell_list(text: str) -> list[Any]:
    """A list in a cell of a table, as JSON or as Python prints one.

    Raises:
        DataError: it is neither, as the lists that numpy prints, which leave out the commas.
    """
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            value = read(text.strip())
            # Python joins neighbouring texts: ['EU' 'rejects'] would be one word.
            if isinstance(value, list) and not (read is ast.literal_eval and _NEIGHBOURS.search(text)):
                return value
    shown = text if len(text) < 60 else f"{text[:57]}..."
    raise DataError(
        f"the list {shown} is not understood",
        hint='write it as JSON, as ["EU", "rejects"], or use JSON lines',
    )
