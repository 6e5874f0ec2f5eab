"""A tag for each word, where tags make out no entities: confusions and the words that are often wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bertkit.evaluation.curves import confusion_counts
from bertkit.evaluation.results import Grouping
from bertkit.report.blocks import Cell, Fact, Part, ShownExample, Table
from bertkit.report.passages import Place, marked_passage, short
from bertkit.report.sections.confusions import confusion_blocks
from bertkit.report.sections.groups import parts_part
from bertkit.report.sections.scored import Scored
from bertkit.report.sections.shown_examples import HARDEST, hardest_part
from bertkit.report.wording import count

_WORDS = 20  # rows of the table of words that are often wrong
_FACTS = 4


def tag_parts(scored: Scored, names: Sequence[str], parts: Grouping | None) -> tuple[list[Part], list[Part]]:
    """What is said of the scores, and of single examples."""
    places = {name: number for number, name in enumerate(names)}
    expected = [[places.get(tag, 0) for tag in tags] for tags in scored.references]
    predicted = [[places.get(tag, 0) for tag in prediction.value] for prediction in scored.predictions]
    flat = [[tag for row in side for tag in row] for side in (expected, predicted)]
    found = parts_part(parts)
    counts = confusion_counts(flat[0], flat[1], len(names))
    found.append(Part("Confusions", [*confusion_blocks(counts, names, names, what="tag"), _words(scored)]))
    return found, [_hardest(scored)]


def _wrong_words(scored: Scored, row: int) -> list[tuple[int, int, str, str]]:
    """(start, end, reference, predicted) of the words whose tag is wrong."""
    tags = zip(
        scored.examples[row].words, scored.references[row], scored.predictions[row].value, strict=False
    )
    return [(*word, wanted, found) for word, wanted, found in tags if wanted != found]


def _words(scored: Scored) -> Table:
    wrong: Counter[tuple[str, str, str]] = Counter()
    for row, example in enumerate(scored.examples):
        for start, end, wanted, found in _wrong_words(scored, row):
            wrong[example.texts[0][start:end], wanted, found] += 1
    rows = [
        [Cell(short(word)), Cell(short(wanted)), Cell(short(found)), Cell(count(number))]
        for (word, wanted, found), number in wrong.most_common(_WORDS)
    ]
    return Table("Words most often wrong", ["word", "reference", "predicted", "times"], rows, words=[1, 2])


def _hardest(scored: Scored) -> Part:
    wrong = [(row, _wrong_words(scored, row)) for row in range(len(scored.examples))]
    wrong = [(row, words) for row, words in wrong if words]
    wrong.sort(key=lambda each: (-len(each[1]), each[0]))
    shown = []
    for row, words in wrong[:HARDEST]:
        example = scored.examples[row]
        text = example.texts[0]
        facts = [
            Fact(short(text[start:end], 30), f"{found}, not {wanted}", "", "wrong")
            for start, end, wanted, found in words[:_FACTS]
        ]
        places = [Place(start, end, "wrong", f"{found}, not {wanted}") for start, end, wanted, found in words]
        shown.append(ShownExample(short(example.id), facts, [("", marked_passage(text, places))]))
    rows = len(scored.examples)
    lead = f"{count(len(wrong))} of {count(rows)} texts have a wrong tag. First those with the most."
    return hardest_part(shown, len(wrong), rows, lead)
