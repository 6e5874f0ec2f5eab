from __future__ import annotations

from bertkit.data.checking.checks import Finding
from bertkit.data.checking.tag_checks import check_tags


def place(index: int) -> str:
    return f"a.conll:{index + 1}"


def test_tags_without_fault() -> None:
    found = check_tags("train", [["B-PER", "I-PER"], ["O"]], "IOB2", place)
    assert found == Finding("tag_scheme", "tags are IOB2 without fault", "train", "good")


def test_faults_are_counted_by_tag_and_by_row() -> None:
    tags = [["O", "I-PER", "O", "I-LOC"], ["O"], *[["I-PER"]] * 4]
    found = check_tags("dev", tags, "IOB2", place)
    assert found.text.startswith("6 tags in 5 rows that IOB2 does not allow")
    assert found.count == 5
    assert [one.partition(": ")[0] for one in found.places] == [
        "a.conll:1, word 2", "a.conll:3, word 1", "a.conll:4, word 1",
    ]  # fmt: skip
    assert "begins one with B-PER" in found.places[0]
