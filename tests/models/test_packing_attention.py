"""Attention over concatenated sequences is that of each sequence alone, on every path that runs here."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from bertkit.models.packed_attention import (
    attend_packed,
    attend_padded,
    no_mask,
    packed_attention_forward,
    register_packed_attention,
)
from bertkit.models.packed_batch import Packing, make_packing

HEADS, SIZE = 3, 8
Attention = Callable[..., torch.Tensor]
PATHS = {"grouped": attend_packed, "padded": partial(attend_padded, dropout=0.0)}


def packing_for(*lengths: int) -> Packing:
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    packing = make_packing(mask.long())
    assert packing is not None
    return packing


def parts_of(packing: Packing, kind: torch.dtype = torch.float32) -> list[torch.Tensor]:
    torch.manual_seed(0)
    shape = (packing.tokens, HEADS, SIZE)
    return [torch.randn(shape, dtype=kind, requires_grad=True) for _ in range(3)]


def one_by_one(
    parts: list[torch.Tensor], packing: Packing, *, scaling: float, reach: int | None
) -> torch.Tensor:
    """Plain arithmetic, a sequence at a time."""
    found = []
    for start, length in zip(packing.offsets.tolist(), packing.lengths.tolist(), strict=False):
        query, key, value = (part[start : start + length].transpose(0, 1) for part in parts)
        scores = query @ key.transpose(1, 2) * scaling
        if reach is not None:
            place = torch.arange(length)
            scores = scores.masked_fill((place[:, None] - place).abs() > reach, -torch.inf)
        found.append((scores.softmax(-1) @ value).transpose(0, 1))
    return torch.cat(found)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("lengths", [(1,), (6, 6, 6), (2, 30, 1, 17, 17, 30, 3), (1, 1, 60)])
@pytest.mark.parametrize("reach", [None, 0, 1, 5, 100])
@pytest.mark.parametrize("scaling", [1 / math.sqrt(SIZE), 0.7])
def test_each_sequence_attends_to_itself(
    path: Attention, lengths: tuple[int, ...], reach: int | None, scaling: float
) -> None:
    packing = packing_for(*lengths)
    parts = parts_of(packing)
    outer = torch.randn(packing.tokens, HEADS, SIZE)
    found = path(*parts, packing, scaling=scaling, reach=reach)
    expected = one_by_one(parts, packing, scaling=scaling, reach=reach)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(found, parts, outer), torch.autograd.grad(expected, parts, outer),
        atol=1e-5, rtol=1e-5,
    )  # fmt: skip


def test_a_batch_without_padding_is_not_copied() -> None:
    packing = packing_for(4, 4)
    rows = torch.randn(8, 5)
    assert packing.places is None
    assert packing.pad(rows).data_ptr() == rows.data_ptr()
    assert packing.unpad(packing.pad(rows)).data_ptr() == rows.data_ptr()


def test_padding_and_packing_are_inverse() -> None:
    packing = packing_for(2, 5, 1, 5)
    padded = torch.arange(1, 21).view(4, 5, 1)
    mask = torch.arange(5) < torch.tensor([2, 5, 1, 5])[:, None]
    packed = packing.unpad(padded)
    assert packed.flatten().tolist() == [6, 7, 8, 9, 10, 16, 17, 18, 19, 20, 1, 2, 11]
    assert torch.equal(packing.pad(packed), padded * mask[:, :, None])
    assert packed[packing.first_tokens].flatten().tolist() == [1, 6, 11, 16]
    assert packing.order[packing.ranks.numpy()].tolist() == [0, 1, 2, 3]


def test_dropout_keeps_the_expected_value_and_its_gradient_fits() -> None:
    packing = packing_for(3, 9)
    query, key, value = parts_of(packing)
    certain = attend_packed(query, key, value, packing)
    torch.manual_seed(1)
    with torch.no_grad():
        drawn = torch.stack([attend_packed(query, key, value, packing, dropout=0.25) for _ in range(4000)])
    assert not torch.equal(drawn[0], drawn[1])
    # Five standard errors of the mean of 4000 draws.
    error = drawn.std(0) / math.sqrt(len(drawn))
    assert ((drawn.mean(0) - certain).abs() < 5 * error + 1e-4).all()

    def with_one_mask(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(2)
        return attend_packed(query, key, value, packing, dropout=0.25)

    parts = [part.detach().double().requires_grad_() for part in (query, key, value)]
    # Shares are rounded to float32 on the way: wider steps than for doubles.
    assert torch.autograd.gradcheck(with_one_mask, parts, eps=1e-2, atol=2e-2)


def test_autocast_computes_in_its_type() -> None:
    packing = packing_for(3, 9)
    query, key, value = parts_of(packing)
    with torch.autocast("cpu", torch.bfloat16):
        found = attend_packed(query, key, value.bfloat16(), packing)
    assert found.dtype == torch.bfloat16
    expected = attend_packed(query, key, value, packing)
    torch.testing.assert_close(found.float(), expected, atol=3e-2, rtol=3e-2)


def test_a_lost_packing_is_an_error() -> None:
    query = torch.randn(1, HEADS, 6, SIZE)
    with pytest.raises(RuntimeError, match="lost the packing"):
        packed_attention_forward(nn.Identity(), query, query, query, no_mask())


def test_other_attentions_fail_on_a_packed_batch() -> None:
    from transformers.models.bert.modeling_bert import eager_attention_forward

    register_packed_attention()
    query = torch.randn(1, HEADS, 6, SIZE)
    with pytest.raises(RuntimeError):
        eager_attention_forward(nn.Identity(), query, query, query, no_mask())
    with pytest.raises(RuntimeError):
        nn.functional.scaled_dot_product_attention(query, query, query, attn_mask=no_mask())


@pytest.mark.parametrize(
    "mask", [[[0, 1, 1]], [[1, 0, 1]], [[1, 1, 0], [0, 0, 0]]], ids=["left", "hole", "empty row"]
)
def test_other_padding_is_not_packed(mask: list[list[int]]) -> None:
    assert make_packing(torch.tensor(mask)) is None
