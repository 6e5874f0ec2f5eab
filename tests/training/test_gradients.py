"""The gradient of a table as the rows that were read: the same training as with the whole."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bertkit.training.gradients import MIN_ROWS, Gradients


class Tables(nn.Module):
    """A large table, a small one, and a large one that the output shares."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(MIN_ROWS, 4, padding_idx=0)
        self.positions = nn.Embedding(10, 4)
        self.tied = nn.Embedding(MIN_ROWS, 4)
        self.out = nn.Linear(4, MIN_ROWS, bias=False)
        self.out.weight = self.tied.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.out(self.words(ids) + self.positions(ids % 10) + self.tied(ids)).logsumexp(-1).sum()


def trained(*, by_row: bool, max_norm: float | None) -> tuple[dict[str, torch.Tensor], list[float]]:
    torch.manual_seed(0)
    model = Tables()
    gradients = Gradients(model, by_row=by_row)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    norms = []
    for batch in ([[5, 6, 6], [7, 0, 0]], [[6, 8, 9], [1, 1, 1]], [[5, 5, 5], [3, 2, 0]]):
        for micro_batch in batch:
            model(torch.tensor(micro_batch)).backward()
        norms.append(gradients.clip(max_norm))
        optimizer.step()
        gradients.clear()
    return {name: value.detach() for name, value in model.named_parameters()}, norms


@pytest.mark.parametrize("max_norm", [None, 0.01, 1e6])
def test_rows_train_as_the_whole(max_norm: float | None) -> None:
    (rows, row_norms), (whole, norms) = (trained(by_row=flag, max_norm=max_norm) for flag in (True, False))
    assert row_norms == pytest.approx(norms, rel=1e-6)
    for name, value in whole.items():
        torch.testing.assert_close(rows[name], value, rtol=1e-5, atol=1e-6)


def test_only_large_tables_of_one_user_come_as_rows() -> None:
    model = Tables()
    Gradients(model, by_row=True)
    model(torch.tensor([1, 2])).backward()
    assert model.words.weight.grad.is_sparse
    assert not model.positions.weight.grad.is_sparse
    assert not model.tied.weight.grad.is_sparse


def test_frozen_tables_stay_as_they_are() -> None:
    model = Tables()
    model.words.weight.requires_grad_(False)
    gradients = Gradients(model, by_row=True)
    model(torch.tensor([1, 2])).backward()
    gradients.clip(1.0)
    assert model.words.weight.grad is None


def test_clipping() -> None:
    model = nn.Linear(2, 1, bias=False)

    def clipped(limit: float | None) -> tuple[float, list[float]]:
        model.weight.grad = torch.tensor([[3.0, 4.0]])
        return Gradients(model, by_row=True).clip(limit), model.weight.grad[0].tolist()

    assert clipped(None) == (5.0, [3.0, 4.0])
    assert clipped(6.0) == (5.0, [3.0, 4.0])
    assert clipped(1.0) == (5.0, pytest.approx([0.6, 0.8], abs=1e-5))
