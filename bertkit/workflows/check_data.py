"""`bertkit data check`: all that can be said of a data set before a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe
from bertkit.config.schema import Recipe
from bertkit.data.checking.checks import SHOWN_PLACES, Finding, counted, fault_findings, short_place
from bertkit.data.checking.label_checks import LabelTable
from bertkit.data.checking.length_checks import Lengths
from bertkit.data.checking.tag_checks import check_tags
from bertkit.data.reading.hub_parts import MissingSplitError
from bertkit.data.reading.sources import SplitRows, load_split, rejected_rows
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.errors import DataError, RecipeError
from bertkit.tasks.base import Example, TagsWords, Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.data_findings import checked_splits, find_in_splits
from bertkit.workflows.data_lengths import find_lengths
from bertkit.workflows.eval_outputs import check_unwritten
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.held_out import HELD_OUT, hold_out_rows


@dataclass(frozen=True)
class SplitReport:
    """One split as it was read.

    Attributes:
        name: `train`, the name of an eval split, or `test`.
        origin: the file or data set.
        format: what was recognised, in words.
        notes: what was passed over in reading.
        rows: as read.
        used: what is trained on or scored.
    """

    name: str
    origin: str
    format: str
    notes: tuple[str, ...]
    rows: int
    used: int


@dataclass(frozen=True)
class DataReport:
    """What was found.

    Attributes:
        recipe: its name.
        task: the task type.
        problem: one of `bertkit.config.names.PROBLEMS`; empty where the data does not tell.
        columns: those chosen, by what they are for.
        labels: in the order of their numbers.
        renamed: labels as written, and what they count as.
        tag_scheme: of tagged words; empty for other tasks, and for spans.
        splits: as read.
        tables: how often each label occurs.
        lengths: of the texts.
        findings: good ones, warnings and faults.
        rejected: rows that were set aside; a training would do the same.
    """

    recipe: str
    task: str
    problem: str = ""
    columns: Mapping[str, str] | None = None
    labels: tuple[str, ...] = ()
    renamed: Mapping[str, str] | None = None
    tag_scheme: str = ""
    splits: tuple[SplitReport, ...] = ()
    tables: tuple[LabelTable, ...] = ()
    lengths: tuple[Lengths, ...] = ()
    findings: tuple[Finding, ...] = ()
    rejected: int = 0

    @property
    def can_train(self) -> bool:
        """False if something makes training impossible."""
        return not any(finding.severity == "fault" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"can_train": self.can_train}


def check_data(
    recipe: LoadedRecipe,
    *,
    rejected: Path | str | None = None,
    force: bool = False,
    listen: Listener = silent,
) -> DataReport:
    """Read a data set and look at everything that a training on it would meet.

    Args:
        recipe: names the data, the task and the encoder whose tokenizer measures the texts.
        rejected: where to write the rows that are set aside.
        force: write over what is there.
        listen: told what is being done.

    Returns:
        The report; what makes training impossible is a finding in it.

    Raises:
        RecipeError: there is nothing to check.
        HubError: the data set cannot be fetched.
    """
    settings = recipe.recipe
    if settings.data.train is None:
        raise RecipeError(
            "nothing to check: data.train is empty",
            hint=f"give a file: bertkit data check {recipe.name} --train FILE",
        )
    if rejected is not None:
        check_unwritten(Path(rejected), force=force)
    rows, findings = _read(settings, listen)
    report = _checked(recipe, rows, findings, listen)
    if rejected is not None:
        rows.rejected.write(Path(rejected))
    told = _set_aside(rows.rejected, advice="" if rejected is not None else "--rejected FILE writes them")
    return replace(report, findings=(*report.findings, *told), rejected=len(rows.rejected))


def _set_aside(rejected: RejectedRows, *, advice: str) -> list[Finding]:
    if not 0 < len(rejected) <= rejected.allowed:  # of too many, the fault speaks
        return []
    text = f"{counted(len(rejected), 'row')} set aside (of at most {rejected.allowed:,})"
    places = tuple(row.shown for row, _ in zip(rejected, range(SHOWN_PLACES), strict=False))
    return [Finding("rejected", text, "", "warning", len(rejected), places, advice)]


def _checked(recipe: LoadedRecipe, rows: SplitRows, findings: list[Finding], listen: Listener) -> DataReport:
    settings = recipe.recipe
    report = DataReport(recipe.name, settings.task.type)
    report = replace(report, splits=tuple(_split_reports(rows, {})), findings=tuple(findings))
    if rows.train is None:
        return report
    try:
        task = TASKS[settings.task.type].learn(settings.task, [rows.train, *rows.evals.values()])
    except DataError as error:
        return replace(report, findings=(*findings, _fault("", error)))
    report = replace(report, **_settled(settings, task, rows))
    used: dict[str, list[Example]] = {}
    for name, split in _named(rows):
        try:
            used[name], found = _examples(task, name, split)
        except DataError as error:
            found = [_fault(name, error)]
        findings += found
    if "train" in used:
        findings += _hold_out(settings, task, rows, used, listen)
        listen(Note("looking for repeated, leaked and odd rows"))
        found, tables = find_in_splits(settings, task, checked_splits(task, rows, used), nearly=True)
        lengths, measured = find_lengths(settings, used, listen)
        findings += [*found, *measured]
        report = replace(report, tables=tuple(tables), lengths=tuple(lengths))
    return replace(report, splits=tuple(_split_reports(rows, used)), findings=tuple(findings))


def _read(recipe: Recipe, listen: Listener) -> tuple[SplitRows, list[Finding]]:
    """The rows of all splits that can be read, and why the others cannot."""
    listen(Note(f"reading {recipe.data.source or recipe.data.train}"))
    found: dict[str, Rows] = {}
    findings = []
    rejected = rejected_rows(recipe.data)
    tests = {"test": recipe.data.test} if recipe.data.test is not None else {}
    for name, split in {"train": str(recipe.data.train), **recipe.data.eval, **tests}.items():
        try:
            found[name] = load_split(recipe.data, split, rejected)
        except MissingSplitError as error:
            # Mirrors often lack the test split, which a training does not depend on.
            finding = Finding("rows", f"not scored: {error.message}", name, "good")
            findings.append(finding if name == "test" else _fault(name, error))
        except DataError as error:
            findings.append(_fault(name, error))
    if recipe.data.streams and "train" in found:
        listen(Note(f"train is a stream: its first {len(found['train']):,} rows are looked at"))
    evals = {name: found[name] for name in recipe.data.eval if name in found}
    return SplitRows(found.get("train"), evals, found.get("test"), rejected=rejected), findings


def _fault(split: str, error: DataError) -> Finding:
    return Finding("unusable", error.message, split, "fault", advice=error.hint)


def _named(rows: SplitRows) -> Iterator[tuple[str, Rows]]:
    if rows.train is not None:
        yield "train", rows.train
    yield from rows.evals.items()
    if rows.test is not None and "test" not in rows.evals:
        yield "test", rows.test


def _split_reports(rows: SplitRows, used: Mapping[str, Sequence[Example]]) -> Iterator[SplitReport]:
    for name, split in _named(rows):
        yield SplitReport(name, split.origin, split.format, split.notes, len(split), len(used.get(name, ())))
    if HELD_OUT in used and HELD_OUT not in rows.evals and rows.train is not None:
        count = len(used[HELD_OUT])
        yield SplitReport(HELD_OUT, f"kept from {rows.train.origin}", "", (), count, count)


def _settled(recipe: Recipe, task: Task, rows: SplitRows) -> dict[str, Any]:
    """What learning the task has settled, by the names of `DataReport`."""
    tagged = isinstance(task, TagsWords) and rows.train is not None and task.written_tags(rows.train)
    scheme = task.scheme if isinstance(task, TagsWords) and tagged else ""
    return {
        "problem": task.labels.problem, "columns": dict(task.columns), "tag_scheme": scheme,
        "labels": (*task.labels.names, *task.labels.intents), "renamed": dict(recipe.task.rename),
    }  # fmt: skip


def _examples(task: Task, name: str, rows: Rows) -> tuple[list[Example], list[Finding]]:
    """The examples of one split, and what is wrong with the rows that are none.

    Raises:
        DataError: for what `Task.examples` refuses, and if nothing is left.
    """
    is_test = name == "test"
    found = task.examples(rows, keep_unlabelled=is_test)
    findings = [Finding("rows", f"{len(rows):,} rows", name, "good", len(rows))]
    if not found.examples:
        wanted = "a text" if is_test else "both text and label"
        raise DataError(f"{rows.origin}: no row has {wanted}", hint="check --text and --label")
    findings += _left_out(task, name, rows, found.without_label, found.without_text)
    findings += fault_findings(name, found.faults)
    if is_test and all(example.target is None for example in found.examples):
        findings.append(Finding("rows", "labels are hidden: it is predicted, not scored", name, "good"))
    elif isinstance(task, TagsWords) and (tags := task.written_tags(rows)) is not None:
        findings.append(check_tags(name, tags, task.scheme, partial(short_place, rows)))
    return list(found.examples), findings


def _left_out(task: Task, name: str, rows: Rows, labels: int, texts: int) -> Iterator[Finding]:
    """Rows without label or text, with their places."""
    if not labels and not texts:
        yield Finding("left_out", "every row has text and label", name, "good")
        return
    # Read again, which happens to few data sets: with those that have no label, to tell them apart.
    kept = task.examples(rows, keep_unlabelled=True)
    with_text = {example.row for example in kept.examples}
    faulty = {fault.place for fault in kept.faults if fault.left_out}
    missing = {
        "label": [example.row for example in kept.examples if example.target is None],
        "text": [n for n in range(len(rows)) if n not in with_text and rows.place(n) not in faulty],
    }
    for count, what in ((labels, "label"), (texts, "text")):
        if count:
            places = tuple(short_place(rows, number) for number in missing[what][:SHOWN_PLACES])
            text = f"{count:,} of {len(rows):,} rows have no {what} and are left out"
            yield Finding(f"no_{what}", text, name, "warning", count, places)


def _hold_out(
    recipe: Recipe, task: Task, rows: SplitRows, used: dict[str, list[Example]], listen: Listener
) -> list[Finding]:
    """Cut an eval split off the training rows, as a training would, where the recipe names none."""
    if recipe.data.eval or rows.train is None:
        return []
    try:
        used["train"], held = hold_out_rows(recipe, task, used["train"], rows.train.origin, listen)
    except DataError as error:
        return [_fault("", error)]
    tests = {"test": used.pop("test")} if "test" in used else {}
    used.update({HELD_OUT: held, **tests})
    text = f"no eval split: {len(held):,} training rows are kept for it; name one with --eval FILE"
    return [Finding("held_out", text, "", "good", len(held))]
