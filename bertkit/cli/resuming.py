"""What `bertkit finetune --resume` asks before a workflow begins."""

from __future__ import annotations

from bertkit.cli.options import as_json
from bertkit.errors import UsageError
from bertkit.runs.folder import find_run


def check_resume(run_name: str, *, others: bool, changed: bool) -> None:
    """Refuse what a run cannot be gone on with; which settings may be others, the workflow knows."""
    if others:
        raise UsageError(
            "--resume goes on with a run where it is: without --out, --force, --dry-run, --seeds and --folds",
            hint=f"bertkit finetune --resume {run_name}",
        )
    if changed and is_repeated(run_name):
        raise UsageError(
            "--resume goes on with several trainings as they are, without other settings",
            hint=f"bertkit finetune --resume {run_name}",
        )


def is_repeated(run_name: str) -> bool:
    """True if a run to go on with is one of several trainings."""
    from bertkit.workflows.repeat_plan import is_repetition

    return is_repetition(find_run(run_name))


def is_finished(run_name: str) -> bool:
    """True if there is nothing left to do, also for several trainings of which some had failed."""
    from bertkit.workflows.repeat_plan import is_repetition, unfinished

    run = find_run(run_name)
    return run.is_finished and not (is_repetition(run) and unfinished(run))


def recipe_of(run_name: str) -> str:
    """The file with the settings of a run."""
    return str(find_run(run_name).recipe)


def say_finished(run_name: str, *, json: bool) -> None:
    """A run that is resumed in a loop until it is done has to succeed when it is."""
    from bertkit.cli.display import Display
    from bertkit.cli.tables import print_run
    from bertkit.workflows.events import Note
    from bertkit.workflows.runs import describe_run

    described = describe_run(run_name)
    with Display() as display:
        display(Note(f"{run_name} is finished: nothing to resume, nothing was changed"))
    print(as_json(described.as_dict())) if json else print_run(described)
