"""What a saved model needs to be used later: written beside its weights as `bertkit.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from bertkit.config.names import PROBLEMS, TASK_NAMES
from bertkit.data.labels import LabelSet
from bertkit.errors import ModelError
from bertkit.models.head_kinds import architectures_of, has_head
from bertkit.runs.atomic import write_json

FILE_NAME = "bertkit.json"
# Positions of encoders that do not say; the limit of BERT.
USUAL_POSITIONS = 512
# Windows over contexts, of which neighbours share a third: the setting of BERT's own SQuAD scripts.
USUAL_QA_WINDOW = 384


Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Calibration:
    """What is fitted to examples once the weights are, and changes no weight.

    Attributes:
        temperature: the logits of classes, labels or tags are divided by it; above 1 the model is less sure.
        intent_temperature: the same for intents.
        thresholds: by label, where an example has several: it is predicted from this probability on; a label
            that is not named from 0.5 on.
        threshold: no answer is given where the no-answer score is above it; None: always answer.
    """

    temperature: float = 1.0
    intent_temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What a contract holds of it."""
        return {
            "temperature": self.temperature, "intent_temperature": self.intent_temperature,
            "thresholds": dict(self.thresholds), "threshold": self.threshold,
        }  # fmt: skip


class ModelContract(BaseModel):
    """How texts go in and what comes out.

    Attributes:
        format: goes up when an older bertkit could not read the file.
        task: the task type.
        text: names of the text columns it was trained on.
        label: name of the label column.
        problem: one of `bertkit.config.names.PROBLEMS`.
        labels: names in the order of the model's outputs; of `frames` the tags.
        intents: of `frames`, names of the outputs that are read once a text.
        intent: name of the column they stand in.
        tag_scheme: `plain` for tags that mark no entities, `IOB2` for those that do; `auto` looks at them.
        constrained: predict no `I-` without its `B-`.
        rename: labels as data writes them, and what they count as.
        max_length: tokens of a feature.
        window: windows of so many tokens instead of cutting; None: texts are cut.
        stride: tokens that neighbouring windows share.
        max_question_length, max_answer_length: in tokens.
        temperature, intent_temperature, thresholds, threshold: see `Calibration`; a file without them is of
            a model that was not calibrated.
        recipe: what it was trained with, None for a model that bertkit did not make.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1] = 1
    task: Literal[TASK_NAMES]  # type: ignore[valid-type]
    text: tuple[str, ...]
    label: str = "label"
    problem: Literal[PROBLEMS]  # type: ignore[valid-type]
    labels: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    intent: str = "intent"
    tag_scheme: Literal["auto", "IOB2", "plain"] = "auto"
    constrained: bool = True
    rename: dict[str, str] = {}
    max_length: int = 128
    window: int | None = None
    stride: int = 32
    max_question_length: int = 64
    max_answer_length: int = 30
    temperature: Temperature = 1.0
    intent_temperature: Temperature = 1.0
    thresholds: dict[str, Probability] = {}
    threshold: float | None = None
    recipe: str | None = None

    @field_validator("thresholds")
    @classmethod
    def _names_labels(cls, thresholds: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        unknown = sorted(set(thresholds) - set(info.data.get("labels", ())))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of the labels")
        return thresholds

    @property
    def calibration(self) -> Calibration:
        """What was fitted to examples after the training."""
        return Calibration(self.temperature, self.intent_temperature, self.thresholds, self.threshold)

    @property
    def label_set(self) -> LabelSet:
        """What the model can predict."""
        return LabelSet(self.problem, self.labels, self.intents)


def read_contract(folder: Path, config: Mapping[str, Any], *, name: str | None = None) -> ModelContract:
    """The contract of a model folder, or what its config.json allows to conclude.

    Args:
        folder: where the model lies.
        config: the content of its config.json.
        name: as it was asked for; a folder of the Hub's cache is called like a commit.

    Raises:
        ModelError: if the file is broken, or the model has no trained head that a task here uses.
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
    positions = config.get("max_position_embeddings")
    positions = positions if isinstance(positions, int) and positions > 0 else USUAL_POSITIONS
    longest = min(positions, USUAL_POSITIONS)
    if has_head(config, "answers"):
        return ModelContract(
            task="qa", text=("question", "context"), label="answers", problem="answers",
            max_length=longest, window=min(longest, USUAL_QA_WINDOW),
            stride=min(longest, USUAL_QA_WINDOW) // 3,
        )  # fmt: skip
    if not has_head(config, "tags") and not has_head(config, "single_label"):
        raise _no_head(name, next(iter(architectures_of(config)), "nothing"))
    names = _distinct_labels(config)
    if has_head(config, "tags"):
        return ModelContract(
            task="ner", text=("tokens",), label="tags", problem="tags", labels=names, max_length=longest,
            window=longest, stride=longest // 4,
        )  # fmt: skip
    return _conclude(config, names, longest)


def _no_head(name: str, architecture: str) -> ModelError:
    if re.search("For(?!PreTraining|MaskedLM)", architecture):
        return ModelError(
            f"{name} was trained for another task ({architecture})",
            hint="bertkit reads models that classify, tag or answer; its encoder can be trained for that: "
            f"bertkit finetune RECIPE --model {name}",
        )
    return ModelError(
        f"{name} has no trained head ({architecture})",
        hint="fine-tune it first: bertkit finetune RECIPE --model ...",
    )


def _distinct_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    names = configured_labels(config)
    if len(set(names)) < len(names):
        raise ModelError(
            f"config.json: id2label gives a label twice: {', '.join(names)}",
            hint="give each output a name of its own",
        )
    return names


def _conclude(config: Mapping[str, Any], names: tuple[str, ...], longest: int) -> ModelContract:
    problem = {"regression": "regression", "multi_label_classification": "multi_label"}.get(
        str(config.get("problem_type")), "regression" if len(names) == 1 else "single_label"
    )
    return ModelContract(
        task="classification", text=("text",), problem=problem,
        labels=() if problem == "regression" else names, max_length=longest,
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
    write_json(folder / FILE_NAME, contract.model_dump(mode="json"))
