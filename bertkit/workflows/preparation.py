"""Everything that can fail before a training begins: data, columns, labels, model, lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bertkit.config.schema import FOLD, Recipe
from bertkit.data.checking.checks import fault_findings
from bertkit.data.features import Features, Targets
from bertkit.data.reading.sources import SplitRows, load_splits
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.errors import DataError, RecipeError
from bertkit.evaluation.metrics import check_metrics
from bertkit.evaluation.scoring import metrics_of
from bertkit.models.heads import HeadChoice, choose_head
from bertkit.models.loading import load_tokenizer
from bertkit.models.sources import ModelSource, find_model
from bertkit.processes.joining import current_group
from bertkit.tasks.base import Example, ExampleSet, Limits, Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.data_findings import checked_splits, find_in_splits
from bertkit.workflows.encoding import encode_examples
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.held_out import cut_split, fold_rows, hold_out_rows
from bertkit.workflows.lengths import limits_of, report_lengths
from bertkit.workflows.offline import check_cached
from bertkit.workflows.slicing import telling_columns
from bertkit.workflows.streaming import Stream, stream_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# A training does not wait for the search for near-duplicates in more rows than these.
NEARLY_UP_TO = 50_000


@dataclass(frozen=True)
class Split:
    """Examples and their features.

    Attributes:
        examples: in the order of the rows.
        features: one or more an example.
        columns: values of the columns that tell groups of examples apart, one an example.
    """

    examples: list[Example]
    features: Features
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A training that is ready to begin.

    Attributes:
        recipe: with nothing left open.
        task: with its labels settled.
        source: the encoder's files.
        head: whether its head goes on.
        tokenizer: of the encoder.
        limits: how long a feature may be.
        train: what is trained on.
        evals: what is scored, by name; the first one selects.
        test: scored at the end, or predicted where it has no labels.
        metrics: names of the metrics to report.
        targets: what the loss compares with, of the training rows.
        rejected: rows of all splits that were set aside.
        stream: where the training rows are streamed: then `train` and `targets` are of the first ones only.
    """

    recipe: Recipe
    task: Task
    source: ModelSource
    head: HeadChoice
    tokenizer: PreTrainedTokenizerFast
    limits: Limits
    train: Split
    evals: Mapping[str, Split]
    test: Split | None
    metrics: tuple[str, ...]
    targets: Targets
    rejected: RejectedRows = field(default_factory=RejectedRows)
    stream: Stream | None = None

    @property
    def scored(self) -> dict[str, Split]:
        """All splits that are scored at the end, by name."""
        splits = dict(self.evals)
        if self.test is not None:
            splits.setdefault("test", self.test)
        return splits


def prepare(recipe: Recipe, listen: Listener) -> Prepared:
    """Read, check and encode all that a training needs; nothing is written.

    Raises:
        BertkitError: for whatever the user can fix.
    """
    if recipe.data.train is None:
        raise RecipeError(
            "nothing to train on: data.train is empty",
            hint="give a file: --train FILE; or score a trained model: bertkit eval --recipe NAME",
        )
    # The cheaper check first: a mistyped model before a long download, a mistyped column before a model.
    early = None
    if recipe.data.source is not None:
        check_cached(recipe)
        early = _find_encoder(recipe, listen)
    listen(Note(f"reading {recipe.data.source or recipe.data.train}"))
    rows = load_splits(recipe.data)
    stream = stream_of(rows)
    if stream is not None:
        listen(Note(stream.sentence))
    task, train, evals, test = settle_task(recipe, rows, listen)
    say_rejected(rows.rejected, listen)
    metrics = metrics_of(task, recipe.metrics.report)
    check_metrics(metrics, problem=task.labels.problem, label_count=task.labels.outputs)
    if recipe.metrics.select is not None and recipe.metrics.select not in metrics:
        raise RecipeError(
            f"metrics.select: {recipe.metrics.select} is not reported ({', '.join(metrics)})",
            hint="add it to metrics.report",
        )
    if current_group().is_main:
        report_data(recipe, task, rows, train, evals, listen)
    source = early or _find_encoder(recipe, listen)
    limits = limits_of(recipe, source)
    head = choose_head(
        source,
        task.labels,
        aliases=task.label_aliases,
        setting=recipe.model.head,
        refuse_others=task.refuses_other_labels,
    )
    if head.note:
        listen(Note(head.note))
    tokenizer = load_tokenizer(source)

    def encode(name: str, examples: list[Example], source: Rows | None = None) -> Split:
        features = encode_examples(task, examples, tokenizer, limits, what=name, listen=listen)
        report_lengths(name, len(examples), features, limits, listen)
        return Split(examples, features, telling_columns(task, source, examples) if source else {})

    encoded = encode("train", train)
    return Prepared(
        recipe=recipe,
        task=task,
        source=source,
        head=head,
        tokenizer=tokenizer,
        limits=limits,
        train=encoded,
        evals={
            name: encode(name, examples, rows.evals.get(name, rows.train)) for name, examples in evals.items()
        },
        test=encode("test", test, rows.test) if test else None,
        metrics=metrics,
        targets=task.targets(encoded.examples, encoded.features, label_weights=recipe.train.class_weights),
        rejected=rows.rejected,
        stream=stream,
    )


