"""Tiny random checkpoints of the families that bertkit names, with and without a trained head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Sizes under the names each family gives them.
SMALL: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "roberta": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 0,
        "bos_token_id": 2, "eos_token_id": 3,
    },
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "electra": {
        "embedding_size": 16, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64,
    },
    "albert": {
        "embedding_size": 16, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64,
    },
    "deberta-v2": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8,
        "type_vocab_size": 0,
    },
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64},
    "modernbert": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3,
    },
}  # fmt: skip
FAMILIES = tuple(SMALL)

MakeModel = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path, write_tokenizer: Callable[[Path], int]) -> MakeModel:
    """`make_model("roberta", labels=[...])` writes a model with a head; without labels a bare encoder."""

    def make(
        family: str, *, labels: list[str] | None = None, name: str = "checkpoint", seed: int = 0, **sizes: Any
    ) -> Path:
        import torch
        from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

        folder = tmp_path / name
        size = write_tokenizer(folder)
        named = (
            {"id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}
            if labels
            else {}
        )
        config = AutoConfig.for_model(family, vocab_size=size, **(SMALL[family] | sizes), **named)
        torch.manual_seed(seed)
        kind = AutoModelForSequenceClassification if labels else AutoModel
        kind.from_config(config).save_pretrained(folder)
        return folder

    return make
