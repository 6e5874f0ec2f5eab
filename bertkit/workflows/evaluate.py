"""Score a trained model on the splits of a recipe, or on an own file; or predictions that were stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe
from bertkit.config.schema import Published
from bertkit.data.rejection import RejectedRows
from bertkit.errors import RecipeError, UsageError
from bertkit.evaluation.calibration import described
from bertkit.evaluation.grouping import vocabulary
from bertkit.evaluation.metrics import check_metrics
from bertkit.evaluation.results import SplitResult, values_of
from bertkit.processes.place import is_main_process
from bertkit.tasks.base import Example, Prediction, Task
from bertkit.workflows.assessing import Groups, assess_split
from bertkit.workflows.baseline import BaselineScores, score_baselines
from bertkit.workflows.encoding import encode_examples
from bertkit.workflows.engine import compute_outputs
from bertkit.workflows.eval_data import (
    EvalSplit,
    file_split,
    recipe_splits,
    rows_set_aside,
    training_examples,
)
from bertkit.workflows.eval_outputs import EvalOutputs
from bertkit.workflows.eval_subject import Subject, find_subject
from bertkit.workflows.events import Listener, Note, Progress, silent
from bertkit.workflows.lengths import report_lengths
from bertkit.workflows.preparation import say_rejected
from bertkit.workflows.reporting import check_report_place, report_evaluation
from bertkit.workflows.slicing import AUTO, Known, check_slices, chosen_groups
from bertkit.workflows.trained import Trained, load_trained


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of a trained model.

    Attributes:
        model: what was scored: the run, the name of the model, or the file of predictions.
        recipe: the name of the recipe, None for a model scored on an own file without one.
        splits: what was found, by split.
        published: what others reached, by the recipe.
        baselines: scores of simpler methods on the same rows, by split and name; empty if not asked for.
        notes: what a reader of the scores has to know.
        report: the page that was written, None if none was asked for.
        rejected: rows that were set aside.
    """

    model: str
    recipe: str | None
    splits: Mapping[str, SplitResult]
    published: tuple[Published, ...] = ()
    baselines: BaselineScores = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    report: Path | None = None
    rejected: int = 0

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """By split and metric; empty for splits whose labels are hidden."""
        return values_of(self.splits)

    @property
    def rows(self) -> dict[str, int]:
        """The number of scored or predicted rows by split."""
        return {name: result.rows for name, result in self.splits.items()}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.model,
            "recipe": self.recipe,
            "scores": self.scores,
            "rows": self.rows,
            "splits": {name: result.as_dict() for name, result in self.splits.items()},
            "published": [entry.model_dump() for entry in self.published],
            "baselines": self.baselines,
            "notes": list(self.notes),
            "report": str(self.report) if self.report else None,
            "rejected": self.rejected,
        }


