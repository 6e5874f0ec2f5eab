"""The layers of a BERT, over the tokens of many texts one after the other, without padding.

Written for few calls: a product of query, key and value in one; products that add their residual or apply
their activation themselves where oneDNN can; and attention over groups of texts of one length, for which a
view of the flat tokens is a batch, with neither mask nor copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bertkit.models.recurring import recurring

if TYPE_CHECKING:
    from torch import Tensor

# From so many texts of one length on, plain products over all their heads are faster than one fused kernel
# that walks from head to head (one thread of Zen 4, lengths 13 to 512: by 1.2 to 1.8; below, 0.5 to 1).
MANY_TEXTS = 4


@dataclass(frozen=True)
class EqualLengths:
    """Texts of one length that stand next to each other.

    Attributes:
        start: the first of their tokens.
        count: how many texts.
        length: tokens of each.
    """

    start: int
    count: int
    length: int

    @property
    def end(self) -> int:
        """Behind the last of their tokens."""
        return self.start + self.count * self.length


class Product(Protocol):
    """`x @ weight.T + bias`, with what follows it."""

    def __call__(self, x: Tensor) -> Tensor:
        """(tokens, outputs) of (tokens, inputs)."""
        ...

    def activated(self, x: Tensor) -> Tensor:
        """The same through the activation."""
        ...

    def added(self, x: Tensor, residual: Tensor) -> Tensor:
        """The same with a residual of its size added."""
        ...


def activate(x: Tensor, kind: str) -> Tensor:
    """`gelu`, `gelu_tanh`, `relu` or `tanh`."""
    from torch.nn import functional

    match kind:
        case "gelu":
            return functional.gelu(x)
        case "gelu_tanh":
            return functional.gelu(x, approximate="tanh")
        case "relu":
            return functional.relu(x)
        case "tanh":
            return x.tanh()
    raise ValueError(f"no activation {kind!r}")


class PlainProduct:
    """As torch computes it.

    The rows are filled up to a multiple of 16: MKL shares them among its threads, and rounds a row that is
    left to one thread alone in another way than the same row among others.
    """

    def __init__(self, weight: Tensor, bias: Tensor, activation: str = "gelu") -> None:
        from torch.nn import functional

        self._linear: Any = functional.linear
        self._pad: Any = functional.pad
        self._weight, self._bias, self._activation = weight, bias, activation

    def __call__(self, x: Tensor) -> Tensor:
        """See `Product`."""
        rows = len(x)
        if filled := recurring(rows) - rows:
            x = self._pad(x, (0, 0, 0, filled))
        product: Tensor = self._linear(x, self._weight, self._bias)
        return product[:rows]

    def activated(self, x: Tensor) -> Tensor:
        """See `Product`."""
        return activate(self(x), self._activation)

    def added(self, x: Tensor, residual: Tensor) -> Tensor:
        """See `Product`."""
        return self(x).add_(residual)


class PackedProduct:
    """By oneDNN, the weight once laid out as its kernels read it.

    Activation and residual are applied to the sums before they are rounded to bf16: that is faster than a
    pass over memory each, and nearer to fp32. These are the operators that torch.compile makes of a linear
    layer on processors.
    """

    # Tokens that the layout is made for: a few thousand a batch; it serves any number.
    TOKENS = 2048

    def __init__(self, weight: Tensor, bias: Tensor, activation: str = "gelu") -> None:
        import torch

        self._operator: Any = torch.ops.mkldnn._linear_pointwise
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), self.TOKENS)
        self._bias = bias
        kind, _, algorithm = activation.partition("_")
        self._activation = (kind, algorithm or "none") if kind == "gelu" else (kind, "")

    def __call__(self, x: Tensor) -> Tensor:
        """See `Product`."""
        product: Tensor = self._operator(x, self._weight, self._bias, "none", [], "")
        return product

    def activated(self, x: Tensor) -> Tensor:
        """See `Product`."""
        kind, algorithm = self._activation
        product: Tensor = self._operator(x, self._weight, self._bias, kind, [], algorithm)
        return product

    def added(self, x: Tensor, residual: Tensor) -> Tensor:
        """See `Product`."""
        product: Tensor = self._operator.binary(x, residual, self._weight, self._bias, "add")
        return product


def can_pack() -> bool:
    """Whether this build of torch has oneDNN's products; it has on x86."""
    import torch

    names = ("_linear_pointwise", "_reorder_linear_weight")
    return bool(torch._C._has_mkldnn) and all(hasattr(torch.ops.mkldnn, name) for name in names)


