"""The rows of a split as tagged texts, and which tags there are in all splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from bertkit.tasks.tag_names import (
    OUTSIDE,
    labels_given,
    labels_in,
    renamed_tags,
    tag_names,
    unknown_label,
)
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
# Of tags that are nearly all B, I and O, the others are slips of the pen.
_MOSTLY = 0.9


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
        """The tags of each row as written; of spans, their labels as if tagged in IOB2.

        Raises:
            DataError: with the place, for what is not understood; where that may be set aside, it is, and its
                tags are an empty list.
        """
        if self.label is None:
            return
        for number, value in enumerate(self.rows.column(self.label)):
            try:
                if self.has_spans:
                    tags = [f"B-{span.label}" for span in read_spans(value)]
                else:
                    tags = read_tags(value, self.classes) or []
            except DataError as error:
                self.rows.refuse(number, error)
                tags = []
            yield tags

    def tagged(self, record: Record, *, plain: bool) -> TaggedText | None:
        """One row, with tags in IOB2 or plain ones; None where it has no text.

        Raises:
            DataError: without the place, for what is not understood.
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
        except ValueError as error:
            raise DataError(str(error), hint="is it the right column? --label COLUMN") from error


def _are_mixed(sequences: Sequence[Sequence[str]]) -> bool:
    """Tags of entities with one among them that is none: a slip of the pen, and not a set of plain tags."""
    counts = Counter(chain.from_iterable(sequences))
    known = {tag for tag in counts if not _is_strange([tag])}
    strange = counts.keys() - known
    if not strange or not known:
        return False
    if any(tag[:2] in ("B-", "I-") for tag in known):
        return True
    # Other letters, and letters alone, are parts of speech somewhere; with `O` beside them they are not.
    named = any(tag[1:2] == "-" for tag in known)
    mostly = sum(counts[tag] for tag in known) >= _MOSTLY * counts.total() and known & {"B", "I"}
    return OUTSIDE in known and bool(named or mostly or all(tag[1:2] == "-" for tag in strange))


def _is_strange(tags: Sequence[str]) -> bool:
    return recognise_scheme([tags]) == "plain"


def _refuse_rows(splits: Sequence[TaggedRows], find_fault: Callable[[list[str]], DataError | None]) -> None:
    """Refuse the rows in whose tags a fault is found.

    Raises:
        DataError: with the place of the first, where none may be set aside.
    """
    for split in splits:
        for number, tags in enumerate(split.sequences()):
            if (fault := find_fault(tags)) is not None:
                split.rows.refuse(number, fault)


def _strange_tag(tags: Sequence[str]) -> DataError | None:
    strange = next((tag for tag in tags if _is_strange([tag])), None)
    if strange is None:
        return None
    return DataError(
        f"the tag {strange!r} is of no tag scheme: IOB1, IOB2 and BIOES know B-, I-, E-, S- and O",
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
        if scheme == "plain" and _are_mixed(sequences):
            _refuse_rows(splits, _strange_tag)
            sequences = [tags for tags in sequences if not _is_strange(tags)]
            scheme = recognise_scheme(sequences)
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
    if section.labels is not None and not found <= (wanted := set(labels_given(section.labels, plain=plain))):

        def outside(tags: list[str]) -> DataError | None:
            names = labels_in([renamed_tags(tags, section.rename, plain=plain)], plain=plain)
            unknown = next((name for name in names if name not in wanted), None)
            return None if unknown is None else unknown_label(unknown, section.labels or (), plain=plain)

        _refuse_rows(splits, outside)
        found &= wanted
    return scheme, tag_names(found, plain=plain, order=order, given=section.labels)
