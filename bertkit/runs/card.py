"""The model card of a run: what it is, how good it is, how to use it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertkit.redaction import redacted

SHOWN_LABELS = 50
_WITHOUT_LABELS = {"regression": "a number", "answers": "a stretch of the context"}
_ACTED_ON = re.compile(r"([\\`*\[\]|])")


@dataclass(frozen=True)
class CardFacts:
    """What the card says.

    Attributes:
        title: name of the run.
        recipe: name of the recipe.
        base_model: the encoder.
        data: the source of the rows.
        problem: one of `bertkit.config.names.PROBLEMS`.
        pipeline: the tag by which the Hub knows such models; also transformers' pipeline, where it has one.
        labels: what it predicts.
        text: names of the text columns.
        lengths: how long texts are treated.
        max_length: tokens that the model reads at once.
        calibration: what was fitted to the split that selects; empty where nothing was.
        rows: number of rows by split; without those of a stream.
        scores: shown scores by split and metric.
        settings: the training settings worth reading.
        versions: of the packages.
    """

    title: str
    recipe: str
    base_model: str
    data: str
    problem: str
    pipeline: str
    labels: Sequence[str]
    text: Sequence[str]
    lengths: str
    max_length: int
    rows: Mapping[str, int]
    scores: Mapping[str, Mapping[str, str]]
    settings: Mapping[str, object]
    versions: Mapping[str, str | None]
    calibration: str = ""


def model_card(facts: CardFacts) -> str:
    """The card as Markdown with the front matter the Hub reads; without secrets, for it will be shared."""
    return redacted(_card(facts))


def _card(facts: CardFacts) -> str:
    front = ["---", "library_name: transformers", f"pipeline_tag: {facts.pipeline}", "tags: [bertkit]"]
    front += [f"base_model: {json.dumps(facts.base_model)}", "---"]
    settings = "\n".join(f"| {name} | {_plain(str(value))} |" for name, value in facts.settings.items())
    versions = ", ".join(f"{name} {number}" for name, number in facts.versions.items() if number)
    labels = ", ".join(_plain(name) for name in facts.labels[:SHOWN_LABELS]) or _WITHOUT_LABELS[facts.problem]
    labels += f", ... ({len(facts.labels):,} labels)" if len(facts.labels) > SHOWN_LABELS else ""
    columns = ", ".join(f"`{_code(name)}`" for name in facts.text)
    # Models that tag words also take a text whose words they find.
    keys = ["text"] if facts.problem in ("tags", "frames") else facts.text
    example = shlex.quote(_printable(json.dumps(dict.fromkeys(keys, "..."), ensure_ascii=False)))
    scores = "\n".join(
        f"| {_plain(split)} | {facts.rows.get(split, 0):,} | {_listed(values)} |"
        for split, values in facts.scores.items()
    )
    fitted = ""
    if facts.calibration:
        fitted = f"\n- Calibrated: {_plain(facts.calibration)}. A plain pipeline knows nothing of this."
    return (
        "\n".join(front)
        + f"""

# {_plain(facts.title)}

{_plain(facts.base_model)}, fine-tuned by bertkit with the recipe
`{_code(facts.recipe)}` on {_plain(facts.data)}.

- Reads: {columns}. {facts.lengths}
- Says ({facts.problem.replace("_", " ")}): {labels}{fitted}

## Scores

| split | rows | scores |
|---|---|---|
{scores}

Trained on {_trained_on(facts)}.

## Use

    echo {example} | bertkit predict - --model .

{_in_python(facts)}

## Settings

| setting | value |
|---|---|
{settings}

{versions}. `bertkit finetune recipe.yaml` repeats this run.
"""
    )


def _in_python(facts: CardFacts) -> str:
    """How to use it from Python: with plain transformers where it has a pipeline for such models."""
    if facts.problem in ("answers", "frames"):
        return '    from bertkit import predict\n    predict("file.jsonl", model="model").predictions'
    options = f"truncation=True, max_length={facts.max_length}"
    if facts.problem == "tags":
        options = 'aggregation_strategy="first"'
    return (
        "    from transformers import pipeline\n"
        f'    pipe = pipeline("{facts.pipeline}", model="model", {options})'
    )


def _trained_on(facts: CardFacts) -> str:
    return f"{facts.rows['train']:,} rows" if "train" in facts.rows else "a stream of rows"


def _listed(scores: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in scores.items())


def _plain(text: str) -> str:
    """Text from data or settings without what Markdown, HTML or a terminal would act on."""
    return _ACTED_ON.sub(r"\\\1", _printable(text)).replace("&", "&amp;").replace("<", "&lt;")


def _code(text: str) -> str:
    """The same between backticks, where a backtick alone is acted on."""
    return _printable(text).replace("`", "'")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
