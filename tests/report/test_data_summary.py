from __future__ import annotations

from bertkit.report.data_summary import summarise
from bertkit.tasks.base import Example


def examples(*texts: str) -> list[Example]:
    return [Example(str(number), (text,), 0) for number, text in enumerate(texts)]


def test_labels_are_counted_the_most_frequent_first() -> None:
    found = summarise("train", examples("a", "a b", "a b c"), ["x", "y", "y"], "single_label")
    assert (found.rows, list(found.labels.items()), found.counted) == (3, [("y", 2), ("x", 1)], "rows")
    assert found.quantiles["median"] == 2
    assert sum(found.lengths) == 3
    assert len(found.edges) == len(found.lengths) + 1


def test_what_is_counted_by_problem() -> None:
    one = examples("a b")
    assert summarise("s", one, [["x", "y"]], "multi_label").labels == {"x": 1, "y": 1}
    assert summarise("s", one, [{"intent": "go", "slots": []}], "frames").labels == {"go": 1}
    assert summarise("s", one, [[{"label": "PER"}]], "tags").counted == "entities"
    assert summarise("s", one, [["NOUN", "VERB"]], "tags").counted == "words"
    assert summarise("s", one, [[]], "answers").labels == {"has none": 1}
    assert summarise("s", one, [2.5], "regression").labels == {}


def test_the_longest_texts_are_in_the_last_bin() -> None:
    found = summarise("s", examples(*["a b"] * 500, "w " * 9000), [None] * 501, "single_label")
    assert sum(found.lengths) == 501
    assert found.quantiles["longest"] == 9000
    assert found.edges[-1] < 100


def test_nothing_to_summarise() -> None:
    assert summarise("s", [], [], "single_label").rows == 0
