"""Compute a transformers encoder without its padding, by hooks around the model's own code.

    padded batch -> the base model packs it -> (1, tokens, hidden) through embeddings and layers
                 -> behind the layers it is a padded batch again, for pooler and head

The model looks the same from outside: the same inputs, outputs, weights and config.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bertkit.models.packed_attention import PACKED, no_mask, register_packed_attention
from bertkit.models.packed_batch import Packing, make_packing

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Where each family that can be packed keeps its layers; "" is the base model itself. A family belongs here if
# nothing but its attention mixes tokens, and that asks the attention interface: a test proves each of them.
PACKABLE: Mapping[str, str] = {
    "albert": "encoder",
    "bert": "encoder",
    "camembert": "encoder",
    "data2vec-text": "encoder",
    "distilbert": "transformer",
    "electra": "encoder",
    "ernie": "encoder",
    "modernbert": "",
    "roberta": "encoder",
    "roberta-prelayernorm": "encoder",
    "xlm-roberta": "encoder",
}
_FIRST_TOKEN_HEADS = frozenset({
    "AlbertForSequenceClassification", "BertForSequenceClassification", "CamembertForSequenceClassification",
    "Data2VecTextForSequenceClassification", "DistilBertForSequenceClassification",
    "ElectraForSequenceClassification", "ErnieForSequenceClassification",
    "RobertaForSequenceClassification", "RobertaPreLayerNormForSequenceClassification",
    "XLMRobertaForSequenceClassification",
})  # fmt: skip
# Inputs of (batch, sequence) that are packed, and others that change nothing.
_BY_TOKEN = ("input_ids", "token_type_ids", "position_ids")
_HARMLESS = frozenset({*_BY_TOKEN, "attention_mask", "return_dict"})
_STATE = "_bertkit_packing"


@dataclass
class PackingState:
    """What `enable_packing` leaves at the base model.

    Attributes:
        before: the attention the model had.
        handles: of the hooks.
    """

    before: str
    handles: list[Any] = field(default_factory=list)


def packing_obstacle(config: Any) -> str | None:
    """Why an encoder of this config cannot be computed without padding; None if it can."""
    family = config.model_type
    if family not in PACKABLE:
        return f"{family} is none of the families that work without"
    if getattr(config, "is_decoder", False) or getattr(config, "add_cross_attention", False):
        return "it is set up as a decoder"
    if config._attn_implementation == "eager":
        return "eager attention was asked for, which gives its weights back"
    if getattr(config, "chunk_size_feed_forward", 0):
        return "chunk_size_feed_forward cuts its batches into pieces of equal length"
    return None


def enable_packing(model: PreTrainedModel, *, first_token_only: bool = False) -> str | None:
    """Let a loaded model compute without padding from now on.

    A batch stays padded if its padding is not on the right, if a row is empty, or if the call asks for more
    than plain outputs (`output_hidden_states`, `inputs_embeds`, ...). What comes out at padded places differs
    from what a padded model gives there; it is finite.

    Args:
        model: with or without a head, not wrapped yet.
        first_token_only: the head reads nothing but the first token (see `reads_first_token_only`), so
            `last_hidden_state` has one token a row.

    Returns:
        None, or the reason why this model stays as it is.
    """
    obstacle = packing_obstacle(model.config)
    if obstacle is not None:
        return obstacle
    disable_packing(model)
    register_packed_attention()
    base = model.base_model
    state = PackingState(base.config._attn_implementation)
    model.set_attn_implementation(PACKED)
    if base.config._attn_implementation != PACKED:
        return f"{model.config.model_type} does not take another attention"
    setattr(base, _STATE, state)
    names = tuple(inspect.signature(base.forward).parameters)

    def pack(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        named = dict(zip(names, args, strict=False)) | given
        packing = _pack(named, module.config, first_token_only=first_token_only)
        return None if packing is None else ((), _packed_inputs(named, packing, module))

    def put_back(module: Any, args: Any, given: dict[str, Any], output: Any) -> Any:
        packing = given.get("packing")
        return None if packing is None else _with_first(output, _put_back(output[0], packing))

    stack = base.get_submodule(PACKABLE[model.config.model_type])
    state.handles = [
        base.register_forward_pre_hook(pack, with_kwargs=True),
        stack.register_forward_hook(put_back, with_kwargs=True),
    ]
    return None


def disable_packing(model: PreTrainedModel) -> None:
    """Make a model as it was before `enable_packing`."""
    state = getattr(model.base_model, _STATE, None)
    if state is None:
        return
    for handle in state.handles:
        handle.remove()
    model.set_attn_implementation(state.before)
    delattr(model.base_model, _STATE)


def reads_first_token_only(model: PreTrainedModel) -> bool:
    """Whether the head of a model reads nothing but the first token of each row, as most classifiers do."""
    kind = type(model).__name__
    if kind == "ModernBertForSequenceClassification":
        return bool(model.config.classifier_pooling == "cls")
    return kind in _FIRST_TOKEN_HEADS


def _pack(inputs: Mapping[str, Any], config: Any, *, first_token_only: bool) -> Packing | None:
    """The packing of a call of the base model; None if it has to stay padded."""
    import torch

    asks_more = any(
        name not in _HARMLESS and value is not None and value is not False for name, value in inputs.items()
    )
    ids, mask = inputs.get("input_ids"), inputs.get("attention_mask")
    records = any(getattr(config, f"output_{what}", False) for what in ("hidden_states", "attentions"))
    if asks_more or records or ids is None:
        return None
    if mask is None:
        mask = torch.ones_like(ids)
    by_token = [inputs[name] for name in _BY_TOKEN if inputs.get(name) is not None]
    if any(one.shape != mask.shape for one in by_token) or mask.dim() != 2 or not mask.numel():
        return None
    return make_packing(mask, first_token_only=first_token_only)


def _packed_inputs(inputs: Mapping[str, Any], packing: Packing, base: Any) -> dict[str, Any]:
    """The inputs of the base model for a packed batch."""
    given = {name: value for name, value in inputs.items() if value is not None}
    given["position_ids"] = _positions(inputs, packing, base)
    for name in _BY_TOKEN:
        if name in given:
            given[name] = packing.unpad(given[name])[None]
    return given | {"attention_mask": no_mask(), "packing": packing}


def _positions(inputs: Mapping[str, Any], packing: Packing, base: Any) -> torch.Tensor:
    """The positions, (batch, sequence), that the family itself gives to the padded batch."""
    import torch

    given: torch.Tensor | None = inputs.get("position_ids")
    if given is not None:
        return given
    ids: torch.Tensor = inputs["input_ids"]
    # RoBERTa's relatives count the tokens that are not padding, beginning behind the padding's own number.
    count = getattr(base.embeddings, "create_position_ids_from_input_ids", None)
    if count is not None:
        counted: torch.Tensor = count(ids, base.embeddings.padding_idx)
        return counted
    return torch.arange(packing.shape[1], device=ids.device).expand(packing.shape)


def _put_back(hidden: torch.Tensor, packing: Packing) -> torch.Tensor:
    """(1, tokens, hidden) as (batch, sequence, hidden), or (batch, 1, hidden).

    Layers that know that only the first token counts may give (1, batch, hidden), sequences in packed order.
    """
    rows = hidden[0]
    if not packing.first_token_only:
        return packing.pad(rows)
    reduced = len(rows) == len(packing.lengths)
    return rows.index_select(0, packing.ranks if reduced else packing.first_tokens)[:, None]


def _with_first(output: Any, hidden: torch.Tensor) -> Any:
    """An output of transformers with other hidden states."""
    if isinstance(output, Sequence):
        return (hidden, *output[1:])
    output.last_hidden_state = hidden
    return output
