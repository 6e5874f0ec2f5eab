"""Predict line by line: exactly one output line for each input line, in order, in flat memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from bertkit.data.reading.lines import input_kind
from bertkit.errors import Interrupted
from bertkit.runs.atomic import json_text
from bertkit.runs.partial import PartialOutput
from bertkit.workflows.answering import Answerer, Chunk, answering
from bertkit.workflows.answers import Wanted
from bertkit.workflows.events import Listener, Note, Progress, silent
from bertkit.workflows.predict_input import Input, input_of, opened, unlocked
from bertkit.workflows.predict_output import cannot_write, check_output, origin_of, say_where, skip_done
from bertkit.workflows.predictor import EngineName
from bertkit.workflows.signals import STOPS, signal_of
from bertkit.workflows.trained import find_trained


@dataclass(frozen=True)
class PredictResult:
    """What predict did.

    Attributes:
        lines: lines written, those of an earlier, interrupted call included.
        rejected: how many of them hold an error.
        output: the file written, None for standard output.
        predictions: all of them as written, where the caller asked for no file (Python API).
        computed_by: what computed the model, in words.
        model: a run, by its name, or what the model is called.
    """

    lines: int
    rejected: int
    output: Path | None
    predictions: Sequence[dict[str, Any]] = ()
    computed_by: str = field(default="", compare=False)
    model: str = field(default="", compare=False)


def predict(
    source: Path | str | BinaryIO,
    *,
    model: str | None = None,
    output: Path | str | TextIO | None = None,
    scores: bool = False,
    tags: bool = False,
    n_best: int = 0,
    text: Sequence[str | None] | None = None,
    force: bool = False,
    engine: EngineName = "auto",
    nproc: int = 1,
    listen: Listener = silent,
) -> PredictResult:
    """Predict a file.

    Args:
        source: a JSONL, CSV, TSV or text file, or an open binary stream of JSON lines.
        model: a run, a model folder or a Hub id; None takes the latest run.
        output: a file (written whole, or gone on with after an interruption), an open text stream, or
            None to get the lines in the result.
        scores: add the probability of each label; for questions, that there is no answer.
        tags: add words and tags, where the model tags words.
        n_best: add so many candidates, where the model answers questions.
        text: names of the text columns, where they are not those of the training; None keeps one.
        force: replace an output file.
        engine: what computes the model: `torch`, `onnx` (ONNX Runtime, of `bertkit[onnx]`) or `auto`, which
            is `torch`. Predictions are the same to rounding.
        nproc: compute in so many processes, each with the model and its share of the processor cores, or a
            GPU. The output is the same to the last byte. A script that asks for several needs, as with
            `multiprocessing`, `if __name__ == "__main__":` around what it does.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix; faulty lines are no error, they are counted.
        Interrupted: after a signal; the same call goes on.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    input_kind(path)  # what is not read line by line is refused first
    target = Path(output) if isinstance(output, str | Path) else None
    with ExitStack() as stack:
        if path is not None:
            stream = stack.enter_context(opened(path))
        else:
            given = cast("BinaryIO", source)
            stream = given if nproc == 1 else stack.enter_context(unlocked(given))
        if target is not None:
            check_output(target, path, force=force)
        found = find_trained(model).with_columns(text)
        wanted = Wanted(scores=scores, tags=tags, n_best=n_best)
        read = input_of(stream, path, found)
        answerer = stack.enter_context(answering(found, engine, wanted, processes=nproc, listen=listen))
        job = _Job(answerer, read, listen, found.called)
        if path is None and stream.isatty():
            awaited = json_text(dict.fromkeys(found.contract.text, "..."))
            listen(Note(f"type JSON lines, as {awaited}; Ctrl-D on an empty line ends"))
        if target is None:
            return _predict_stream(job, output)
        # A stream never is the same.
        origin = None if path is None else origin_of(path, found, wanted, answerer.by)
        partial = PartialOutput(target, origin)
        stack.enter_context(partial.alone())
        return _predict_file(job, partial)


@dataclass(frozen=True)
class _Job:
    """What is done: the answerer, what it is asked, who is told how far it is, what the model is called."""

    answerer: Answerer
    input: Input
    listen: Listener
    model: str

    def tell(self, chunk: Chunk) -> None:
        """Say how far the input is answered."""
        if chunk.read_to is not None:
            self.listen(Progress("predicting", chunk.read_to, self.input.size, "bytes"))


def _predict_stream(job: _Job, output: Any) -> PredictResult:
    written: list[dict[str, Any]] = []
    count = rejected = 0
    try:
        with job.answerer.answered(job.input.chunks(), ahead=job.input.is_file) as answers:
            for chunk, answered in answers:
                if output is None:
                    written += map(json.loads, answered.text.splitlines())
                else:
                    output.write(answered.text)
                    output.flush()
                count += answered.lines
                rejected += answered.rejected
                job.tell(chunk)
    except STOPS as stop:
        raise Interrupted(
            f"after line {count:,}", hint="to go on later where it stopped, write to a file: -o OUT",
            signal_number=signal_of(stop),
        ) from stop  # fmt: skip
    return PredictResult(count, rejected, None, written, job.answerer.by, job.model)


def _predict_file(job: _Job, partial: PartialOutput) -> PredictResult:
    chunks: Iterator[Chunk] = job.input.chunks()
    count, rejected, first = skip_done(chunks, partial)
    try:
        say_where(partial, count, job.listen)
        left = chain([first] if first else [], chunks)
        with (
            partial.writing(keep=count) as stream,
            job.answerer.answered(left, ahead=job.input.is_file) as answers,
        ):
            for chunk, answered in answers:
                stream.write(answered.text)
                stream.flush()
                count += answered.lines
                rejected += answered.rejected
                job.tell(chunk)
    except STOPS as stop:
        raise Interrupted(
            f"after line {count:,}; what is done is in {partial.path}",
            hint="the same command goes on there" if partial.origin else "the same command starts again",
            signal_number=signal_of(stop),
        ) from stop
    except OSError as error:
        raise cannot_write(partial, error) from error
    return PredictResult(count, rejected, partial.target, (), job.answerer.by, job.model)
