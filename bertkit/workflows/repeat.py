"""Train one recipe several times, under other seeds or on other folds, and say how far scores lie apart."""

from __future__ import annotations

from pathlib import Path

from bertkit.config.loader import LoadedRecipe, load_recipe
from bertkit.errors import Interrupted, TrainingError
from bertkit.evaluation.scoring import shown
from bertkit.runs.lock import locked
from bertkit.workflows.children import ChildOutcome, run_child
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.repeat_end import conclude, finished, free_space
from bertkit.workflows.repeat_plan import Repetition, begin
from bertkit.workflows.repeat_results import RepeatResult
from bertkit.workflows.signals import STOPS, signal_of


def repeat(
    recipe: LoadedRecipe | str,
    *,
    seeds: int | None = None,
    folds: int | None = None,
    out: Path | str | None = None,
    force: bool = False,
    quiet: bool = True,
    listen: Listener = silent,
) -> RepeatResult:
    """Train a recipe several times and keep the best model.

    Args:
        recipe: loaded by `load_recipe`, or the name of one.
        seeds: how many trainings, under train.seed and those after it, on the same rows; at least 2.
        folds: how many trainings, each of which leaves out another part of the training rows; at least 2.
            One of the two is given.
        out: the run folder of them all; None makes a new one under `runs/`.
        force: replace a run that is already there.
        quiet: let the trainings say warnings only.
        listen: told what happens.

    Raises:
        BertkitError: exit code 2 before anything is written; exit code 1 if every training fails.
        Interrupted: after a signal, with the state saved.
    """
    loaded = load_recipe(recipe) if isinstance(recipe, str) else recipe
    repetition = begin(loaded, seeds=seeds, folds=folds, out=out, force=force, listen=listen)
    return train_all(repetition, quiet=quiet, listen=listen)


def train_all(
    repetition: Repetition, *, quiet: bool, nproc: int | None = None, listen: Listener = silent
) -> RepeatResult:
    """Train what is not trained yet, one after another, and bring the scores together; see `repeat`.

    Raises:
        RunError: another process is at it.
        TrainingError: not one was trained to its end.
        Interrupted: after a signal; what runs has saved its state.
    """
    with locked(repetition.run.path):
        return _train_all(repetition, quiet=quiet, nproc=nproc, listen=listen)


def _train_all(repetition: Repetition, *, quiet: bool, nproc: int | None, listen: Listener) -> RepeatResult:
    run, children = repetition.run, repetition.children
    again = f"bertkit finetune --resume {run.path}"
    outcomes: list[ChildOutcome] = []
    freed = 0
    try:
        for number, child in enumerate(children, 1):
            was_done = child.is_done
            outcomes.append(run_child(child, listen=listen, quiet=quiet, nproc=nproc))
            if not was_done:
                listen(_said(outcomes[-1], f"{number} of {len(children)}"))
            freed += free_space(children)
        if not any(outcome.state == "finished" for outcome in outcomes):
            raise TrainingError(
                f"all {len(children)} trainings failed; {children[0].name}: {outcomes[0].message}",
                hint=f"mend it, then try them again: {again}",
            )
        return conclude(repetition.by, run, outcomes, repetition.folded, freed=freed, listen=listen)
    except STOPS as stop:
        done = sum(child.is_done for child in children)
        raise Interrupted(
            f"{done} of {len(children)} trainings are finished; the state is saved",
            hint=f"go on: {again}",
            signal_number=signal_of(stop),
        ) from None


def _said(outcome: ChildOutcome, count: str) -> Note:
    name = outcome.child.name
    if outcome.state == "failed":
        return Note(f"{name} ({count}) failed: {outcome.message}", warning=True)
    _, metrics = finished(outcome.child)
    scores = "; ".join(
        f"{split} " + ", ".join(f"{metric} {shown(metric, value)}" for metric, value in values.items())
        for split, values in metrics.items()
    )
    return Note(f"{name} ({count}) is finished: {scores}")
