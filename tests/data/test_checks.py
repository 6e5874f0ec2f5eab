from __future__ import annotations

from bertkit.data.checks import CheckedRow, Finding, check_splits


def row(number: int, *texts: str, label: str | None = "a") -> CheckedRow:
    return CheckedRow(str(number), texts, label)


def found(train: list[CheckedRow], **evals: list[CheckedRow]) -> list[str]:
    return [finding.text for finding in check_splits(train, evals)]


def test_nothing_wrong() -> None:
    assert found([row(0, "x"), row(1, "y", label="b")], validation=[row(2, "z")]) == []


def test_rows_without_text() -> None:
    assert found([row(0, " \n"), row(1, "x")], dev=[row(5, ""), row(6, "", "\t")]) == [
        "train: 1 row without text (0)",
        "dev: 2 rows without text (5, 6)",
        "dev: 1 row also among the training rows (5)",
    ]


def test_a_pair_with_one_text_is_not_empty() -> None:
    assert found([row(0, "", "x")]) == []


def test_repeated_rows() -> None:
    rows = [row(number, "Same  Text" if number % 2 else " same text ") for number in range(5)]
    assert check_splits(rows, {}) == [
        Finding("train: 4 rows repeating another (1, 2, 3, ...)", ("1", "2", "3"))
    ]


def test_one_text_with_two_labels() -> None:
    assert found([row(0, "x"), row(1, "x", label="b"), row(2, "x", label="b")]) == [
        "train: 1 row repeating another (2)",
        "train: 1 row with the text of another but another label (1)",
    ]


def test_eval_rows_that_were_trained_on_whatever_their_label() -> None:
    assert found([row(0, "x"), row(1, "y")], matched=[row(7, "X", label="a"), row(8, "z")]) == [
        "matched: 1 row also among the training rows (7)"
    ]


def test_a_pair_is_the_same_only_as_a_whole_and_in_order() -> None:
    assert found([row(0, "x", "y")], dev=[row(1, "y", "x"), row(2, "x", "z"), row(3, "x")]) == []
    assert found([row(0, "x", "y")], dev=[row(1, "x", "y")]) != []


def test_labels_never_trained_on() -> None:
    evals = [row(1, "y", label="c"), row(2, "z", label="b"), row(3, "w", label=None), row(4, "v")]
    assert found([row(0, "x")], dev=evals) == ["dev: labels that no training row has: b, c"]


def test_without_training_rows_no_label_is_unseen() -> None:
    assert found([], dev=[row(1, "y")]) == []
