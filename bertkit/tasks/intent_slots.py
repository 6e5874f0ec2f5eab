"""Intent and slots of an utterance together: one encoder, one head, one loss.

The head is one layer whose outputs are the tags and, after them, the intents: tags are read at words, intents
at the token that stands for the whole text. See docs/decisions/0008-joint-head-is-one-layer.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bertkit.config.schema import TaskSection
from bertkit.data.checking.checks import CheckedRow
from bertkit.data.features import Features, Targets
from bertkit.data.label_values import LabelColumn, is_missing
from bertkit.data.labels import LabelReader, LabelSet, learn_labels
from bertkit.data.rows import Rows
from bertkit.data.tag_schemes import entities_of
from bertkit.errors import DataError
from bertkit.models.contract import ModelContract
from bertkit.tasks.base import Example, ExampleSet, Prediction, with_reference
from bertkit.tasks.calibrating import Choices, Evidence, mean_over_windows, tempered
from bertkit.tasks.columns import choose_column, optional_column, with_guesses
from bertkit.tasks.ner import TAG_NAMES, TEXT_NAMES, NerTask
from bertkit.tasks.tagged_rows import TaggedRows, learn_tags
from bertkit.tasks.tagging import entities_in_text, scores_by_example, token_loss
from bertkit.tasks.word_windows import sentence_tokens

if TYPE_CHECKING:
    import torch

INTENT_OPTION = "--columns intent="


class IntentSlotsTask(NerTask):
    """A text in words in; what is wanted, and the entities that say it in detail, out."""

    name: ClassVar[str] = "intent_slots"
    aliases: ClassVar[Mapping[str, Sequence[str]]] = {
        "tokens": TEXT_NAMES, "tags": ("slot_tags", "slots", *TAG_NAMES), "intent": ("intents", "category"),
    }  # fmt: skip

    def __init__(self, *, intent: str, **tagging: Any) -> None:
        super().__init__(**tagging)
        self.intent = intent

    @classmethod
    def learn(cls, section: TaskSection, splits: Sequence[Rows]) -> Self:
        """See `Task.learn`."""
        tagged = [TaggedRows(rows, section.text[0], section.label, cls.aliases) for rows in splits]
        columns = []
        for rows in splits:
            intent = choose_column(section.intent, rows, option=INTENT_OPTION, aliases=cls.aliases)
            columns.append(LabelColumn.of(rows, intent, section.rename))
        raw = (name for column in columns for name in column.names())
        scheme, names = learn_tags(tagged, section, other_labels=raw)
        intents = learn_labels(columns, problem="single_label", names=None).names
        settled = cls._settled(section, tagged)
        intent = choose_column(section.intent, splits[0], option=INTENT_OPTION, aliases=cls.aliases)
        settled["names"] = with_guesses(settled["names"], (section.intent,), (intent,))
        return cls(intent=intent, labels=LabelSet("frames", names, intents), scheme=scheme, **settled)

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Task.columns`."""
        return {**super().columns, "intent": self.intent}

    @classmethod
    def from_contract(cls, contract: ModelContract) -> Self:
        """See `Task.from_contract`."""
        return cls(
            intent=contract.intent, text=contract.text[0], label=contract.label, labels=contract.label_set,
            constrained=contract.constrained, rename=contract.rename, scheme=contract.tag_scheme,
            names=with_guesses(
                cls.aliases, ("tokens", "tags", "intent"), (*contract.text, contract.label, contract.intent)
            ),
            calibration=contract.calibration,
        )  # fmt: skip

    def contract_fields(self) -> dict[str, Any]:
        """See `Task.contract_fields`."""
        return super().contract_fields() | {"intent": self.intent, "intents": self.labels.intents}

    def examples(self, rows: Rows, *, keep_unlabelled: bool = False) -> ExampleSet:
        """See `Task.examples`."""
        tagged = super().examples(rows, keep_unlabelled=keep_unlabelled)
        find = optional_column if keep_unlabelled else choose_column
        column = find(self.intent, rows, option=INTENT_OPTION, aliases=self._names)
        if column is None:
            return replace(tagged, examples=[replace(example, target=None) for example in tagged.examples])
        reader = LabelReader(
            LabelSet("single_label", self.labels.intents),
            class_names=rows.class_names.get(column, ()), rename=self.rename,
        )  # fmt: skip
        values = rows.column(column)
        found: list[Example] = []
        aside = 0
        for example in tagged.examples:
            try:
                intent = reader.read(values[example.row])
            except DataError as error:
                rows.refuse(example.row, error)
                aside += 1
                continue
            missing = intent is None and not keep_unlabelled and is_missing(values[example.row])
            if missing and rows.sets_aside(example.row, "the intent is missing"):
                aside += 1
                continue
            labelled = intent is not None and example.target is not None
            if labelled or keep_unlabelled:
                found.append(replace(example, target=(intent, example.target) if labelled else None))
        return replace(
            tagged, examples=found,
            without_label=tagged.without_label + len(tagged.examples) - len(found) - aside,
        )  # fmt: skip

    def checked(self, example: Example) -> CheckedRow:
        """See `Task.checked`."""
        if example.target is None:
            return CheckedRow(example.id, example.texts, row=example.row)
        slots = (entity.label for entity in entities_of(self._tags(example)))
        labels = (self.labels.intents[example.target[0]], *slots)
        return CheckedRow(example.id, example.texts, labels, example.target, example.row)

    def stratum(self, example: Example) -> Hashable:
        """See `Task.stratum`: the intent."""
        intent: Hashable = example.target[0]
        return intent

    def targets(
        self,
        examples: Sequence[Example],
        features: Features,
        *,
        label_weights: Mapping[str, float] | str | None,
    ) -> Targets:
        """See `Task.targets`: the intent of each text and the tag of each word; texts count the same.

        The tags of all texts together count as much as their intents, so that one loss serves both: the
        mean over texts of the one plus the mean over words of the other.
        """
        slots = super().targets(
            [replace(example, target=example.target[1]) for example in examples], features,
            label_weights=label_weights,
        )  # fmt: skip
        windows = np.bincount(features.examples, minlength=len(examples))[features.examples]
        counts = slots.token_values["count"]
        per_text = float(counts.sum()) / max(1, len(examples))
        shares = counts * windows[features.feature_of_token] / max(per_text, 1.0)
        intents = np.asarray([example.target[0] for example in examples], dtype=np.int64)
        return Targets(
            {"intent": intents[features.examples]},
            (1.0 / windows).astype(np.float32),
            {"tag": slots.token_values["tag"], "count": shares.astype(np.float32), "sentence": _at(features)},
        )

    def loss(
        self, outputs: Any, targets: Mapping[str, torch.Tensor], *, label_smoothing: float
    ) -> torch.Tensor:
        """See `Task.loss`: that of the intent plus that of the slots."""
        from torch.nn import functional

        count = len(self.labels.names)
        slots = token_loss(
            outputs.logits[..., :count], targets["tag"], targets["count"], label_smoothing=label_smoothing
        )
        intents = (outputs.logits[..., count:].float() * targets["sentence"].unsqueeze(-1)).sum(dim=1)
        intent = functional.cross_entropy(
            intents, targets["intent"], reduction="none", label_smoothing=label_smoothing
        )
        return slots + intent

    def keep(self, outputs: Any) -> NDArray[np.float32]:
        """See `Task.keep`: (batch, sequence, tags + intents) probabilities, each group summing to 1."""
        count = len(self.labels.names)
        logits = outputs.logits.float()
        parts = [part.softmax(dim=-1).cpu().numpy() for part in (logits[..., :count], logits[..., count:])]
        return np.asarray(np.concatenate(parts, axis=-1), dtype=np.float32)

    def evidence(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> Evidence:
        """See `Calibrating.evidence`: the tag of each word, and the intent of each text."""
        count = len(self.labels.names)
        tagged = [replace(e, target=None if e.target is None else e.target[1]) for e in examples]
        known = [number for number, example in enumerate(examples) if example.target is not None]
        right = np.asarray([examples[number].target[0] for number in known], dtype=np.int64)
        intents = self._intents(kept, features, len(examples))[known]
        tags = super().evidence(kept[:, :count], features, tagged)
        return replace(tags, intents=Choices(intents, right))

    def _intents(self, kept: NDArray[Any], features: Features, count: int) -> NDArray[np.float64]:
        """(examples, intents) probabilities; the intent of a long text is the mean over its windows."""
        sentences = kept[sentence_tokens(features), len(self.labels.names) :]
        return mean_over_windows(sentences, features.examples, count)

    def decode(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> list[Prediction]:
        """See `Task.decode`: tags and intents are those without temperatures."""
        count = len(self.labels.names)
        intents = self._intents(kept, features, len(examples))
        chosen = intents.argmax(axis=1)
        intents = tempered(intents, self._calibration.intent_temperature)
        predictions = []
        by_word = scores_by_example(kept[:, :count], features, examples)
        for example, rows, best, row in zip(examples, by_word, chosen, intents, strict=True):
            tags, scores = self._decoder.best(rows, temperature=self._calibration.temperature)
            intent = self.labels.intents[int(best)]
            words = [example.texts[0][start:end] for start, end in example.words]
            named = zip(self.labels.intents, row, strict=True)
            by_intent = {name: round(float(value), 6) for name, value in named}
            value = {"intent": intent, "slots": entities_in_text(example, tags, scores)}
            details = {"words": words, "tags": tags}
            predictions.append(Prediction(value, by_intent[intent], by_intent, details))
        return predictions

    def compare(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[list[Any], list[Any]]:
        """See `Task.compare`: (intent, tags) of each text."""
        pairs = with_reference(examples, predictions)
        predicted = [(prediction.value["intent"], prediction.details["tags"]) for _, prediction in pairs]
        return predicted, [(self.labels.intents[e.target[0]], self._tags(e)) for e, _ in pairs]

    def shown(self, example: Example) -> Any:
        """See `Task.shown`."""
        if example.target is None:
            return None
        intent = self.labels.intents[example.target[0]]
        return {"intent": intent, "slots": entities_in_text(example, self._tags(example))}

    def _tags(self, example: Example) -> list[str]:
        return [] if example.target is None else self._named(example.target[1])


def _at(features: Features) -> NDArray[np.float32]:
    """(tokens,) 1 at the token that stands for the whole text, else 0."""
    marks = np.zeros(len(features.input_ids), dtype=np.float32)
    marks[sentence_tokens(features)] = 1.0
    return marks
