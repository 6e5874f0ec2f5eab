"""Tiny tokenizers of three kinds in memory, rows without a file, and whole documents at random."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from bertkit.data.rows import Rows

SENTENCES = ["the film is good and the plot was a dull scene of grim music"] * 3


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


def byte_level(*, cls_last: bool) -> Any:
    """A byte-level BPE, as RoBERTa reads; or with its special tokens at the end, as XLNet has them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    names = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(names.values()), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(SENTENCES, trainer)
    single, pair = "<s> $A </s>", "<s> $A </s> </s> $B </s>"
    if cls_last:
        single, pair = "$A </s> <s>:2", "$A </s> $B:1 </s>:1 <s>:2"
    backend.post_processor = processors.TemplateProcessing(
        single=single,
        pair=pair,
        special_tokens=[(name, backend.token_to_id(name)) for name in ("<s>", "</s>")],
    )
    inputs = (
        ["input_ids", "token_type_ids", "attention_mask"] if cls_last else ["input_ids", "attention_mask"]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        padding_side="left" if cls_last else "right",
        model_input_names=inputs,
        **names,
    )


@pytest.fixture(scope="session")
def tokenizers(tokenizer: Any) -> dict[str, Any]:
    """By name: WordPiece, byte-level BPE, and one whose class token stands at the end."""
    return {
        "word piece": tokenizer,
        "byte level": byte_level(cls_last=False),
        "class token last": byte_level(cls_last=True),
    }


@pytest.fixture(params=["word piece", "byte level", "class token last"])
def any_tokenizer(request: pytest.FixtureRequest, tokenizers: dict[str, Any]) -> Any:
    return tokenizers[request.param]


@pytest.fixture
def make_rows() -> Callable[..., Rows]:
    def make(records: list[dict[str, Any]], **options: Any) -> Rows:
        columns = tuple(dict.fromkeys(key for record in records for key in record))
        full = [dict.fromkeys(columns) | record for record in records]
        return Rows(full, columns, "rows.jsonl", lambda index: f"rows.jsonl:{index + 1}", **options)

    return make


# What breaks tokenizers and offsets: no spaces, joined emoji, marks, no width, line ends, control characters.
ODD_WORDS = [
    "film", "Good", "plot", "unbelievablyxyz", "don't", "中文", "字", "日本語のテキスト",
    "👩\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "👍🏽", "🇨🇭", "cafe\u0301", "e\u0301\u0302\u0303",
    "İstanbul", "ﬁ",
    "\u200b", "\u200d", "\ufeff", "\u00ad", "a\u200bb", "\u0301", "", "", " ", "\t", "\r\n", "\x00", "\x07x",
    "\u2028", "\u3000", "a b", "x" * 300, "字" * 90, "…", "[CLS]", "[SEP]", "<s>", "ß",
    "नमस्ते", "مرحبا", "_", "3.14",
]  # fmt: skip


def strategy(most: int) -> st.SearchStrategy[list[str]]:
    """Up to so many words, mostly few: a seed and a length are drawn, as long lists themselves are slow."""

    def make(drawn: tuple[int, int, list[str]]) -> list[str]:
        seed, length, own = drawn
        pool = [*ODD_WORDS, *own]
        return [pool[place] for place in np.random.default_rng(seed).integers(0, len(pool), length)]

    lengths = st.one_of(st.integers(0, 12), st.integers(0, 80), st.integers(0, most))
    own = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=6)
    return st.tuples(st.integers(0, 2**32 - 1), lengths, own).map(make)


@pytest.fixture(scope="session")
def documents() -> Callable[[int], st.SearchStrategy[list[str]]]:
    """`data.draw(documents(1000))`: lists of up to so many odd words, mostly few."""
    return strategy
