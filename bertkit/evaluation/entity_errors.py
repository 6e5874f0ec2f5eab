"""What became of each entity: found, under another label, with other bounds, missed, or never there.

Entities are told apart by any positions that both sides share: words or characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertkit.data.tag_schemes import Entity

RIGHT = "right"
LABEL = "other label"
BOUNDS = "other bounds"
BOTH = "other label and bounds"
MISSED = "missed"
SPURIOUS = "not in the reference"
OUTCOMES = (RIGHT, LABEL, BOUNDS, BOTH, MISSED, SPURIOUS)


@dataclass(frozen=True)
class EntityOutcome:
    """An entity of the reference and the predicted one that stands for it; one of them may be missing.

    Attributes:
        expected: of the reference; None where nothing is there.
        predicted: None where the entity was missed.
        position: of the predicted one among the predictions of its text; None without it.
    """

    expected: Entity | None
    predicted: Entity | None
    position: int | None = None

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`."""
        if self.expected is None or self.predicted is None:
            return SPURIOUS if self.expected is None else MISSED
        same_label = self.expected.label == self.predicted.label
        if (self.expected.start, self.expected.end) == (self.predicted.start, self.predicted.end):
            return RIGHT if same_label else LABEL
        return BOUNDS if same_label else BOTH


def entity_outcomes(expected: Sequence[Entity], predicted: Sequence[Entity]) -> list[EntityOutcome]:
    """Each entity of either side once, in the order of the text.

    Entities belong together, one to one, that are the same; then those with the same bounds; then those that
    overlap, with the same label first and then the most shared positions.
    """
    pairs = []
    for left, wanted in enumerate(expected):
        for right, found in enumerate(predicted):
            shared = min(wanted.end, found.end) - max(wanted.start, found.start)
            if shared > 0:
                same_bounds = (wanted.start, wanted.end) == (found.start, found.end)
                rank = (not same_bounds, wanted.label != found.label, -shared, left, right)
                pairs.append((rank, left, right))
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for _, left, right in sorted(pairs):
        if left not in matched and right not in taken:
            matched[left] = right
            taken.add(right)
    outcomes = [
        EntityOutcome(wanted, predicted[matched[left]] if left in matched else None, matched.get(left))
        for left, wanted in enumerate(expected)
    ]
    outcomes += [
        EntityOutcome(None, found, right) for right, found in enumerate(predicted) if right not in taken
    ]
    return sorted(outcomes, key=lambda each: ((each.expected or each.predicted).start, each.outcome))  # type: ignore[union-attr]
