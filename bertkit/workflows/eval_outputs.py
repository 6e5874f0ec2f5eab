"""What an evaluation writes: predictions, files for a benchmark's site; places are checked first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertkit.errors import RunError
from bertkit.evaluation.submissions import submission_files, submission_names
from bertkit.processes.place import is_main_process
from bertkit.runs.atomic import write_text
from bertkit.tasks.base import Prediction, Task
from bertkit.workflows.eval_data import EvalSplit
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.predictions import write_predictions


def check_unwritten(path: Path, *, force: bool) -> None:
    """Refuse to write over a file without being told to.

    Raises:
        RunError: it is there.
    """
    if path.exists() and not force:
        raise RunError(f"{path} already exists", hint="choose another place, or --force to write over it")


@dataclass(frozen=True)
class EvalOutputs:
    """Where an evaluation writes to, besides its page.

    Attributes:
        splits: what is scored, by name.
        task: whose predictions these are.
        config: of the Hub data set, as `cola` of `nyu-mll/glue`; None for an own file.
        predictions: a file, or with several splits a folder; None writes none.
        submission: a folder; None writes none.
        force: write over what is there.
        rejected: a file for the rows that were set aside; None writes none.
    """

    splits: Mapping[str, EvalSplit]
    task: Task
    config: str | None
    predictions: Path | None
    submission: Path | None
    force: bool
    rejected: Path | None = None

    def check(self) -> None:
        """Refuse what cannot be written, before anything is computed.

        Raises:
            RunError: a file is there already.
            DataError: no benchmark takes predictions of these splits.
        """
        places = [self._target(name) for name in self.splits if self.predictions is not None]
        if self.submission is not None:
            for each in self.splits.values():
                names = submission_names(self.task.name, self.config, each.source)
                places += [self.submission / name for name in names]
        if self.rejected is not None:
            places.append(self.rejected)
        for path in places:
            check_unwritten(path, force=self.force)

    def write(self, name: str, predictions: Sequence[Prediction], listen: Listener) -> None:
        """Write what is asked for of one split; of several processes the first one does."""
        if not is_main_process():
            return
        chosen = self.splits[name]
        if self.predictions is not None:
            write_predictions(self._target(name), self.task, chosen.examples, predictions)
        if self.submission is None:
            return
        files = submission_files(self.task.name, self.config, chosen.source, chosen.examples, predictions)
        self.submission.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            write_text(self.submission / file, content)
            listen(Note(f"written for the benchmark: {self.submission / file}"))

    def _target(self, name: str) -> Path:
        assert self.predictions is not None
        return self.predictions / f"{name}.jsonl" if len(self.splits) > 1 else self.predictions
