"""Predict many files into a folder, one output a file; called again it computes what is not yet there."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from pathlib import Path

from bertkit.errors import DataError, Interrupted, RunError, UsageError
from bertkit.runs.atomic import write_json
from bertkit.runs.partial import PartialOutput
from bertkit.workflows.answering import Answerer, Answers, Chunk, answering
from bertkit.workflows.answers import Wanted
from bertkit.workflows.events import Listener, Note, Progress, silent
from bertkit.workflows.predict_input import input_of, opened
from bertkit.workflows.predict_output import cannot_write, origin_of, say_where, skip_done
from bertkit.workflows.predict_sources import Pair, Shard, find_files, names_many, pair_up
from bertkit.workflows.predictor import EngineName
from bertkit.workflows.signals import STOPS, signal_of
from bertkit.workflows.trained import TrainedSource, find_trained

# In the folder of the outputs: a note beside each that is whole, of what it was made from.
NOTES = ".bertkit-predict"
# So many files that cannot be read are said as they are met; the last line says how many there were.
SAID_FAULTS = 10


@dataclass(frozen=True)
class PredictedFiles:
    """What predict did with many files.

    Attributes:
        folder: where the outputs are.
        files: how many of them are there now, of this call's part.
        done_before: how many of these an earlier call had written.
        lines: in all of them.
        rejected: how many of the lines hold an error.
        computed_by: what computed the model, in words.
        model: a run, by its name, or what the model is called.
    """

    folder: Path
    files: int
    done_before: int
    lines: int
    rejected: int
    computed_by: str = field(default="", compare=False)
    model: str = field(default="", compare=False)


def predict_files(
    files: Sequence[str | Path],
    output: Path | str | None,
    *,
    model: str | None = None,
    scores: bool = False,
    tags: bool = False,
    n_best: int = 0,
    text: Sequence[str | None] | None = None,
    force: bool = False,
    engine: EngineName = "auto",
    nproc: int = 1,
    shard: str | None = None,
    listen: Listener = silent,
) -> PredictedFiles:
    """Predict many files, as `predict` does each.

    A file that cannot be read is said, and the others are predicted all the same. Called again, what is whole
    and was made of the same input, model and options is left as it is, also with `force`.

    Args:
        files: names and patterns, as `in/*.jsonl`.
        output: a folder, made where it is not there.
        model: as for `predict`.
        scores: the same.
        tags: the same.
        n_best: the same.
        text: the same.
        force: replace outputs of other inputs, models or options.
        engine: as for `predict`.
        nproc: the same; the processes share all files.
        shard: `K/N`: only every N-th file, from the K-th on.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix; at the end, where files could not be read.
        Interrupted: after a signal; the same call goes on.
    """
    part = None if shard is None else Shard.of(shard)
    folder = _check_folder(files, output, part)
    pairs = pair_up(find_files(list(map(str, files))), folder)
    if part is not None:
        of_all = len(pairs)
        pairs = pairs[part.number - 1 :: part.count]
        listen(Note(f"shard {part}: {len(pairs):,} of {of_all:,} files"))
    if not pairs:
        return PredictedFiles(folder, 0, 0, 0, 0)
    found = find_trained(model).with_columns(text)
    wanted = Wanted(scores=scores, tags=tags, n_best=n_best)
    with answering(found, engine, wanted, processes=nproc, listen=listen) as answerer:
        outputs: list[_Output] = []
        begins = 0
        for pair in pairs:
            origin = origin_of(pair.source, found, wanted, answerer.by)
            size = pair.source.stat().st_size
            note = folder / NOTES / f"{pair.target.name}.json"
            outputs.append(_Output(pair, origin, note, begins, size))
            outputs[-1].look()
            begins += size
        left = [each for each in outputs if not each.is_whole]
        _check_replaced(left, force=force)
        (folder / NOTES).mkdir(parents=True, exist_ok=True)
        faults = _Batch(answerer, found, listen, outputs, left).run()
    if faults:
        raise DataError(
            f"{len(faults):,} of {len(pairs):,} files cannot be read, as {faults[0].message}; "
            f"the others are in {folder}",
            hint=f"{faults[0].hint}; then the same command: it computes what is not yet there",
        )
    return PredictedFiles(
        folder, len(pairs), len(pairs) - len(left), sum(each.lines for each in outputs),
        sum(each.rejected for each in outputs), answerer.by, found.called,
    )  # fmt: skip


def _check_folder(files: Sequence[str | Path], output: Path | str | None, part: Shard | None) -> Path:
    if part is not None and not names_many(list(map(str, files))):
        raise UsageError(
            "--shard divides files, and only one is named",
            hint=f"cut it first: split -n l/{part.count} --additional-suffix=.jsonl {files[0]} part-; "
            "then predict 'part-*'",
        )
    if output is None:
        raise UsageError("several files need a folder for their outputs", hint="name one: -o DIR")
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise RunError(
            f"{folder} is no folder, and several files are predicted", hint="name a folder: -o DIR"
        )
    return folder


@dataclass
class _Output:
    """One output of many: what it is made from, and how far it is.

    Attributes:
        origin: as `origin_of` says.
        note: the file that says what the output was made from.
        begins: bytes of all inputs before its own.
        size: of its input, in bytes.
        is_whole: an earlier call has written it, and nothing has changed since.
        lines: in it so far.
        rejected: how many of them hold an error.
        held: its lock, from the reading of its first line to the writing of its last.
    """

    pair: Pair
    origin: Mapping[str, str]
    note: Path
    begins: int
    size: int
    is_whole: bool = False
    lines: int = 0
    rejected: int = 0
    held: ExitStack = field(default_factory=ExitStack)

    @property
    def partial(self) -> PartialOutput:
        """Where it grows."""
        return PartialOutput(self.pair.target, self.origin)

    def look(self) -> None:
        """See whether it is there as it was written, from the same input, model and options."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            if note["origin"] == self.origin and note["output"] == _state(self.pair.target):
                self.is_whole, self.lines, self.rejected = True, int(note["lines"]), int(note["rejected"])
        except (OSError, ValueError, KeyError, TypeError):
            return

    def note_whole(self, file: Path) -> None:
        """Note what it is made from, when all lines are in `file` and are about to take their place."""
        value = {
            "origin": self.origin,
            "output": _state(file),
            "lines": self.lines,
            "rejected": self.rejected,
        }
        write_json(self.note, value)


