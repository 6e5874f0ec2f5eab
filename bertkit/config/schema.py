"""The recipe: every setting there is, its type, its default and what it means, once.

`bertkit recipes schema` prints this file as JSON Schema, and `Recipe.model_validate` is the only way
in: flags, `--set` and files all pass through it (see `loader.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from bertkit.config.names import METRIC_NAMES, PROBLEMS, TASK_NAMES, TASK_SETTINGS, WINDOWED_TASKS
from bertkit.config.setting_types import BatchPlan, Fraction, LabelNames, Names, Revision, Splits, as_names

DEFAULT_MODEL = "bert-base-uncased"
# What the eval split is called that data.fold names.
FOLD = "fold"
# Of a recipe: its runs are called so, with model and time after it.
RUN_NAME = r"^[A-Za-z0-9][\w.-]{0,99}$"


class Section(BaseModel):
    """Settings that belong together. Unknown keys are faults, and nothing is converted in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class TaskSection(Section):
    """What the columns mean."""

    type: Literal[TASK_NAMES]  # type: ignore[valid-type]
    """The task type."""
    text: Annotated[Names, Field(min_length=1, max_length=2)] = ["text"]
    """The column with the text, or the two columns of a pair."""
    label: str = "label"
    """The column with the label, the list of labels or the number."""
    labels: Annotated[list[str] | None, BeforeValidator(as_names, json_schema_input_type=LabelNames)] = None
    """Label names in the order of their numbers; empty: read from the data."""
    problem: Literal[("auto", *PROBLEMS)] = "auto"  # type: ignore[valid-type]
    """What is predicted: one label, several labels, a number; `auto` looks at the label column."""
    rename: dict[str, str] = {}
    """Labels as they are written, and what they count as: `{pos: positive}`; two may become one."""
    window: Annotated[int, Field(ge=16)] | None = None
    """Read long texts in windows of so many tokens instead of cutting them at train.max_length; ner, qa and
    intent_slots always do, and take train.max_length where this is empty."""
    stride: Annotated[int, Field(ge=0)] | None = None
    """Tokens that one window shares with the next; empty: a quarter of the window."""
    intent: str = "intent"
    """The column with the label of the whole text (intent_slots)."""
    tag_scheme: Literal["auto", "IOB1", "IOB2", "BIOES", "plain"] = "auto"
    """How tags mark entities; `auto` looks at all of them. BILOU is BIOES by other letters."""
    label_subwords: Literal["first", "all"] = "first"
    """Which pieces of a word the loss looks at; predictions read the first."""
    constrained: bool = True
    """Predict no `I-` without its `B-`."""
    max_question_length: Annotated[int, Field(ge=8)] = 64
    """Tokens of a question; what is over is cut, and counted."""
    max_answer_length: Annotated[int, Field(ge=1)] = 30
    """The longest answer in tokens."""

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: list[str] | None) -> list[str] | None:
        if labels is not None and len(labels) < 2:
            raise ValueError("needs at least two labels")
        if labels is not None and len(set(labels)) < len(labels):
            twice = sorted({name for name in labels if labels.count(name) > 1})
            raise ValueError(f"gives a label twice: {', '.join(twice)}")
        return labels

    @model_validator(mode="after")
    def _fits(self) -> TaskSection:
        if self.type == "nli" and len(self.text) != 2:
            raise ValueError(
                "nli needs two text columns, premise and hypothesis: text: [premise, hypothesis]"
            )
        if self.type == "qa" and len(self.text) != 2:
            raise ValueError("qa needs two text columns, question and context: text: [question, context]")
        if self.type in ("ner", "intent_slots") and len(self.text) != 1:
            raise ValueError(f"{self.type} reads one text column, of tokens or text: text: [tokens]")
        for name, types in TASK_SETTINGS.items():
            if self.type not in types and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is a setting of {' and '.join(types)}, not of {self.type}")
        if self.type in WINDOWED_TASKS:
            return self
        if self.window is not None and len(self.text) == 2:
            raise ValueError("window reads one long text; with a pair set train.max_length instead")
        if self.stride is not None and self.window is None:
            raise ValueError("stride says what windows share, and no window is set: --window 256 --stride 64")
        return self


