"""What predict writes: never over what is there, and gone on with where it stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bertkit.errors import RunError, TrainingError
from bertkit.runs.environment import fingerprint
from bertkit.runs.partial import PartialOutput
from bertkit.workflows.answering import Chunk
from bertkit.workflows.answers import Wanted, is_error_line
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.trained import TrainedSource


def check_output(target: Path, source: Path | None, *, force: bool) -> None:
    """Refuse what cannot be written or would destroy something, before the model is loaded.

    Raises:
        RunError: with what to name instead.
    """
    if target.is_dir():
        raise RunError(f"{target} is a folder", hint=f"name a file: -o {target / 'predictions.jsonl'}")
    if not target.parent.is_dir():
        raise RunError(f"{target}: there is no folder {target.parent}", hint=f"mkdir -p {target.parent}")
    if source is not None and source.resolve() in {path.resolve() for path in written_for(target)}:
        raise RunError(f"{target}: writing it would destroy the input {source}", hint="choose another -o")
    if target.exists() and not target.is_file():
        raise RunError(f"{target} is no regular file", hint="leave -o out, and redirect the output: > FILE")
    if target.exists() and not force:
        raise RunError(f"{target} already exists", hint="choose another -o, or --force to replace it")


def written_for(target: Path) -> tuple[Path, ...]:
    """The files that are written for an output, itself included."""
    growing = PartialOutput(target, None)
    return target, growing.path, growing.note


def origin_of(path: Path, found: TrainedSource, wanted: Wanted, by: str) -> Mapping[str, str]:
    """What an output is made from; only the same can be gone on with, in however many processes.

    Args:
        path: of the input.
        found: the model, with its columns as they are called in the input.
        wanted: what is added beside the prediction.
        by: what computes the model, in words.
    """
    given = path.stat()
    weights = [(file, file.stat()) for file in sorted(found.source.folder.glob("*.safetensors"))]
    files = [f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in weights]
    return {
        "input": f"{path.resolve()} {given.st_size} {given.st_mtime_ns}",
        # The contract holds the thresholds that the predictions went by, and the columns.
        "model": fingerprint([*files, found.contract.model_dump_json(), str(wanted), by]),
    }


def skip_done(chunks: Iterator[Chunk], partial: PartialOutput) -> tuple[int, int, Chunk | None]:
    """Read past what an interrupted call has answered.

    A chunk that was answered in part is answered anew: its texts are batched together, and other batches
    would round in another way.

    Returns:
        How many lines stay, how many of them are errors, and the first chunk to answer.
    """
    errors = bytearray(map(is_error_line, partial.lines()))
    done = 0
    for chunk in chunks:
        if done + len(chunk.lines) > len(errors):
            return done, sum(errors[:done]), chunk
        done += len(chunk.lines)
    return done, sum(errors[:done]), None


def say_where(partial: PartialOutput, kept: int, listen: Listener) -> None:
    """Say after which line an interrupted call is gone on with, or why it is not."""
    if kept:
        listen(Note(f"going on after line {kept:,} of {partial.path}"))
    elif partial.path.exists() and not partial.is_of_origin:
        text = f"{partial.path} is of another input, model or other options: all lines are predicted anew"
        listen(Note(text, warning=True))


def cannot_write(partial: PartialOutput, error: OSError) -> TrainingError:
    """The error for an output that cannot be written on."""
    return TrainingError(
        f"cannot write {partial.path}: {error.strerror or error}",
        hint="make room or choose another -o; the same command goes on",
    )
