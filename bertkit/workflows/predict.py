"""Predict line by line: exactly one output line for each input line, in order, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from bertkit.data.reading.compression import is_compressed
from bertkit.data.reading.lines import InputLine, input_kind, read_input_lines
from bertkit.errors import Interrupted, RunError, TrainingError
from bertkit.runs.atomic import json_text
from bertkit.runs.environment import fingerprint
from bertkit.runs.partial import PartialOutput
from bertkit.workflows.answers import (
    CHUNK_LINES,
    Asked,
    Wanted,
    answer,
    chunks_of,
    is_error,
    is_error_line,
    prepared,
)
from bertkit.workflows.events import Listener, Note, Progress, silent
from bertkit.workflows.predict_input import check_header, is_regular, opened, reading
from bertkit.workflows.predictor import EngineName, Predictor, load_predictor
from bertkit.workflows.signals import STOPS, signal_of
from bertkit.workflows.trained import TrainedSource, find_trained


@dataclass(frozen=True)
class PredictResult:
    """What predict did.

    Attributes:
        lines: lines written, those of an earlier, interrupted call included.
        rejected: how many of them hold an error.
        output: the file written, None for standard output.
        predictions: all of them as written, where the caller asked for no file (Python API).
        computed_by: what computed the model, in words.
    """

    lines: int
    rejected: int
    output: Path | None
    predictions: Sequence[dict[str, Any]] = ()
    computed_by: str = field(default="", compare=False)


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
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix; faulty lines are no error, they are counted.
        Interrupted: after a signal; the same call goes on.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    kind = input_kind(path)
    target = Path(output) if isinstance(output, str | Path) else None
    with ExitStack() as stack:
        stream = stack.enter_context(opened(path)) if path is not None else cast("BinaryIO", source)
        if target is not None:
            _check_output(target, path, force=force)
        found = find_trained(model)
        named = found.with_columns(text)
        columns = named.contract.text
        # A line of text is a text, also where the model was trained on lists of tokens.
        tagger = found.contract.problem in ("tags", "frames")
        text_column = "text" if tagger else columns[0]
        lines = reading(read_input_lines(stream, kind=kind, text_column=text_column), str(path))
        if kind in ("csv", "tsv") and path is not None:
            check_header(path, kind, named)
        wanted = Wanted(scores=scores, tags=tags, n_best=n_best)
        predictor = load_predictor(named, engine, listen=listen)
        # How far a packed file is cannot be told from what is unpacked of it.
        size = path.stat().st_size if path is not None and not is_compressed(path.name) else None
        is_file = is_regular(stream) if path is None else path.is_file()
        job = _Job(predictor, wanted, listen, stream, size, is_file)
        if path is None and stream.isatty():
            awaited = json_text(dict.fromkeys(columns, "..."))
            listen(Note(f"type JSON lines, as {awaited}; Ctrl-D on an empty line ends"))
        if target is None:
            return _predict_stream(job, lines, output)
        partial = PartialOutput(target, _origin(path, found, job, columns))
        stack.enter_context(partial.alone())
        return _predict_file(job, lines, partial)


@dataclass(frozen=True)
class _Job:
    """What answers the lines.

    Attributes:
        predictor: model and task.
        wanted: what is added beside the prediction.
        listen: told how far it is.
        stream: the input.
        size: of the input in bytes, None where it is not known.
        is_file: the input is a file, which never lets one wait for its next line.
    """

    predictor: Predictor
    wanted: Wanted
    listen: Listener
    stream: BinaryIO
    size: int | None
    is_file: bool

    def tell(self, asked: Asked) -> None:
        """Say how far the input is answered."""
        if self.size is not None and asked.read_to is not None:
            self.listen(Progress("predicting", min(asked.read_to, self.size), self.size, "bytes"))

    @property
    def chunk_lines(self) -> int:
        """Lines to answer at once; who types waits for each answer."""
        return 1 if not self.is_file and self.stream.isatty() else CHUNK_LINES

    def prepared(self, chunks: Iterator[list[InputLine]]) -> AbstractContextManager[Iterator[Asked]]:
        """The chunks, ready for the model; leaving it ends what is under way, before the input is closed."""
        position = self.stream.tell if self.size is not None else None
        return closing(prepared(self.predictor.trained, chunks, position=position, ahead=self.is_file))


def _check_output(target: Path, source: Path | None, *, force: bool) -> None:
    """Refuse what cannot be written or would destroy something, before the model is loaded.

    Raises:
        RunError: with what to name instead.
    """
    if target.is_dir():
        raise RunError(f"{target} is a folder", hint=f"name a file: -o {target / 'predictions.jsonl'}")
    if not target.parent.is_dir():
        raise RunError(f"{target}: there is no folder {target.parent}", hint=f"mkdir -p {target.parent}")
    growing = PartialOutput(target, None)
    if source is not None and source.resolve() in {
        path.resolve() for path in (target, growing.path, growing.note)
    }:
        raise RunError(f"{target}: writing it would destroy the input {source}", hint="choose another -o")
    if target.exists() and not target.is_file():
        raise RunError(f"{target} is no regular file", hint="leave -o out, and redirect the output: > FILE")
    if target.exists() and not force:
        raise RunError(f"{target} already exists", hint="choose another -o, or --force to replace it")


def _origin(
    path: Path | None, found: TrainedSource, job: _Job, columns: Sequence[str]
) -> Mapping[str, str] | None:
    """What an output is made from; only the same can be gone on with, and a stream never is the same."""
    if path is None:
        return None
    given = path.stat()
    weights = [(file, file.stat()) for file in sorted(found.source.folder.glob("*.safetensors"))]
    files = [f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in weights]
    return {
        "input": f"{path.resolve()} {given.st_size} {given.st_mtime_ns}",
        # The contract holds the thresholds that the predictions went by.
        "model": fingerprint(
            [*files, found.contract.model_dump_json(), str(job.wanted), *columns, job.predictor.by]
        ),
    }


def _predict_stream(job: _Job, lines: Iterator[InputLine], output: Any) -> PredictResult:
    written: list[dict[str, Any]] = []
    count = rejected = 0
    try:
        with job.prepared(chunks_of(lines, job.chunk_lines)) as chunks:
            for asked in chunks:
                answers = answer(job.predictor.trained, asked, job.wanted)
                if output is None:
                    written += answers
                else:
                    output.write("".join(json_text(answer) + "\n" for answer in answers))
                    output.flush()
                count += len(answers)
                rejected += sum(map(is_error, answers))
                job.tell(asked)
    except STOPS as stop:
        raise Interrupted(
            f"after line {count:,}", hint="to go on later where it stopped, write to a file: -o OUT",
            signal_number=signal_of(stop),
        ) from stop  # fmt: skip
    return PredictResult(count, rejected, None, written, job.predictor.by)


def _predict_file(job: _Job, lines: Iterator[InputLine], partial: PartialOutput) -> PredictResult:
    chunks = chunks_of(lines, job.chunk_lines)
    count, rejected, first = _skip_done(chunks, partial)
    try:
        if count:
            job.listen(Note(f"going on after line {count:,} of {partial.path}"))
        elif partial.path.exists():
            text = f"{partial.path} is of another input, model or other options: all lines are predicted anew"
            job.listen(Note(text, warning=True))
        left = chain([first] if first else [], chunks)
        with partial.writing(keep=count) as stream, job.prepared(left) as ready:
            for asked in ready:
                answers = answer(job.predictor.trained, asked, job.wanted)
                stream.writelines(json_text(answer) + "\n" for answer in answers)
                stream.flush()
                count += len(answers)
                rejected += sum(map(is_error, answers))
                job.tell(asked)
    except STOPS as stop:
        raise Interrupted(
            f"after line {count:,}; what is done is in {partial.path}",
            hint="the same command goes on there" if partial.origin else "the same command starts again",
            signal_number=signal_of(stop),
        ) from stop
    except OSError as error:
        raise TrainingError(
            f"cannot write {partial.path}: {error.strerror or error}",
            hint="make room or choose another -o; the same command goes on",
        ) from error
    return PredictResult(count, rejected, partial.target, (), job.predictor.by)


def _skip_done(
    chunks: Iterator[list[InputLine]], partial: PartialOutput
) -> tuple[int, int, list[InputLine] | None]:
    """Read past what an interrupted call has answered.

    A chunk that was answered in part is answered anew: its texts are batched together, and other batches
    would round in another way.

    Returns:
        How many lines stay, how many of them are errors, and the first chunk to answer.
    """
    errors = bytearray(map(is_error_line, partial.lines()))
    done = 0
    for chunk in chunks:
        if done + len(chunk) > len(errors):
            return done, sum(errors[:done]), chunk
        done += len(chunk)
    return done, sum(errors[:done]), None
