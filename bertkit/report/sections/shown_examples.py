"""Lists of examples that a person should read: the surest errors and the labels that may be wrong."""

from __future__ import annotations

from collections.abc import Sequence

from bertkit.report.blocks import Block, Examples, Part, Passage, ShownExample, Text
from bertkit.report.passages import passage, short
from bertkit.report.wording import count
from bertkit.tasks.base import Example

HARDEST = 50  # errors in the page
SUSPECTS = 30  # suspected labels in the page
_AT_ONCE = 8  # of either are seen without opening anything


def example_lines(example: Example, names: Sequence[str]) -> list[tuple[str, Passage]]:
    """The texts of an example, named where there is more than one."""
    if len(example.texts) == 1:
        return [("", passage(example.texts[0]))]
    known = [*names, *(f"text {number + 1}" for number in range(len(names), len(example.texts)))]
    return [(short(name), passage(text)) for name, text in zip(known, example.texts, strict=False)]


def hardest_part(shown: Sequence[ShownExample], wrong: int, rows: int, lead: str = "") -> Part:
    """The hardest errors.

    Args:
        shown: the hardest first.
        wrong: how many errors there are in all.
        rows: out of how many examples.
        lead: in which order they are.
    """
    if not wrong:
        return Part("Hardest errors", [Text(f"All {count(rows)} examples are right.", "note")])
    share = f"{count(wrong)} of {count(rows)} examples are wrong."
    listed = f" The {count(len(shown))} with the highest confidence:" if len(shown) < wrong else ""
    return Part("Hardest errors", [_list(shown)], lead or f"{share}{listed}")


def suspects_part(shown: Sequence[ShownExample], found: int, rule: str) -> Part:
    """The labels that may be wrong; `rule` says how they were found."""
    title = "Suspected label errors"
    if not found:
        return Part(title, [Text("None was found.", "note")], rule)
    many = f" Here are the first {count(len(shown))} of {count(found)}." if len(shown) < found else ""
    return Part(title, [_list(shown)], rule + many)


def _list(shown: Sequence[ShownExample]) -> Block:
    return Examples(list(shown[:_AT_ONCE]), list(shown[_AT_ONCE:]))
