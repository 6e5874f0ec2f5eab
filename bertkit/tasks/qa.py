"""Extractive question answering: a stretch of the context, or that there is no answer in it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bertkit.config.schema import TaskSection
from bertkit.data.checking.checks import CheckedRow
from bertkit.data.features import Features, Targets
from bertkit.data.labels import LabelSet
from bertkit.data.rows import Record, Rows
from bertkit.errors import DataError
from bertkit.models.contract import Calibration, ModelContract
from bertkit.tasks.answer_predictions import no_answer_score, predicted_answer
from bertkit.tasks.answer_rows import question_examples
from bertkit.tasks.answer_windows import (
    NOT_CONTEXT,
    Candidates,
    answer_tokens,
    best_spans,
    encode_questions,
    trimmed,
)
from bertkit.tasks.base import Example, ExampleSet, Limits, Prediction, Progress, with_reference
from bertkit.tasks.calibrating import Evidence, ForcedAnswers
from bertkit.tasks.columns import (
    LABEL_OPTION,
    TEXT_OPTIONS,
    as_text,
    choose_column,
    find_value,
    with_guesses,
)

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

# Candidates kept of each window and of each question, as in BERT's own SQuAD script.
N_BEST = 20
CANONICAL = ("question", "context")


class QaTask:
    """A question and a context in, a stretch of the context out."""

    name: ClassVar[str] = "qa"
    label_aliases: ClassVar[Mapping[str, str]] = {}
    refuses_other_labels: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, Sequence[str]]] = {
        "question": ("query",), "context": ("passage", "paragraph", "document", "text"),
        "answers": ("answer", "answer_text"),
    }  # fmt: skip

    def __init__(
        self,
        *,
        text: Sequence[str],
        label: str,
        max_question_length: int = 64,
        max_answer_length: int = 30,
        threshold: float | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.text: tuple[str, ...] = tuple(text)
        self.label = label
        self.labels = LabelSet("answers")
        self.max_question_length = max_question_length
        self.max_answer_length = max_answer_length
        self.threshold = threshold
        self._names = names if names is not None else self.aliases

    @classmethod
    def learn(cls, section: TaskSection, splits: Sequence[Rows]) -> Self:
        """See `Task.learn`: whether there are questions without an answer among those to train on."""
        wanted = (*section.text, section.label)
        options = (*TEXT_OPTIONS, LABEL_OPTION)
        found = [
            choose_column(name, splits[0], option=option, aliases=cls.aliases)
            for name, option in zip(wanted, options, strict=True)
        ]
        task = cls(
            text=found[:2], label=found[2], max_question_length=section.max_question_length,
            max_answer_length=section.max_answer_length, names=with_guesses(cls.aliases, wanted, found),
        )  # fmt: skip
        # Above 0.5 the model prefers no answer; the eval split tells the best value.
        unanswerable = any(not example.target for example in task.examples(splits[0]).examples)
        task.threshold = 0.5 if unanswerable else None
        return task

    @classmethod
    def from_contract(cls, contract: ModelContract) -> Self:
        """See `Task.from_contract`."""
        return cls(
            text=contract.text, label=contract.label, max_question_length=contract.max_question_length,
            max_answer_length=contract.max_answer_length, threshold=contract.threshold,
            names=with_guesses(cls.aliases, (*CANONICAL, "answers"), (*contract.text, contract.label)),
        )  # fmt: skip

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Task.columns`."""
        return {"question": self.text[0], "context": self.text[1], "answers": self.label}

    def contract_fields(self) -> dict[str, Any]:
        """See `Task.contract_fields`."""
        return {
            "text": self.text, "label": self.label, "problem": self.labels.problem,
            "max_question_length": self.max_question_length, "max_answer_length": self.max_answer_length,
            "threshold": self.threshold,
        }  # fmt: skip

    def examples(self, rows: Rows, *, keep_unlabelled: bool = False) -> ExampleSet:
        """See `Task.examples`: the target is a tuple of `Answer`, empty for an unanswerable question.

        A question is unanswerable where its answers are an empty list, or empty texts.
        """
        return question_examples(
            rows, text=self.text, label=self.label, aliases=self._names, keep_unlabelled=keep_unlabelled
        )

    def read(self, record: Record, identity: str) -> Example:
        """See `Task.read`: by the trained names, else `question` and `context`."""
        texts = tuple(
            as_text(find_value(record, name, canonical, option=option), name)
            for name, canonical, option in zip(self.text, CANONICAL, TEXT_OPTIONS, strict=True)
        )
        return Example(identity, texts, None)

    def checked(self, example: Example) -> CheckedRow:
        """See `Task.checked`."""
        labels = () if example.target is None else ("answerable" if example.target else "unanswerable",)
        return CheckedRow(example.id, example.texts, labels, example.target, example.row)

    def stratum(self, example: Example) -> Hashable:
        """See `Task.stratum`: whether there is an answer."""
        return bool(example.target)

    def group(self, example: Example) -> tuple[str, ...]:
        """See `Task.group`: questions about one context stay together."""
        return (example.texts[1],)

    @property
    def encoding_key(self) -> str:
        """See `Task.encoding_key`."""
        return str(self.max_question_length)

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerFast,
        limits: Limits,
        *,
        progress: Progress | None = None,
    ) -> Features:
        """See `Task.encode`: long contexts in windows, each with the whole question."""
        return encode_questions(
            examples, tokenizer, limits, max_question_length=self.max_question_length, progress=progress
        )

    def targets(
        self,
        examples: Sequence[Example],
        features: Features,
        *,
        label_weights: Mapping[str, float] | str | None,
    ) -> Targets:
        """See `Task.targets`: marks at start and end of the first answer, or both at the no-answer token.

        A window that does not hold the answer has none. A question whose answer was not found counts nothing.
        The marks are values of tokens, so that they stay in place where padding is put before the text.

        Raises:
            DataError: for label weights: there are no labels.
        """
        if label_weights is not None:
            raise DataError("there are no labels to weight", hint="leave train.class_weights out")
        marks = np.zeros((2, len(features.input_ids)), dtype=np.float32)
        weights = np.ones(len(features), dtype=np.float32)
        for feature, number in enumerate(features.examples):
            answers = examples[number].target
            answer = next((answer for answer in answers if answer.start >= 0), None)
            if answers and answer is None:
                weights[feature] = 0.0
            start, end = -1, -1
            if answer is not None:  # a blank at its end may belong to the next token
                context = examples[number].texts[1]
                start, end = trimmed(context, answer.start, answer.start + len(answer.text))
            first, last = answer_tokens(features, feature, start, end)
            marks[0, features.offsets[feature] + first] = 1.0
            marks[1, features.offsets[feature] + last] = 1.0
        readable = (features.alignment["start"] != NOT_CONTEXT).astype(np.float32)
        return Targets({}, weights, {"start": marks[0], "end": marks[1], "candidate": readable})

    def loss(
        self, outputs: Any, targets: Mapping[str, torch.Tensor], *, label_smoothing: float
    ) -> torch.Tensor:
        """See `Task.loss`: the mean of the cross-entropies of start and end.

        They choose among the tokens of the context and the no-answer token; question and padding are none.
        """
        from torch.nn import functional

        impossible = targets["candidate"] == 0
        losses = [
            functional.cross_entropy(
                logits.float().masked_fill(impossible, float("-inf")),
                targets[side].argmax(dim=1),
                reduction="none",
            )
            for side, logits in (("start", outputs.start_logits), ("end", outputs.end_logits))
        ]
        return (losses[0] + losses[1]) / 2

    def keep(self, outputs: Any) -> NDArray[np.float32]:
        """See `Task.keep`: (batch, sequence, 2) logits of start and end."""
        sides = [logits.float().cpu().numpy() for logits in (outputs.start_logits, outputs.end_logits)]
        return np.stack(sides, axis=-1).astype(np.float32)

    @property
    def calibration(self) -> Calibration | None:
        """See `Calibrating.calibration`: nothing to fit where each question has an answer."""
        return None if self.threshold is None else Calibration(threshold=self.threshold)

    def with_calibration(self, calibration: Calibration) -> QaTask:
        """See `Calibrating.with_calibration`."""
        task = copy(self)
        task.threshold = calibration.threshold
        return task

    def evidence(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> Evidence:
        """See `Calibrating.evidence`: the answers it would give if it had to."""
        known = [
            (example, found)
            for example, found in zip(examples, self._candidates(kept, features, examples), strict=True)
            if example.target is not None
        ]
        forced = ForcedAnswers(
            answers=[
                example.texts[1][found.spans[0].start : found.spans[0].end] if found.spans else ""
                for example, found in known
            ],
            references=[[answer.text for answer in example.target or ()] for example, _ in known],
            no_answer_scores=[no_answer_score(found) for _, found in known],
        )
        return Evidence(len(known), answers=forced)

    def _candidates(
        self, kept: NDArray[Any], features: Features, examples: Sequence[Example]
    ) -> list[Candidates]:
        return best_spans(kept, features, examples, count=N_BEST, max_tokens=self.max_answer_length)

    def decode(self, kept: NDArray[Any], features: Features, examples: Sequence[Example]) -> list[Prediction]:
        """See `Task.decode`: the best answer with its place in the context, or none."""
        found = self._candidates(kept, features, examples)
        return [
            predicted_answer(example.texts[1], one, threshold=self.threshold)
            for example, one in zip(examples, found, strict=True)
        ]

    def compare(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[list[str], list[list[str]]]:
        """See `Task.compare`: texts, and the texts of all right answers."""
        pairs = with_reference(examples, predictions)
        predicted = [prediction.value["text"] for _, prediction in pairs]
        return predicted, [[answer.text for answer in example.target] for example, _ in pairs]

    def shown(self, example: Example) -> Any:
        """See `Task.shown`: all right answers."""
        if example.target is None:
            return None
        return [{"text": answer.text, "start": answer.start} for answer in example.target]
