"""How many tokens the texts have, counted with the tokenizer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bertkit.config.schema import Recipe
from bertkit.data.checking.checks import Finding
from bertkit.data.checking.length_checks import Lengths, check_lengths, measure
from bertkit.errors import HubError, MissingPackageError, ModelError, RecipeError
from bertkit.models.loading import load_tokenizer, position_limit
from bertkit.models.sources import find_model
from bertkit.tasks.base import Example
from bertkit.tasks.encoding import CHUNK
from bertkit.workflows.events import Listener, Note, Progress
from bertkit.workflows.lengths import limits_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def find_lengths(
    recipe: Recipe, splits: dict[str, list[Example]], listen: Listener
) -> tuple[list[Lengths], list[Finding]]:
    """The lengths of all splits in tokens; where there is no tokenizer, in words.

    Args:
        recipe: names the encoder and the limits.
        splits: examples by the name of the split, at least one each.
        listen: told how far it is.
    """
    listen(Note(f"finding the tokenizer of {recipe.model.name}"))
    try:
        source = find_model(recipe.model.name, revision=recipe.model.revision)
        tokenizer = load_tokenizer(source)
    except (HubError, ModelError, MissingPackageError) as error:
        unknown = f"lengths are in words, without the tokenizer of {recipe.model.name}: {error.message}"
        return _in_words(recipe, splits), [Finding("tokenizer", unknown, advice=error.hint)]
    findings: list[Finding] = []
    try:
        limits_of(recipe, source)
    except RecipeError as error:
        findings.append(Finding("max_length", error.message, severity="fault", advice=error.hint))
    positions, limit = position_limit(source), recipe.window or recipe.train.max_length
    most = recipe.task.max_question_length if recipe.task.type == "qa" else None
    found = []
    for name, examples in splits.items():
        lengths, cut = _token_lengths(name, examples, tokenizer, most, listen)
        summary = measure(name, lengths, limit=limit, windowed=recipe.window is not None, cut_questions=cut)
        found.append(summary)
        single = len(examples[0].texts) == 1
        findings.append(check_lengths(summary, lengths, positions=positions, single=single))
    return found, findings


def _in_words(recipe: Recipe, splits: dict[str, list[Example]]) -> list[Lengths]:
    limit, windowed = recipe.window or recipe.train.max_length, recipe.window is not None
    return [
        measure(
            name,
            np.asarray([sum(len(text.split()) for text in example.texts) for example in examples]),
            limit=limit,
            windowed=windowed,
            unit="words",
        )
        for name, examples in splits.items()
    ]


def _token_lengths(
    name: str,
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerFast,
    most_of_first: int | None,
    listen: Listener,
) -> tuple[NDArray[np.int64], int]:
    """(examples,) tokens of each, special ones included; how many first texts are over `most_of_first`."""
    backend = tokenizer.backend_tokenizer
    special = backend.num_special_tokens_to_add(len(examples[0].texts) == 2)
    sizes: dict[str, int] = {}
    lengths = np.full(len(examples), special, dtype=np.int64)
    cut = 0
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        # A context stands in many rows, one after the other: it is cut into tokens once.
        missing = [
            text for text in dict.fromkeys(text for one in chunk for text in one.texts) if text not in sizes
        ]
        sizes = {text: sizes[text] for one in chunk for text in one.texts if text in sizes}
        encodings = backend.encode_batch_fast(missing, add_special_tokens=False)
        sizes |= {text: len(encoding.ids) for text, encoding in zip(missing, encodings, strict=True)}
        for number, example in enumerate(chunk, start):
            parts = [sizes[text] for text in example.texts]
            if most_of_first is not None:
                cut += parts[0] > most_of_first
                parts[0] = min(parts[0], most_of_first)
            lengths[number] += sum(parts)
        listen(Progress(f"measuring {name}", min(start + CHUNK, len(examples)), len(examples)))
    return lengths, cut
