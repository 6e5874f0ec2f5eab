"""The gradients between backward pass and optimizer: their norm, clipping, and those of embedding tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertkit.training.strategies import whole

if TYPE_CHECKING:
    import torch
    from torch import nn

# A table of fewer rows is filled with zeros as quickly as its rows are gathered.
MIN_ROWS = 2_000


@dataclass
class _Table:
    """An embedding table whose gradient comes as the rows that a batch has read.

    Attributes:
        weight: (rows, hidden).
        module: that reads it.
        whole: a gradient for the optimizer, zero but for the rows of the batch under way.
        touched: the rows of the batch under way.
    """

    weight: torch.Tensor
    module: nn.Embedding
    whole: torch.Tensor | None = None
    touched: torch.Tensor | None = None


class Gradients:
    """The gradients of a model in training.

    A batch reads some hundred rows of a table of tens of thousands. On a processor its gradient is kept as
    these rows: zeroing, summing up and clipping the rest would cost more than the optimizer's step with it.
    The optimizer still sees the whole, so that its step is what it always is.

    Args:
        model: not wrapped; changed in place, until `close`.
        by_row: keep gradients of tables as rows; not where several processes exchange them.
    """

    def __init__(self, model: nn.Module, *, by_row: bool) -> None:
        self._model = model
        self._tables: list[_Table] = []
        if by_row:
            for module in _large_tables(model):
                module.sparse = True
                self._tables.append(_Table(module.weight, module))

    def clip(self, max_norm: float | None, *, scale: float = 1.0) -> float:
        """Scale all down to `max_norm`; returns their norm before. Leaves them alone where it is kept.

        Args:
            max_norm: None keeps them as they are.
            scale: what they are too large by; it is taken out first.
        """
        import torch
        from torch.nn.utils import get_total_norm

        gradients = [p.grad for p in self._model.parameters() if p.grad is not None and not p.grad.is_sparse]
        rows = [
            (table, table.weight.grad.coalesce())
            for table in self._tables
            if table.weight.grad is not None and table.weight.grad.is_sparse
        ]
        gradients += [gradient.values() for _, gradient in rows]
        if scale != 1:
            torch._foreach_mul_(gradients, 1 / scale)
        norm = float(whole(get_total_norm(gradients)))
        if max_norm is not None and norm > max_norm:
            torch._foreach_mul_(gradients, max_norm / (norm + 1e-6))
        for table, gradient in rows:
            _spread(table, gradient)
        return norm

    def clear(self) -> None:
        """Forget all of them."""
        for parameter in self._model.parameters():
            parameter.grad = None
        for table in self._tables:
            if table.whole is not None and table.touched is not None:
                table.whole.index_fill_(0, table.touched, 0)
                table.touched = None

    def close(self) -> None:
        """Leave the model as any other code expects it: tables with whole gradients."""
        for table in self._tables:
            table.module.sparse = False


def _spread(table: _Table, gradient: torch.Tensor) -> None:
    """Give the optimizer the whole gradient of a table."""
    import torch

    if table.whole is None:
        table.whole = torch.zeros_like(table.weight)
    table.touched = gradient.indices()[0]
    table.whole.index_copy_(0, table.touched, gradient.values())
    table.weight.grad = table.whole


def _large_tables(model: nn.Module) -> list[nn.Embedding]:
    """Trained tables on a processor that nothing else uses; a masked-language head shares that of words."""
    from torch import nn

    users: dict[int, int] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                users[id(parameter)] = users.get(id(parameter), 0) + 1
    return [
        module for module in model.modules()
        if isinstance(module, nn.Embedding) and module.num_embeddings >= MIN_ROWS
        and module.weight.requires_grad and module.weight.device.type == "cpu"
        and users[id(module.weight)] == 1
    ]  # fmt: skip
