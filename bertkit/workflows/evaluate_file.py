"""Score predictions that lie in a file: with the references beside them, or against a data set, by id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.config.schema import Recipe
from bertkit.data.labels import LabelSet
from bertkit.data.reading.readers import read_location
from bertkit.data.reading.sources import load_split
from bertkit.errors import DataError, UsageError
from bertkit.evaluation.assessment import assess
from bertkit.evaluation.metrics import check_metrics, default_metrics
from bertkit.evaluation.scoring import metrics_of
from bertkit.evaluation.stored import answer_text, duplicate_of, has_references, read_stored
from bertkit.models.contract import ModelContract, read_contract
from bertkit.runs.folder import RunFolder
from bertkit.tasks.base import Example, Prediction, Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.assessing import assess_split, undefined_notes
from bertkit.workflows.eval_data import file_split, recipe_splits
from bertkit.workflows.evaluate import EvaluationResult
from bertkit.workflows.events import Listener, Note, silent

# Stands for an answer that was not given: it is none of the references, not even the empty one.
_NO_PREDICTION = "\0"


def evaluate_file(
    predictions: Path | str,
    *,
    recipe: LoadedRecipe | str | None = None,
    split: str | None = None,
    data: Path | str | None = None,
    listen: Listener = silent,
) -> EvaluationResult:
    """Score predictions that lie in a file.

    Without a recipe or data the references are those in the file, as `finetune` and `eval -o` write them.
    With one, each prediction is matched by its id: a JSON object from ids to predictions, as SQuAD's, or JSON
    lines with `id` (else the number of the line) and `prediction`. What has no id in the data is ignored, and
    said. Questions without a prediction count as wrong, and are counted; of other tasks every row needs one.

    Args:
        predictions: the file.
        recipe: the data set that it predicts.
        split: one of its splits; None takes the first eval split.
        data: an own file with the references.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix.
    """
    path = Path(predictions)
    run = _run_of(path)
    if recipe is None and data is None:
        return _with_own_references(path, run, listen)
    loaded = load_recipe(recipe) if isinstance(recipe, str) else recipe
    given = _read_given(path)
    if loaded is None:
        if run is None:
            raise UsageError(
                f"what do the predictions of {path} mean?", hint="name the data set: --recipe NAME"
            )
        loaded = load_recipe(run.recipe)
    task = _task_of(loaded.recipe, split, data)
    if data is not None:
        splits = file_split(task, data, listen)
    else:
        first = next(iter(loaded.recipe.data.eval), None)
        splits = recipe_splits(loaded.recipe, split or first, task, listen)
    name, chosen = next(iter(splits.items()))
    metrics = metrics_of(task, loaded.recipe.metrics.report)
    check_metrics(metrics, problem=task.labels.problem, label_count=task.labels.outputs)
    made, notes = _matched(task, name, chosen.examples, given, listen)
    select = loaded.recipe.metrics.select
    assessed = assess_split(task, name, metrics, chosen.examples, made, select=select, listen=listen)
    return EvaluationResult(
        str(path), loaded.name, {name: assessed.result},
        published=tuple(loaded.recipe.published) if data is None else (), notes=(*notes, *assessed.notes),
    )  # fmt: skip


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
    config = json.loads((run.model / "config.json").read_text(encoding="utf-8"))
    return read_contract(run.model, config, name=run.path.name)


def _task_of(recipe: Recipe, split: str | None, data: Path | str | None) -> Task:
    """The task of a recipe; its labels are learned from the rows where the recipe does not name them."""
    if data is not None:
        rows = read_location(str(data))
    else:
        source = recipe.data.eval.get(split or "", split) or next(iter(recipe.data.eval.values()), None)
        rows = load_split(recipe.data, source or recipe.data.train or recipe.data.test or "train")
    return TASKS[recipe.task.type].learn(recipe.task, [rows])


def _read_given(path: Path) -> dict[str, Any]:
    """Predictions by id."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read", hint="it has to be JSON in UTF-8") from error
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and not {"id", "prediction"} <= whole.keys():
        return {str(key): value for key, value in whole.items()}
    given = list(_lines_of(path, text))
    twice = duplicate_of(identity for identity, _ in given)
    if twice is not None:
        raise DataError(f"{path}: id {twice!r} occurs twice", hint="one prediction an id")
    return dict(given)


def _lines_of(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}:{number + 1}: no JSON: {error}", hint="one object a line") from error
        if not isinstance(record, dict) or "prediction" not in record:
            raise DataError(f"{path}:{number + 1}: no prediction", hint="each line needs id and prediction")
        # `predict --tags` and predictions files have the tags beside the entities.
        value = {**record, "prediction": record["prediction"]} if "tags" in record else record["prediction"]
        yield str(record.get("id", number)), value


def _matched(
    task: Task, name: str, examples: Sequence[Example], given: Mapping[str, Any], listen: Listener
) -> tuple[list[Prediction], list[str]]:
    """One prediction an example; what is missing or too much is said.

    Raises:
        DataError: rows without a prediction, of a task that has no rule for them.
    """
    notes = []
    missing = [example.id for example in examples if example.id not in given]
    asked = {example.id for example in examples}
    extra = [identity for identity in given if identity not in asked]
    if missing and (task.labels.problem != "answers" or len(missing) == len(examples)):
        raise DataError(
            f"{name}: {len(missing):,} of {len(examples):,} rows have no prediction, as id {missing[0]!r}",
            hint=f"the ids of the predictions are such as {next(iter(given), 'none')!r}; each row needs one",
        )
    if missing:
        notes.append(
            f"{name}: {len(missing):,} of {len(examples):,} questions have no prediction and count as wrong"
        )
    if extra:
        notes.append(f"{name}: {len(extra):,} predictions have ids that are not in the data and are ignored")
    for note in notes:
        listen(Note(note, warning=True))
    return [_prediction(task, example, given) for example in examples], notes


def _prediction(task: Task, example: Example, given: Mapping[str, Any]) -> Prediction:
    problem, value = task.labels.problem, given.get(example.id, _NO_PREDICTION)
    try:
        match problem:
            case "answers":
                return Prediction({"text": answer_text(value)})
            case "regression":
                return Prediction(float(value))
            case "tags" | "frames":
                shown = value.get("prediction")
                return Prediction(shown, details={"tags": value["tags"]})
            case "multi_label":
                return Prediction([_label(task.labels, each) for each in value])
            case _:
                return Prediction(_label(task.labels, value))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = (
            "words need tags: a line with id, prediction and tags" if problem in ("tags", "frames") else None
        )
        raise DataError(
            f"id {example.id!r}: {str(value)[:80]} is no prediction of a {problem} problem",
            hint=hint or "see bertkit predict for how predictions are written",
        ) from error


def _label(labels: LabelSet, value: Any) -> str:
    if str(value) in labels.names:
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels.names):
        return labels.names[value]
    raise ValueError(f"{value!r} is none of the labels {', '.join(labels.names)}")
