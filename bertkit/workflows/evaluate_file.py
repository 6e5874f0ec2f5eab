"""Score predictions that lie in a file: with the references beside them, or against a data set, by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.data.rejection import RejectedRows
from bertkit.errors import UsageError
from bertkit.evaluation.assessment import assess
from bertkit.evaluation.grouping import vocabulary
from bertkit.evaluation.metrics import check_metrics, default_metrics
from bertkit.evaluation.scoring import metrics_of
from bertkit.evaluation.stored import has_references, read_stored
from bertkit.models.contract import ModelContract, read_contract
from bertkit.models.sources import read_config
from bertkit.runs.folder import RunFolder
from bertkit.tasks.base import Example, Task
from bertkit.workflows.assessing import assess_split, undefined_notes
from bertkit.workflows.eval_data import file_split, recipe_splits, rows_set_aside, training_examples
from bertkit.workflows.eval_outputs import check_unwritten
from bertkit.workflows.eval_subject import find_subject
from bertkit.workflows.evaluate import EvaluationResult
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.file_task import GivenColumns, learned_task
from bertkit.workflows.given_predictions import GivenPredictions, match_given, read_given
from bertkit.workflows.preparation import say_rejected
from bertkit.workflows.slicing import check_slices, chosen_groups


def evaluate_file(
    predictions: Path | str,
    *,
    recipe: LoadedRecipe | str | None = None,
    split: str | None = None,
    data: Path | str | None = None,
    text: Sequence[str | None] | None = None,
    label: str | None = None,
    rename: Mapping[str, str] | None = None,
    intent: str | None = None,
    slices: Sequence[str] = (),
    skip_bad_rows: int | None = None,
    rejected: Path | str | None = None,
    force: bool = False,
    listen: Listener = silent,
) -> EvaluationResult:
    """Score predictions that lie in a file.

    Without a recipe or data the references are those in the file, as `finetune` and `eval -o` write them.
    With one, predictions are matched by their ids: a JSON object from ids to predictions, as SQuAD's, or JSON
    lines with `id` (else the number of the line) and `prediction`. Lines with the ids of all rows in their
    order are taken one by one. What has no id in the data is ignored, and said. Questions without a
    prediction count as wrong, and are counted; of other tasks every row needs one.

    The labels are those of the run that the file lies in, else those that the recipe names or its training
    and eval rows hold; a recipe without data has those of the own file and of the predictions.

    Args:
        predictions: the file.
        recipe: the data set that it predicts.
        split: one of its splits; None takes the first eval split.
        data: an own file with the references.
        text: names of the text columns of the data; see `bertkit.workflows.evaluate.evaluate`.
        label: name of its label column.
        rename: labels as it writes them, and what they count as.
        intent: name of its column with the intent.
        slices: columns of the data, or what is told of texts, to score the groups of.
        skip_bad_rows: so many rows of the data may be set aside because they cannot be read or used.
        rejected: where to write these rows.
        force: write over what is there.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix.
    """
    path, columns = Path(predictions), GivenColumns(text, label, rename, intent)
    run = _run_of(path)
    if recipe is None and data is None:
        if columns.any or slices:
            raise UsageError(
                "columns and slices are of data, and a file of predictions holds none",
                hint="name the data: a recipe, or a file",
            )
        return _with_own_references(path, run, listen)
    given = read_given(path)
    aside = rows_set_aside(None, skip_bad_rows)
    terms = _terms(path, run, recipe, split, data, columns, given, listen, aside)
    task, loaded = terms.task, terms.loaded
    if data is not None:
        splits = file_split(task, data, listen, aside)
    else:
        aside = rows_set_aside(loaded.recipe, skip_bad_rows)
        first = next(iter(loaded.recipe.data.eval), None)
        splits = recipe_splits(loaded.recipe, split or first, task, listen, aside)
    say_rejected(aside, listen)
    if rejected is not None:
        check_unwritten(Path(rejected), force=force)
        aside.write(Path(rejected))
    name, chosen = next(iter(splits.items()))
    check_metrics(terms.metrics, problem=task.labels.problem, label_count=task.labels.outputs)

    @cache
    def known() -> frozenset[str]:
        if loaded.recipe.data.train is None:
            return frozenset()
        # Columns and labels that are named for an own file are those of that file alone.
        own = data is not None and columns.any
        plain = task
        if own:
            plain = _terms(path, run, recipe, split, None, GivenColumns(), given, listen, aside).task
        return vocabulary(example.texts for example in training_examples(loaded.recipe, plain, listen))

    if slices:
        check_slices(task, chosen.rows, slices, known)
    made, notes = match_given(task, name, chosen, given, listen)

    def groups(examples: Sequence[Example]) -> dict[str, list[str]]:
        return chosen_groups(task, examples, chosen.rows, slices, known, split=name, listen=listen)

    assessed = assess_split(
        task, name, terms.metrics, chosen.examples, made, select=loaded.recipe.metrics.select,
        groups=groups if slices else None, listen=listen,
    )  # fmt: skip
    return EvaluationResult(
        str(path), loaded.name, {name: assessed.result},
        published=tuple(loaded.recipe.published) if data is None else (), notes=(*notes, *assessed.notes),
        rejected=len(aside),
    )  # fmt: skip


@dataclass(frozen=True)
class _Terms:
    """On what terms predictions are scored."""

    task: Task
    loaded: LoadedRecipe

    @property
    def metrics(self) -> tuple[str, ...]:
        return metrics_of(self.task, self.loaded.recipe.metrics.report)


def _terms(
    path: Path,
    run: RunFolder | None,
    recipe: LoadedRecipe | str | None,
    split: str | None,
    data: Path | str | None,
    columns: GivenColumns,
    given: GivenPredictions,
    listen: Listener,
    aside: RejectedRows,
) -> _Terms:
    """Those of the run that the predictions are of, as if its model were scored, else of the recipe."""
    if run is not None and (run.model / "config.json").is_file():
        subject = find_subject(
            str(run.path), recipe, text=columns.text, label=columns.label, rename=columns.rename,
            intent=columns.intent,
        )  # fmt: skip
        if subject.loaded is not None:
            return _Terms(subject.task, subject.loaded)
    loaded = load_recipe(recipe) if isinstance(recipe, str) else recipe
    if loaded is None and run is not None:
        loaded = load_recipe(run.recipe)
    if loaded is None:
        raise UsageError(f"what do the predictions of {path} mean?", hint="name the data set: --recipe NAME")
    return _Terms(learned_task(loaded, split, data, columns, given.values, listen, aside), loaded)


def _run_of(path: Path) -> RunFolder | None:
    """The run whose predictions these are, told from where the file lies."""
    run = RunFolder(path.absolute().parent.parent)
    return run if path.absolute().parent.name == "predictions" and run.is_run else None


def _with_own_references(path: Path, run: RunFolder | None, listen: Listener) -> EvaluationResult:
    if not has_references(path):
        raise UsageError(
            f"{path} holds no references",
            hint=f"name the data they are in: bertkit eval {path} --recipe NAME, or --data FILE",
        )
    listen(Note(f"reading {path}"))
    loaded = load_recipe(run.recipe) if run is not None else None
    contract = _contract_of(run)
    stored = read_stored(path, contract.label_set if contract is not None else None)
    report = loaded.recipe.metrics.report if loaded is not None else None
    metrics = tuple(report) if report else default_metrics(stored.labels)
    select = loaded.recipe.metrics.select if loaded is not None else None
    result = assess(
        path.stem, stored.labels, metrics, stored.predicted, stored.expected, rows=stored.rows, select=select
    )
    notes = undefined_notes(result, stored.predicted, stored.expected)
    hidden = stored.rows - len(stored.expected)
    if hidden:
        notes.insert(0, f"{path.stem}: {hidden:,} of {stored.rows:,} rows have no label")
    for note in notes:
        listen(Note(note, warning=True))
    return EvaluationResult(
        str(path), loaded.name if loaded is not None else None, {path.stem: result},
        published=tuple(loaded.recipe.published) if loaded is not None else (), notes=tuple(notes),
    )  # fmt: skip


def _contract_of(run: RunFolder | None) -> ModelContract | None:
    if run is None or not (run.model / "config.json").is_file():
        return None
    return read_contract(run.model, read_config(run.model, str(run.path)), name=run.path.name)
