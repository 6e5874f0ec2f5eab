"""What tasks that tag words have in common: targets, loss, and from probabilities to tags and entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.features import Features
from bertkit.data.tag_schemes import (
    allowed_starts,
    allowed_transitions,
    best_path,
    entities_of,
    iob2_of,
    recognise_scheme,
)
from bertkit.errors import DataError
from bertkit.tasks.base import Example
from bertkit.tasks.calibrating import Choices, tempered
from bertkit.tasks.tag_names import OUTSIDE, label_of
from bertkit.tasks.word_windows import first_tokens

if TYPE_CHECKING:
    import torch

# Below this a probability is as good as none; its logarithm is finite.
SMALLEST = 1e-12

Floats = NDArray[np.float64]


def token_targets(
    tags: Sequence[Sequence[int]], features: Features, *, all_subwords: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The right tag of each token, and whether the loss looks at it.

    Args:
        tags: of each word of each example.
        features: of these examples.
        all_subwords: look at every token of a word, not at its first alone.

    Returns:
        (tokens,) tag numbers, and (tokens,) 1 where the loss looks at the token, else 0.
    """
    words = features.alignment["words"]
    starts = np.concatenate([[0], np.cumsum([len(of_example) for of_example in tags])])
    flat = np.concatenate([np.asarray(of_example, dtype=np.int64) for of_example in tags])
    chosen = np.zeros(len(words), dtype=bool)
    if all_subwords:
        chosen = words >= 0
    else:
        chosen[first_tokens(features)] = True
    values = np.zeros(len(words), dtype=np.int64)
    example_of_token = features.examples[features.feature_of_token]
    values[chosen] = flat[starts[example_of_token[chosen]] + words[chosen]]
    return values, chosen.astype(np.float32)


def weights_of_tags(
    names: Sequence[str], values: NDArray[np.int64], given: Mapping[str, float] | str
) -> NDArray[np.float32]:
    """(tokens,) the weight of each token by its tag.

    Args:
        names: of all tags.
        values: (tokens,) tag numbers, of labelled tokens.
        given: `auto`: inverse to the frequency; or weights by the name of a tag or of an entity's label.

    Raises:
        DataError: for a name that is neither.
    """
    if isinstance(given, str):  # "auto"
        present = np.maximum(np.bincount(values, minlength=len(names)), 1)
        return (len(values) / (len(names) * present))[values].astype(np.float32)
    is_plain = recognise_scheme([names]) == "plain"
    labels = [name if is_plain or name == OUTSIDE else label_of(name) for name in names]
    unknown = sorted(set(given) - set(names) - set(labels))
    if unknown:
        raise DataError(
            f"train.class_weights names {unknown[0]!r}; the tags are {', '.join(names)}",
            hint="name tags or labels of the data",
        )
    pairs = zip(names, labels, strict=True)
    by_tag = np.asarray([given.get(name, given.get(label, 1.0)) for name, label in pairs], dtype=np.float32)
    return by_tag[values]


def token_loss(
    logits: torch.Tensor, targets: torch.Tensor, counts: torch.Tensor, *, label_smoothing: float
) -> torch.Tensor:
    """(batch,) the sum over tokens of cross-entropy times `counts`.

    Args:
        logits: (batch, sequence, tags).
        targets: (batch, sequence) tag numbers.
        counts: (batch, sequence) how much each token counts, 0 for those without a tag.
        label_smoothing: the share of the target that is spread over all tags.
    """
    from torch.nn import functional

    each = functional.cross_entropy(
        logits.float().transpose(1, 2), targets, reduction="none", label_smoothing=label_smoothing
    )
    return (each * counts).sum(dim=1)


def feature_sums(features: Features, per_token: NDArray[np.float32]) -> NDArray[np.float32]:
    """(features,) sums of (tokens,) numbers."""
    sums = np.bincount(features.feature_of_token, weights=per_token, minlength=len(features))
    return sums.astype(np.float32)


def scores_by_example(
    probabilities: NDArray[Any], features: Features, examples: Sequence[Example]
) -> list[Floats]:
    """For each example (words, tags) probabilities, of the first token of each word."""
    rows = probabilities[first_tokens(features)].astype(np.float64)
    ends = np.cumsum([len(example.words) for example in examples])
    assert len(rows) == (ends[-1] if len(ends) else 0), "a word was lost"
    return np.split(rows, ends[:-1])


def tag_choices(rows: Sequence[Floats], targets: Sequence[Sequence[int]], *, tags: int) -> Choices:
    """The words of all examples, as choices of their tags.

    Args:
        rows: (words, tags) probabilities of each example.
        targets: the right tag of each word of each example.
        tags: how many there are.
    """
    right = [np.asarray(of_example, dtype=np.int64) for of_example in targets]
    return Choices(
        np.concatenate([np.empty((0, tags)), *rows]), np.concatenate([[], *right]).astype(np.int64)
    )


class TagDecoder:
    """From probabilities to tags: the best one of each word, or the best sequence that names entities.

    Args:
        names: of the tags, in the order of the outputs.
        constrained: no `I-X` but after `B-X` or `I-X`; without effect on models that have no `B-X` for each
            `I-X`, as those trained on IOB1, which could never name such an entity.
        scheme: `plain` for tags that mark no entities; `auto` looks at the names.
    """

    def __init__(self, names: Sequence[str], *, constrained: bool, scheme: str = "auto") -> None:
        self.names = tuple(names)
        self.is_plain = (recognise_scheme([self.names]) if scheme == "auto" else scheme) == "plain"
        inside = {name[1:] for name in self.names if name[:1] == "I"}
        begun = {name[1:] for name in self.names if name[:1] == "B"}
        only_iob = all(name[:1] in "OBI" for name in self.names)
        self._constrained = constrained and not self.is_plain and only_iob and inside <= begun
        self._starts = allowed_starts(self.names)
        self._transitions = allowed_transitions(self.names)

    def best(self, probabilities: Floats, *, temperature: float = 1.0) -> tuple[list[str], Floats]:
        """The tags of (words, tags) probabilities, in IOB2 or plain, and (words,) the probability of each.

        The temperature changes those probabilities and no tag: logits divided by it give each allowed
        sequence the same sum but for a factor and a constant, so the best one is looked for without it.
        """
        if not len(probabilities):
            return [], np.empty(0)
        path = probabilities.argmax(axis=1)
        if self._constrained and not self._is_allowed(path):
            logs = np.log(np.maximum(probabilities, SMALLEST))
            path = best_path(logs, self._starts, self._transitions)
        tags = [self.names[tag] for tag in path]
        if not (self.is_plain or self._constrained):  # other schemes, and `I-` after nothing, say the same
            tags = iob2_of(entities_of(tags), len(tags))
        return tags, tempered(probabilities, temperature)[np.arange(len(path)), path]

    def _is_allowed(self, path: NDArray[np.int64]) -> bool:
        return bool(self._starts[path[0]] and self._transitions[path[:-1], path[1:]].all())


def entities_in_text(
    example: Example, tags: Sequence[str], scores: Floats | None = None
) -> list[dict[str, Any]]:
    """Entities as they are written: label, text, characters, and the mean probability of their tags."""
    text = example.texts[0]
    found = []
    for entity in entities_of(tags):
        start, end = example.words[entity.start][0], example.words[entity.end - 1][1]
        written: dict[str, Any] = {"label": entity.label, "text": text[start:end], "start": start, "end": end}
        if scores is not None:
            written["score"] = round(float(scores[entity.start : entity.end].mean()), 6)
        found.append(written)
    return found
