"""Classification of a text or a pair of texts: one label, several labels, or a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bertkit.config.schema import TaskSection
from bertkit.data.checks import CheckedRow
from bertkit.data.columns import find_column, nearest
from bertkit.data.features import Features, Targets
from bertkit.data.labels import LabelColumn, LabelReader, LabelSet, Target, learn_labels
from bertkit.data.rows import Record, Rows
from bertkit.errors import DataError
from bertkit.models.contract import ModelContract
from bertkit.tasks.base import Example, ExampleSet, Limits, Prediction, Progress
from bertkit.tasks.encoding import encode_texts

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

TEXT_OPTIONS = ("--text", "--text-pair")
# Columns that data sets use for a row's own name.
ID_COLUMNS = ("id", "idx", "guid", "uid", "pairID")
# A label of several is predicted from this probability on.
THRESHOLD = 0.5


class ClassificationTask:
    """One text or a pair in, labels or a number out."""

    name: ClassVar[str] = "classification"
    label_aliases: ClassVar[Mapping[str, str]] = {}
    refuses_other_labels: ClassVar[bool] = False
    canonical: ClassVar[tuple[str, str]] = ("text", "text_pair")
    """What predict also accepts as names of the text columns."""

    def __init__(self, *, text: Sequence[str], label: str, labels: LabelSet) -> None:
        self.text = tuple(text)
        self.label = label
        self.labels = labels

    @classmethod
    def learn(cls, section: TaskSection, splits: Sequence[Rows]) -> Self:
        """Settle the labels from the recipe and from what all splits hold, training rows first."""
        columns = []
        for rows in splits:
            label = find_column(section.label, rows.columns, origin=rows.origin, option="--label")
            columns.append(LabelColumn(rows.column(label), rows.class_names.get(label, ())))
        labels = learn_labels(columns, problem=section.problem, names=section.labels)
        return cls(text=section.text, label=section.label, labels=labels)

    @classmethod
    def from_contract(cls, contract: ModelContract) -> Self:
        """The task a saved model was trained for."""
        return cls(
            text=contract.text, label=contract.label, labels=LabelSet(contract.problem, contract.labels)
        )

    def examples(self, rows: Rows, *, keep_unlabelled: bool = False) -> ExampleSet:
        """See `Task.examples`."""
        texts = [
            find_column(name, rows.columns, origin=rows.origin, option=option)
            for name, option in zip(self.text, TEXT_OPTIONS, strict=False)
        ]
        label = self._label_column(rows, required=not keep_unlabelled)
        class_names = rows.class_names.get(label, ()) if label else ()
        reader = LabelReader(self.labels, class_names=class_names, aliases=self.label_aliases)
        own_id = next((name for name in ID_COLUMNS if name in rows.columns and name not in texts), None)
        found: list[Example] = []
        without_label = without_text = 0
        for number, record in enumerate(rows.records):
            values = [record[name] for name in texts]
            if any(value is None for value in values):
                without_text += 1
                continue
            target = None
            if label is not None:
                try:
                    target = reader.read(record[label])
                except DataError as error:
                    raise DataError(f"{rows.place(number)}: {error.message}", hint=error.hint) from error
            if target is None and not keep_unlabelled:
                without_label += 1
                continue
            identity = record[own_id] if own_id and record[own_id] is not None else number
            found.append(Example(str(identity), tuple(_as_text(value) for value in values), target))
        return ExampleSet(found, without_label, without_text)

    def _label_column(self, rows: Rows, *, required: bool) -> str | None:
        try:
            return find_column(self.label, rows.columns, origin=rows.origin, option="--label")
        except DataError:
            if required:
                raise
            return None

    def texts_of(self, record: Record) -> tuple[str, ...]:
        """See `Task.texts_of`: by the trained names, else by the canonical ones."""
        return tuple(
            _as_text(self._find_text(record, name, canonical))
            for name, canonical in zip(self.text, self.canonical, strict=False)
        )

    def _find_text(self, record: Record, name: str, canonical: str) -> Any:
        by_trimmed = {str(key).strip(): value for key, value in record.items()}
        folded = {key.casefold(): value for key, value in by_trimmed.items()}
        for found, key in (
            (by_trimmed, name.strip()),
            (folded, name.strip().casefold()),
            (by_trimmed, canonical),
        ):
            if key in found:
                if found[key] is None:
                    raise DataError(f"{key!r} is null", hint="give a text")
                if isinstance(found[key], dict | list):
                    raise DataError(f"{key!r} is not a text", hint="give a text")
                return found[key]
        near = nearest(name, list(by_trimmed))
        given = ", ".join(repr(key) for key in list(by_trimmed)[:8]) or "nothing"
        raise DataError(
            f"no {name!r}, only {given}", hint=f"did you mean {near!r}?" if near else "name it with --text"
        )

    def checked(self, example: Example) -> CheckedRow:
        """See `Task.checked`."""
        label = None if example.target is None else str(self.shown(example.target))
        return CheckedRow(example.id, example.texts, None if self.labels.problem == "regression" else label)

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerFast,
        limits: Limits,
        *,
        progress: Progress | None = None,
    ) -> Features:
        """See `Task.encode`: one feature an example, or one a window."""
        return encode_texts([example.texts for example in examples], tokenizer, limits, progress=progress)

    def targets(
        self,
        examples: Sequence[Example],
        features: Features,
        *,
        label_weights: Mapping[str, float] | str | None,
    ) -> Targets:
        """See `Task.targets`.

        Raises:
            DataError: for label weights that name no label.
        """
        kind = np.int64 if self.labels.problem == "single_label" else np.float32
        values = np.asarray([example.target for example in examples], dtype=kind)
        windows = np.bincount(features.examples, minlength=len(examples))
        weights = 1.0 / np.maximum(windows, 1)
        if label_weights is not None:
            weights *= self._weights_of(values, label_weights)
        return Targets(values[features.examples], weights[features.examples].astype(np.float32))

    def _weights_of(self, values: NDArray[Any], given: Mapping[str, float] | str) -> NDArray[Any]:
        if self.labels.problem != "single_label":
            raise DataError("class weights need one label a row", hint="leave train.class_weights out")
        count = len(self.labels.names)
        if isinstance(given, str):  # "auto"
            present: NDArray[Any] = np.maximum(np.bincount(values, minlength=count), 1)
            return (len(values) / (count * present))[values]  # type: ignore[no-any-return]
        unknown = sorted(set(given) - set(self.labels.names))
        if unknown:
            raise DataError(
                f"train.class_weights names {unknown[0]!r}; the labels are {', '.join(self.labels.names)}",
                hint="name labels of the data",
            )
        by_label = np.asarray([given.get(name, 1.0) for name in self.labels.names])
        return by_label[values]  # type: ignore[no-any-return]

    def loss(self, outputs: Any, targets: torch.Tensor, *, label_smoothing: float) -> torch.Tensor:
        """See `Task.loss`: cross-entropy, mean binary cross-entropy over labels, or squared error."""
        from torch.nn import functional

        logits = outputs.logits.float()
        if self.labels.problem == "single_label":
            return functional.cross_entropy(
                logits, targets, reduction="none", label_smoothing=label_smoothing
            )
        if self.labels.problem == "multi_label":
            smoothed = targets * (1 - label_smoothing) + label_smoothing / 2
            return functional.binary_cross_entropy_with_logits(logits, smoothed, reduction="none").mean(dim=1)
        return functional.mse_loss(logits.squeeze(-1), targets, reduction="none")

    def keep(self, outputs: Any) -> NDArray[np.float32]:
        """See `Task.keep`: (batch, outputs) probabilities, or the numbers of a regression."""
        logits = outputs.logits.float()
        if self.labels.problem == "single_label":
            logits = logits.softmax(dim=-1)
        elif self.labels.problem == "multi_label":
            logits = logits.sigmoid()
        return np.asarray(logits.cpu().numpy(), dtype=np.float32)

    def decode(self, kept: NDArray[Any], features: Features, count: int) -> list[Prediction]:
        """See `Task.decode`: the mean over the windows of each example."""
        sums = np.zeros((count, kept.shape[1]), dtype=np.float64)
        np.add.at(sums, features.examples, kept)
        means = sums / np.maximum(np.bincount(features.examples, minlength=count), 1)[:, None]
        return [self._prediction(row) for row in means]

    def _prediction(self, row: NDArray[np.float64]) -> Prediction:
        if self.labels.problem == "regression":
            return Prediction(round(float(row[0]), 6), None, {})
        scores = {name: round(float(value), 6) for name, value in zip(self.labels.names, row, strict=True)}
        if self.labels.problem == "multi_label":
            return Prediction([name for name, value in scores.items() if value >= THRESHOLD], None, scores)
        best = self.labels.names[int(row.argmax())]
        return Prediction(best, scores[best], scores)

    def compare(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """See `Task.compare`."""
        pairs = [
            (prediction, example.target)
            for example, prediction in zip(examples, predictions, strict=True)
            if example.target is not None
        ]
        kind = np.float64 if self.labels.problem == "regression" else np.int64
        predicted = np.asarray([self._target_of(prediction) for prediction, _ in pairs], dtype=kind)
        return predicted, np.asarray([target for _, target in pairs], dtype=kind)

    def _target_of(self, prediction: Prediction) -> Target:
        if isinstance(prediction.value, list):
            return tuple(int(name in prediction.value) for name in self.labels.names)
        if isinstance(prediction.value, str):
            return self.labels.names.index(prediction.value)
        return prediction.value

    def shown(self, target: Target) -> str | list[str] | float:
        """See `Task.shown`."""
        if isinstance(target, tuple):
            return [name for name, chosen in zip(self.labels.names, target, strict=True) if chosen]
        return self.labels.names[int(target)] if self.labels.problem == "single_label" else float(target)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
