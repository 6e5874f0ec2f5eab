"""Exports of other heads than those of texts, for batches of any size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from bertkit.errors import ModelError
from bertkit.models.onnx_model import KEPT, OnnxModel, export_model

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

SIZES = {"vocab_size": 50, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}


def test_answers_and_tags(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForQuestionAnswering, BertForTokenClassification

    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=1, num_labels=2, **SIZES)
    ids = torch.randint(1, 50, (5, 13))
    mask = (torch.arange(13) < torch.tensor([[13], [1], [4], [9], [13]])).long()
    batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": (torch.arange(13) > 2).long() * mask}
    for kind, names in ((BertForQuestionAnswering, ("start_logits", "end_logits")),
                        (BertForTokenClassification, ("logits",))):  # fmt: skip
        model = kind(config).eval()
        file = tmp_path / "cache" / f"{kind.__name__}.onnx"
        export_model(model, file, segments=True, name="a model")
        found = OnnxModel(file, threads=1)(**batch)
        with torch.inference_mode():
            expected = model(**batch)
        for name in names:
            real = mask > 0
            torch.testing.assert_close(getattr(found, name)[real], expected[name][real], atol=1e-5, rtol=0)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    from torch import nn

    class Model(nn.Module):
        config = None

        def __init__(self, config: None) -> None:
            super().__init__()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
            raise ValueError("not this way")

    with pytest.raises(ModelError, match=r"^theirs cannot be exported to ONNX: .*not this way") as caught:
        export_model(Model(None), tmp_path / "model.onnx", segments=False, name="theirs")
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_exports_used_longest_ago_go(tmp_path: Path) -> None:
    from bertkit.models.onnx_model import _prune

    for age in range(KEPT + 2):
        file = tmp_path / f"{age}.onnx"
        file.touch()
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    _prune(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == [str(age) for age in range(KEPT)]