class DataSection(Section):
    """Where rows come from."""

    source: str | None = None
    """A Hub id, a folder, or `package:NAME`; empty: train, eval and test name files."""
    config: str | None = None
    """The configuration of a Hub data set, as `sst2` of `nyu-mll/glue`."""
    revision: Revision | None = None
    """The branch, tag or commit of a Hub data set."""
    train: str | None = None
    """The split (or file) to train on."""
    eval: Splits = {}
    """Splits (or files) to score, by name; the first one selects the best checkpoint."""
    test: str | None = None
    """A split (or file) that is scored once, after training, or predicted where it has no labels."""
    eval_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The share of the training rows that is kept for evaluation when there is no eval split."""
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """Decides which training rows are kept for evaluation and which fold a row is in: not train.seed, so that
    runs with other seeds are scored on the same rows."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Cut the training rows into so many folds, and score the one that `fold` names as the eval split `fold`,
    after those of `eval`; finetune --folds 5 trains once for each."""
    fold: Annotated[int, Field(ge=1)] | None = None
    """Which of the folds is kept for evaluation, from 1."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Use only so many rows of each split, for a smoke run."""
    skip_bad_rows: Annotated[int, Field(ge=0, le=100_000)] = 0
    """So many rows, of all splits together, may be set aside because they cannot be read or used; they go
    into rejected.jsonl. 0: the first one is an error."""
    streaming: bool = False
    """Read the training rows while they are trained on, from files, URLs or the Hub, never all in memory or
    on the disk; with `limit` read only so many, instead of downloading a split whole."""
    block_rows: Annotated[int, Field(ge=1)] = 8192
    """With streaming: so many rows are in memory and in random order at once, and as many are made ready."""

    @property
    def streams(self) -> bool:
        """Whether the training rows are a stream: never known as a whole."""
        return self.streaming and self.limit is None and self.train is not None

    @model_validator(mode="after")
    def _stream_is_not_cut(self) -> DataSection:
        if self.streams and (self.folds is not None or not self.eval):
            what = "folds cannot be cut" if self.folds is not None else "no eval rows can be kept"
            raise ValueError(f"{what} from a stream, which is never read as a whole: give an eval split")
        return self

    @model_validator(mode="after")
    def _fold_is_one_of_folds(self) -> DataSection:
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds and fold go together, as folds: 5 and fold: 1; --folds 5 trains them all")
        if self.folds is not None and self.fold is not None and self.fold > self.folds:
            raise ValueError(f"fold {self.fold} is more than the {self.folds} folds: they count from 1")
        if self.fold is not None and FOLD in self.eval:
            raise ValueError(f"an eval split is called {FOLD!r}, as that of folds is: give it another name")
        return self


class ModelSection(Section):
    """The encoder."""

    name: str = DEFAULT_MODEL
    """A Hub id, a folder, a run, or `minilm` (from the extra `bertkit[demo]`)."""
    revision: Revision | None = None
    """The branch, tag or commit on the Hub."""
    head: Literal["auto", "new"] = "auto"
    """`auto` goes on with a trained head whose label names fit; `new` starts a fresh one."""


class TrainSection(Section):
    """How the weights are changed. A batch is what one optimizer step sees, over all processes."""

    epochs: Annotated[float, Field(gt=0)] = 3.0
    """Passes over the training rows."""
    max_steps: Annotated[int, Field(ge=1)] | None = None
    """Stop after so many optimizer steps instead of `epochs`."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-5
    """The peak learning rate."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Examples (with windows: windows) of one optimizer step, over all processes."""
    batch_plan: BatchPlan = "same"
    """`same`: examples in random order, as published settings mean it; `bucketed`: batches of similar length;
    `tokens`: of similar length and as many tokens each, batch_size examples on average. Steps are as many;
    with `tokens` a long example counts more than a short one, for it shares its step with fewer."""
    micro_batch_size: Annotated[int, Field(ge=1)] | None = None
    """Compute a batch in pieces of so many examples and accumulate their gradients; empty: at once."""
    max_length: Annotated[int, Field(ge=8)] = 128
    """Tokens of one example, special ones included; what is over is cut, and the share is printed."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """The learning rate after warm-up: falls to 0 in a line, in a half cosine, or stays."""
    warmup_ratio: Fraction = 0.1
    """The share of the steps in which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """AdamW's decoupled decay; biases and norms have none."""
    adam_beta1: Fraction = 0.9
    """AdamW's decay of the mean of gradients."""
    adam_beta2: Fraction = 0.999
    """AdamW's decay of the mean of squared gradients."""
    adam_epsilon: Annotated[float, Field(gt=0)] = 1e-8
    """AdamW's term against division by zero."""
    max_grad_norm: Annotated[float, Field(gt=0)] | None = 1.0
    """Gradients are scaled down to this norm; empty: never."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """How several processes train: `ddp`, each has the whole model; `fsdp`, each has a share of it, for an
    encoder that does not fit otherwise; `auto` compares the size of the model with the memory there is."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """bf16 computes matrix products in bfloat16 over fp32 weights; `auto`: where the hardware has it. fp16 is
    for GPUs without bf16; the loss is scaled, so that small gradients do not become 0."""
    compile: bool = False
    """Compile the layers of the encoder with torch.compile: for GPUs and long trainings, for it takes
    minutes; on processors most encoders are computed by bertkit's own fused layers, and stay so."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """Seeds the new head, dropout and the order of rows."""
    eval_every_steps: Annotated[int, Field(ge=1)] | None = None
    """Evaluate every so many optimizer steps; empty: after each epoch."""
    save_every_minutes: Annotated[float, Field(ge=0)] | None = 10.0
    """Besides at each evaluation, write a checkpoint after so many minutes; empty: never, 0: each step."""
    on_nan: Literal["stop", "skip"] = "stop"
    """What a loss or gradient that is no number does: `stop`, or `skip` the step and count it."""
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    """Stop after so many evaluations without a better one."""
    class_weights: Literal["auto"] | dict[str, Annotated[float, Field(gt=0)]] | None = None
    """`auto`: inverse to the frequency of each label; or a weight by label name."""
    label_smoothing: Fraction = 0.0
    """The share of the target that is spread over all labels."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Each layer below the head learns at this share of the rate of the layer above it."""
    freeze_embeddings: bool = False
    """Do not train the embeddings."""
    freeze_layers: Annotated[int, Field(ge=0)] = 0
    """Do not train so many layers, counted from the bottom (and the embeddings)."""
    reinit_layers: Annotated[int, Field(ge=0)] = 0
    """Start so many layers afresh, counted from the top (Zhang et al. 2021)."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them: less memory, about a third slower."""


