"""Scores of intents and slots: what a sentence wants, and the tags that name the parts of it.

Both sides hold an intent and the tags of the words for each sentence. Scores are fractions; without any
sentence every score is nan, as in `formulas`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bertkit.evaluation.entities import entity_f1

Frame = tuple[str, Sequence[str]]
_NAN = float("nan")


def _pairs(predicted: Sequence[Frame], expected: Sequence[Frame]) -> list[tuple[Frame, Frame]]:
    """Each prediction with its reference; ValueError where they are of different sentences."""
    if len(predicted) != len(expected):
        raise ValueError(f"{len(predicted)} predictions for {len(expected)} references")
    pairs = list(zip(predicted, expected, strict=True))
    for sentence, ((_, found), (_, wanted)) in enumerate(pairs):
        if len(found) != len(wanted):
            raise ValueError(
                f"sentence {sentence} (from 0) has {len(found)} predicted tags for {len(wanted)}"
            )
    return pairs


def frame_accuracy(predicted: Sequence[Frame], expected: Sequence[Frame], *, label_count: int = 0) -> float:
    """Share of sentences whose intent and every single tag are right.

    Tags are compared, not slots, as those who publish on ATIS and SNIPS do: a slot that begins with `I-`
    instead of `B-` is wrong here. Goo et al. 2018, https://aclanthology.org/N18-2118
    """
    pairs = _pairs(predicted, expected)
    right = sum(found[0] == wanted[0] and list(found[1]) == list(wanted[1]) for found, wanted in pairs)
    return right / len(pairs) if pairs else _NAN


def intent_accuracy(predicted: Sequence[Frame], expected: Sequence[Frame], *, label_count: int = 0) -> float:
    """Share of sentences whose intent is right."""
    pairs = _pairs(predicted, expected)
    return sum(found[0] == wanted[0] for found, wanted in pairs) / len(pairs) if pairs else _NAN


def slot_f1(predicted: Sequence[Frame], expected: Sequence[Frame], *, label_count: int = 0) -> float:
    """F1 of the slots, which are scored as `entity_f1` scores entities."""
    return entity_f1([tags for _, tags in predicted], [tags for _, tags in expected])
