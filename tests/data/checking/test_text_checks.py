from __future__ import annotations

import pytest

from bertkit.data.checking.checks import CheckedRow, CheckedSplit, Finding
from bertkit.data.checking.text_checks import check_leaks, check_texts
from bertkit.data.rows import Rows


def split_of(name: str, *rows: CheckedRow) -> CheckedSplit:
    placed = [
        CheckedRow(one.id, one.texts, one.labels, one.target, number) for number, one in enumerate(rows)
    ]
    source = Rows([{}] * len(rows), ("text",), f"{name}.csv", lambda index: f"{name}.csv:{index + 2}")
    return CheckedSplit(name, placed, source)


def row(number: int, *texts: str, label: str | None = "a") -> CheckedRow:
    return CheckedRow(str(number), texts, () if label is None else (label,), label)


def wrong(findings: list[Finding]) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {one.check: (one.count, one.places) for one in findings if one.severity != "good"}


def test_nothing_wrong_is_said_too() -> None:
    findings = check_texts(split_of("train", row(0, "x"), row(1, "y", label="b")))
    assert {one.severity for one in findings} == {"good"}
    assert [one.text for one in findings] == [
        "no empty texts", "no repeated rows", "no text with two labels", "no id twice", "no odd characters",
    ]  # fmt: skip


def test_rows_without_text() -> None:
    found = check_texts(split_of("dev", row(0, " \n"), row(1, "x"), row(2, "", "\t"), row(3, "", "x")))
    assert wrong(found) == {"empty": (2, ("dev.csv:2", "dev.csv:4"))}


def test_repeated_rows_whatever_their_case_and_spacing() -> None:
    rows = [row(number, "Same  Text" if number % 2 else " same text ") for number in range(5)]
    assert wrong(check_texts(split_of("train", *rows))) == {
        "repeated": (4, ("train.csv:3", "train.csv:4", "train.csv:5"))
    }


def test_one_text_with_two_labels() -> None:
    rows = [row(0, "x"), row(1, "x", label="b"), row(2, "x", label="b")]
    assert wrong(check_texts(split_of("train", *rows))) == {
        "contradicting": (1, ("train.csv:3",)), "repeated": (1, ("train.csv:4",)),
    }  # fmt: skip


def test_a_pair_is_the_same_only_as_a_whole_and_in_order() -> None:
    assert wrong(check_texts(split_of("train", row(0, "x", "y"), row(1, "y", "x"), row(2, "x", "z")))) == {}
    assert wrong(check_texts(split_of("train", row(0, "x", "y"), row(1, "x", "y")))) != {}


def test_ids_given_twice() -> None:
    rows = [row(7, "x"), row(8, "y"), row(7, "z")]
    assert wrong(check_texts(split_of("train", *rows))) == {"same_id": (1, ("train.csv:4",))}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("replacement", "caf\ufffd"),
        ("mojibake", "caf\u00c3\u00a9"),
        ("mojibake", "it\u00e2\u20ac\u2122s"),
        ("mojibake", "\u00ef\u00bb\u00bfid"),
        ("mojibake", "smile \u00f0\u0178\u02dc\u20ac"),
        ("control", "a\x00b"),
        ("control", "\x1b[31m"),
        ("zero_width", "zero\u200bwidth"),
    ],
)
def test_odd_characters(kind: str, text: str) -> None:
    assert wrong(check_texts(split_of("train", row(0, "fine", text), row(1, "y")))) == {
        kind: (1, ("train.csv:2",))
    }


@pytest.mark.parametrize(
    "text", ["café à Ångström", "tab\tand\nline", "SÃO PAULO", "می‌خواهم", "👩‍🔬", "数据", "â la carte", "það"]
)
def test_letters_of_all_scripts_are_not_odd(text: str) -> None:
    assert wrong(check_texts(split_of("train", row(0, text)))) == {}


def test_rows_that_were_trained_on_with_both_places() -> None:
    train = split_of("train", row(0, "w"), row(1, "x"), row(2, "y"))
    found = check_leaks(train, split_of("dev", row(0, "X"), row(1, "z"), row(2, "y ", label="b")))
    assert wrong(found) == {"leaked": (2, ("dev.csv:2 = train.csv:3", "dev.csv:4 = train.csv:4"))}
    assert found[0].text == "2 rows also among the training rows, 1 of them with another label"


def test_rows_of_one_data_set_say_which_split_the_twin_is_of() -> None:
    def split(name: str) -> CheckedSplit:
        source = Rows([{}], ("text",), name, lambda index: f"{name}: row {index + 1}")
        return CheckedSplit(name, [row(0, "x")], source)

    assert check_leaks(split("train"), split("dev"))[0].places == ("row 1 = train row 1",)


def test_near_duplicates_are_looked_for_where_they_are_wanted() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    train, dev = split_of("train", row(0, text)), split_of("dev", row(0, text + " sixteen"), row(1, text))
    assert set(wrong(check_leaks(train, dev))) == {"leaked", "nearly_leaked"}
    assert wrong(check_leaks(train, dev))["nearly_leaked"] == (1, ("dev.csv:2 = train.csv:2",))
    assert set(wrong(check_leaks(train, dev, nearly=False))) == {"leaked"}
