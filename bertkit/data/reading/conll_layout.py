"""How the columns of a CoNLL file are separated, and whether a file is one at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bertkit.data.reading.file_access import Head

COMMENT = "#"
DOCUMENT_START = "-DOCSTART-"
UNIVERSAL_FIELDS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_BLANKS = " "
# A tab wins over blanks, because a token may hold blanks; both win over marks that tokens are made of.
_SEPARATORS = {"\t": "tabs", _BLANKS: "spaces", ",": "','", ";": "';'", "|": "'|'"}
_RUN_OF_BLANKS = re.compile(r"[ \t]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"[0-9]+([-.][0-9]+)?")
# `B-PER` and its kin in every scheme (IOB, BIOES, BILOU, BMEWO).
_CHUNK_TAG = re.compile(r"O|[BIELSUMW]-\S+")
_TOKEN_HEADERS = frozenset({"token", "tokens", "word", "words", "form"})


@dataclass(frozen=True)
class ColumnLayout:
    """How the lines of a file fall into columns.

    Attributes:
        separator: one character; a blank stands for runs of blanks and tabs.
        width: number of columns.
        universal: whether it is CoNLL-U.
        header: whether the first line names the columns.
        tags: what stands in the last column at the beginning of the file.
    """

    separator: str
    width: int
    universal: bool
    header: bool
    tags: frozenset[str]

    def split(self, text: str) -> list[str]:
        """The values of one line."""
        return _split(text, self.separator)

    def is_comment(self, fields: Sequence[str]) -> bool:
        """Whether a line that starts with `#` is a comment, and not the token `#` with its tags."""
        if self.universal or len(fields) != self.width:
            return True
        # `# sentence 7` has three columns too: then the last one says that it is no tag.
        is_tag = fields[-1] in self.tags or _CHUNK_TAG.fullmatch(fields[-1])
        return self.separator == _BLANKS and not is_tag

    @property
    def separator_name(self) -> str:
        """As in `separated by tabs`."""
        return _SEPARATORS[self.separator]

    @property
    def description(self) -> str:
        """As `Rows.format` says it."""
        if self.universal:
            return "CoNLL-U"
        return f"CoNLL columns ({self.width}, separated by {self.separator_name})"


def find_layout(head: Head) -> ColumnLayout | None:
    """The separator and the number of columns that most lines agree on; None if there are no columns."""
    return _layout_of([line for block in _blocks(head) for line in block])


def is_conll(head: Head, *, tabs_only: bool = False) -> bool:
    """Whether a file without a telling name holds tokens and tags, and no table with a header.

    What speaks for it: `-DOCSTART-`; CoNLL-U; every last column a chunk tag as `B-PER`; or blocks of more
    than one line with empty lines between, tags that come again, and a first line that is no header.

    Args:
        head: the beginning of the file.
        tabs_only: it goes by the name of a tab-separated table, in which a line of tabs is a row.
    """
    blocks = _blocks(head)
    lines = [line for block in blocks for line in block]
    layout = _layout_of(lines)
    if layout is None or (tabs_only and layout.separator != "\t"):
        return False
    if layout.universal or head.data.lstrip().startswith(DOCUMENT_START.encode()):
        return True
    rows = [fields for fields in map(layout.split, lines) if len(fields) == layout.width]
    last = [fields[-1] for fields in rows[layout.header :]]
    chunked = sum(_CHUNK_TAG.fullmatch(tag) is not None for tag in last)
    with_name = any("-" in tag for tag in last if _CHUNK_TAG.fullmatch(tag))
    if with_name and chunked == len(last) == len(lines) and not layout.header:
        return True  # one sentence will do; under a header it is a table, as long as no line is empty
    if len(blocks) < 2 or max(map(len, blocks)) < 2:
        return False
    if with_name and chunked >= 0.9 * (len(lines) - layout.header):
        return True  # a few lines are broken, which the reader then tells
    # The last value of a header does not come again below it; a tag does.
    return (
        not (tabs_only and _has_bare_tabs(head))
        and len(rows) == len(lines)
        and rows[0][-1] in last[1:]
        and all(fields[0] and fields[-1] for fields in rows)
        and sum(" " in fields[0] for fields in rows) <= len(rows) / 10
    )


def _has_bare_tabs(head: Head) -> bool:
    return any(b"\t" in line and not line.strip() for line in head.data.splitlines())


def _blocks(head: Head) -> list[list[str]]:
    """The lines of each sentence, without comments and `-DOCSTART-`; the last line may be cut: without it."""
    lines = _LINE_END.split(head.data.decode("utf-8", errors="replace"))
    if not head.whole and len(lines) > 1:
        lines.pop()
    remarks = any(line.strip() and not line.startswith((COMMENT, DOCUMENT_START)) for line in lines)
    blocks: list[list[str]] = [[]]
    for line in lines:
        if not line.strip() or line.startswith(DOCUMENT_START):
            blocks.append([])
        elif not (remarks and line.startswith(COMMENT)):
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _layout_of(lines: Sequence[str]) -> ColumnLayout | None:
    for separator in _SEPARATORS:
        widths = Counter(len(_split(line, separator)) for line in lines)
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        if width >= 2 and 2 * count >= len(lines):
            break
    else:
        return None
    rows = [fields for line in lines if len(fields := _split(line, separator)) == width]
    universal = (
        width == len(UNIVERSAL_FIELDS)
        and separator == "\t"
        and 2 * sum(_NUMBER.fullmatch(fields[0]) is not None for fields in rows) >= len(rows)
    )
    header = not universal and _has_header(rows)
    tags = frozenset(fields[-1] for fields in rows[header:])
    return ColumnLayout(separator, width, universal, header, tags)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line is no token: alone it has no chunk tag, or it names its columns."""
    first, tags = rows[0], [fields[-1] for fields in rows[1:]]
    if _CHUNK_TAG.fullmatch(first[-1]) or first[-1] in tags or not any("-" in tag for tag in tags):
        return False
    chunked = sum(_CHUNK_TAG.fullmatch(tag) is not None for tag in tags)
    named = any(name.lower() in _TOKEN_HEADERS for name in first[:-1])
    return chunked > 0 if named else chunked == len(tags) > 1


def _split(text: str, separator: str) -> list[str]:
    if separator == _BLANKS:
        return _RUN_OF_BLANKS.split(text.strip(" \t"))
    # A blank beside a tab belongs to neither value, unless it is all there is.
    return [field.strip(" ") or field for field in text.split(separator)]
