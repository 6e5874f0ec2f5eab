"""What annotation tools write, told by its keys and made one: `text` with `spans`, or with `label`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bertkit.data.reading.doccano import convert_doccano, is_doccano
from bertkit.data.reading.label_studio import convert_label_studio, is_label_studio
from bertkit.data.reading.label_studio_min import convert_json_min, is_json_min
from bertkit.data.reading.prodigy import convert_prodigy, is_prodigy
from bertkit.data.reading.spans import keep_contradictions
from bertkit.data.reading.squad_json import flatten_squad, is_squad
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows

# The order decides: each one is asked only where those before it said no.
_LAYOUTS: Mapping[Callable[[Rows], bool], Callable[[Rows], Rows]] = {
    is_squad: flatten_squad,
    is_label_studio: convert_label_studio,
    is_prodigy: convert_prodigy,
    is_doccano: convert_doccano,
    is_json_min: convert_json_min,
}


def convert_layout(rows: Rows, rejected: RejectedRows) -> Rows:
    """The same rows in canonical columns where a known tool wrote them, else as they are.

    Args:
        rows: as read.
        rejected: where rows go whose annotations cannot be read.

    `spans` are lists of `{"start": int, "end": int, "label": str}`, as written: whether they fit
    the text is for the task to say.

    Raises:
        DataError: an annotation is not as its tool writes them, with the place of the row.
    """
    for recognises, convert in _LAYOUTS.items():
        if recognises(rows):
            rows = replace(rows, rejected=rejected)
            converted = convert(rows)
            if "spans" in converted.columns and "text" in converted.columns:
                for record in converted.records:
                    keep_contradictions(record["text"], record["spans"] or [])
            return converted
    return rows
