"""Tiny models of each family the light model knows, with weights large enough that a wrong one shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
ROBERTA = {
    **BERT, "max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 2,
    "eos_token_id": 3,
}  # fmt: skip
SIZES: dict[str, dict[str, Any]] = {
    "bert": BERT,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "electra": {**BERT, "embedding_size": 16},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48},
    "albert": {**BERT, "embedding_size": 16},
}

MakeLight = Callable[..., Path]


@pytest.fixture
def make_light(tmp_path: Path, write_tokenizer: Callable[[Path], int]) -> MakeLight:
    """`make_light("roberta", "tags")` writes a model of three labels with the head of a problem."""

    def make(family: str, problem: str = "single_label", **sizes: Any) -> Path:
        import torch
        from transformers import AutoConfig

        from bertkit.models.head_kinds import model_class

        folder = tmp_path / "model"
        size = write_tokenizer(folder)
        count = {"regression": 1, "answers": 2}.get(problem, 3)
        names = [f"name {number}" for number in range(count)]
        config = AutoConfig.for_model(
            family, vocab_size=size, **(SIZES[family] | sizes), id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
        )  # fmt: skip
        torch.manual_seed(0)
        model = model_class(problem).from_config(config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                is_norm = "norm" in name.lower() and name.endswith("weight")
                parameter.normal_(1.0 if is_norm else 0.0, 0.3)
        model.save_pretrained(folder)
        return folder

    return make
