"""Questions with their answers as examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertkit.data.answers import NOT_FOUND, START_NAMES, read_answers
from bertkit.data.checking.checks import RowFault
from bertkit.data.label_values import is_missing
from bertkit.data.rows import Rows
from bertkit.errors import DataError
from bertkit.tasks.base import Example, ExampleSet
from bertkit.tasks.columns import (
    LABEL_OPTION,
    NO_LABEL,
    NO_TEXT,
    TEXT_OPTIONS,
    as_text,
    choose_column,
    identity_column,
    identity_of,
    optional_column,
)


def question_examples(
    rows: Rows,
    *,
    text: Sequence[str],
    label: str,
    aliases: Mapping[str, Sequence[str]],
    keep_unlabelled: bool,
) -> ExampleSet:
    """The rows of a split as examples whose targets are tuples of `Answer`.

    Args:
        rows: as read.
        text: the columns with question and context, as the recipe calls them.
        label: the column with the answers, likewise.
        aliases: other names of these.
        keep_unlabelled: also rows of which no answer is known.

    Raises:
        DataError: for missing columns, and with the place for answers that are not understood.
    """
    question, context = (
        choose_column(name, rows, option=option, aliases=aliases)
        for name, option in zip(text, TEXT_OPTIONS, strict=True)
    )
    find_label = optional_column if keep_unlabelled else choose_column
    answers = find_label(label, rows, option=LABEL_OPTION, aliases=aliases)
    start = next((name for name in START_NAMES if name in rows.columns), None)
    own_id = identity_column(rows, (question, context, answers))
    some = rows.rejected.allows_some
    found: list[Example] = []
    faults: list[RowFault] = []
    without_label = without_text = 0
    for number, record in enumerate(rows.records):
        asked = (record[question], record[context])
        if None in asked or (some and any(map(is_missing, asked))):
            without_text += not rows.sets_aside(number, NO_TEXT)
            continue
        try:
            texts = (as_text(record[question], question), as_text(record[context], context))
            given = record[answers] if answers is not None else None
            target, wrong = read_answers(given, record[start] if start else None, texts[1])
        except DataError as error:
            rows.refuse(number, error)
            continue
        if target and all(answer.start < 0 for answer in target) and rows.sets_aside(number, NOT_FOUND):
            continue
        faults += [RowFault(what, rows.place(number), left_out=False) for what in wrong]
        if target is None and not keep_unlabelled:
            without_label += not rows.sets_aside(number, NO_LABEL)
            continue
        found.append(Example(identity_of(record, own_id, number), texts, target, row=number))
    return ExampleSet(found, without_label, without_text, faults)
