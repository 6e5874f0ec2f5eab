"""The light model gives what the family's own classes give: every family, every head."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertkit.models.head_kinds import model_class
from bertkit.models.light.families import FAMILIES, shape_of
from bertkit.models.light.layers import MANY_TEXTS
from bertkit.models.light.loading import load_light
from bertkit.models.light.model import LightModel, pieces_of

FAMILY_NAMES = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "albert")
# Of all lengths, not ordered, several of one length, and one text that is alone in its length.
LENGTHS = [5, 2, 5, 20, 5, 9, 5, 9, 1, 5]


def load(folder: Path, problem: str, precision: str, rows: list[int] | None = None) -> LightModel:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = shape_of(config, problem)
    assert shape is not None
    count = {"regression": 1, "answers": 2}.get(problem, 3)
    model = load_light(folder, shape, rows=rows or list(range(count)), precision=precision)
    assert model is not None
    return model


def batch_of(model: LightModel) -> dict[str, torch.Tensor]:
    random = np.random.default_rng(0)
    mask = np.arange(max(LENGTHS)) < np.array(LENGTHS)[:, None]
    ids = random.integers(5, model.shape.vocabulary, mask.shape)
    ids[3, 4] = ids[5, 0] = model.shape.padding  # somebody wrote "[PAD]" into a text
    inputs = {"input_ids": np.where(mask, ids, model.shape.padding), "attention_mask": mask}
    if model.shape.reads_segments:
        inputs["token_type_ids"] = (np.arange(max(LENGTHS)) > 3) & mask
    return {name: torch.from_numpy(values.astype(np.int64)) for name, values in inputs.items()}


def outputs_of(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """(batch, labels), or (tokens, labels) of real tokens, in float32."""
    with torch.inference_mode():
        outputs = model(**batch)
    if hasattr(outputs, "start_logits"):
        logits = torch.stack([outputs.start_logits, outputs.end_logits], dim=-1)
    else:
        logits = outputs.logits
    return (logits if logits.ndim == 2 else logits[batch["attention_mask"] > 0]).float()


def own(folder: Path, problem: str) -> Any:
    return model_class(problem).from_pretrained(folder, local_files_only=True).eval()


def test_every_family_is_tried_here() -> None:
    assert set(FAMILIES) == set(FAMILY_NAMES)
    assert LENGTHS.count(5) >= MANY_TEXTS > LENGTHS.count(9)


@pytest.mark.parametrize("problem", ["single_label", "tags", "answers"])
@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_logits_of_each_family_and_head(make_light, family: str, problem: str) -> None:
    folder = make_light(family, problem)
    light = load(folder, problem, "fp32")
    batch = batch_of(light)
    expected = outputs_of(own(folder, problem), batch)
    assert expected.std() > 0.05
    torch.testing.assert_close(outputs_of(light, batch), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("bert", {"hidden_act": "gelu_new"}),
        ("bert", {"hidden_act": "relu"}),
        ("bert", {"layer_norm_eps": 0.1}),
        ("distilbert", {"activation": "relu"}),
        ("electra", {"embedding_size": 32}),  # then there is no projection
        ("albert", {"embedding_size": 32}),  # and here there is one
    ],
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_config_json_can_change(
    make_light, family: str, changes: dict[str, Any], precision: str
) -> None:
    folder = make_light(family, **changes)
    light = load(folder, "single_label", precision)
    batch = batch_of(light)
    expected = outputs_of(own(folder, "single_label"), batch)
    error = 1e-5 if precision == "fp32" else 0.05 * float(expected.abs().max())
    torch.testing.assert_close(outputs_of(light, batch), expected, atol=error, rtol=0)


@pytest.mark.parametrize("problem", ["single_label", "tags"])
@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_bf16_is_about_as_near_as_autocast(make_light, family: str, problem: str) -> None:
    """Thirty values tell no more than the size of the error; on real models it is that of autocast."""
    folder = make_light(family, problem)
    light, plain = load(folder, problem, "bf16"), own(folder, problem)
    batch = batch_of(light)
    expected = outputs_of(plain, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        usual = (outputs_of(plain, batch) - expected).abs().mean()
        ours = (outputs_of(light, batch) - expected).abs().mean()
    assert 0 < ours < 2 * usual


def test_outputs_in_another_order(make_light) -> None:
    folder = make_light("bert")
    light = load(folder, "single_label", "fp32")
    batch = batch_of(light)
    turned = load(folder, "single_label", "fp32", rows=[2, 0, 1])
    assert torch.equal(outputs_of(turned, batch), outputs_of(light, batch)[:, [2, 0, 1]])


def test_a_text_does_not_see_its_neighbours(make_light) -> None:
    light = load(make_light("bert"), "single_label", "fp32")
    batch = batch_of(light)
    together = outputs_of(light, batch)
    for number, length in enumerate(LENGTHS):
        alone = {name: tensor[number : number + 1, :length] for name, tensor in batch.items()}
        torch.testing.assert_close(outputs_of(light, alone)[0], together[number], atol=1e-5, rtol=0)


@pytest.mark.parametrize("at_once", [1, 7, 20, 1000])
def test_pieces_hold_each_token_once(at_once: int) -> None:
    lengths = np.array(sorted(LENGTHS, reverse=True))
    pieces = pieces_of(lengths, at_once)
    assert [n for piece in pieces for n in range(len(lengths))[piece.texts]] == list(range(len(lengths)))
    assert [piece.tokens.start for piece in pieces] == [0, *(piece.tokens.stop for piece in pieces[:-1])]
    assert pieces[-1].tokens.stop == lengths.sum()
    for piece in pieces:
        size = piece.tokens.stop - piece.tokens.start
        assert size <= at_once or piece.texts.stop - piece.texts.start == 1
        assert piece.groups[0].start == 0 and piece.groups[-1].end == size
        assert all(one.end == two.start and one.length != two.length for one, two in pairwise(piece.groups))
        found = [group.length for group in piece.groups for _ in range(group.count)]
        assert found == lengths[piece.texts].tolist()


def test_large_batches_are_cut_into_pieces(make_light, monkeypatch: pytest.MonkeyPatch) -> None:
    light = load(make_light("bert", "tags"), "tags", "fp32")
    batch = batch_of(light)
    whole = outputs_of(light, batch)
    monkeypatch.setattr("bertkit.models.light.model.TOKENS_AT_ONCE", 8)
    assert len(pieces_of(np.array([5, 5, 5]))) == 3
    torch.testing.assert_close(outputs_of(light, batch), whole, atol=1e-5, rtol=0)
