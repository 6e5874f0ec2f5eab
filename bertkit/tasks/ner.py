"""Tagging of words: named entities, chunks, slots, parts of speech."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bertkit.config.schema import TaskSection
from bertkit.data.cell_lists import is_cell_list, read_cell_list
from bertkit.data.checking.checks import CheckedRow, RowFault
from bertkit.data.columns import nearest
from bertkit.data.features import Features, Targets
from bertkit.data.labels import LabelSet
from bertkit.data.rows import Record, Rows
from bertkit.data.tag_schemes import entities_of
from bertkit.data.words import find_words
from bertkit.errors import DataError
from bertkit.models.contract import Calibration, ModelContract
from bertkit.tasks.base import Example, ExampleSet, Limits, Prediction, Progress, with_reference
from bertkit.tasks.calibrating import Evidence
from bertkit.tasks.columns import (
    NO_LABEL,
    NO_TEXT,
    as_text,
    find_item,
    identity_column,
    identity_of,
    with_guesses,
)
from bertkit.tasks.tag_names import label_of, labels_in, renamed_tags
from bertkit.tasks.tag_rows import UNUSABLE, as_tokens, joined
from bertkit.tasks.tagged_rows import TaggedRows, learn_tags
from bertkit.tasks.tagging import (
    SMALLEST,
    TagDecoder,
    entities_in_text,
    feature_sums,
    scores_by_example,
    tag_choices,
    token_loss,
    token_targets,
    weights_of_tags,
)
from bertkit.tasks.word_windows import encode_words

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

TEXT_NAMES = ("tokens", "words", "text", "sentence", "content")
TAG_NAMES = (
    "tags", "ner_tags", "spans", "entities", "slot_tags", "chunk_tags", "pos_tags", "labels", "label", "ner",
)  # fmt: skip


class NerTask:
    """A text in words in, a tag for each word and the entities they make out."""

    name: ClassVar[str] = "ner"
    label_aliases: ClassVar[Mapping[str, str]] = {}
    refuses_other_labels: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, Sequence[str]]] = {"tokens": TEXT_NAMES, "tags": TAG_NAMES}

    def __init__(
        self,
        *,
        text: str,
        label: str,
        labels: LabelSet,
        scheme: str = "auto",
        constrained: bool = True,
        all_subwords: bool = False,
        rename: Mapping[str, str] | None = None,
        spans: bool = False,
        names: Mapping[str, Sequence[str]] | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.text: tuple[str, ...] = (text,)
        self.label = label
        self.labels = labels
        self.rename = dict(rename or {})
        self.scheme = scheme
        self._constrained = constrained
        self._spans = spans
        self._names = names if names is not None else self.aliases
        self._all_subwords = all_subwords
        self._calibration = calibration or Calibration()
        self._decoder = TagDecoder(labels.names, constrained=constrained, scheme=scheme)
        self._numbers = {name: number for number, name in enumerate(labels.names)}

    @classmethod
    def learn(cls, section: TaskSection, splits: Sequence[Rows]) -> Self:
        """See `Task.learn`: the scheme and the labels are those of all splits."""
        tagged = [TaggedRows(rows, section.text[0], section.label, cls.aliases) for rows in splits]
        scheme, names = learn_tags(tagged, section)
        return cls(labels=LabelSet("tags", names), scheme=scheme, **cls._settled(section, tagged))

    @classmethod
    def _settled(cls, section: TaskSection, tagged: Sequence[TaggedRows]) -> dict[str, Any]:
        """What the recipe and the columns of all splits say, as arguments."""
        text, label = tagged[0].text, str(tagged[0].label)
        return {
            "text": text, "label": label, "rename": section.rename, "constrained": section.constrained,
            "all_subwords": section.label_subwords == "all", "spans": any(s.has_spans for s in tagged),
            "names": with_guesses(cls.aliases, (section.text[0], section.label), (text, label)),
        }  # fmt: skip

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Task.columns`."""
        return {"tokens": self.text[0], "tags": self.label}

    @classmethod
    def from_contract(cls, contract: ModelContract) -> Self:
        """See `Task.from_contract`."""
        return cls(
            text=contract.text[0], label=contract.label, labels=contract.label_set,
            constrained=contract.constrained, rename=contract.rename, scheme=contract.tag_scheme,
            names=with_guesses(cls.aliases, ("tokens", "tags"), (*contract.text, contract.label)),
            calibration=contract.calibration,
        )  # fmt: skip

    def contract_fields(self) -> dict[str, Any]:
        """See `Task.contract_fields`."""
        return {
            "text": self.text, "label": self.label, "problem": self.labels.problem,
            "labels": self.labels.names, "constrained": self._constrained, "rename": self.rename,
            "tag_scheme": "plain" if self._decoder.is_plain else "IOB2", **self._calibration.fields,
        }  # fmt: skip

    def examples(self, rows: Rows, *, keep_unlabelled: bool = False) -> ExampleSet:
        """See `Task.examples`: rows whose tags cannot be right are left out, and told."""
        read = self._read_rows(rows, required=not keep_unlabelled)
        own_id = identity_column(rows, (read.text, read.label))
        some = rows.rejected.allows_some
        found: list[Example] = []
        faults: list[RowFault] = []
        without_label = without_text = 0
        for number, record in enumerate(rows.records):
            try:
                tagged = read.tagged(record, plain=self._decoder.is_plain)
                usable = tagged if tagged is not None and tagged.is_usable else None
                tags = usable.tags if usable is not None else None
                target = self._target(tags) if tags is not None else None
            except DataError as error:
                rows.refuse(number, error)
                continue
            if tagged is None or (some and not tagged.text.strip()):
                without_text += not rows.sets_aside(number, NO_TEXT)
                continue
            if some and not tagged.is_usable:
                rows.sets_aside(number, "; ".join(sorted(UNUSABLE & set(tagged.faults))))
                continue
            told = set(tagged.faults) if tagged.is_usable else UNUSABLE & set(tagged.faults)
            faults += [RowFault(what, rows.place(number), left_out=what in UNUSABLE) for what in sorted(told)]
            if not tagged.is_usable:
                continue
            if tagged.tags is None and not keep_unlabelled:
                without_label += not rows.sets_aside(number, NO_LABEL)
                continue
            identity = identity_of(record, own_id, number)
            found.append(Example(identity, (tagged.text,), target, tagged.words, row=number))
        return ExampleSet(found, without_label, without_text, faults)

    def _read_rows(self, rows: Rows, *, required: bool) -> TaggedRows:
        return TaggedRows(
            rows, self.text[0], self.label, self._names, required=required, spans_elsewhere=self._spans
        )

    def written_tags(self, rows: Rows) -> Iterable[list[str]] | None:
        """See `TagsWords.written_tags`."""
        read = self._read_rows(rows, required=False)
        return None if read.has_spans else read.sequences()

    def _target(self, tags: Sequence[str]) -> tuple[int, ...]:
        tags = renamed_tags(tags, self.rename, plain=self._decoder.is_plain)
        # A model trained on IOB1 has no `B-` for what never follows its like.
        tags = [tag if tag in self._numbers else tag.replace("B-", "I-", 1) for tag in tags]
        unknown = next((tag for tag in tags if tag not in self._numbers), None)
        if unknown is not None:
            plain = self._decoder.is_plain
            label = unknown if plain else label_of(unknown)
            known = list(dict.fromkeys(labels_in([self.labels.names], plain=plain)))
            near = nearest(label, known)
            raise DataError(
                f"the label {label!r} is not among those of the model: {', '.join(known[:20])}",
                hint=f"did you mean {near!r}? map it: --labels {label}={near}"
                if near
                else f"map it: --labels {label}=TO" + ("" if plain else f", or --labels {label}=O"),
            )
        return tuple(self._numbers[tag] for tag in tags)

    def read(self, record: Record, identity: str) -> Example:
        """See `Task.read`: tokens, or a text whose words are found."""
        name, value = find_item(record, self.text[0], *TEXT_NAMES[:3])
        # A text may look like a list; what is called tokens is one, also in a cell of a table.
        listed = name.casefold() in TEXT_NAMES[:2] and is_cell_list(value)
        tokens = as_tokens(read_cell_list(value) if listed else value)
        if tokens is not None:
            text, words = joined(tokens)
            return Example(identity, (text,), None, words)
        text = as_text(value, self.text[0])
        return Example(identity, (text,), None, tuple(find_words(text)))

    def checked(self, example: Example) -> CheckedRow:
        """See `Task.checked`."""
        tags = self._tags(example)
        plain = self._decoder.is_plain
        labels = tuple(dict.fromkeys(tags)) if plain else tuple(entity.label for entity in entities_of(tags))
        return CheckedRow(example.id, example.texts, labels, example.target, example.row)

    def stratum(self, example: Example) -> Hashable:
        """See `Task.stratum`: whether there is an entity at all."""
        return self._decoder.is_plain or any(tag != "O" for tag in self._tags(example))

    def group(self, example: Example) -> tuple[str, ...]:
        """See `Task.group`: rows with the same text."""
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
        """See `Task.encode`: long texts in windows, no word lost."""
        return encode_words(examples, tokenizer, limits, progress=progress)

    def targets(
        self,
        examples: Sequence[Example],
        features: Features,
        *,
        label_weights: Mapping[str, float] | str | None,
    ) -> Targets:
        """See `Task.targets`: a tag for each word; a feature counts as many times as it has them.

        Raises:
            DataError: for label weights that name no tag or label.
        """
        tags = [example.target for example in examples]
        values, counts = token_targets(tags, features, all_subwords=self._all_subwords)
        if label_weights is not None:
            chosen = counts > 0
            counts[chosen] = weights_of_tags(self.labels.names, values[chosen], label_weights)
        return Targets({}, feature_sums(features, counts), {"tag": values, "count": counts})

    def loss(
        self, outputs: Any, targets: Mapping[str, torch.Tensor], *, label_smoothing: float
    ) -> torch.Tensor:
        """See `Task.loss`: the mean cross-entropy of the tags of each feature."""
        counts = targets["count"]
        sums = token_loss(outputs.logits, targets["tag"], counts, label_smoothing=label_smoothing)
        # A window without a word of its own has a loss of 0, and not of 0 / 0.
        return sums / counts.sum(dim=1).clamp(min=SMALLEST)

    def keep(self, outputs: Any) -> NDArray[np.float32]:
        """See `Task.keep`: (batch, sequence, tags) probabilities."""
        return np.asarray(outputs.logits.float().softmax(dim=-1).cpu().numpy(), dtype=np.float32)

    @property
    def calibration(self) -> Calibration | None:
        """See `Calibrating.calibration`."""
        return self._calibration

    def with_calibration(self, calibration: Calibration) -> Self:
        """See `Calibrating.with_calibration`."""
        task = copy(self)
        task._calibration = calibration
        return task

    def evidence(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> Evidence:
        """See `Calibrating.evidence`: the tag of each word."""
        by_word = zip(examples, scores_by_example(kept, features, examples), strict=True)
        known = [(rows, example.target) for example, rows in by_word if example.target is not None]
        rows, targets = [rows for rows, _ in known], [target for _, target in known]
        return Evidence(len(known), choices=tag_choices(rows, targets, tags=len(self.labels.names)))

    def decode(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> list[Prediction]:
        """See `Task.decode`: entities with their places, or plain tags."""
        predictions = []
        for example, rows in zip(examples, scores_by_example(kept, features, examples), strict=True):
            tags, scores = self._decoder.best(rows, temperature=self._calibration.temperature)
            value: Any = tags if self._decoder.is_plain else entities_in_text(example, tags, scores)
            words = [example.texts[0][start:end] for start, end in example.words]
            predictions.append(Prediction(value, details={"words": words, "tags": tags}))
        return predictions

    def compare(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[list[list[str]], list[list[str]]]:
        """See `Task.compare`: the tags of each text."""
        pairs = with_reference(examples, predictions)
        predicted = [prediction.details["tags"] for _, prediction in pairs]
        return predicted, [self._tags(example) for example, _ in pairs]

    def shown(self, example: Example) -> Any:
        """See `Task.shown`."""
        if example.target is None:
            return None
        tags = self._tags(example)
        return tags if self._decoder.is_plain else entities_in_text(example, tags)

    def _tags(self, example: Example) -> list[str]:
        return self._named(example.target or ())

    def _named(self, numbers: Sequence[int]) -> list[str]:
        return [self.labels.names[number] for number in numbers]
