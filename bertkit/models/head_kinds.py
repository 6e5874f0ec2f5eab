"""Which of transformers' heads serves which problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HeadKind:
    """A head over an encoder.

    Attributes:
        name: how transformers' class names end, as `BertForTokenClassification`.
        pipeline: the tag by which the Hub and `transformers.pipeline` know it.
        problem_type: what config.json says of the loss, None where transformers has no such word.
    """

    name: str
    pipeline: str
    problem_type: str | None = None

    @property
    def auto_class(self) -> str:
        """The class in transformers that chooses the right one for an encoder."""
        return f"AutoModelFor{self.name}"


_TEXT, _TOKENS = "SequenceClassification", "TokenClassification"
HEAD_KINDS: Mapping[str, HeadKind] = {
    "single_label": HeadKind(_TEXT, "text-classification", "single_label_classification"),
    "multi_label": HeadKind(_TEXT, "text-classification", "multi_label_classification"),
    "regression": HeadKind(_TEXT, "text-classification", "regression"),
    "tags": HeadKind(_TOKENS, "token-classification"),
    "answers": HeadKind("QuestionAnswering", "question-answering"),
    # One layer for both: see docs/decisions/0008-joint-head-is-one-layer.md
    "frames": HeadKind(_TOKENS, "token-classification"),
}


def has_head(config: Mapping[str, Any], problem: str) -> bool:
    """True if a checkpoint was saved with a head that serves this problem."""
    return any(HEAD_KINDS[problem].name in architecture for architecture in architectures_of(config))


def architectures_of(config: Mapping[str, Any]) -> Sequence[str]:
    """The names of the classes a checkpoint was saved from, as its config.json has them."""
    return [str(name) for name in config.get("architectures") or []]


def model_class(problem: str) -> Any:
    """The class of transformers that loads an encoder with this head."""
    import transformers

    return getattr(transformers, HEAD_KINDS[problem].auto_class)
