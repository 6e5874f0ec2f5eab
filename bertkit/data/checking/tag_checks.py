"""Tags that their scheme does not allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bertkit.data.checking.checks import SHOWN_PLACES, Finding, counted
from bertkit.data.rows import Place
from bertkit.data.tag_schemes import scheme_faults


def check_tags(split: str, sequences: Iterable[Sequence[str]], scheme: str, place: Place) -> Finding:
    """Which tags break the scheme, and where.

    Args:
        split: its name.
        sequences: the tags of each row as written, in the order of the rows.
        scheme: the one that was recognised.
        place: of the rows.
    """
    count = rows = 0
    places: list[str] = []
    for number, tags in enumerate(sequences):
        faults = scheme_faults(tags, scheme)
        count += len(faults)
        rows += bool(faults)
        if faults and len(places) < SHOWN_PLACES:
            word, what = faults[0]
            places.append(f"{place(number)}, word {word + 1}: {what}")
    if not count:
        return Finding("tag_scheme", f"tags are {scheme} without fault", split, "good")
    where = f"{counted(count, 'tag')} in {counted(rows, 'row')}"
    text = f"{where} that {scheme} does not allow; read as conlleval does"
    return Finding("tag_scheme", text, split, "warning", rows, tuple(places))
