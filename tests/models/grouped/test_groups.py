"""Groups hold each sequence once, pad only inside, and cost as little as any cut would."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bertkit.models.grouped import groups as module
from bertkit.models.grouped.groups import plan_groups


def test_every_token_is_in_one_place() -> None:
    lengths = np.asarray([900, 40, 40, 39, 12, 3, 3, 1])
    groups = plan_groups(lengths, heads=12)
    assert groups[0].sequences[0] == 0
    assert sum(group.size for group in groups) == len(lengths)
    for before, after in itertools.pairwise(groups):
        assert before.sequences[1] == after.sequences[0]
        assert before.tokens[1] == after.tokens[0]
    assert groups[-1].tokens[1] == lengths.sum()
    for group in groups:
        if group.take is None:
            assert group.tokens[1] - group.tokens[0] == group.size * group.length
            continue
        count = group.tokens[1] - group.tokens[0]
        assert group.take[group.put].tolist() == list(range(*group.tokens))
        assert sorted(group.put.tolist() + group.empty.tolist()) == list(range(group.size * group.length))
        real = group.padding.view(group.size, group.length) == 0
        assert real.sum(1).tolist() == lengths[slice(*group.sequences)].tolist()
        assert int(real.sum()) == count


def price(lengths: list[int], cuts: tuple[int, ...], heads: int) -> float:
    ends = [0, *cuts, len(lengths)]
    return sum(
        module.GROUP_PRICE + heads * lengths[first] ** 2 * (last - first)
        for first, last in itertools.pairwise(ends)
    )


@pytest.mark.parametrize(
    "lengths", [[50, 30, 20, 9, 4], [150, 145, 12, 11, 10, 9], [7, 7, 7], [200, 100, 50, 1]]
)
def test_no_other_cut_is_cheaper(lengths: list[int]) -> None:
    heads = 12
    found = tuple(group.sequences[0] for group in plan_groups(np.asarray(lengths), heads=heads))[1:]
    every = (
        cuts for count in range(len(lengths))
        for cuts in itertools.combinations(range(1, len(lengths)), count)
    )  # fmt: skip
    assert price(lengths, found, heads) == min(price(lengths, cuts, heads) for cuts in every)


def test_a_group_stays_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAIRS", 2 * 10**2 * 4)
    groups = plan_groups(np.asarray([50, 10, 10, 10, 10, 10]), heads=4)
    assert [group.size for group in groups] in ([1, 2, 2, 1], [1, 1, 2, 2], [1, 2, 1, 2])
