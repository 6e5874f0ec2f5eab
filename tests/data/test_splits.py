from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bertkit.data.splits import fold_numbers, hold_out

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=80)


def cut(
    strata: list[str], texts: list[object], *, fraction: float = 0.1, seed: int = 0
) -> tuple[list[int], list[int]]:
    return hold_out(strata, texts, fraction=fraction, seed=seed)


def test_each_label_keeps_its_share() -> None:
    strata = ["rare"] * 50 + ["usual"] * 450
    _, held = cut(strata, list(range(500)))
    assert Counter(strata[row] for row in held) == {"rare": 5, "usual": 45}


def test_seed_decides() -> None:
    strata, texts = ["a"] * 100, list(range(100))
    assert cut(strata, texts) == cut(strata, texts)
    assert cut(strata, texts)[1] != cut(strata, texts, seed=1)[1]


def test_labels_do_not_come_in_one_order() -> None:
    _, held = cut(["a"] * 1000, list(range(1000)))
    assert min(held) < 100
    assert max(held) > 900


def test_equal_texts_stay_together_even_under_different_labels() -> None:
    texts = [number // 2 for number in range(100)]
    strata = ["a", "b"] * 50
    kept, held = cut(strata, texts)
    assert held
    assert not {texts[row] for row in kept} & {texts[row] for row in held}


def test_a_text_with_many_copies_does_not_end_the_search() -> None:
    texts = [0] * 500 + list(range(1, 501))
    for seed in range(10):
        assert len(cut(["a"] * 1000, texts, seed=seed)[1]) == 100


def test_the_only_text_of_a_label_is_trained_on() -> None:
    for seed in range(10):
        kept, held = cut(["a"] * 20 + ["b"], list(range(21)), fraction=0.5, seed=seed)
        assert 20 in kept
        assert len(held) == 10


def test_tiny_data_still_gives_an_eval_row_from_the_largest_label() -> None:
    for seed in range(10):
        kept, held = cut(["a", "a", "b"], [1, 2, 3], seed=seed)
        assert (len(kept), len(held)) == (2, 1)
        assert 2 in kept


def test_where_only_one_text_can_be_held_out_it_is_the_one_with_the_fewest_copies() -> None:
    for seed in range(10):
        assert cut(["a"] * 10, [0] * 4 + [1] + [2] * 5, fraction=0.04, seed=seed)[1] == [4]


def test_nothing_to_cut() -> None:
    assert cut([], []) == ([], [])
    assert cut(["a"], ["x"]) == ([0], [])
    assert cut(["a", "a"], ["x", "x"]) == ([0, 1], [])


@given(rows=ROWS, fraction=st.floats(0.05, 0.95), seed=st.integers(0, 3))
def test_always_a_partition_without_a_shared_text(
    rows: list[tuple[str, int]], fraction: float, seed: int
) -> None:
    strata, texts = [label for label, _ in rows], [text for _, text in rows]
    kept, held = hold_out(strata, texts, fraction=fraction, seed=seed)
    assert sorted(kept + held) == list(range(len(rows)))
    assert (kept, held) == (sorted(kept), sorted(held))
    assert not {texts[row] for row in kept} & {texts[row] for row in held}
    assert not rows or kept
    assert bool(held) == (len(set(texts)) > 1)


@given(rows=ROWS, fraction=st.floats(0.05, 0.95), seed=st.integers(0, 3))
def test_share_is_met_within_one_text(rows: list[tuple[str, int]], fraction: float, seed: int) -> None:
    texts = [f"{label}{text}" for label, text in rows]  # no text under two labels
    strata = [label for label, _ in rows]
    _, held = hold_out(strata, texts, fraction=fraction, seed=seed)
    largest = max(Counter(texts).values(), default=0)
    for label, count in Counter(strata).items():
        share = sum(strata[row] == label for row in held)
        assert abs(share - fraction * count) <= largest


def test_folds_are_of_like_size_and_keep_the_share_of_each_label() -> None:
    strata = ["rare"] * 52 + ["usual"] * 448
    numbers = fold_numbers(strata, list(range(500)), folds=5, seed=0)
    assert sorted(Counter(numbers).values()) == [100] * 5
    for fold in range(5):
        rare = sum(strata[row] == "rare" for row in range(500) if numbers[row] == fold)
        assert rare in (10, 11)


def test_seed_decides_the_folds() -> None:
    strata, texts = ["a"] * 100, list(range(100))
    assert fold_numbers(strata, texts, folds=3, seed=1) == fold_numbers(strata, texts, folds=3, seed=1)
    assert fold_numbers(strata, texts, folds=3, seed=1) != fold_numbers(strata, texts, folds=3, seed=2)


def test_a_text_with_many_copies_is_evened_out() -> None:
    texts = [0] * 40 + list(range(1, 81))
    for seed in range(10):
        assert set(Counter(fold_numbers(["a"] * 120, texts, folds=3, seed=seed)).values()) == {40}


def test_fewer_texts_than_folds_leave_some_empty() -> None:
    assert fold_numbers([], [], folds=2, seed=0) == []
    assert len(set(fold_numbers(["a"] * 4, [0, 0, 1, 1], folds=3, seed=0))) == 2


@given(rows=ROWS, folds=st.integers(2, 6), seed=st.integers(0, 3))
def test_folds_share_no_text_and_none_is_empty(rows: list[tuple[str, int]], folds: int, seed: int) -> None:
    strata, texts = [label for label, _ in rows], [text for _, text in rows]
    numbers = fold_numbers(strata, texts, folds=folds, seed=seed)
    assert len(numbers) == len(rows)
    assert set(numbers) <= set(range(folds))
    assert len({(text, number) for text, number in zip(texts, numbers, strict=True)}) == len(set(texts))
    assert len(set(numbers)) >= min(folds, len(set(texts)))


@given(rows=ROWS, folds=st.integers(2, 6), seed=st.integers(0, 3))
def test_each_label_is_spread_within_one_text(rows: list[tuple[str, int]], folds: int, seed: int) -> None:
    texts = [f"{label}{text}" for label, text in rows]  # no text under two labels
    numbers = fold_numbers([label for label, _ in rows], texts, folds=folds, seed=seed)
    largest = max(Counter(texts).values(), default=0)
    for label in {label for label, _ in rows}:
        counts = [0] * folds
        for (of_row, _), number in zip(rows, numbers, strict=True):
            counts[number] += of_row == label
        assert max(counts) - min(counts) <= largest