def _state(file: Path) -> str | None:
    """What tells whether a file is the one that was written: its size and time, which it keeps when moved."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _check_replaced(left: Sequence[_Output], *, force: bool) -> None:
    there = [each.pair for each in left if each.pair.target.exists()]
    if there and not force:
        others = f", and {len(there) - 1:,} more like it" if len(there) > 1 else ""
        raise RunError(
            f"{there[0].target} is there, and was not made from {there[0].source} as it is now by this model "
            f"with these options{others}",
            hint="choose another folder, or --force to replace what differs",
        )


@dataclass(frozen=True)
class _Place:
    """Where a chunk belongs; `fault` says that its file cannot be read on."""

    output: _Output
    fault: DataError | None = None


@dataclass(frozen=True)
class _Batch:
    """All files of a call: read one after the other, so that none waits for the end of the one before."""

    answerer: Answerer
    found: TrainedSource
    listen: Listener
    outputs: Sequence[_Output]
    left: Sequence[_Output]

    def run(self) -> list[DataError]:
        """Predict what is left; what could not be read."""
        faults: list[DataError] = []
        done = len(self.outputs) - len(self.left)
        try:
            with (
                closing(self._chunks()) as chunks,
                self.answerer.answered(chunks, ahead=True) as answers,
            ):
                for output, mine in groupby(answers, key=lambda item: item[0].of.output):
                    try:
                        self._write(output, mine)
                        done += 1
                    except DataError as fault:
                        faults.append(fault)
                        if len(faults) <= SAID_FAULTS:
                            self.listen(Note(f"left out: {fault.message} ({fault.hint})", warning=True))
                    finally:
                        output.held.close()
        except STOPS as stop:
            raise Interrupted(
                f"after {done:,} of {len(self.outputs):,} files; what is done is in "
                f"{self.outputs[0].pair.target.parent}",
                hint="the same command goes on there",
                signal_number=signal_of(stop),
            ) from stop
        finally:
            for output in self.left:
                output.held.close()
        return faults

    def _chunks(self) -> Generator[Chunk, None, None]:
        for output in self.left:
            try:
                yield from self._chunks_of(output)
            except DataError as fault:
                yield Chunk((), of=_Place(output, fault))

    def _chunks_of(self, output: _Output) -> Iterator[Chunk]:
        """The chunks of a file that are to be answered, after an empty one: there may be none."""
        source, place = output.pair.source, _Place(output)
        with opened(source) as stream:
            output.held.enter_context(output.partial.alone())
            chunks = input_of(stream, source, self.found).chunks()
            output.lines, output.rejected, first = skip_done(chunks, output.partial)
            yield Chunk((), of=place)
            for chunk in chain([first] if first else [], chunks):
                yield replace(chunk, of=place)

    def _write(self, output: _Output, answers: Answers) -> None:
        """Write the answers of one file.

        Raises:
            DataError: it could not be read to its end; what was read is kept.
        """
        partial = output.partial
        start, _ = next(answers)
        if start.of.fault is not None:
            raise start.of.fault
        say_where(partial, output.lines, self.listen)
        try:
            with partial.writing(keep=output.lines) as stream:
                for chunk, answered in answers:
                    if chunk.of.fault is not None:
                        raise chunk.of.fault
                    stream.write(answered.text)
                    stream.flush()
                    output.lines += answered.lines
                    output.rejected += answered.rejected
                    self._tell(output.begins + (chunk.read_to or 0))
                output.note_whole(partial.path)
        except OSError as error:
            raise cannot_write(partial, error) from error
        self._tell(output.begins + output.size)

    def _tell(self, done: int) -> None:
        last = self.outputs[-1]
        self.listen(Progress("predicting", done, last.begins + last.size, "bytes"))
