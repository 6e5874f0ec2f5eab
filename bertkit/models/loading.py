"""Load tokenizer, encoder and head from a checked folder; save them so that plain transformers loads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit.data.labels import ANSWER_OUTPUTS
from bertkit.errors import ModelError
from bertkit.models.contract import ModelContract, configured_labels, write_contract
from bertkit.models.execution import Execution, speed_up
from bertkit.models.families import first_line, load_config, reads_segments
from bertkit.models.families import position_limit as position_limit
from bertkit.models.head_kinds import HEAD_KINDS, has_head, model_class
from bertkit.models.layers import restart_head
from bertkit.models.sources import ModelSource
from bertkit.runs.atomic import replacing_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory.

    Attributes:
        model: in float32, on the CPU, in evaluation mode.
        tokenizer: backed by the tokenizers library.
        new_head: True if the head has no trained weights.
        execution: how it is computed.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    new_head: bool
    execution: Execution


def trained_labels(source: ModelSource, problem: str) -> tuple[str, ...] | None:
    """The output names of a checkpoint whose head serves this problem; None for any other checkpoint."""
    if not has_head(source.config, problem):
        return None
    return ANSWER_OUTPUTS if problem == "answers" else configured_labels(source.config)


def load_tokenizer(source: ModelSource) -> PreTrainedTokenizerFast:
    """Load the tokenizer of an encoder; it neither cuts nor pads unless it is told to.

    Raises:
        ModelError: if there is none, it has no padding token, or is not backed by `tokenizers`; if the model
            is no encoder.
    """
    from transformers import AutoTokenizer

    config = load_config(source)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # tokenizers raises nothing more precise
        raise ModelError(
            f"{source.name}: its tokenizer cannot be loaded: {first_line(error)}",
            hint="a model folder holds tokenizer.json or vocab.txt",
        ) from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{source.name}: its tokenizer has no fast form", hint="take a checkpoint with tokenizer.json"
        )
    if tokenizer.pad_token_id is None:
        raise ModelError(
            f"{source.name} is no encoder: it has no padding token", hint="take a BERT-type encoder"
        )
    if not reads_segments(config):
        tokenizer.model_input_names = [
            name for name in tokenizer.model_input_names if name != "token_type_ids"
        ]
    reset_tokenizer(tokenizer)
    return tokenizer


def reset_tokenizer(tokenizer: PreTrainedTokenizerFast) -> None:
    """Take cutting and padding out of the state of a tokenizer, where an earlier use left them."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def load_model(
    source: ModelSource, *, problem: str, labels: Sequence[str], new_head: bool, require_head: bool = False
) -> LoadedModel:
    """Load an encoder with the head that a problem needs.

    Args:
        source: where it lies.
        problem: one of `bertkit.config.names.PROBLEMS`.
        labels: names of the outputs in their order.
        new_head: start the head afresh, also where the checkpoint has one.
        require_head: refuse a checkpoint whose head is not trained.

    Raises:
        ModelError: if it is no encoder, broken, or has no head where one is required.
    """
    tokenizer = load_tokenizer(source)
    config = load_config(source)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {name: number for number, name in enumerate(labels)}
    config.problem_type = HEAD_KINDS[problem].problem_type
    model, fresh = _load_weights(source, config, problem=problem, other_sizes=new_head)
    prefix = f"{model.base_model_prefix}."
    # Sentence encoders often come without BERT's pooler: it counts to the head.
    lost = [name for name in fresh if name.startswith(prefix) and "pooler." not in name]
    if lost:
        raise ModelError(
            f"{source.name}: {len(lost)} weights of the encoder are missing ({lost[0]})",
            hint="fetch it again, or take another checkpoint",
        )
    if fresh and require_head:
        raise ModelError(
            f"{source.name} has no trained head: {fresh[0]} is missing",
            hint="fine-tune it first: bertkit finetune RECIPE --model ...",
        )
    if new_head and (not fresh or has_head(source.config, problem)):
        restart_head(model)
    check_vocabulary(model, tokenizer, source.name)
    return LoadedModel(model.eval(), tokenizer, bool(fresh) or new_head, speed_up(model))


def _load_weights(
    source: ModelSource, config: Any, *, problem: str, other_sizes: bool
) -> tuple[Any, list[str]]:
    """The model, and the names of its weights that are not in the checkpoint, or not in that size."""
    import torch
    from safetensors import SafetensorError

    try:
        with quiet_transformers():
            model, report = model_class(problem).from_pretrained(
                source.folder, config=config, dtype=torch.float32, use_safetensors=True,
                local_files_only=True, trust_remote_code=False, output_loading_info=True,
                ignore_mismatched_sizes=other_sizes,
            )  # fmt: skip
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"{source.name} cannot be loaded: {first_line(error)}",
            hint="fetch it again, or take another checkpoint",
        ) from error
    other = [entry[0] if isinstance(entry, tuple) else entry for entry in report["mismatched_keys"]]
    return model, sorted([*report["missing_keys"], *other])


def check_vocabulary(model: Any, tokenizer: Any, name: str) -> None:
    """Refuse a tokenizer whose ids the embedding does not have.

    Raises:
        ModelError: with both sizes.
    """
    rows = model.get_input_embeddings().num_embeddings
    known = max(tokenizer.get_vocab().values(), default=-1) + 1
    if known > rows:
        raise ModelError(
            f"{name}: the tokenizer knows {known:,} tokens, the embedding has {rows:,} rows",
            hint="tokenizer and model do not belong together: fetch both again",
        )


def save_model(loaded: LoadedModel, folder: Path, contract: ModelContract) -> None:
    """Write weights (safetensors), tokenizer and contract in one step."""
    with replacing_folder(folder) as temporary, quiet_transformers():
        reset_tokenizer(loaded.tokenizer)
        loaded.model.save_pretrained(temporary)
        loaded.tokenizer.save_pretrained(temporary)
        write_contract(temporary, contract)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' own report about missing head weights from the terminal: bertkit says it itself."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
