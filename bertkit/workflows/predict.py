"""Predict line by line: exactly one output line for each input line, in order, in flat memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from bertkit.data.columns import find_column
from bertkit.data.file_access import open_file
from bertkit.data.lines import InputLine, input_kind, read_input_lines
from bertkit.errors import DataError, Interrupted, RunError, TrainingError
from bertkit.runs.atomic import finite, write_json
from bertkit.runs.environment import fingerprint
from bertkit.tasks.base import Example, Prediction
from bertkit.workflows.engine import predict_features
from bertkit.workflows.events import Listener, Note, Progress, silent
from bertkit.workflows.signals import stop_requests
from bertkit.workflows.trained import Trained, TrainedSource, find_trained, load_trained

# Lines in memory at once: enough to batch by length, few enough to stay flat and to answer soon.
CHUNK_LINES = 1024
# Texts of one chunk, in characters, so that a chunk of long documents stays small too.
CHUNK_CHARACTERS = 4_000_000


@dataclass(frozen=True)
class PredictResult:
    """What predict did.

    Attributes:
        lines: lines written, those of an earlier, interrupted call included.
        rejected: how many of them hold an error, of this call.
        output: the file written, None for standard output.
        predictions: all of them as written, where the caller asked for no file (Python API).
    """

    lines: int
    rejected: int
    output: Path | None
    predictions: Sequence[dict[str, Any]] = ()


def predict(
    source: Path | str | BinaryIO,
    *,
    model: str | None = None,
    output: Path | str | TextIO | None = None,
    scores: bool = False,
    text: Sequence[str] | None = None,
    force: bool = False,
    listen: Listener = silent,
) -> PredictResult:
    """Predict a file.

    Args:
        source: a JSONL, CSV, TSV or text file, or an open binary stream of JSON lines.
        model: a run, a model folder or a Hub id; None takes the latest run.
        output: a file (written whole, or gone on with after an interruption), an open text stream, or
            None to get the lines in the result.
        scores: add the probability of each label.
        text: names of the text columns, where they are not those of the training.
        force: replace an output file.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix; faulty lines are no error, they are counted.
        Interrupted: after a signal; the same call goes on.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    kind = input_kind(path)
    target = Path(output) if isinstance(output, str | Path) else None
    if target is not None and target.exists() and not force:
        raise RunError(f"{target} already exists", hint="choose another -o, or --force to replace it")
    with ExitStack() as stack:
        stream: BinaryIO = stack.enter_context(open_file(path)) if path is not None else source  # type: ignore[assignment]
        found = find_trained(model)
        lines = read_input_lines(stream, kind=kind, text_column=(text or found.contract.text)[0])
        if kind in ("csv", "tsv") and path is not None:
            _check_header(path, kind, text or found.contract.text)
        trained = load_trained(found)
        if text is not None:
            trained = _with_columns(trained, text)
        size = path.stat().st_size if path is not None else None
        job = _Job(trained, scores, listen, stream, size)
        if target is None:
            return _predict_stream(job, lines, output)
        return _predict_file(job, lines, target, _Origin.of(path, found, scores))


@dataclass(frozen=True)
class _Job:
    trained: Trained
    scores: bool
    listen: Listener
    stream: BinaryIO
    size: int | None

    def tell(self) -> None:
        if self.size is not None:
            self.listen(Progress("predicting", min(self.stream.tell(), self.size), self.size))


@dataclass(frozen=True)
class _Origin:
    """What an output is made from; only the same can be gone on with."""

    input: str
    model: str

    @classmethod
    def of(cls, path: Path | None, found: TrainedSource, scores: bool) -> _Origin:
        stat = path.stat() if path is not None else None
        given = (
            f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
            if path is not None and stat is not None
            else ""
        )
        weights = [
            f"{file.name} {file.stat().st_size}" for file in sorted(found.source.folder.glob("*.safetensors"))
        ]
        changed = [str(file.stat().st_mtime_ns) for file in sorted(found.source.folder.glob("*.safetensors"))]
        return cls(given, fingerprint([str(found.source.folder), str(scores), *weights, *changed]))


def _check_header(path: Path, kind: str, columns: Sequence[str]) -> None:
    """A table without the text column would give nothing but error lines: say so at once."""
    with open_file(path) as stream:
        first = next(iter(read_input_lines(stream, kind=kind)), None)
    if first is not None and first.record is not None:
        names = [str(name).strip() for name in first.record]
        if len(columns) == 1 and "text" in names:
            return
        for name, option in zip(columns, ("--text", "--text-pair"), strict=False):
            find_column(name, names, origin=str(path), option=option)


