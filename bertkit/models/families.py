"""What differs between families of encoders, asked of transformers instead of listed wherever it can be."""

from __future__ import annotations

import inspect
from typing import Any

from bertkit.errors import ModelError
from bertkit.models.sources import ModelSource

# Their positions begin after the padding index, so that many rows of the position table are no positions.
_POSITIONS_AFTER_PADDING = frozenset({
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "markuplm",
    "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip
# Relative positions: no limit of its own.
UNLIMITED = 1 << 20


def load_config(source: ModelSource) -> Any:
    """The typed config of an encoder.

    Raises:
        ModelError: if it is broken, or not that of an encoder for text.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source.folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StrictDataclassError) as error:
        raise ModelError(
            f"{source.name}: its config.json cannot be read: {first_line(error)}",
            hint="fetch it again, or take another checkpoint",
        ) from error
    _check_encoder(config, source.name)
    # A checkpoint may name a kernel of the Hub, which is code: what is not part of torch is chosen by users.
    if config._attn_implementation not in (None, "eager", "sdpa"):
        config._attn_implementation = None
    return config


def _check_encoder(config: Any, name: str) -> None:
    from transformers import MODEL_FOR_MASKED_LM_MAPPING, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    hint = "take a BERT-type encoder"
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ModelError(f"{name} is no encoder for text ({config.model_type})", hint=hint)
    if config.is_encoder_decoder:
        raise ModelError(f"{name} has a decoder beside its encoder ({config.model_type})", hint=hint)
    # An encoder can fill in masked words. XLNet permutes instead of masking, and reads both directions too.
    encodes = type(config) in MODEL_FOR_MASKED_LM_MAPPING or config.model_type == "xlnet"
    if getattr(config, "is_decoder", False) or not encodes:
        raise ModelError(f"{name} is a decoder ({config.model_type})", hint=hint)


def reads_segments(config: Any) -> bool:
    """Whether the model takes `token_type_ids` and tells two apart; RoBERTa has a table of one row."""
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    model = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    if "token_type_ids" not in inspect.signature(model.forward).parameters:
        return False
    return int(getattr(config, "type_vocab_size", 2)) > 1


def position_limit(source: ModelSource) -> int:
    """How many tokens the encoder can read, special ones included.

    Raises:
        ModelError: as `load_config`.
    """
    config = load_config(source)
    positions = getattr(config, "max_position_embeddings", None)
    if not positions or positions < 0:
        return UNLIMITED
    offset = (config.pad_token_id or 0) + 1 if config.model_type in _POSITIONS_AFTER_PADDING else 0
    return int(positions) - offset


def first_line(error: BaseException) -> str:
    """The first line of a message, which in this stack can have fifty."""
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
