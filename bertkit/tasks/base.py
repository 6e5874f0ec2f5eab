"""What every task type gives to the workflows, which know nothing else about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from bertkit.config.schema import TaskSection
from bertkit.data.checks import CheckedRow
from bertkit.data.features import Features, Targets
from bertkit.data.labels import LabelSet, Target
from bertkit.data.rows import Record, Rows
from bertkit.models.contract import ModelContract

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Example:
    """A row in the task's canonical columns.

    Attributes:
        id: the row's own id, or its number in the split, from 0.
        texts: one text, or the two of a pair.
        target: what is right; None where the row has no label.
    """

    id: str
    texts: tuple[str, ...]
    target: Target | None


@dataclass(frozen=True)
class ExampleSet:
    """The examples of one split, and what was left out on the way.

    Attributes:
        examples: in the order of the rows.
        without_label: rows left out because they have no label.
        without_text: rows left out because a text is missing.
    """

    examples: Sequence[Example]
    without_label: int = 0
    without_text: int = 0


@dataclass(frozen=True)
class Limits:
    """How long a feature may be.

    Attributes:
        max_length: tokens, special ones included.
        window: read long texts in windows of so many tokens instead of cutting them.
        stride: tokens one window shares with the next.
    """

    max_length: int
    window: int | None = None
    stride: int = 0


@dataclass(frozen=True)
class Prediction:
    """What the model says of one example.

    Attributes:
        value: a label name, a list of label names, or a number.
        score: the probability of that label; None for lists and numbers.
        scores: the probability of each label; empty for numbers.
    """

    value: str | list[str] | float
    score: float | None
    scores: Mapping[str, float]


class Task(Protocol):
    """One task type, for one set of labels."""

    name: ClassVar[str]
    label_aliases: ClassVar[Mapping[str, str]]
    """Other spellings, in lower case, of label names that the task itself fixes."""
    refuses_other_labels: ClassVar[bool]
    """True if a trained head with as many, but other labels is an error and not simply replaced."""
    labels: LabelSet

    @classmethod
    def learn(cls, section: TaskSection, splits: Sequence[Rows]) -> Self:
        """Settle columns and labels from the recipe and what the splits hold, training rows first."""
        ...

    @classmethod
    def from_contract(cls, contract: ModelContract) -> Self:
        """The task a saved model was trained for."""
        ...

    def examples(self, rows: Rows, *, keep_unlabelled: bool = False) -> ExampleSet:
        """Rows in canonical columns; those that cannot be used are left out and counted.

        Raises:
            DataError: for missing columns and for labels outside the set, with the place.
        """
        ...

    def texts_of(self, record: Record) -> tuple[str, ...]:
        """The texts of one record given to predict.

        Raises:
            DataError: if a text is missing.
        """
        ...

    def checked(self, example: Example) -> CheckedRow:
        """What the data checks need of an example."""
        ...

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerFast,
        limits: Limits,
        *,
        progress: Progress | None = None,
    ) -> Features:
        """Token ids, in one or more features an example."""
        ...

    def targets(
        self,
        examples: Sequence[Example],
        features: Features,
        *,
        label_weights: Mapping[str, float] | str | None,
    ) -> Targets:
        """What the loss compares with."""
        ...

    def loss(self, outputs: Any, targets: torch.Tensor, *, label_smoothing: float) -> torch.Tensor:
        """(batch,) the loss of each feature, not weighted."""
        ...

    def keep(self, outputs: Any) -> NDArray[Any]:
        """(batch, ...) float32: what `decode` needs of the model's outputs, a row a feature."""
        ...

    def decode(self, kept: NDArray[Any], features: Features, count: int) -> list[Prediction]:
        """One prediction an example, from the kept rows of all its features."""
        ...

    def compare(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Predictions and references as metrics take them, of the examples that have a target."""
        ...

    def shown(self, target: Target) -> str | list[str] | float:
        """A target in words, as predictions are written."""
        ...