class MetricsSection(Section):
    """What is reported."""

    report: list[Literal[METRIC_NAMES]] | None = None  # type: ignore[valid-type]
    """The metrics to compute; empty: the usual ones of the problem."""
    select: Literal[METRIC_NAMES] | None = None  # type: ignore[valid-type]
    """The metric that decides which checkpoint is best; empty: the first of `report`."""

    @model_validator(mode="after")
    def _selected_is_reported(self) -> MetricsSection:
        if self.select is not None and self.report is not None and self.select not in self.report:
            raise ValueError(f"select: {self.select} is not among report: [{', '.join(self.report)}]")
        return self


class Published(Section):
    """A published score to print beside ours."""

    model: str
    """The encoder that reached it."""
    metric: Literal[METRIC_NAMES]  # type: ignore[valid-type]
    """The metric."""
    value: float
    """The score as published: metrics that are shares are in percent."""
    split: str | None = None
    """The eval split; empty: the first one."""
    source: str
    """Where it is published, and with which settings."""


def _model_section(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Recipe(Section):
    """What differs between data sets, whole and checked."""

    version: Annotated[int, Field(ge=1)] = 1
    """Goes up when scores would change."""
    name: Annotated[str, Field(pattern=RUN_NAME)] | None = None
    """What runs are called; empty: like the file."""
    task: TaskSection
    """What the columns mean."""
    data: DataSection = DataSection()
    """Where rows come from."""
    model: Annotated[
        ModelSection, BeforeValidator(_model_section, json_schema_input_type=str | ModelSection)
    ] = ModelSection()
    """The encoder; a bare name will do."""
    train: TrainSection = TrainSection()
    """How the weights are changed."""
    metrics: MetricsSection = MetricsSection()
    """What is reported."""
    published: list[Published] = []
    """Published scores to print beside ours."""

    @property
    def window(self) -> int | None:
        """Tokens of a window, None where texts are cut."""
        windowed = self.task.type in WINDOWED_TASKS
        return self.task.window or (self.train.max_length if windowed else None)

    @property
    def shared_tokens(self) -> int:
        """Tokens that neighbouring windows share; 0 where there are none."""
        if self.window is None:
            return 0
        return self.window // 4 if self.task.stride is None else self.task.stride

    @model_validator(mode="after")
    def _windows_advance(self) -> Recipe:
        if self.window is not None and self.shared_tokens > self.window // 2:
            raise ValueError(
                f"task.stride {self.task.stride} is more than half the window of {self.window} tokens: "
                f"set task.stride={self.window // 4}, or empty it, task.stride=null"
            )
        return self

    @model_validator(mode="after")
    def _stream_is_bounded(self) -> Recipe:
        if self.data.streams and self.train.max_steps is None:
            raise ValueError("a stream has no known end: say how long to train, as train.max_steps=10000")
        if self.data.streams and self.train.class_weights == "auto":
            raise ValueError(
                "train.class_weights: auto counts all labels, and a stream is never read as a whole: name "
                "weights, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _labels_are_there(self) -> Recipe:
        for name in ("class_weights", "label_smoothing"):
            if self.task.type == "qa" and getattr(self.train, name):
                raise ValueError(f"train.{name} treats labels, and qa has none: leave it out")
        return self

    @model_validator(mode="after")
    def _weights_name_labels(self) -> Recipe:
        weights, labels = self.train.class_weights, self.task.labels
        if self.task.type in WINDOWED_TASKS:
            return self  # the names there are those of tags
        if isinstance(weights, Mapping) and labels is not None and (unknown := set(weights) - set(labels)):
            raise ValueError(
                f"train.class_weights names {', '.join(sorted(unknown))}, which is not among task.labels: "
                f"{', '.join(labels)}"
            )
        return self
