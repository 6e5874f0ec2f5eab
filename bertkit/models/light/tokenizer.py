"""A tokenizer straight from tokenizer.json, with what the tasks ask of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.models.contract import FILE_NAME
from bertkit.models.light.families import Shape

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# What classes of transformers give a model that config.json does not say.
_INPUTS: Mapping[str, Sequence[str]] = {
    "BertTokenizer": ("input_ids", "token_type_ids", "attention_mask"),
    "BertTokenizerFast": ("input_ids", "token_type_ids", "attention_mask"),
    "AlbertTokenizer": ("input_ids", "attention_mask"),
}


@dataclass(frozen=True)
class LightTokenizer:
    """The part of transformers' tokenizers that is used here, by the same names.

    Attributes:
        backend_tokenizer: does the work; it neither cuts nor pads unless it is told to.
        model_input_names: what the model reads.
        pad_token_id, cls_token_id, unk_token_id, mask_token_id: None where there is no such token.
        pad_token_type_id: segment of padding.
        padding_side: always `right`.
    """

    backend_tokenizer: Tokenizer
    model_input_names: Sequence[str]
    pad_token_id: int
    cls_token_id: int | None
    unk_token_id: int | None
    mask_token_id: int | None
    pad_token_type_id: int
    padding_side: str = "right"


def load_light_tokenizer(folder: Path, shape: Shape) -> LightTokenizer | None:
    """Read the tokenizer of a model that bertkit has saved.

    There, tokenizer.json is what the model was trained with. In other folders transformers decides what
    counts: it builds some tokenizers anew, by what tokenizer_config.json says.

    Returns:
        None where transformers has to read it.
    """
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not (folder / FILE_NAME).is_file() or not file.is_file():
        return None
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        backend = Tokenizer.from_file(str(file))
    except Exception:  # tokenizers raises nothing more precise; transformers says what is wrong
        return None
    if not isinstance(config, dict) or config.get("padding_side", "right") != "right":
        return None
    inputs = config.get("model_input_names") or _INPUTS.get(str(config.get("tokenizer_class")))
    if not shape.reads_segments:
        inputs = ("input_ids", "attention_mask")
    padding = _token_id(backend, config, "pad_token")
    if inputs is None or padding is None:
        return None
    backend.no_truncation()
    backend.no_padding()
    return LightTokenizer(
        backend_tokenizer=backend,
        model_input_names=tuple(inputs),
        pad_token_id=padding,
        cls_token_id=_token_id(backend, config, "cls_token"),
        unk_token_id=_token_id(backend, config, "unk_token"),
        mask_token_id=_token_id(backend, config, "mask_token"),
        pad_token_type_id=int(config.get("pad_token_type_id") or 0),
    )


def _token_id(backend: Tokenizer, config: Mapping[str, Any], name: str) -> int | None:
    """The number of a special token, which is written as a text or with how it is stripped."""
    token = config.get(name)
    if isinstance(token, dict):
        token = token.get("content")
    return backend.token_to_id(token) if isinstance(token, str) else None
