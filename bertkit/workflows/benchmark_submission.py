"""Predictions of the hidden test sets of GLUE, and the archive that its site takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.config.loader import LoadedRecipe
from bertkit.data.reading.sources import load_split
from bertkit.data.rows import Rows
from bertkit.errors import BertkitError
from bertkit.evaluation.submissions import (
    GLUE_FILES,
    GlueFile,
    check_tsv,
    glue_tsv,
    pack_submission,
)
from bertkit.runs.atomic import write_text
from bertkit.runs.folder import RunFolder
from bertkit.tasks.base import Example
from bertkit.tasks.columns import TEXT_OPTIONS, choose_column, identity_column, identity_of
from bertkit.workflows.benchmark_plan import DIAGNOSTICS, Plan
from bertkit.workflows.encoding import encode_examples
from bertkit.workflows.engine import compute_outputs
from bertkit.workflows.events import Listener, Note, Progress
from bertkit.workflows.trained import Trained, find_trained, load_trained

ARCHIVE = "glue-submission.zip"
# What a smoke run leaves: the same files with the first rows only, which the site would refuse.
SMOKE_ARCHIVE = "glue-smoke-run.zip"
PREDICTIONS = "submission"


@dataclass(frozen=True)
class Submission:
    """What became of the predictions of the test sets.

    Attributes:
        archive: None where no file of it could be made.
        files: names of the files in it.
        missing: by the name of a file that the site wants too, why it is not there.
    """

    archive: Path | None
    files: tuple[str, ...]
    missing: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        """True if the site would take it."""
        return not self.missing

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        archive = str(self.archive) if self.archive else None
        return {"archive": archive, "files": list(self.files), "missing": dict(self.missing)}


def make_submission(folder: Path, plan: Plan, failed: Mapping[str, str], listen: Listener) -> Submission:
    """Predict the test sets with the model of each task, and pack what is whole.

    A file that an earlier call has written is taken as it is; what cannot be made is named with its reason.

    Args:
        folder: of the benchmark.
        plan: which tasks were trained.
        failed: why, by the tasks that have no model.
        listen: told what happens.
    """
    contents: dict[str, str] = {}
    missing: dict[str, str] = {}
    loaded: tuple[str, Trained] | None = None
    for file in GLUE_FILES:
        task = model_of(file)
        path = folder / PREDICTIONS / file.name
        if task not in plan.tasks:
            missing[file.name] = "not among the tasks"
        elif task in failed:
            missing[file.name] = "its task failed"
        else:
            try:
                if not path.is_file():
                    if loaded is None or loaded[0] != task:
                        loaded = (task, _load(RunFolder(folder).child(task), plan.recipe(task)))
                    path.parent.mkdir(exist_ok=True)
                    write_text(path, predict_file(file, loaded[1], plan.recipe(file.config), listen))
                contents[file.name] = path.read_text(encoding="utf-8")
            except BertkitError as error:
                missing[file.name] = error.message
                listen(Note(f"{file.name} cannot be predicted: {error.message}", warning=True))
    for name, fault in _faults(contents, whole=not plan.quick).items():
        missing[name] = fault
        del contents[name]
    return Submission(_write_archive(folder, contents, plan), tuple(contents), missing)


def model_of(file: GlueFile) -> str:
    """The task whose model predicts a file: its own, and MNLI's for the diagnostics."""
    return "mnli" if file.config == DIAGNOSTICS else file.config


def _load(run: RunFolder, recipe: LoadedRecipe) -> Trained:
    return load_trained(find_trained(str(run.path)), precision=recipe.recipe.train.precision)


def predict_file(file: GlueFile, trained: Trained, recipe: LoadedRecipe, listen: Listener) -> str:
    """The content of one file, predicted by a trained model.

    Raises:
        BertkitError: if the rows cannot be had.
    """
    listen(Note(f"predicting {file.name}"))
    rows = load_split(recipe.recipe.data, file.split)
    examples = _examples(rows, trained.task.text)
    features = encode_examples(
        trained.task, examples, trained.model.tokenizer, trained.limits, what=file.name, listen=listen
    )

    def tell(done: int) -> None:
        listen(Progress(f"predicting {file.name}", done, len(features)))

    kept = compute_outputs(trained.engine, trained.model, trained.task, features, tell=tell, listen=listen)
    return glue_tsv(file, examples, trained.task.decode(kept, features, examples))


def _examples(rows: Rows, names: tuple[str, ...]) -> list[Example]:
    """Every row, without what stands in its label column: -1 means hidden, also where it could be a score.

    A missing text is an empty one, since each row wants its prediction.
    """
    columns = [
        choose_column(name, rows, option=option) for name, option in zip(names, TEXT_OPTIONS, strict=False)
    ]
    own = identity_column(rows, columns)
    return [
        Example(
            identity_of(record, own, number),
            tuple("" if record[name] is None else str(record[name]) for name in columns),
            None,
            row=number,
        )
        for number, record in enumerate(rows.records)
    ]


def _faults(contents: Mapping[str, str], *, whole: bool) -> dict[str, str]:
    """The first fault of each file that the site would refuse."""
    files = {file.name: file for file in GLUE_FILES}
    found = {name: check_tsv(files[name], text, whole=whole) for name, text in contents.items()}
    return {name: faults[0].removeprefix(f"{name}: ") for name, faults in found.items() if faults}


def _write_archive(folder: Path, contents: Mapping[str, str], plan: Plan) -> Path | None:
    path = folder / (SMOKE_ARCHIVE if plan.quick else ARCHIVE)
    if not contents:
        path.unlink(missing_ok=True)
        return None
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(pack_submission(contents))
    temporary.replace(path)
    return path