def evaluate(
    model: str | None = None,
    *,
    recipe: LoadedRecipe | str | None = None,
    split: str | None = None,
    data: Path | str | None = None,
    text: Sequence[str | None] | None = None,
    label: str | None = None,
    rename: Mapping[str, str] | None = None,
    intent: str | None = None,
    predictions: Path | str | None = None,
    slices: Sequence[str] = (),
    report: Path | str | None = None,
    baseline: bool = False,
    submission: Path | str | None = None,
    skip_bad_rows: int | None = None,
    rejected: Path | str | None = None,
    force: bool = False,
    listen: Listener = silent,
) -> EvaluationResult:
    """Score a trained model.

    Args:
        model: a run, a model folder or a Hub id; None takes the latest run.
        recipe: what to score it on; None takes the recipe of the run.
        split: one eval split, or any split of the source; None takes all eval splits of the recipe.
        data: an own file instead of the recipe's splits.
        text: names of the text columns, where they are not those of the training or the recipe.
        label: name of the label column, likewise.
        intent: name of the column with the intent, likewise.
        rename: labels as the data writes them, and which of the model's they count as.
        predictions: where to write one line an example; with several splits a folder.
        slices: columns, or what `bertkit.workflows.slicing` tells of texts, to score the groups of.
        report: where to write all that was found as one page, with all slices that need no name.
        baseline: score simple methods, learned from the recipe's training rows, beside.
        submission: a folder for the predictions in the form that the benchmark takes: a file of GLUE's site,
            or SQuAD's JSON.
        skip_bad_rows: so many rows may be set aside because they cannot be read or used; None takes what the
            recipe allows, and of an own file none.
        rejected: where to write these rows.
        force: write over what is there.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix.
    """
    page = Path(report) if report is not None else None
    if page is not None:
        check_report_place(page, force=force)
    subject = find_subject(model, recipe, text=text, label=label, rename=rename, intent=intent)
    task, metrics = subject.task, subject.metrics
    aside = rows_set_aside(subject.recipe if data is None else None, skip_bad_rows)
    splits = _splits(subject, split, data, listen, aside)
    say_rejected(aside, listen)
    check_metrics(metrics, problem=task.labels.problem, label_count=task.labels.outputs)
    # Columns and labels that are named for an own file are those of that file alone.
    trained_as = cache(lambda: task if data is None else _as_trained(model, subject))
    trained_on = cache(lambda: training_examples(subject.recipe, trained_as(), listen))

    def known() -> frozenset[str]:
        return vocabulary(example.texts for example in trained_on())

    outputs = EvalOutputs(
        splits, task, subject.recipe.data.config if subject.recipe is not None and data is None else None,
        Path(predictions) if predictions is not None else None,
        Path(submission) if submission is not None else None, force,
        Path(rejected) if rejected is not None else None,
    )  # fmt: skip
    outputs.check()
    if outputs.rejected is not None and is_main_process():
        aside.write(outputs.rejected)
    for chosen in splits.values():
        check_slices(task, chosen.rows, slices, known)
    trained = load_trained(subject.found, task, precision=subject.precision, several=True)
    if said := described(subject.found.contract.calibration):
        listen(Note(f"calibrated in training: {said}"))
    assessed = {}
    for name, chosen in splits.items():
        made = _predicted(trained, name, chosen.examples, listen)
        outputs.write(name, made, listen)
        wanted = (*slices, AUTO) if page is not None else tuple(slices)
        assessed[name] = assess_split(
            task, name, metrics, chosen.examples, made, select=subject.select,
            groups=_groups(task, name, chosen, wanted, known, listen), listen=listen,
        )  # fmt: skip
    beside = _baselines(subject, splits, trained_on(), listen) if baseline else {}
    published = tuple(subject.recipe.published) if subject.recipe is not None and data is None else ()
    if page is not None and is_main_process():
        report_evaluation(
            page, assessed.values(), subject, train=trained_on(), published=published, baselines=beside
        )
    return EvaluationResult(
        model=subject.name,
        recipe=subject.recipe_name,
        splits={name: each.result for name, each in assessed.items()},
        published=published,
        baselines=beside,
        notes=tuple(note for each in assessed.values() for note in each.notes),
        report=page,
        rejected=len(aside),
    )


def _splits(
    subject: Subject, split: str | None, data: Path | str | None, listen: Listener, aside: RejectedRows
) -> dict[str, EvalSplit]:
    if data is not None:
        return file_split(subject.task, data, listen, aside)
    if subject.recipe is not None:
        return recipe_splits(subject.recipe, split, subject.task, listen, aside)
    raise RecipeError(
        f"{subject.name} is no run: what shall it be scored on?",
        hint="name a recipe, --recipe sst2, or a file, --data FILE",
    )


def _baselines(
    subject: Subject, splits: Mapping[str, EvalSplit], train: list[Example], listen: Listener
) -> BaselineScores:
    if not train:
        raise UsageError("there are no training rows for a baseline to learn from",
                         hint="leave --baseline out, or name the recipe: --recipe NAME")  # fmt: skip
    examples = {name: chosen.examples for name, chosen in splits.items()}
    return score_baselines(subject.task, train, examples, subject.metrics, listen, select=subject.select)


def _as_trained(model: str | None, subject: Subject) -> Task:
    """The task with the columns that the recipe, or the contract of the model, has."""
    run = subject.found.run
    return find_subject(str(run.path) if run is not None else model, subject.loaded).task


def _groups(
    task: Task, name: str, chosen: EvalSplit, slices: Sequence[str], known: Known, listen: Listener
) -> Groups | None:
    if not slices:
        return None
    return lambda examples: chosen_groups(
        task, examples, chosen.rows, slices, known, split=name, listen=listen
    )


def _predicted(trained: Trained, name: str, examples: list[Example], listen: Listener) -> list[Prediction]:
    """One prediction an example, by the whole way: tokens, model, decoding."""
    features = encode_examples(
        trained.task, examples, trained.model.tokenizer, trained.limits, what=name, listen=listen
    )
    report_lengths(name, len(examples), features, trained.limits, listen)

    def tell(done: int) -> None:
        listen(Progress(f"scoring {name}", done, len(features)))

    kept = compute_outputs(trained.engine, trained.model, trained.task, features, tell=tell, listen=listen)
    return trained.task.decode(kept, features, examples)
