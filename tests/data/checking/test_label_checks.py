from __future__ import annotations

from bertkit.data.checking.checks import CheckedRow, CheckedSplit, Finding
from bertkit.data.checking.label_checks import check_labels, count_labels
from bertkit.data.rows import Rows


def split_of(name: str, **counts: int) -> CheckedSplit:
    labels = [label for label, count in counts.items() for _ in range(count)]
    source = Rows([{}] * len(labels), ("text",), name, lambda index: f"{name}.csv:{index + 2}")
    rows = [CheckedRow(str(n), (str(n),), (label,), label, n) for n, label in enumerate(labels)]
    return CheckedSplit(name, rows, source)


def findings(*splits: CheckedSplit, treatment: str = "do this") -> dict[str, Finding]:
    found = check_labels(count_labels("label", splits), splits, treatment=treatment)
    return {one.check: one for one in found if one.severity != "good"}


def test_counts_of_all_splits_side_by_side() -> None:
    table = count_labels("label", [split_of("train", a=2, b=5), split_of("dev", c=1)], names=["a", "d"])
    assert table.counts == {
        "train": {"b": 5, "a": 2, "d": 0, "c": 0},
        "dev": {"b": 0, "a": 0, "d": 0, "c": 1},
    }
    assert list(table.counts["dev"]) == ["b", "a", "d", "c"]


def test_balanced_labels_are_fine() -> None:
    assert findings(split_of("train", a=50, b=40), split_of("dev", a=5)) == {}


def test_labels_that_only_eval_rows_have() -> None:
    found = findings(split_of("train", a=50, b=40), split_of("dev", a=2, c=2, d=1))["unseen_label"]
    assert (found.split, found.count, found.places) == ("dev", 3, ("dev.csv:4", "dev.csv:5", "dev.csv:6"))
    assert "no training row has: c, d" in found.text
    splits = split_of("train", a=50, b=40), split_of("dev", a=2, c=1)
    known = count_labels("label", splits, names=["a", "b", "c", "nowhere"])
    (found,) = [one for one in check_labels(known, splits) if one.check == "unseen_label"]
    assert found.text.endswith("no training row has: c")


def test_rare_labels_with_their_counts_and_no_long_list() -> None:
    found = findings(split_of("train", a=12, b=10, c=9, d=3))["rare_label"]
    assert found.text == "2 labels with fewer than 10 training rows: d (3), c (9)"
    assert found.places[0] == "train.csv:24"
    many = findings(split_of("train", **{f"l{n}": 2 for n in range(300)}))["rare_label"]
    assert many.text.endswith("and 295 more")


def test_imbalance_by_ratio_and_by_majority() -> None:
    assert findings(split_of("train", a=200, b=150, c=20))["imbalance"].advice == "do this"
    assert "imbalance" not in findings(split_of("train", a=190, b=150, c=20))
    assert "81 % of the rows" in findings(split_of("train", a=81, b=19))["imbalance"].text
    assert "imbalance" not in findings(split_of("train", a=80, b=20))
    assert "imbalance" not in findings(split_of("train", a=500, b=20), treatment="")


def test_entities_are_counted_one_by_one() -> None:
    source = Rows([{}], ("text",), "t", str)
    split = CheckedSplit("train", [CheckedRow("0", ("x",), ("PER", "PER", "LOC"))], source)
    table = count_labels("entity label", [split], unit="entity")
    assert table.counts == {"train": {"PER": 2, "LOC": 1}}
    (good,) = [one for one in check_labels(table, [split], treatment="x") if one.check == "imbalance"]
    assert good.text == "entity labels balanced within 2.0 to 1"