@dataclass(frozen=True)
class Norm:
    """A layer norm; its weights are float32, and so it computes, whatever it is given and gives back."""

    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        """(tokens, size) of the same."""
        import torch

        return torch.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True)
class Layer:
    """Attention and feed-forward part of an encoder, each with its residual and norm.

    Attributes:
        query: of the last layer, where only first tokens are read; None elsewhere.
        inputs: to query, key and value, one after the other; without query where that stands alone. Queries
            are scaled already.
        output, widen, narrow: the other products.
        attention_norm, norm: after each part.
        heads: how many.
    """

    query: Product | None
    inputs: Product
    output: Product
    widen: Product
    narrow: Product
    attention_norm: Norm
    norm: Norm
    heads: int

    def __call__(self, x: Tensor, groups: Sequence[EqualLengths], first: Tensor | None = None) -> Tensor:
        """(tokens, hidden) of the same; (texts, hidden) where `first` names the first token of each."""
        if self.query is None or first is None:
            return self._rest(x, attend(self.inputs(x), groups, self.heads))
        x, keys_and_values = x[first], self.inputs(x)
        return self._rest(x, attend_first(self.query(x), keys_and_values, groups, self.heads))

    def _rest(self, x: Tensor, seen: Tensor) -> Tensor:
        x = self.attention_norm(self.output.added(seen, x))
        return self.norm(self.narrow.added(self.widen.activated(x), x))


def attend(inputs: Tensor, groups: Sequence[EqualLengths], heads: int) -> Tensor:
    """Attention inside each text.

    Args:
        inputs: (tokens, 3 * hidden): scaled query, key, value.
        groups: of all texts; tokens behind them belong to none, and what they see is 0.
        heads: how many.

    Returns:
        (tokens, hidden)
    """
    import torch

    hidden = inputs.shape[1] // 3
    seen = inputs.new_empty(inputs.shape[0], hidden)
    seen[groups[-1].end :] = 0
    for group in groups:
        sizes = (group.count, group.length, -1, heads, hidden // heads)
        parts = inputs[group.start : group.end].view(sizes).permute(2, 0, 3, 1, 4)
        target = seen[group.start : group.end].view(group.count, group.length, heads, -1).transpose(1, 2)
        dense = group.count >= MANY_TEXTS and inputs.dtype != torch.float32
        target.copy_(_attention(*parts, dense=dense))
    return seen


def attend_first(queries: Tensor, inputs: Tensor, groups: Sequence[EqualLengths], heads: int) -> Tensor:
    """Attention of the first token of each text.

    Args:
        queries: (texts, hidden), scaled.
        inputs: (tokens, 2 * hidden): key, value.
        groups: of all tokens.
        heads: how many.

    Returns:
        (texts, hidden)
    """
    texts, hidden = queries.shape
    seen = queries.new_empty(texts, hidden)
    place = 0
    for group in groups:
        size = hidden // heads
        key, value = (
            inputs[group.start : group.end]
            .view(group.count, group.length, 2, heads, size)
            .permute(2, 0, 3, 1, 4)
        )
        rows = slice(place, place + group.count)
        query = queries[rows].view(group.count, heads, 1, size)
        # For one query in fp32, torch's attention rounds in another way with each number of threads.
        seen[rows] = _attention(query, key, value, dense=True).reshape(group.count, hidden)
        place += group.count
    return seen


def _attention(query: Tensor, key: Tensor, value: Tensor, *, dense: bool) -> Tensor:
    """(texts, heads, queries, size) of (texts, heads, tokens, size); queries are scaled."""
    import torch
    from torch.nn import functional

    if not dense:
        return functional.scaled_dot_product_attention(query, key, value, scale=1.0)
    shape = query.shape
    query, key, value = (each.reshape(-1, each.shape[2], each.shape[3]) for each in (query, key, value))
    weights = torch.bmm(query, key.transpose(1, 2)).softmax(dim=-1)
    return torch.bmm(weights, value).view(shape)
