from __future__ import annotations

import pytest

from bertkit.data.tag_schemes import Entity
from bertkit.evaluation.entity_errors import (
    BOTH,
    BOUNDS,
    LABEL,
    MISSED,
    RIGHT,
    SPURIOUS,
    entity_outcomes,
)

PER, LOC = "PER", "LOC"


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (Entity(PER, 2, 4), RIGHT),
        (Entity(LOC, 2, 4), LABEL),
        (Entity(PER, 2, 3), BOUNDS),
        (Entity(PER, 1, 4), BOUNDS),
        (Entity(LOC, 3, 5), BOTH),
    ],
)
def test_one_beside_one(found: Entity, outcome: str) -> None:
    (only,) = entity_outcomes([Entity(PER, 2, 4)], [found])
    assert (only.outcome, only.position) == (outcome, 0)


def test_without_overlap_one_is_missed_and_one_is_not_there() -> None:
    outcomes = entity_outcomes([Entity(PER, 5, 6)], [Entity(PER, 0, 5)])
    assert [each.outcome for each in outcomes] == [SPURIOUS, MISSED]


def test_same_bounds_come_before_a_longer_overlap_of_the_label() -> None:
    wanted = [Entity(PER, 0, 2)]
    outcomes = entity_outcomes(wanted, [Entity(PER, 0, 5), Entity(LOC, 0, 2)])
    assert {(each.outcome, each.position) for each in outcomes} == {(LABEL, 1), (SPURIOUS, 0)}


def test_each_is_in_one_pair_only() -> None:
    wanted = [Entity(PER, 0, 2), Entity(PER, 2, 4)]
    outcomes = entity_outcomes(wanted, [Entity(PER, 0, 4)])
    assert sorted(each.outcome for each in outcomes) == sorted([BOUNDS, MISSED])
    assert sum(each.predicted is not None for each in outcomes) == 1


def test_nothing_on_either_side() -> None:
    assert entity_outcomes([], []) == []
