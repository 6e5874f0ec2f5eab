"""Which columns of a source a task reads: as named, else by the names that people give such columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bertkit.data.columns import find_column, guess_column, nearest
from bertkit.data.rows import Record, Rows
from bertkit.errors import DataError

TEXT_OPTIONS = ("--text", "--text-pair")
LABEL_OPTION = "--label"
# Why a row is set aside where rows may be.
NO_TEXT = "the text is missing or blank"
NO_LABEL = "the label is missing"
# Columns that data sets use for a row's own name.
ID_COLUMNS = ("id", "idx", "guid", "uid", "pairID")


def choose_column(
    wanted: str, rows: Rows, *, option: str, aliases: Mapping[str, Sequence[str]] | None = None
) -> str:
    """The column that `wanted` means; where it is a task's own word for it, also by another usual name.

    Args:
        wanted: the name in the recipe or after an option.
        rows: the source.
        option: what to type to name another column.
        aliases: by the task's own words, other names in the order of preference.

    Raises:
        DataError: if there is none, with all columns and the nearest name.
    """
    try:
        return find_column(wanted, rows.columns, origin=rows.origin, option=option)
    except DataError:
        guessed = guess_column((aliases or {}).get(wanted, ()), rows.columns)
        if guessed is None:
            raise
        return guessed


def optional_column(
    wanted: str, rows: Rows, *, option: str, aliases: Mapping[str, Sequence[str]] | None = None
) -> str | None:
    """The same, None where a source has no such column."""
    try:
        return choose_column(wanted, rows, option=option, aliases=aliases)
    except DataError:
        return None


def identity_column(rows: Rows, taken: Sequence[str | None]) -> str | None:
    """The column with the rows' own names, None where there is none."""
    return next((name for name in ID_COLUMNS if name in rows.columns and name not in taken), None)


def identity_of(record: Record, column: str | None, number: int) -> str:
    """A row's own name, or its number in the split, from 0."""
    own = record[column] if column is not None else None
    return str(number if own is None else own)


def with_guesses(
    aliases: Mapping[str, Sequence[str]], wanted: Sequence[str], found: Sequence[str]
) -> dict[str, Sequence[str]]:
    """Aliases by the names of the training rows too, so that other splits may have other usual names.

    Args:
        aliases: by the task's own words.
        wanted: names in the recipe.
        found: the columns that these are in the training rows.
    """
    guessed = {
        column: (name, *aliases[name])
        for name, column in zip(wanted, found, strict=False)
        if name in aliases and column != name
    }
    return {**aliases, **guessed}


def find_value(record: Record, *names: str, option: str = TEXT_OPTIONS[0]) -> Any:
    """The value of `find_item` alone."""
    return find_item(record, *names, option=option)[1]


def find_item(record: Record, *names: str, option: str = TEXT_OPTIONS[0]) -> tuple[str, Any]:
    """The first of these keys that a record given to predict has, in any case and spacing, and its value.

    Args:
        record: as given.
        names: keys, the first one is told where none is there.
        option: what to type to name another key.

    Raises:
        DataError: if it has none of them, or null in its place.
    """
    by_trimmed = {str(key).strip(): value for key, value in record.items()}
    folded = {key.casefold(): value for key, value in by_trimmed.items()}
    for name in names:
        for found, key in ((by_trimmed, name.strip()), (folded, name.strip().casefold())):
            if key not in found:
                continue
            if found[key] is None:
                raise DataError(f"{key!r} is null", hint="give a text")
            return name.strip(), found[key]
    near = nearest(names[0], list(by_trimmed))
    given = ", ".join(repr(key) for key in list(by_trimmed)[:8]) or "nothing"
    raise DataError(
        f"no {names[0]!r}, only {given}", hint=f"did you mean {near!r}?" if near else f"name it with {option}"
    )


def as_text(value: Any, name: str) -> str:
    """A value as text: numbers are written out.

    Raises:
        DataError: it is a list or an object.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple):
        raise DataError(f"{name!r} is not a text", hint="give a text")
    return str(value)
