"""Classification of a text or a pair of texts: one label, several labels, or a number."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bertkit.config.schema import TaskSection
from bertkit.data.checking.checks import CheckedRow
from bertkit.data.features import Features, Targets
from bertkit.data.label_values import LabelColumn, check_rename, is_missing
from bertkit.data.labels import LabelReader, LabelSet, Target, learn_labels
from bertkit.data.rows import Record, Rows
from bertkit.errors import DataError
from bertkit.models.contract import Calibration, ModelContract
from bertkit.models.label_maps import match_labels
from bertkit.tasks.base import Example, ExampleSet, Limits, Prediction, Progress, with_reference
from bertkit.tasks.calibrating import DIGITS, Choices, Decisions, Evidence, mean_over_windows
from bertkit.tasks.class_weights import weights_of_classes
from bertkit.tasks.columns import (
    LABEL_OPTION,
    NO_LABEL,
    NO_TEXT,
    TEXT_OPTIONS,
    as_text,
    choose_column,
    find_value,
    identity_column,
    identity_of,
    optional_column,
    with_guesses,
)
from bertkit.tasks.encoding import encode_texts
from bertkit.tasks.label_predictions import predicted_classes, predicted_labels

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast


class ClassificationTask:
    """One text or a pair in, labels or a number out."""

    name: ClassVar[str] = "classification"
    label_aliases: ClassVar[Mapping[str, str]] = {}
    refuses_other_labels: ClassVar[bool] = False
    canonical: ClassVar[tuple[str, str]] = ("text", "text_pair")
    """What predict also accepts as names of the text columns."""
    aliases: ClassVar[Mapping[str, Sequence[str]]] = {
        "text": (
            "sentence", "review", "content", "body", "document", "message", "comment", "tweet", "question",
        ),
        "label": ("labels", "class", "category", "target", "sentiment", "topic", "intent", "rating", "stars"),
        "premise": ("sentence1", "text1", "text_a", "context"),
        "hypothesis": ("sentence2", "text2", "text_b"),
    }  # fmt: skip
    """Names that own files often have where a recipe says what a column is for."""

    def __init__(
        self,
        *,
        text: Sequence[str],
        label: str,
        labels: LabelSet,
        rename: Mapping[str, str] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.text = tuple(text)
        self.label = label
        self.labels = labels
        self.rename = dict(rename or {})
        self._names = names if names is not None else self.aliases
        self._calibration = calibration or Calibration()

    @classmethod
    def learn(cls, section: TaskSection, splits: Sequence[Rows]) -> Self:
        """Settle the labels from the recipe and from what all splits hold, training rows first."""
        columns = []
        for rows in splits:
            label = choose_column(section.label, rows, option=LABEL_OPTION, aliases=cls.aliases)
            columns.append(LabelColumn.of(rows, label, section.rename))
        if section.rename:
            known = (name for column in columns for name in column.names())
            check_rename(section.rename, known, origin=splits[0].origin)
        labels = learn_labels(columns, problem=section.problem, names=section.labels)
        text = [
            choose_column(name, splits[0], option=option, aliases=cls.aliases)
            for name, option in zip(section.text, TEXT_OPTIONS, strict=False)
        ]
        label = choose_column(section.label, splits[0], option=LABEL_OPTION, aliases=cls.aliases)
        usual = with_guesses(cls.aliases, (*section.text, section.label), (*text, label))
        return cls(text=text, label=label, labels=labels, rename=section.rename, names=usual)

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Task.columns`."""
        return {**dict(zip(self.canonical, self.text, strict=False)), "label": self.label}

    @classmethod
    def from_contract(cls, contract: ModelContract) -> Self:
        """The task a saved model was trained for; its thresholds find labels that are spelled otherwise."""
        stored = contract.calibration
        named = match_labels(tuple(stored.thresholds), contract.labels, aliases=cls.label_aliases)
        if named is not None:
            by_name = dict(zip(named, stored.thresholds.values(), strict=True))
            stored = replace(stored, thresholds=by_name)
        return cls(
            text=contract.text, label=contract.label, labels=contract.label_set, rename=contract.rename,
            calibration=stored,
        )  # fmt: skip

    def contract_fields(self) -> dict[str, Any]:
        """See `Task.contract_fields`."""
        return {
            "text": self.text, "label": self.label, "problem": self.labels.problem,
            "labels": self.labels.names, "rename": self.rename, **self._calibration.fields,
        }  # fmt: skip

    def examples(self, rows: Rows, *, keep_unlabelled: bool = False) -> ExampleSet:
        """See `Task.examples`."""
        texts = [
            choose_column(name, rows, option=option, aliases=self._names)
            for name, option in zip(self.text, TEXT_OPTIONS, strict=False)
        ]
        find_label = optional_column if keep_unlabelled else choose_column
        label = find_label(self.label, rows, option=LABEL_OPTION, aliases=self._names)
        class_names = rows.class_names.get(label, ()) if label else ()
        reader = LabelReader(
            self.labels, class_names=class_names, aliases=self.label_aliases, rename=self.rename
        )
        own_id = identity_column(rows, texts)
        some = rows.rejected.allows_some
        found: list[Example] = []
        without_label = without_text = 0
        for number, record in enumerate(rows.records):
            values = [record[name] for name in texts]
            if None in values or (some and any(map(is_missing, values))):
                without_text += not rows.sets_aside(number, NO_TEXT)
                continue
            target = None
            try:
                if label is not None:
                    target = reader.read(record[label])
                written = tuple(map(as_text, values, texts))
            except DataError as error:
                rows.refuse(number, error)
                continue
            if target is None and not keep_unlabelled:
                aside = some and is_missing(record[label or ""]) and rows.sets_aside(number, NO_LABEL)
                without_label += not aside
                continue
            found.append(Example(identity_of(record, own_id, number), written, target, row=number))
        return ExampleSet(found, without_label, without_text)

    def read(self, record: Record, identity: str) -> Example:
        """See `Task.read`: by the trained names, else by the canonical ones."""
        texts = (
            as_text(find_value(record, name, canonical, option=option), name)
            for name, canonical, option in zip(self.text, self.canonical, TEXT_OPTIONS, strict=False)
        )
        return Example(identity, tuple(texts), None)

    def checked(self, example: Example) -> CheckedRow:
        """See `Task.checked`."""
        shown = self.shown(example)
        if self.labels.problem == "regression" or shown is None:
            return CheckedRow(example.id, example.texts, row=example.row)
        labels = tuple(shown) if isinstance(shown, list) else (str(shown),)
        return CheckedRow(example.id, example.texts, labels, example.target, example.row)

    def stratum(self, example: Example) -> Hashable:
        """See `Task.stratum`: rows with the same label."""
        target: Hashable = example.target
        return None if self.labels.problem == "regression" else target

    def group(self, example: Example) -> tuple[str, ...]:
        """See `Task.group`: rows with the same texts."""
        return example.texts

    @property
    def encoding_key(self) -> str:
        """See `Task.encoding_key`."""
        return ""

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
            weights *= weights_of_classes(self.labels, values, label_weights)
        chosen = features.examples
        return Targets({"label": values[chosen]}, weights[chosen].astype(np.float32))

    def loss(
        self, outputs: Any, targets: Mapping[str, torch.Tensor], *, label_smoothing: float
    ) -> torch.Tensor:
        """See `Task.loss`: cross-entropy, mean binary cross-entropy over labels, or squared error."""
        from torch.nn import functional

        logits, wanted = outputs.logits.float(), targets["label"]
        if self.labels.problem == "single_label":
            return functional.cross_entropy(logits, wanted, reduction="none", label_smoothing=label_smoothing)
        if self.labels.problem == "multi_label":
            smoothed = wanted * (1 - label_smoothing) + label_smoothing / 2
            return functional.binary_cross_entropy_with_logits(logits, smoothed, reduction="none").mean(dim=1)
        return functional.mse_loss(logits.squeeze(-1), wanted, reduction="none")

    def keep(self, outputs: Any) -> NDArray[np.float32]:
        """See `Task.keep`: (batch, outputs) probabilities, or the numbers of a regression."""
        logits = outputs.logits.float()
        if self.labels.problem == "single_label":
            logits = logits.softmax(dim=-1)
        elif self.labels.problem == "multi_label":
            logits = logits.sigmoid()
        return np.asarray(logits.cpu().numpy(), dtype=np.float32)

    @property
    def calibration(self) -> Calibration | None:
        """See `Calibrating.calibration`: numbers have no probability."""
        return None if self.labels.problem == "regression" else self._calibration

    def with_calibration(self, calibration: Calibration) -> Self:
        """See `Calibrating.with_calibration`."""
        task = copy(self)
        task._calibration = calibration
        return task

    def evidence(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> Evidence:
        """See `Calibrating.evidence`: the class of each example, or whether it has each label."""
        known = [number for number, example in enumerate(examples) if example.target is not None]
        means = mean_over_windows(kept, features.examples, len(examples))[known]
        targets = np.asarray([examples[number].target for number in known], dtype=np.int64)
        if self.labels.problem == "multi_label":
            right = targets.reshape(means.shape) > 0
            return Evidence(len(known), decisions=Decisions(self.labels.names, means, right))
        return Evidence(len(known), choices=Choices(means, targets))

    def decode(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> list[Prediction]:
        """See `Task.decode`: the mean over the windows of each example."""
        means = mean_over_windows(kept, features.examples, len(examples))
        if self.labels.problem == "regression":
            return [Prediction(round(float(row[0]), DIGITS)) for row in means]
        predicted = predicted_labels if self.labels.problem == "multi_label" else predicted_classes
        return predicted(self.labels.names, means, self._calibration)

    def compare(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """See `Task.compare`."""
        pairs = with_reference(examples, predictions)
        kind = np.float64 if self.labels.problem == "regression" else np.int64
        predicted = np.asarray([self._target_of(prediction) for _, prediction in pairs], dtype=kind)
        return predicted, np.asarray([example.target for example, _ in pairs], dtype=kind)

    def _target_of(self, prediction: Prediction) -> Target:
        if isinstance(prediction.value, list):
            return tuple(int(name in prediction.value) for name in self.labels.names)
        if isinstance(prediction.value, str):
            return self.labels.names.index(prediction.value)
        return prediction.value

    def shown(self, example: Example) -> str | list[str] | float | None:
        """See `Task.shown`."""
        target = example.target
        if target is None:
            return None
        if isinstance(target, tuple):
            return [name for name, chosen in zip(self.labels.names, target, strict=True) if chosen]
        return self.labels.names[int(target)] if self.labels.problem == "single_label" else float(target)
