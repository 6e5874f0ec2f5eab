"""The rows of a split as tagged texts, and which tags there are in all splits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from bertkit.config.schema import TaskSection
from bertkit.data.cell_lists import is_cell_list, read_cell_list
from bertkit.data.label_values import check_rename
from bertkit.data.rows import Record, Rows
from bertkit.data.tag_schemes import recognise_scheme
from bertkit.data.words import find_words
from bertkit.errors import DataError
from bertkit.tasks.columns import LABEL_OPTION, TEXT_OPTIONS, as_text, choose_column, optional_column
from bertkit.tasks.tag_names import OUTSIDE, labels_in, renamed_tags, tag_names
from bertkit.tasks.tag_rows import (
    CONTRADICTED,
    TaggedText,
    as_tokens,
    contradicts,
    holds_spans,
    is_empty_list,
    joined,
    read_spans,
    read_tags,
    tagged_by_spans,
    tagged_tokens,
)

SPAN_COLUMNS = ("spans", "entities")


class TaggedRows:
    """The rows of one split as tagged texts.

    Args:
        rows: as read.
        text: the column with tokens or text, as the recipe calls it.
        label: the column with tags or spans, likewise.
        aliases: other names of these.
        required: the label column has to be there.
        spans_elsewhere: other splits have spans; where nobody marked anything, this one has them too.
    """

    def __init__(
        self,
        rows: Rows,
        text: str,
        label: str,
        aliases: Mapping[str, Sequence[str]],
        *,
        required: bool = True,
        spans_elsewhere: bool = False,
    ) -> None:
        self.rows = rows
        self.text = choose_column(text, rows, option=TEXT_OPTIONS[0], aliases=aliases)
        find_label = choose_column if required else optional_column
        self.label = find_label(label, rows, option=LABEL_OPTION, aliases=aliases)
        self.classes = rows.class_names.get(self.label, ()) if self.label is not None else ()
        values = rows.column(self.label) if self.label is not None else ()
        # Where nobody marked anything only the name of the column, or another split, can tell.
        self.has_spans = any(holds_spans(value) for value in values) or (
            (self.label in SPAN_COLUMNS or spans_elsewhere)
            and self.label is not None
            and all(is_empty_list(value) for value in values)
        )
        texts = rows.column(self.text)
        # A text may look like a list; a column of such cells holds lists.
        self._has_cell_lists = is_cell_list(next((text for text in texts if text), None)) and all(
            text is None or is_cell_list(text) for text in texts
        )

    def sequences(self) -> Iterator[list[str]]:
        """The tags of each row as written; of spans, their labels as if tagged in IOB2."""
        if self.label is None:
            return
        for number, value in enumerate(self.rows.column(self.label)):
            try:
                if self.has_spans:
                    yield [f"B-{span.label}" for span in read_spans(value)]
                else:
                    yield read_tags(value, self.classes) or []
            except DataError as error:
                raise DataError(f"{self.rows.place(number)}: {error.message}", hint=error.hint) from error

    def tagged(self, record: Record, number: int, *, plain: bool) -> TaggedText | None:
        """One row, with tags in IOB2 or plain ones; None where it has no text.

        Raises:
            DataError: with the place, for what is not understood.
        """
        value = record[self.text]
        if value is None:
            return None
        label = record[self.label] if self.label is not None else None
        try:
            tokens = as_tokens(read_cell_list(value) if self._has_cell_lists else value)
            if self.has_spans:
                text, words = joined(tokens) if tokens is not None else (as_text(value, self.text), None)
                if label is None:  # an empty list says that there is none, null says nothing
                    return TaggedText(text, words or tuple(find_words(text)), None)
                tagged = tagged_by_spans(text, read_spans(label), words=words)
                if contradicts(label, text):
                    tagged = replace(tagged, faults=(*tagged.faults, CONTRADICTED))
                return tagged
            tags = read_tags(label, self.classes)
            if tokens is None:
                text = as_text(value, self.text)
                if tags is None:
                    return TaggedText(text, tuple(find_words(text)), None)
                tokens = text.split()
            return tagged_tokens(tokens, tags, plain=plain)
        except DataError as error:
            raise DataError(f"{self.rows.place(number)}: {error.message}", hint=error.hint) from error
        except ValueError as error:
            hint = "is it the right column? --label COLUMN"
            raise DataError(f"{self.rows.place(number)}: {error}", hint=hint) from error


def _refuse_mixed(splits: Sequence[TaggedRows]) -> None:
    """Tags of entities with one among them that is none: a slip of the pen, and not a set of plain tags.

    Raises:
        DataError: with the place.
    """
    strange: tuple[str, str] | None = None
    entities = outside = False
    prefixed = True  # all that are strange look like `X-PER`
    for split in splits:
        for number, tags in enumerate(split.sequences()):
            for tag in tags:
                outside |= tag == OUTSIDE
                if recognise_scheme([[tag]]) == "plain":
                    strange = strange or (split.rows.place(number), tag)
                    prefixed &= tag[1:2] == "-"
                else:
                    entities |= tag[:2] in ("B-", "I-")
    if strange is not None and (entities or (outside and prefixed)):
        place, tag = strange
        raise DataError(
            f"{place}: the tag {tag!r} is of no tag scheme: IOB1, IOB2 and BIOES know B-, I-, E-, S- and O",
            hint="mend it; for tags that mark no entities: --set task.tag_scheme=plain",
        )


def learn_tags(
    splits: Sequence[TaggedRows], section: TaskSection, *, other_labels: Iterable[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """The scheme of the tags, and the names of those that can be predicted, from what all splits hold.

    Args:
        splits: training rows first.
        section: of the recipe.
        other_labels: labels beside the tags, which may be renamed as well.

    Raises:
        DataError: there is nothing to learn from, or not what the recipe says.
    """
    sequences = [tags for split in splits for tags in split.sequences()]
    scheme: str = section.tag_scheme
    if scheme == "auto":
        scheme = recognise_scheme(sequences)
        if scheme == "plain":
            _refuse_mixed(splits)
    plain = scheme == "plain"
    known = chain(labels_in(sequences, plain=plain), other_labels)
    check_rename(section.rename, known, origin=splits[0].rows.origin)
    renamed = (renamed_tags(tags, section.rename, plain=plain) for tags in sequences)
    found = set(labels_in(renamed, plain=plain))
    if not found or (plain and len(found) < 2):
        only = f"only the tag {next(iter(found))!r}" if found else "no entity"
        raise DataError(
            f"{splits[0].rows.origin}: the tags name {only}", hint="check the column: --label COLUMN"
        )
    order = renamed_tags(splits[0].classes, section.rename, plain=plain)
    found |= set(labels_in([order], plain=plain))
    return scheme, tag_names(found, plain=plain, order=order, given=section.labels)
