"""Which checkpoints the light model computes, and what their weights are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bertkit.models.head_kinds import HEAD_KINDS, architectures_of


@dataclass(frozen=True)
class LayerNames:
    """What the weights of a layer are called, without the layer's prefix.

    Attributes:
        query, key, value: of the attention.
        output: from the heads back to the hidden size.
        attention_norm: after the attention and its residual.
        widen, narrow: the two products of the feed-forward part.
        norm: at the end of the layer.
    """

    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    output: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    widen: str = "intermediate.dense"
    narrow: str = "output.dense"
    norm: str = "output.LayerNorm"


@dataclass(frozen=True)
class TextHead:
    """What reads the first token of a text.

    Attributes:
        dense: a layer of hidden size, its activation following.
        activation: `tanh`, `gelu` or `relu`.
        output: the layer with an output a label.
    """

    dense: str
    activation: str
    output: str


@dataclass(frozen=True)
class Family:
    """An architecture of a BERT shape.

    Attributes:
        prefix: of all weights of the encoder.
        layer: prefix of a layer, `{}` for its number; without it all layers share their weights.
        names: of the weights of a layer.
        text_head: of sequence classification.
        projection: from the size of the embeddings to the hidden size, where they differ.
        always_projected: where they do not, too.
        pooler: a layer that checkpoints of other heads may have too, and nothing reads there.
        after_padding: positions begin after the padding index, and padding has none.
        segments: there is a table of segments.
        keys: what config.json calls hidden_size, num_hidden_layers, num_attention_heads, intermediate_size
            and hidden_act.
        epsilon: of the norms, where it is no setting.
        only: values config.json must have, where it has the key.
    """

    prefix: str
    layer: str
    text_head: TextHead
    names: LayerNames = LayerNames()
    projection: str = ""
    always_projected: bool = False
    pooler: str = ""
    after_padding: bool = False
    segments: bool = True
    keys: tuple[str, str, str, str, str] = (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    )  # fmt: skip
    epsilon: float | None = None
    only: Mapping[str, Any] | None = None


_ROBERTA = Family(
    prefix="roberta.",
    layer="encoder.layer.{}.",
    text_head=TextHead("classifier.dense", "tanh", "classifier.out_proj"),
    pooler="roberta.pooler.dense",
    after_padding=True,
)
# From the source of each family in transformers 5; the tests hold each against its own classes.
FAMILIES: Mapping[str, Family] = {
    "bert": Family(
        prefix="bert.",
        layer="encoder.layer.{}.",
        text_head=TextHead("bert.pooler.dense", "tanh", "classifier"),
        pooler="bert.pooler.dense",
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family(
        prefix="electra.",
        layer="encoder.layer.{}.",
        text_head=TextHead("classifier.dense", "gelu", "classifier.out_proj"),
        projection="embeddings_project",
    ),
    "distilbert": Family(
        prefix="distilbert.",
        layer="transformer.layer.{}.",
        names=LayerNames(
            query="attention.q_lin", key="attention.k_lin", value="attention.v_lin",
            output="attention.out_lin", attention_norm="sa_layer_norm",
            widen="ffn.lin1", narrow="ffn.lin2", norm="output_layer_norm",
        ),
        text_head=TextHead("pre_classifier", "relu", "classifier"),
        segments=False,
        epsilon=1e-12,
        keys=("dim", "n_layers", "n_heads", "hidden_dim", "activation"),
    ),
    "albert": Family(
        prefix="albert.",
        layer="encoder.albert_layer_groups.0.albert_layers.0.",
        names=LayerNames(
            query="attention.query", key="attention.key", value="attention.value", output="attention.dense",
            attention_norm="attention.LayerNorm", widen="ffn", narrow="ffn_output",
            norm="full_layer_layer_norm",
        ),
        text_head=TextHead("albert.pooler", "tanh", "classifier"),
        projection="encoder.embedding_hidden_mapping_in",
        always_projected=True,
        pooler="albert.pooler",
        only={"num_hidden_groups": 1, "inner_group_num": 1},
    ),
}  # fmt: skip
# As transformers names them; each of the approximations by tanh is the same formula.
ACTIVATIONS: Mapping[str, str] = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu",
}  # fmt: skip
# What makes of a family another computation, where config.json has it.
_USUAL: Mapping[str, tuple[Any, ...]] = {
    "is_decoder": (False, None), "add_cross_attention": (False, None), "is_encoder_decoder": (False, None),
    "position_embedding_type": ("absolute", None), "quantization_config": (None,), "auto_map": (None,),
    "pruned_heads": ({}, None),
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What of a config.json decides the computation.

    Attributes:
        family: names of its weights.
        hidden, layers, heads, widened: sizes.
        embedded: size of the embeddings.
        activation: of the feed-forward part: `gelu`, `gelu_tanh` or `relu`.
        epsilon: of the norms.
        vocabulary, positions, segments: rows of the three tables; segments 0 where there is none.
        padding: the padding token.
        head: how the class is called that the head is of, as in `HeadKind.name`.
    """

    family: Family
    hidden: int
    layers: int
    heads: int
    widened: int
    embedded: int
    activation: str
    epsilon: float
    vocabulary: int
    positions: int
    segments: int
    padding: int
    head: str

    @property
    def first_token_only(self) -> bool:
        """Whether the head reads nothing but the first token of a text."""
        return self.head == HEAD_KINDS["single_label"].name

    @property
    def projected(self) -> bool:
        """Whether a layer stands between embeddings and encoder; ALBERT has one also where none is needed."""
        family = self.family
        return bool(family.projection) and (family.always_projected or self.embedded != self.hidden)

    @property
    def reads_segments(self) -> bool:
        """Whether two texts are told apart."""
        return self.segments > 1

    @property
    def position_limit(self) -> int:
        """How many tokens it can read."""
        return self.positions - (self.padding + 1 if self.family.after_padding else 0)


class _UnusualError(Exception):
    """A config.json that says less, or something else, than is known here."""


def shape_of(config: Mapping[str, Any], problem: str) -> Shape | None:
    """What the light model has to compute, or None where it is anything but a known family in its usual form.

    Nothing is guessed: what config.json leaves out, other than what it may, makes None.
    """
    family = FAMILIES.get(str(config.get("model_type")))
    wanted = HEAD_KINDS[problem].name
    if family is None or not any(name.endswith(f"For{wanted}") for name in architectures_of(config)):
        return None
    usual = {**_USUAL, **{key: (value,) for key, value in (family.only or {}).items()}}
    if any(key in config and config[key] not in values for key, values in usual.items()):
        return None
    try:
        return _shape(config, family, wanted)
    except _UnusualError:
        return None


def _shape(config: Mapping[str, Any], family: Family, head: str) -> Shape:
    def count(key: str, least: int = 1) -> int:
        value = config.get(key)
        if not isinstance(value, int) or value < least:
            raise _UnusualError
        return value

    *sizes, activation = family.keys
    hidden, layers, heads, widened = map(count, sizes)
    epsilon = family.epsilon or config.get("layer_norm_eps")
    kind = ACTIVATIONS.get(str(config.get(activation)))
    if kind is None or not isinstance(epsilon, float) or hidden % heads:
        raise _UnusualError
    return Shape(
        family=family,
        hidden=hidden,
        layers=layers,
        heads=heads,
        widened=widened,
        embedded=count("embedding_size") if family.projection else hidden,
        activation=kind,
        epsilon=epsilon,
        vocabulary=count("vocab_size"),
        positions=count("max_position_embeddings"),
        segments=count("type_vocab_size") if family.segments else 0,
        padding=count("pad_token_id", least=0),
        head=head,
    )
