"""Chunks of lines in, their answers out, in order: computed here, or in processes of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from bertkit.data.reading.lines import InputLine
from bertkit.runs.atomic import json_text
from bertkit.workflows.answers import Asked, Wanted, answer, is_error, prepared
from bertkit.workflows.events import Listener
from bertkit.workflows.predictor import EngineName, Predictor, load_predictor
from bertkit.workflows.trained import Trained, TrainedSource


@dataclass(frozen=True)
class Chunk:
    """Lines that are batched together.

    Attributes:
        lines: may be none: then nothing is computed, and the chunk comes back in its place.
        read_to: how far the input was read then, in bytes; None where nobody asks.
        of: what whoever reads the chunk knows it by; it stays in this process.
    """

    lines: Sequence[InputLine]
    read_to: int | None = None
    of: Any = None


@dataclass(frozen=True)
class Answered:
    """The answers to a chunk.

    Attributes:
        text: a line of JSON each.
        lines: how many.
        rejected: how many of them hold an error.
    """

    text: str
    lines: int
    rejected: int


Answers = Iterator[tuple[Chunk, Answered]]


class Answerer(Protocol):
    """What answers lines."""

    @property
    def by(self) -> str:
        """What computes the model, in words."""

    def answered(self, chunks: Iterator[Chunk], *, ahead: bool) -> AbstractContextManager[Answers]:
        """The chunks with their answers, in their order; leaving the block ends what is under way.

        Args:
            chunks: read one after the other, in a thread of their own, and a bounded number ahead.
            ahead: the input never lets one wait for its next line, as a file does not.
        """


def answer_asked(trained: Trained, asked: Asked, wanted: Wanted) -> Answered:
    """The answers to prepared lines, as they are written."""
    answers = answer(trained, asked, wanted)
    text = "".join(json_text(each) + "\n" for each in answers)
    return Answered(text, len(answers), sum(map(is_error, answers)))


@dataclass(frozen=True)
class Here:
    """Answers in this process; the next chunk is prepared while one is computed."""

    predictor: Predictor
    wanted: Wanted

    @property
    def by(self) -> str:
        """See `Answerer`."""
        return self.predictor.by

    def answered(self, chunks: Iterator[Chunk], *, ahead: bool) -> AbstractContextManager[Answers]:
        """See `Answerer`."""
        return closing(self._answered(chunks, ahead=ahead))

    def _answered(
        self, chunks: Iterator[Chunk], *, ahead: bool
    ) -> Generator[tuple[Chunk, Answered], None, None]:
        under_way: deque[Chunk] = deque()

        def lines() -> Iterator[Sequence[InputLine]]:
            for chunk in chunks:
                under_way.append(chunk)
                yield chunk.lines

        with closing(prepared(self.predictor.trained, lines(), ahead=ahead)) as ready:
            for asked in ready:
                yield under_way.popleft(), answer_asked(self.predictor.trained, asked, self.wanted)


@contextmanager
def answering(
    found: TrainedSource, engine: EngineName, wanted: Wanted, *, processes: int, listen: Listener
) -> Iterator[Answerer]:
    """Load a model, and keep it for the block: here, or in so many processes of their own.

    Whoever computes it, and in however many processes, the answers are the same.

    Raises:
        BertkitError: the model cannot be loaded; there are fewer devices than processes.
    """
    if processes == 1:
        yield Here(load_predictor(found, engine, listen=listen), wanted)
        return
    from bertkit.workflows.predict_workers import start_workers  # who needs one process waits for none of it

    with start_workers(found, engine, wanted, processes=processes, listen=listen) as workers:
        yield workers
