"""A whole benchmark from one command: all tasks trained, scored and predicted, in a folder that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bertkit.errors import Interrupted, UsageError
from bertkit.models.sources import find_model
from bertkit.runs.folder import RunFolder
from bertkit.workflows.benchmark_plan import DIAGNOSTICS, Plan, begin, make_plan, place_plan, read_plan
from bertkit.workflows.benchmark_published import GLUE_TASKS
from bertkit.workflows.benchmark_results import BenchmarkResult, TaskResult, task_result, write_results
from bertkit.workflows.benchmark_submission import make_submission
from bertkit.workflows.children import Child, run_child
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.signals import STOPS, signal_of


def benchmark_glue(
    model: str | None = None,
    *,
    tasks: Sequence[str] = (),
    quick: bool = False,
    seed: int | None = None,
    assignments: Sequence[str] = (),
    out: Path | str | None = None,
    resume: Path | str | None = None,
    force: bool = False,
    quiet: bool = False,
    listen: Listener = silent,
) -> BenchmarkResult:
    """Train and score an encoder on the tasks of GLUE, and pack the archive for its site.

    Each task is trained from the plain encoder, RTE, MRPC and STS-B too, in a process of its own. What fails
    is a row of the result with its reason, and the others go on. A folder with the same settings is gone on
    with: what is finished stays, what was interrupted is resumed, what failed is tried again.

    Args:
        model: the encoder; None is the one of the recipes.
        tasks: names of recipes, as `cola`; none for all nine.
        quick: a smoke run, with few rows and steps; its scores say nothing.
        seed: of all trainings; None: that of the recipes.
        assignments: `KEY=VALUE` for all recipes, as `train.epochs=5`.
        out: the folder; None makes a new one under `runs/`.
        resume: a folder to go on with as it is.
        force: replace a benchmark that is in `out`.
        quiet: let the trainings say warnings only.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can mend before any training begins.
        Interrupted: after a signal, with the state saved.
    """
    if resume is not None:
        if model is not None or tasks or quick or seed is not None or assignments or out is not None or force:
            raise UsageError(
                "--resume goes on with a benchmark as it is, without other settings",
                hint=f"bertkit benchmark glue --resume {resume}",
            )
        folder, plan = Path(resume), read_plan(Path(resume))
    else:
        plan = make_plan(model, tasks=tasks, quick=quick, seed=seed, assignments=assignments)
        folder, plan = place_plan(plan, Path(out) if out is not None else None, force=force)
    children = children_of(folder, plan)
    encoder = children[0].recipe.recipe.model
    listen(Note(f"finding {encoder.name}"))
    find_model(encoder.name, revision=encoder.revision)
    begin(folder, plan, force=force)
    try:
        return _run(folder, plan, children, quiet=quiet, listen=listen)
    except STOPS as stop:
        raise Interrupted(
            "before the benchmark was done; what is finished stays",
            hint=f"go on: bertkit benchmark glue --resume {folder}",
            signal_number=signal_of(stop),
        ) from None


def children_of(folder: Path, plan: Plan) -> list[Child]:
    """The trainings of a plan; their settings, and those of the diagnostics, are checked here.

    Raises:
        RecipeError: with all faults in one message.
    """
    plan.recipe(DIAGNOSTICS)
    return [Child(name, plan.recipe(name), RunFolder(folder).child(name).path) for name in plan.tasks]


def _run(
    folder: Path, plan: Plan, children: Sequence[Child], *, quiet: bool, listen: Listener
) -> BenchmarkResult:
    titles = {task.name: task for task in GLUE_TASKS}
    found: list[TaskResult] = []
    for number, child in enumerate(children, 1):
        listen(Note(f"task {number} of {len(children)}: {titles[child.name].title}"))
        outcome = run_child(child, listen=listen, quiet=quiet)
        if outcome.state == "failed":
            listen(Note(f"{child.name} failed: {outcome.message}", warning=True))
        found.append(task_result(titles[child.name], outcome))
        write_results(BenchmarkResult(folder, plan, tuple(found)))
    failed = {result.task.name: result.message for result in found if result.state == "failed"}
    submission = make_submission(folder, plan, failed, listen)
    result = BenchmarkResult(folder, plan, tuple(found), submission)
    write_results(result)
    return result