def say_rejected(rejected: RejectedRows, listen: Listener) -> None:
    """Say how many rows were set aside, and where the first ones stand."""
    if rejected.sentence:
        listen(Note(rejected.sentence, warning=True))


def _find_encoder(recipe: Recipe, listen: Listener) -> ModelSource:
    listen(Note(f"finding {recipe.model.name}"))
    return find_model(recipe.model.name, revision=recipe.model.revision)


def settle_task(
    recipe: Recipe, rows: SplitRows, listen: Listener, *, task: Task | None = None
) -> tuple[Task, list[Example], dict[str, list[Example]], list[Example]]:
    """Task and examples of all splits; an eval split is cut off the training rows where there is none.

    Args:
        recipe: settings.
        rows: as read; there are training rows.
        listen: told what is left out and what is cut off.
        task: already settled, as by a trained model; None learns its labels from the rows.
    """
    assert rows.train is not None
    if task is None:
        task = TASKS[recipe.task.type].learn(recipe.task, [rows.train, *rows.evals.values()])
    train = usable_examples(task, "train", rows.train, listen)
    evals = {name: usable_examples(task, name, split, listen) for name, split in rows.evals.items()}
    test = _scorable_test(task, rows, listen)
    if (cut := cut_split(recipe.data)) is not None:
        cut_rows = fold_rows if cut == FOLD else hold_out_rows
        train, evals[cut] = cut_rows(recipe, task, train, rows.train.origin, listen)
    return task, train, evals, test


def _scorable_test(task: Task, rows: SplitRows, listen: Listener) -> list[Example]:
    """The test rows, where they have labels; benchmarks hide them, and then there is nothing to score."""
    if rows.missing_test:
        listen(Note(f"test is not scored: {rows.missing_test}"))
    if rows.test is None:
        return []
    examples = usable_examples(task, "test", rows.test, listen, keep_unlabelled=True)
    if all(example.target is None for example in examples):
        listen(Note(f"test is not scored: the labels of its {len(examples):,} rows are hidden"))
        return []
    return examples


def usable_examples(
    task: Task, name: str, rows: Rows, listen: Listener, *, keep_unlabelled: bool = False
) -> list[Example]:
    """The examples of one split; what is left out is said.

    Raises:
        DataError: if nothing is left.
    """
    found: ExampleSet = task.examples(rows, keep_unlabelled=keep_unlabelled)
    for count, reason in ((found.without_label, "label"), (found.without_text, "text")):
        if count:
            text = f"{name}: {count:,} of {len(rows):,} rows have no {reason} and are left out"
            listen(Note(text, warning=True))
    for finding in fault_findings(name, found.faults):
        listen(Note(finding.sentence, warning=True))
    if not found.examples:
        wanted = "a text" if keep_unlabelled else "both text and label"
        raise DataError(f"{rows.origin}: no row has {wanted}", hint="check --text and --label")
    return _without_hidden_scores(task, list(found.examples)) if keep_unlabelled else list(found.examples)


def _without_hidden_scores(task: Task, examples: list[Example]) -> list[Example]:
    """Where every score is -1 they are hidden, as in GLUE's test set of STS-B; a single -1 may be a score."""
    if task.labels.problem != "regression" or any(example.target != -1 for example in examples):
        return examples
    return [replace(example, target=None) for example in examples]


def report_data(
    recipe: Recipe,
    task: Task,
    rows: SplitRows,
    train: list[Example],
    evals: Mapping[str, list[Example]],
    listen: Listener,
) -> None:
    """Say what the data is and what looks wrong in it; `bertkit data check` says more."""
    counts = ", ".join(f"{name} {len(examples):,}" for name, examples in {"train": train, **evals}.items())
    names = task.labels.names
    shown = ", ".join(names[:8]) + (f", ... ({len(names)} labels)" if len(names) > 8 else "")
    for sentence in _said_of_files(rows):
        listen(Note(sentence))
    columns = ", ".join(f"{role} {name!r}" for role, name in task.columns.items())
    renamed = ", ".join(f"{old} as {new}" for old, new in recipe.task.rename.items())
    listen(Note(f"columns: {columns}{f'; labels: {renamed}' if renamed else ''}"))
    listen(Note(f"rows: {counts}; {task.labels.problem.replace('_', '-')}{f': {shown}' if names else ''}"))
    splits = checked_splits(task, rows, {"train": train, **evals})
    size = sum(len(split.rows) for split in splits)
    findings, _ = find_in_splits(recipe, task, splits, nearly=size <= NEARLY_UP_TO)
    for finding in findings:
        if finding.severity != "good":
            listen(Note(finding.sentence, warning=True))


def _said_of_files(rows: SplitRows) -> Iterator[str]:
    """What the files were taken for, and what was passed over in them."""
    splits = [split for split in (rows.train, *rows.evals.values(), rows.test) if split is not None]
    for split in splits:
        if split.format:
            yield "; ".join([f"{split.origin} is read as {split.format}", *split.notes])
