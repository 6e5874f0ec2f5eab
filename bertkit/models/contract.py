"""What a saved model needs to be used later: written beside its weights as `bertkit.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bertkit.config.names import PROBLEMS, TASK_NAMES
from bertkit.errors import ModelError

FILE_NAME = "bertkit.json"
# Positions of encoders that do not say; the limit of BERT.
USUAL_POSITIONS = 512


class ModelContract(BaseModel):
    """How texts go in and what comes out.

    Attributes:
        format: goes up when an older bertkit could not read the file.
        task: the task type.
        text: names of the text columns it was trained on.
        label: name of the label column.
        problem: single_label, multi_label or regression.
        labels: names in the order of the model's outputs.
        max_length: tokens of a feature.
        window: windows of so many tokens instead of cutting; None: texts are cut.
        stride: tokens that neighbouring windows share.
        recipe: what it was trained with, None for a model that bertkit did not make.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1] = 1
    task: Literal[TASK_NAMES]  # type: ignore[valid-type]
    text: tuple[str, ...]
    label: str = "label"
    problem: Literal[PROBLEMS]  # type: ignore[valid-type]
    labels: tuple[str, ...] = ()
    max_length: int = 128
    window: int | None = None
    stride: int = 32
    recipe: str | None = None


def read_contract(folder: Path, config: Mapping[str, Any], *, name: str | None = None) -> ModelContract:
    """The contract of a model folder, or what its config.json allows to conclude.

    Args:
        folder: where the model lies.
        config: the content of its config.json.
        name: as it was asked for; a folder of the Hub's cache is called like a commit.

    Raises:
        ModelError: if the file is broken, or the model has no trained head for classification.
    """
    name = name or folder.name
    file = folder / FILE_NAME
    if file.is_file():
        try:
            return ModelContract.model_validate_json(file.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ModelError(
                f"{file}: {where}: {first['msg']}", hint="was it made by a newer bertkit?"
            ) from error
    architectures = config.get("architectures") or ["nothing"]
    if not any("SequenceClassification" in str(name) for name in architectures):
        if re.search("For(?!PreTraining|MaskedLM)", str(architectures[0])):
            raise ModelError(
                f"{name} was trained for another task ({architectures[0]})",
                hint="bertkit reads models for classification; its encoder can be trained for that: "
                f"bertkit finetune RECIPE --model {name}",
            )
        raise ModelError(
            f"{name} has no trained head ({architectures[0]})",
            hint="fine-tune it first: bertkit finetune RECIPE --model ...",
        )
    return _conclude(config)


def _conclude(config: Mapping[str, Any]) -> ModelContract:
    names = configured_labels(config)
    if len(set(names)) < len(names):
        raise ModelError(
            f"config.json: id2label gives a label twice: {', '.join(names)}",
            hint="give each output a name of its own",
        )
    problem = {"regression": "regression", "multi_label_classification": "multi_label"}.get(
        str(config.get("problem_type")), "regression" if len(names) == 1 else "single_label"
    )
    positions = config.get("max_position_embeddings")
    positions = positions if isinstance(positions, int) and positions > 0 else USUAL_POSITIONS
    return ModelContract(
        task="classification", text=("text",), problem=problem,
        labels=() if problem == "regression" else names, max_length=min(positions, USUAL_POSITIONS),
    )  # fmt: skip


def configured_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Label names of a config.json in the order of the outputs; LABEL_0 and LABEL_1 if it has none.

    Raises:
        ModelError: if they are not numbered from 0 on.
    """
    named = config.get("id2label") or {str(n): f"LABEL_{n}" for n in range(config.get("num_labels") or 2)}
    count = len(named)
    if not isinstance(named, dict) or {str(key) for key in named} != {str(n) for n in range(count)}:
        raise ModelError(
            f"config.json: id2label does not number its labels from 0 on: {named}",
            hint='write it as {"0": "first label", "1": "second label"}',
        )
    return tuple(str(named[key]) for key in sorted(named, key=int))


def write_contract(folder: Path, contract: ModelContract) -> None:
    """Write `bertkit.json` into a model folder that is being made."""
    (folder / FILE_NAME).write_text(contract.model_dump_json(indent=2) + "\n", encoding="utf-8")
