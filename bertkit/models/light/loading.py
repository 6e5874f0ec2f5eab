"""Weights of a checkpoint, straight from its file, into the light model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.models.head_kinds import HEAD_KINDS
from bertkit.models.light.families import Shape
from bertkit.models.light.layers import Layer, Norm, PackedProduct, PlainProduct, Product, can_pack
from bertkit.models.light.model import Embeddings, Head, LightModel

if TYPE_CHECKING:
    from torch import Tensor

_FILE = "model.safetensors"
_NUMBERS = {"F32", "F16", "BF16"}
# Tables of 0, 1, 2, ... that checkpoints of earlier versions hold.
_COUNTING = ("embeddings.position_ids", "embeddings.token_type_ids")


def load_light(folder: Path, shape: Shape, *, rows: Sequence[int], precision: str) -> LightModel | None:
    """Load a checkpoint for prediction.

    Args:
        folder: of the checkpoint.
        shape: what its config.json says.
        rows: for each output that is wanted, which one of the checkpoint's it is.
        precision: `bf16` or `fp32`.

    Returns:
        None where the file holds anything else than the weights of this shape: then transformers must say
        what is wrong with it, or compute it.
    """
    from safetensors import SafetensorError, safe_open

    files = [path.name for path in folder.glob("*.safetensors")]
    if files != [_FILE]:
        return None
    try:
        # Mapped into memory: what is not read costs nothing.
        with safe_open(folder / _FILE, "pt") as file:
            wanted = _wanted(shape, len(rows))
            found = {name: file.get_slice(name) for name in list(file.keys())}
            spare = {shape.family.prefix + name for name in _COUNTING}
            spare |= {f"{shape.family.pooler}.{kind}" for kind in ("weight", "bias")}
            if not wanted.keys() <= found.keys() <= wanted.keys() | spare:
                return None
            for name, size in wanted.items():
                if tuple(found[name].get_shape()) != size or found[name].get_dtype() not in _NUMBERS:
                    return None
            weights = {name: file.get_tensor(name) for name in wanted}
    except (OSError, SafetensorError):
        return None
    return _Builder(shape, weights, precision).model(rows)


def _wanted(shape: Shape, outputs: int) -> dict[str, tuple[int, ...]]:
    """The sizes of all weights by name."""
    family, names, hidden = shape.family, shape.family.names, shape.hidden
    sizes: dict[str, tuple[int, ...]] = {}

    def linear(name: str, inputs: int, outputs: int) -> None:
        sizes[f"{name}.weight"], sizes[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def norm(name: str, size: int) -> None:
        sizes[f"{name}.weight"] = sizes[f"{name}.bias"] = (size,)

    embeddings = family.prefix + "embeddings."
    narrow = shape.embedded
    sizes[f"{embeddings}word_embeddings.weight"] = (shape.vocabulary, narrow)
    sizes[f"{embeddings}position_embeddings.weight"] = (shape.positions, narrow)
    if shape.segments:
        sizes[f"{embeddings}token_type_embeddings.weight"] = (shape.segments, narrow)
    norm(f"{embeddings}LayerNorm", narrow)
    if shape.projected:
        linear(family.prefix + family.projection, narrow, hidden)
    for number in range(shape.layers):
        layer = family.prefix + family.layer.format(number)
        for name in (names.query, names.key, names.value, names.output):
            linear(layer + name, hidden, hidden)
        linear(layer + names.widen, hidden, shape.widened)
        linear(layer + names.narrow, shape.widened, hidden)
        norm(layer + names.attention_norm, hidden)
        norm(layer + names.norm, hidden)
    if shape.first_token_only:
        linear(family.text_head.dense, hidden, hidden)
    linear(_output_name(shape), hidden, outputs)
    return sizes


def _output_name(shape: Shape) -> str:
    if shape.first_token_only:
        return shape.family.text_head.output
    return "qa_outputs" if shape.head == HEAD_KINDS["answers"].name else "classifier"


@dataclass(frozen=True)
class _Builder:
    """Makes the parts of a model from its weights by name."""

    shape: Shape
    weights: dict[str, Tensor]
    precision: str

    def model(self, rows: Sequence[int]) -> LightModel:
        made: dict[tuple[str, bool], Layer] = {}
        layers: list[Layer] = []
        for number in range(self.shape.layers):
            first_token_only = self.shape.first_token_only and number + 1 == self.shape.layers
            prefix = self.shape.family.prefix + self.shape.family.layer.format(number)
            key = (prefix, first_token_only)
            made[key] = made.get(key) or self._layer(prefix, first_token_only=first_token_only)
            layers.append(made[key])
        return LightModel(self.shape, self._embeddings(), layers, self._head(rows))

    def _embeddings(self) -> Embeddings:
        family = self.shape.family
        prefix = family.prefix + "embeddings."
        places = self.weights[f"{prefix}position_embeddings.weight"].float()
        if self.shape.segments:
            segments = self.weights[f"{prefix}token_type_embeddings.weight"].float()
            places = (segments[:, None] + places[None]).flatten(0, 1)
        projection = None
        if self.shape.projected:
            projection = self._product(family.prefix + family.projection)
        # Half precision in the file is half precision in memory: its rows are widened as they are read.
        words = self.weights[f"{prefix}word_embeddings.weight"]
        return Embeddings(words, places, self._norm(f"{prefix}LayerNorm"), projection, self._dtype)

    def _layer(self, prefix: str, *, first_token_only: bool) -> Layer:
        names = self.shape.family.names
        scale = 1 / math.sqrt(self.shape.hidden // self.shape.heads)
        query = self._pair(prefix + names.query)
        query = (query[0] * scale, query[1] * scale)
        inputs = [query, self._pair(prefix + names.key), self._pair(prefix + names.value)]
        alone = self._packed(*query) if first_token_only else None
        inputs = inputs[1:] if first_token_only else inputs
        return Layer(
            query=alone,
            inputs=self._joined(inputs),
            output=self._product(prefix + names.output),
            widen=self._product(prefix + names.widen),
            narrow=self._product(prefix + names.narrow),
            attention_norm=self._norm(prefix + names.attention_norm),
            norm=self._norm(prefix + names.norm),
            heads=self.shape.heads,
        )

    def _head(self, rows: Sequence[int]) -> Head:
        import torch

        weight, bias = self._pair(_output_name(self.shape))
        chosen = torch.tensor(list(rows))
        output = PlainProduct(weight[chosen], bias[chosen])
        if not self.shape.first_token_only:
            return Head(None, "", output)
        text_head = self.shape.family.text_head
        return Head(PlainProduct(*self._pair(text_head.dense)), text_head.activation, output)

    @property
    def _dtype(self) -> Any:
        import torch

        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        """Weight and bias in float32."""
        return self.weights[f"{name}.weight"].float(), self.weights[f"{name}.bias"].float()

    def _norm(self, name: str) -> Norm:
        return Norm(*self._pair(name), self.shape.epsilon)

    def _product(self, name: str) -> Product:
        return self._packed(*self._pair(name))

    def _joined(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Product:
        import torch

        weights, biases = zip(*pairs, strict=True)
        return self._packed(torch.cat(weights), torch.cat(biases))

    def _packed(self, weight: Tensor, bias: Tensor) -> Product:
        kind = PackedProduct if self.precision == "bf16" and can_pack() else PlainProduct
        return kind(weight.to(self._dtype), bias.to(self._dtype), self.shape.activation)
