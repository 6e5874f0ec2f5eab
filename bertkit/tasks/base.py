"""What every task type gives to the workflows, which know nothing else about it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from bertkit.config.schema import TaskSection
from bertkit.data.checking.checks import CheckedRow, RowFault
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
        words: where the words of the text stand, as (start, end) in characters; empty for tasks that do not
            look at words.
        row: its number in the split, from 0.
    """

    id: str
    texts: tuple[str, ...]
    target: Target
    words: tuple[tuple[int, int], ...] = ()
    row: int = 0


@dataclass(frozen=True)
class ExampleSet:
    """The examples of one split, and what was left out on the way.

    Attributes:
        examples: in the order of the rows.
        without_label: rows left out because they have no label.
        without_text: rows left out because a text is missing.
        faults: what else is wrong with single rows.
    """

    examples: Sequence[Example]
    without_label: int = 0
    without_text: int = 0
    faults: Sequence[RowFault] = ()


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
        value: what is written as `prediction`: a label name, a list of them, a number, entities, an answer.
        score: the probability of that label; None for lists and numbers.
        scores: the probability of each label; empty for numbers.
        details: more that may be asked for, by name; `tags`, `words`, `n_best`, `no_answer_score`.
    """

    value: Any
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def with_reference(
    examples: Sequence[Example], predictions: Sequence[Prediction]
) -> list[tuple[Example, Prediction]]:
    """The examples whose reference is known, each with its prediction."""
    pairs = zip(examples, predictions, strict=True)
    return [(example, prediction) for example, prediction in pairs if example.target is not None]


@runtime_checkable
class TagsWords(Protocol):
    """A task that reads tags of words, in one of several schemes."""

    scheme: str
    """How the training rows mark entities, of `bertkit.data.tag_schemes.SCHEMES`."""

    def written_tags(self, rows: Rows) -> Iterable[Sequence[str]] | None:
        """The tags of each row as they are written; None where rows have spans instead."""
        ...


class Task(Protocol):
    """One task type, for one set of labels."""

    name: ClassVar[str]
    label_aliases: ClassVar[Mapping[str, str]]
    """Other spellings, in lower case, of label names that the task itself fixes."""
    refuses_other_labels: ClassVar[bool]
    """True if a trained head with as many, but other labels is an error and not simply replaced."""
    labels: LabelSet
    text: tuple[str, ...]
    """Names of the text columns."""
    label: str
    """Name of the column with what is right."""

    @classmethod
    def learn(cls, section: TaskSection, splits: Sequence[Rows]) -> Self:
        """Settle columns and labels from the recipe and what the splits hold, training rows first."""
        ...

    @classmethod
    def from_contract(cls, contract: ModelContract) -> Self:
        """The task a saved model was trained for."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns it reads, by what they are for."""
        ...

    def contract_fields(self) -> dict[str, Any]:
        """What a contract has to hold of it, so that `from_contract` makes it again."""
        ...

    def examples(self, rows: Rows, *, keep_unlabelled: bool = False) -> ExampleSet:
        """Rows in canonical columns; those that cannot be used are left out and counted.

        Raises:
            DataError: for missing columns and for labels outside the set, with the place.
        """
        ...

    def read(self, record: Record, identity: str) -> Example:
        """One record given to predict, without a target.

        Raises:
            DataError: if a text is missing.
        """
        ...

    def checked(self, example: Example) -> CheckedRow:
        """What the data checks need of an example."""
        ...

    def stratum(self, example: Example) -> Hashable:
        """Rows that are held out keep the shares of these."""
        ...

    def group(self, example: Example) -> tuple[str, ...]:
        """The texts that make two rows one: all are trained on, or all held out."""
        ...

    @property
    def encoding_key(self) -> str:
        """The settings of the task that change what `encode` gives."""
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

    def loss(
        self, outputs: Any, targets: Mapping[str, torch.Tensor], *, label_smoothing: float
    ) -> torch.Tensor:
        """(batch,) the loss of each feature, not weighted."""
        ...

    def keep(self, outputs: Any) -> NDArray[Any]:
        """What `decode` needs of the model's outputs, float32.

        Returns:
            (batch, outputs), a row a feature, or (batch, sequence, outputs), a row a token.
        """
        ...

    def decode(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> list[Prediction]:
        """One prediction an example, from the kept rows of all its features."""
        ...

    def compare(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[Sequence[Any] | NDArray[Any], Sequence[Any] | NDArray[Any]]:
        """Predictions and references as metrics take them, of the examples that have a target."""
        ...

    def shown(self, example: Example) -> Any:
        """Its target in words, as predictions are written; None where it has none."""
        ...
