"""The walk through the events of a training: each is shown, logged and, where it is due, saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bertkit.errors import DataError, Interrupted, TrainingError
from bertkit.evaluation.scoring import selecting
from bertkit.processes.place import is_launched
from bertkit.runs.log import RunLog
from bertkit.training.batches import TrainingData
from bertkit.training.events import Evaluation, Event, SkippedStep, SmallerBatches, Step
from bertkit.training.loop import TrainingState, train
from bertkit.training.not_finite import NotFinite
from bertkit.training.streamed import StreamedData
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.job import Job, score_split
from bertkit.workflows.saving import Saver
from bertkit.workflows.signals import STOPS, StopRequest, signal_of, stop_of, stop_requests
from bertkit.workflows.streaming import while_streaming

# Ids of rows that a message lists.
ROWS_NAMED = 8


def fit(job: Job, state: TrainingState, data: TrainingData | StreamedData, saver: Saver) -> None:
    """Train to the end: every event is shown, logged, and saved where it is due.

    Raises:
        Interrupted: somebody asked to stop; the state is saved.
        TrainingError: the training itself failed.
        DataError: a stream cannot be read on.
    """
    settings, task = job.recipe.train, job.prepared.task
    first_name, first_split = next(iter(job.prepared.evals.items()))

    def loss(outputs: Any, targets: Any) -> Any:
        return task.loss(outputs, targets, label_smoothing=settings.label_smoothing)

    def warn(text: str) -> None:
        job.listen(Note(text, warning=True))

    state.group.note_way_back(way_back(job))
    with stop_requests() as request, _opened_log(job, state, warn) as log:
        heard = replace(job, listen=_stopping(job.listen, request))

        def evaluate() -> tuple[Mapping[str, float], float]:
            scores = score_split(heard, first_name, first_split)
            return scores, selecting(scores, job.metric)

        if state.step == 0:
            saver.save()
        aside = len(job.prepared.rejected)
        try:
            for event in train(state, data, settings, loss=loss, evaluate=evaluate):
                job.listen(event)
                if isinstance(event, SkippedStep):
                    named = _rows_named(data.ids_of(event.features))
                    warn(f"step {event.step} is left out, its loss or gradient is no number: {named}")
                if log is not None:
                    _log(log, event, state, data)
                if isinstance(event, Evaluation):
                    saver.save(is_best=event.is_best)
                # All processes stop, and save, after the same step.
                due, stop_number = state.group.largest(int(saver.is_due), request.signal_number or 0)
                if due:
                    saver.save()
                if state.group.is_main:
                    aside = _keep_rejected(job, aside)
                if stop_number:
                    break
            (stop_number,) = state.group.largest(request.signal_number or 0)
            if stop_number:
                raise stop_of(stop_number)
        except STOPS as stop:
            saver.save()
            where = f"after step {state.step} of training; the state is saved"
            raise interrupted(job, where, signal_of(stop)) from None
        except NotFinite as fault:
            raise _with_rows(job, fault, data) from fault
        except DataError as fault:
            if job.prepared.stream is None:
                raise
            # It comes between two steps. Of several processes another one may have met with no fault and
            # wait elsewhere: what all have to take part in would never end.
            if state.group.size == 1:
                saver.save()
            raise while_streaming(job.run, fault) from fault
    if state.skipped:
        warn(f"{state.skipped} of {state.step} steps were left out: their loss was no number")
    if state.best is None:
        raise TrainingError(
            f"{job.metric} was never a number, so no weights are the best",
            hint="lower train.learning_rate, or choose another metrics.select",
        )


@contextmanager
def _opened_log(job: Job, state: TrainingState, warn: Callable[[str], None]) -> Iterator[RunLog | None]:
    """The log of the run; None in processes that write nothing."""
    if not state.group.is_main:
        yield None
        return
    with RunLog(job.run.log, job.run.events, done=state.step, warn=warn) as log:
        yield log


def _keep_rejected(job: Job, before: int) -> int:
    """Write down the rows set aside while a stream is read, if there are more than before."""
    rejected = job.prepared.rejected
    if len(rejected) > before:
        rejected.write(job.run.rejected)
    return len(rejected)


def _stopping(listen: Listener, request: StopRequest) -> Listener:
    """A listener that ends an evaluation under way when somebody asks to stop: it is done again later."""

    def heard(event: Any) -> None:
        listen(event)
        if request.signal_number is not None:
            raise stop_of(request.signal_number)

    return heard


def _with_rows(job: Job, fault: NotFinite, data: TrainingData | StreamedData) -> TrainingError:
    """The same error with the ids of its rows and what is kept."""
    advice = f"go on without such steps: bertkit finetune --resume {job.run.path} --on-nan skip"
    return TrainingError(
        f"{fault.message}{'' if fault.is_of_weights else f': {_rows_named(data.ids_of(fault.features))}'}",
        hint=fault.hint if fault.is_of_weights else f"{fault.hint}; or {advice}",
    )


def _rows_named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - ROWS_NAMED} more" if len(ids) > ROWS_NAMED else ""
    return f"train row{'s' if len(ids) > 1 else ''} {', '.join(ids[:ROWS_NAMED])}{more}"


def way_back(job: Job) -> str:
    """How a run goes on that was stopped or killed."""
    place = job.engine.group.place
    options = " --baseline" if job.baselines else ""
    if place is not None:
        alone = is_launched() and place.is_alone_on_host
        options += f" --nproc {place.local_processes}" if alone else "; on all hosts, as it was started"
    return f"go on: bertkit finetune --resume {job.run.path}{options}"


def interrupted(job: Job, where: str, signal_number: int) -> Interrupted:
    """The error that says where a run was stopped and how it goes on."""
    hint = way_back(job)
    return Interrupted(where, hint=hint, signal_number=signal_number)


def _log(log: RunLog, event: Event, state: TrainingState, data: TrainingData | StreamedData) -> None:
    match event:
        case SkippedStep():
            values = {"epoch": round(event.epoch, 6), "rows": data.ids_of(event.features)}
            log.write("skipped", event.step, values)
        case Step():
            values = {
                "epoch": round(event.epoch, 6),
                "loss": event.loss,
                "learning_rate": event.learning_rate,
                "grad_norm": event.grad_norm,
                "tokens": event.tokens,
            }
            log.write("train", event.step, values)
        case Evaluation():
            log.write(
                "eval", event.step, {"epoch": round(event.epoch, 6), **event.scores, "best": event.is_best}
            )
        case SmallerBatches():
            log.write("memory", state.step, {"micro_batch_size": event.micro_batch_size})
