"""The most frequent tag of each word."""

from __future__ import annotations

import pytest

from bertkit.data.words import find_words
from bertkit.evaluation.word_tags import WordTags, words_of
from bertkit.tasks.base import Example

TAGS = ("O", "B-PER", "I-PER")


def example(text: str, *tags: int) -> Example:
    return Example("0", (text,), tags, tuple(find_words(text)))


def learned(names: tuple[str, ...], *examples: Example, scheme: str = "auto") -> WordTags:
    return WordTags(names, scheme, examples, [each.target for each in examples])


def test_each_word_gets_its_most_frequent_tag_and_new_words_none() -> None:
    words = learned(TAGS, example("Anna met Otto", 1, 0, 1), example("Otto slept", 0, 0), example("Otto", 1))
    tags, shares = words.tagged(example("Otto met Eva"))
    assert tags == ["B-PER", "O", "O"]
    assert shares == pytest.approx([2 / 3, 1, 1], abs=1e-5)
    assert words.tagged(example("otto"))[0] == ["O"]  # as it is written


def test_ties_go_to_the_more_frequent_tag() -> None:
    tags = ("O", "B-DATE", "B-PER")
    words = learned(tags, example("May May", 1, 2), example("Eva", 2))
    assert words.tagged(example("May"))[0] == ["B-PER"]


def test_an_inside_tag_after_nothing_begins_an_entity() -> None:
    words = learned(TAGS, example("Otto Hahn", 1, 2))
    text = example("Hahn slept")
    tags, shares = words.tagged(text)
    assert tags == ["B-PER", "O"]
    (entity,) = words.value(text, tags, shares)
    assert (entity["label"], entity["text"], entity["start"], entity["end"]) == ("PER", "Hahn", 0, 4)


def test_where_tags_mark_no_entities_new_words_get_the_most_frequent_one() -> None:
    words = learned(("DET", "NOUN"), example("the dog", 0, 1), example("dog cat", 1, 1), scheme="plain")
    tags, shares = words.tagged(example("the bird"))
    assert tags == ["DET", "NOUN"]
    assert words.value(example("the bird"), tags, shares) == tags


def test_without_looking_each_word_is_new() -> None:
    words = learned(TAGS, example("Otto slept", 1, 0))
    assert words.tagged(example("Otto Otto"), look=False)[0] == ["O", "O"]


def test_a_text_without_words() -> None:
    tags, shares = learned(TAGS, example("Otto", 1)).tagged(example(""))
    assert tags == []
    assert len(shares) == 0


def test_words_are_as_written() -> None:
    assert words_of(example("Don't, Otto")) == ["Don't", ",", "Otto"]
