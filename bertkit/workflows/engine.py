"""Devices, precision and seeds, set up once for a workflow."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.feature_cache import cached_features
from bertkit.data.features import Features, Padding
from bertkit.errors import UsageError
from bertkit.evaluation.inference import run_model
from bertkit.models.loading import LoadedModel, reset_tokenizer
from bertkit.runs.environment import fingerprint
from bertkit.tasks.base import Example, Limits, Task
from bertkit.training.precision import choose_precision
from bertkit.workflows.events import Listener, Progress

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedTokenizerFast


# Goes up when the same texts are encoded otherwise than before: features in the cache are then made anew.
ENCODING_VERSION = "2"


@dataclass(frozen=True)
class Engine:
    """Where and how a model is computed.

    Attributes:
        accelerator: Accelerate's view of devices and processes.
        precision: fp32 or bf16.
    """

    accelerator: Accelerator
    precision: str

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision for a forward pass.

        It is entered where a model is called and not built into the model, as Accelerate would: the same
        model is scored in another one where its outputs are numbers.
        """
        import torch

        return torch.autocast(
            self.accelerator.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        )


def start_engine(precision: str, *, several: bool = False) -> Engine:
    """Set up Accelerate for the hardware there is.

    Args:
        precision: `auto`, `fp32` or `bf16`.
        several: the caller can share its work between processes.

    Raises:
        UsageError: if this is one of several processes, and the caller cannot.
    """
    # Tokenizers warn about forks that never come; the choice is ours either way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    chosen = choose_precision(precision)
    # One process may train and then score in another precision; Accelerate's state is global and refuses.
    AcceleratorState._reset_state()
    accelerator = Accelerator(mixed_precision="no")  # see Engine.autocast
    if accelerator.num_processes > 1 and not several:
        # The loop could; but every process would write into the same run folder.
        raise UsageError(
            f"this runs in one process, and was started in {accelerator.num_processes}",
            hint="start it without accelerate launch or torchrun; only bertkit eval shares its work so far",
        )
    return Engine(accelerator, chosen)


def seed_everything(seed: int) -> None:
    """Seed what the head, dropout and libraries draw from; the order of rows has generators of its own."""
    import random

    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def padding_of(tokenizer: PreTrainedTokenizerFast) -> Padding:
    """How a tokenizer fills up short features."""
    return Padding(
        token_id=int(tokenizer.pad_token_id),
        segment_id=int(getattr(tokenizer, "pad_token_type_id", 0) or 0),
        left=tokenizer.padding_side == "left",
    )


def encode_examples(
    task: Task,
    examples: list[Example],
    tokenizer: PreTrainedTokenizerFast,
    limits: Limits,
    *,
    what: str,
    listen: Listener,
) -> Features:
    """Features of examples, from the cache where the same were made before."""

    def tell(done: int) -> None:
        listen(Progress(f"tokenizing {what}", done, len(examples)))

    def key() -> str:
        parts = [
            ENCODING_VERSION,
            str(tokenizer.special_tokens_map),
            tokenizer.backend_tokenizer.to_str(),
            repr(limits),
            task.name,
            task.encoding_key,
            str(tokenizer.model_input_names),
        ]
        texts = (
            part
            for example in examples
            for part in (str(len(example.texts)), *example.texts, repr(example.words))
        )
        return fingerprint([*parts, *texts])

    # Truncation is a state of the tokenizer, set again by `encode`: it must not be part of the key.
    reset_tokenizer(tokenizer)
    return cached_features(key(), lambda: task.encode(examples, tokenizer, limits, progress=tell))


def compute_outputs(
    engine: Engine,
    loaded: LoadedModel,
    task: Task,
    features: Features,
    *,
    tell: Callable[[int], None] | None = None,
) -> NDArray[Any]:
    """What the task keeps of the model's outputs, for `Task.decode` and for finding thresholds.

    Args:
        engine: where to compute; the model is already there.
        loaded: model and tokenizer.
        task: says what is kept.
        features: of all examples.
        tell: told how many features are done.
    """
    accelerator = engine.accelerator
    share = (accelerator.process_index, accelerator.num_processes)
    # A number in bf16 has three digits: texts that differ would be given the same one.
    autocast = nullcontext if task.labels.problem == "regression" else engine.autocast
    kept: NDArray[Any] = run_model(
        loaded.model, features, padding=padding_of(loaded.tokenizer), keep=task.keep,
        device=accelerator.device, autocast=autocast, progress=tell, share=share,
    )  # fmt: skip
    if accelerator.num_processes == 1:
        return kept
    import torch

    # Each row comes from one process and is 0 in the others: their sum is what that one computed, exactly.
    whole = accelerator.reduce(torch.from_numpy(kept).to(accelerator.device), reduction="sum")
    return np.asarray(whole.cpu().numpy())
