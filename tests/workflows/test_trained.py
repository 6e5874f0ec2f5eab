"""What a saved model knows of its training."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.models.contract import ModelContract, write_contract
from bertkit.tasks.base import Limits
from bertkit.workflows.trained import find_trained, named_columns


@pytest.mark.parametrize(
    ("window", "limits"),
    [(None, Limits(32, None, 12)), (48, Limits(32, 48, 12)), (200, Limits(32, 64, 12))],
    ids=["cut", "windows longer than what is cut", "longer than the encoder"],
)
def test_texts_are_read_as_in_the_training(
    tiny_encoder: Path, tmp_path: Path, window: int | None, limits: Limits
) -> None:
    """A window may be longer than `max_length`, which it replaces; only the encoder's positions bound it."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    AutoModelForTokenClassification.from_pretrained(tiny_encoder, num_labels=3).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(tmp_path)
    contract = ModelContract(
        task="ner", text=("tokens",), label="tags", problem="tags", labels=("O", "B-P", "I-P"),
        max_length=32, window=window, stride=12,
    )  # fmt: skip
    write_contract(tmp_path, contract)
    assert find_trained(str(tmp_path)).limits == limits


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        (None, ("question", "context")),
        (["q", None], ("q", "context")),
        ([None, "c"], ("question", "c")),
        (["q"], ("q", "context")),
        (["q", "c"], ("q", "c")),
    ],
)
def test_columns_left_open_are_those_of_the_training(given: list[str | None] | None, columns: object) -> None:
    assert named_columns(given, ("question", "context")) == columns