def _with_columns(trained: Trained, text: Sequence[str]) -> Trained:
    needed = getattr(trained.task, "text", ())
    if len(text) != len(needed):
        raise DataError(
            f"the model reads {len(needed)} texts ({', '.join(needed)}), {len(text)} columns are named",
            hint="name --text and --text-pair",
        )
    trained.task.text = tuple(text)  # type: ignore[attr-defined]
    return trained


def _predict_stream(job: _Job, lines: Iterator[InputLine], output: Any) -> PredictResult:
    written: list[dict[str, Any]] = []
    count = rejected = 0
    with stop_requests() as request:
        for answers in _answer_chunks(job, lines):
            for answer in answers:
                count += 1
                rejected += _is_error(answer)
                if output is None:
                    written.append(answer)
                else:
                    output.write(_encode(answer) + "\n")
            if output is not None:
                output.flush()
            if request.signal_number is not None:
                raise Interrupted(
                    f"stopped after line {count:,}",
                    hint="to go on later, write to a file: -o OUT",
                    signal_number=request.signal_number,
                )
    return PredictResult(count, rejected, None, written)


def _predict_file(job: _Job, lines: Iterator[InputLine], target: Path, origin: _Origin) -> PredictResult:
    partial = target.with_name(f"{target.name}.partial")
    note = target.with_name(f"{target.name}.partial.json")
    done = _lines_done(partial, note, origin)
    if done:
        job.listen(Note(f"going on after line {done:,} of {partial}"))
        next(islice(lines, done - 1, done), None)
    count, rejected = done, 0
    try:
        with stop_requests() as request, partial.open("a" if done else "w", encoding="utf-8") as stream:
            write_json(note, {"input": origin.input, "model": origin.model})
            for answers in _answer_chunks(job, lines):
                stream.writelines(_encode(answer) + "\n" for answer in answers)
                stream.flush()
                count += len(answers)
                rejected += sum(map(_is_error, answers))
                if request.signal_number is not None:
                    raise Interrupted(
                        f"stopped after line {count:,}; what is done is in {partial}", hint="the same command goes on there",
                        signal_number=request.signal_number,
                    )  # fmt: skip
            os.fsync(stream.fileno())
    except OSError as error:
        raise TrainingError(
            f"cannot write {partial}: {error.strerror}",
            hint="make room or choose another -o; the same command goes on",
        ) from error
    partial.replace(target)
    note.unlink(missing_ok=True)
    return PredictResult(count, rejected, target)


def _lines_done(partial: Path, note: Path, origin: _Origin) -> int:
    """Whole lines of an interrupted call for the same input and model; a half line at the end is cut off."""
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        if not origin.input or known != {"input": origin.input, "model": origin.model}:
            return 0
        with partial.open("rb+") as stream:
            whole = lines = 0
            for line in stream:
                if line.endswith(b"\n"):
                    whole += len(line)
                    lines += 1
            stream.truncate(whole)
            return lines
    except (OSError, ValueError):
        return 0


def _answer_chunks(job: _Job, lines: Iterator[InputLine]) -> Iterator[list[dict[str, Any]]]:
    for chunk in _chunks(lines):
        yield _answer(job, chunk)
        job.tell()


def _chunks(lines: Iterator[InputLine]) -> Iterator[list[InputLine]]:
    chunk: list[InputLine] = []
    characters = 0
    for line in lines:
        chunk.append(line)
        characters += sum(len(value) for value in (line.record or {}).values() if isinstance(value, str))
        if len(chunk) >= CHUNK_LINES or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _answer(job: _Job, chunk: Sequence[InputLine]) -> list[dict[str, Any]]:
    """One answer a line: the record with its prediction, or what is wrong with it."""
    trained = job.trained
    answers: list[dict[str, Any]] = []
    examples: list[Example] = []
    places: list[int] = []
    for place, line in enumerate(chunk):
        if line.record is None:
            answers.append({"line": line.number, "error": line.error})
            continue
        try:
            texts = trained.task.texts_of(line.record)
        except DataError as error:
            answers.append({"line": line.number, "error": f"{error.message} ({error.hint})"})
            continue
        answers.append(dict(line.record))
        examples.append(Example(str(line.number), texts, None))
        places.append(place)
    if examples:
        features = trained.task.encode(examples, trained.model.tokenizer, trained.limits)
        made = predict_features(trained.engine, trained.model, trained.task, features, count=len(examples))
        for place, prediction in zip(places, made, strict=True):
            answers[place] |= _shown(prediction, job.scores)
    return answers


def _shown(prediction: Prediction, with_scores: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"prediction": prediction.value}
    if with_scores and prediction.score is not None:
        shown["score"] = prediction.score
    if with_scores and prediction.scores:
        shown["scores"] = dict(prediction.scores)
    return shown


def _is_error(answer: dict[str, Any]) -> bool:
    return answer.keys() == {"line", "error"}


def _encode(answer: dict[str, Any]) -> str:
    return json.dumps(finite(answer), ensure_ascii=False)
