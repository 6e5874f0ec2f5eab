"""Features are made once; whatever decides them is in their key, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertkit.data.feature_cache import MIN_FEATURES
from bertkit.tasks.base import Example, Limits
from bertkit.tasks.encoding import encode_texts
from bertkit.workflows import encoding
from bertkit.workflows.encoding import encode_examples, features_key
from bertkit.workflows.events import Event, Progress


class Pairs:
    """What `encode_examples` needs of a task; counts how often it has to encode."""

    name, encoding_key = "pairs", "of a kind"

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, examples: list[Example], tokenizer: Any, limits: Limits, *, progress: Any = None) -> Any:
        self.encoded += 1
        texts = [example.texts for example in examples]
        return encode_texts(texts, tokenizer, limits, progress=progress)


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


def pairs(*texts: tuple[str, ...]) -> list[Example]:
    return [Example(str(number), pair, None, (), number) for number, pair in enumerate(texts)]


BASE = pairs(("the film", "is good"), ("a plot", ""))
WORDS = [replace(BASE[0], words=((0, 3), (4, 8))), BASE[1]]
OTHERS = {
    "a text that moved to the next cell": pairs(("the film ", "is good"), ("a plot", "")),
    "a word that moved to the next cell": pairs(("the", " filmis good"), ("a plot", "")),
    "cells that changed places": pairs(("is good", "the film"), ("a plot", "")),
    "a text that moved to the next row": pairs(("the film", "is gooda plot"), ("", "")),
    "rows that changed places": pairs(("a plot", ""), ("the film", "is good")),
    "an empty text more": pairs(("the film", "is good"), ("a plot", "", "")),
    "a text more in the first row": pairs(("the film", "is good", "a plot"), ("",)),
    "an empty row more": pairs(("the film", "is good"), ("a plot", ""), ("", "")),
    "half a character": pairs(("the film", "is good\ud83d"), ("\ude00a plot", "")),
    "the other half of it": pairs(("the film", "is good\ud83d\ude00"), ("a plot", "")),
    "words": WORDS,
    "other words": [replace(BASE[0], words=((0, 3), (4, 7))), BASE[1]],
    "fewer words": [replace(BASE[0], words=((0, 3),)), BASE[1]],
    "words of the next row": [BASE[0], replace(BASE[1], words=((0, 3), (4, 8)))],
    "words shared with the next row": [
        replace(BASE[0], words=((0, 3),)), replace(BASE[1], words=((4, 8),)),
    ],
}  # fmt: skip


def test_what_decides_the_features_changes_the_key(tokenizer: Any) -> None:
    keys = {name: features_key(Pairs(), rows, tokenizer, Limits(16)) for name, rows in OTHERS.items()}
    keys["as it was"] = features_key(Pairs(), BASE, tokenizer, Limits(16))
    keys["limits"] = features_key(Pairs(), BASE, tokenizer, Limits(17))
    keys["stride"] = features_key(Pairs(), BASE, tokenizer, Limits(16, 16, 4))
    for name in ("name", "encoding_key"):
        task = Pairs()
        setattr(task, name, "other")
        keys[name] = features_key(task, BASE, tokenizer, Limits(16))
    same = {name: key for name, key in keys.items() if list(keys.values()).count(key) > 1}
    assert not same


def test_ids_labels_and_other_columns_do_not(tokenizer: Any) -> None:
    expected = features_key(Pairs(), BASE, tokenizer, Limits(16))
    renamed = [replace(example, id="x", target="yes", row=9) for example in BASE]
    assert features_key(Pairs(), renamed, tokenizer, Limits(16)) == expected


def test_another_tokenizer_changes_the_key(tokenizer: Any, tiny_encoder: Path) -> None:
    from tokenizers import normalizers
    from transformers import AutoTokenizer

    changes: list[Callable[[Any], Any]] = [
        lambda other: other.add_tokens(["plots"]),
        lambda other: setattr(other.backend_tokenizer, "normalizer", normalizers.Lowercase()),
        lambda other: setattr(other, "model_input_names", ["input_ids"]),
        lambda other: setattr(other, "cls_token", "[SEP]"),
        lambda other: None,
    ]  # fmt: skip
    keys = []
    for change in changes:
        other = AutoTokenizer.from_pretrained(tiny_encoder)
        change(other)
        keys.append(features_key(Pairs(), BASE, other, Limits(16)))
    assert len(set(keys)) == len(changes)
    assert keys[-1] == features_key(Pairs(), BASE, tokenizer, Limits(16))


def test_encoding_does_not_change_the_key(tokenizer: Any) -> None:
    before = features_key(Pairs(), BASE, tokenizer, Limits(16))
    Pairs().encode(BASE, tokenizer, Limits(8, 16, 4))
    Pairs().encode(BASE, tokenizer, Limits(8))
    assert features_key(Pairs(), BASE, tokenizer, Limits(16)) == before


TEXT = st.text(st.sampled_from("ab \0é"), max_size=3)
ROWS = st.lists(st.tuples(TEXT, TEXT) | st.tuples(TEXT), max_size=4)


@given(first=ROWS, second=ROWS, block=st.integers(1, 3))
def test_equal_keys_only_of_equal_texts(
    tokenizer: Any, first: list[tuple[str, ...]], second: list[tuple[str, ...]], block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "BLOCK", block)
        keys = [features_key(Pairs(), pairs(*rows), tokenizer, Limits(16)) for rows in (first, second)]
    assert (keys[0] == keys[1]) == (first == second)


def test_made_once_and_told_about(tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path))
    examples = pairs(*[(f"film {number}", "good") for number in range(MIN_FEATURES)])
    told: list[Event] = []
    task = Pairs()

    def encode() -> Any:
        return encode_examples(task, examples, tokenizer, Limits(16), what="train", listen=told.append)

    made = encode()
    assert told[-1] == Progress("tokenizing train", MIN_FEATURES, MIN_FEATURES)
    told.clear()
    # Cutting is a state of the tokenizer, which somebody may have left there.
    tokenizer.backend_tokenizer.enable_truncation(4)
    found = encode()
    assert (task.encoded, told) == (1, [])
    np.testing.assert_array_equal(found.input_ids, made.input_ids, strict=True)
    examples[7] = replace(examples[7], texts=("film", "7 good"))
    encode()
    assert task.encoded == 2
