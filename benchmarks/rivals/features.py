"""Rows to token ids as transformers' own examples do it: run_glue, run_qa and run_ner, in short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STRIDE = 128  # tokens that two windows of a question's context share
TEXTS = {"sst2": ("sentence",), "mnli": ("premise", "hypothesis")}


def read_rows(file: str) -> list[dict[str, Any]]:
    with Path(file).open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def label_names(job: dict[str, Any]) -> list[str]:
    """The labels of the rows, in the order of the alphabet; no labels for questions."""
    if job["recipe"] == "squad":
        return []
    labels = [row.get("ner_tags", row.get("label")) for row in read_rows(job["rows"])]
    return sorted({name for each in labels for name in (each if isinstance(each, list) else [each]) if name})


def encoded(job: dict[str, Any], tokenizer: Any) -> Any:
    """A data set of features, each padded to the limit if the job says `padded`."""
    from datasets import Dataset

    rows = Dataset.from_list(read_rows(job["rows"]))
    numbers = {name: number for number, name in enumerate(label_names(job))}
    fill = {
        "truncation": True,
        "max_length": job["max_length"],
        "padding": "max_length" if job.get("padded") else False,
    }

    def classified(batch: dict[str, Any]) -> dict[str, Any]:
        made = tokenizer(*(batch[name] for name in TEXTS[job["recipe"]]), **fill)
        if "label" in batch:
            made["labels"] = [numbers[label] for label in batch["label"]]
        return dict(made)

    def tagged(batch: dict[str, Any]) -> dict[str, Any]:
        made = tokenizer(batch["tokens"], is_split_into_words=True, **fill)
        made["labels"] = [
            word_labels(made.word_ids(place), [numbers[tag] for tag in tags])
            for place, tags in enumerate(batch["ner_tags"])
        ]
        return dict(made)

    def answered(batch: dict[str, Any]) -> dict[str, Any]:
        return answer_windows(batch, tokenizer, fill)

    makers = {"squad": answered, "conll2003": tagged}
    make = makers.get(job["recipe"], classified)
    return rows.map(make, batched=True, remove_columns=rows.column_names)


def word_labels(words: list[int | None], tags: list[int]) -> list[int]:
    """The tag at the first piece of each word; -100, which the loss passes over, elsewhere."""
    before = [None, *words[:-1]]
    return [
        -100 if word is None or word == last else tags[word] for word, last in zip(words, before, strict=True)
    ]


def answer_windows(batch: dict[str, Any], tokenizer: Any, fill: dict[str, Any]) -> dict[str, Any]:
    """Windows over each context, with the answer's first and last token; at [CLS] where a window lacks it."""
    made = tokenizer(
        batch["question"], batch["context"], stride=STRIDE, return_overflowing_tokens=True,
        return_offsets_mapping=True, **{**fill, "truncation": "only_second"},
    )  # fmt: skip
    starts, ends = [], []
    for place, (row, offsets) in enumerate(
        zip(made.pop("overflow_to_sample_mapping"), made.pop("offset_mapping"), strict=True)
    ):
        answer = batch["answers"][row]
        first = answer["answer_start"][0]
        start, end = span_tokens(made.sequence_ids(place), offsets, first, first + len(answer["text"][0]))
        starts.append(start)
        ends.append(end)
    return {**made, "start_positions": starts, "end_positions": ends}


def span_tokens(
    sequences: list[int | None], offsets: list[tuple[int, int]], first: int, last: int
) -> tuple[int, int]:
    """Tokens of the context that cover the characters from `first` up to `last`; (0, 0) if it lacks some."""
    context = [place for place, sequence in enumerate(sequences) if sequence == 1]
    if not context or offsets[context[0]][0] > first or offsets[context[-1]][1] < last:
        return 0, 0
    start = max(place for place in context if offsets[place][0] <= first)
    end = min(place for place in context if offsets[place][1] >= last)
    return start, end
