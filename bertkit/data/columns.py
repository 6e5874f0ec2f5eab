"""Find the columns a recipe names in the columns a source has."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bertkit.errors import DataError


def find_column(wanted: str, columns: Sequence[str], *, origin: str, option: str) -> str:
    """The column of the source that `wanted` means: as written, else without regard to case and spaces.

    Args:
        wanted: the name in the recipe or after an option.
        columns: what the source has.
        origin: the source, for the message.
        option: what to type to name another column, as `--label`.

    Raises:
        DataError: if there is none, or more than one, with all columns and the nearest name.
    """
    name = wanted.strip()
    if name in columns:
        return name
    folded = [column for column in columns if _fold(column) == _fold(name)]
    if len(folded) == 1:
        return folded[0]
    listed = ", ".join(repr(column) for column in columns)
    if folded:
        raise DataError(
            f"{origin}: {wanted!r} could be any of {', '.join(map(repr, folded))}",
            hint=f"name one exactly, as {_typed(option, _shell(folded[0]))}",
        )
    near = nearest(name, columns)
    raise DataError(
        f"{origin} has no column {wanted!r}; its columns are {listed}",
        hint=f"did you mean {near!r}? {_typed(option, _shell(near))}"
        if near
        else f"name the column: {_typed(option, 'COLUMN')}",
    )


def guess_column(candidates: Sequence[str], columns: Sequence[str]) -> str | None:
    """The column that the first of the candidates means which a source has; None if it has none of them.

    Args:
        candidates: usual names, the likeliest first; case, spaces, `_` and `-` do not matter.
        columns: what the source has; of two that fold to one name, the one written as the candidate is
            taken, else the first.
    """
    folded: dict[str, str] = {}
    for column in columns:
        folded.setdefault(_fold(column), column)
    for candidate in candidates:
        if candidate in columns:
            return candidate
        if _fold(candidate) in folded:
            return folded[_fold(candidate)]
    return None


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that looks most like `name`, or None if none does."""
    folded = {_fold(candidate): candidate for candidate in known}
    near = difflib.get_close_matches(_fold(name), folded, n=1, cutoff=0.6)
    if near:
        return folded[near[0]]
    inside = [candidate for key, candidate in folded.items() if _fold(name) in key]
    return inside[0] if len(inside) == 1 else None


def _typed(option: str, name: str) -> str:
    """An option with its value: `--label stars`, `--columns intent=goal`."""
    return f"{option}{name}" if option.endswith("=") else f"{option} {name}"


def _fold(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _shell(name: str) -> str:
    return f'"{name}"' if any(character.isspace() for character in name) else name
