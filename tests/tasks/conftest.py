"""The tiny tokenizer in memory, and rows without a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertkit.data.rows import Rows


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture
def make_rows() -> Callable[..., Rows]:
    def make(records: list[dict[str, Any]], **options: Any) -> Rows:
        columns = tuple(dict.fromkeys(key for record in records for key in record))
        return Rows(records, columns, "rows.jsonl", lambda index: f"rows.jsonl:{index + 1}", **options)

    return make
