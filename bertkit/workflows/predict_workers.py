"""Processes that predict: each loads the model once, and answers chunk after chunk of what this one reads.

What a worker is sent and sends back goes over a pipe of its own, which closes when either side ends: so a
worker that dies is known at once, and no worker outlives the process that started it. Signals that reach all
processes, as Ctrl-C does, are for that process alone to act upon.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from bertkit.data.reading.lines import InputLine
from bertkit.errors import TrainingError
from bertkit.workflows.answering import Answered, Answers, Chunk, answer_asked
from bertkit.workflows.answers import Wanted, prepare
from bertkit.workflows.children import name_of_signal
from bertkit.workflows.engine import refuse_several_processes
from bertkit.workflows.events import Listener
from bertkit.workflows.launch_plan import check_devices, count_gpus, usable_cores
from bertkit.workflows.predictor import EngineName, export_for_onnx, load_predictor
from bertkit.workflows.signals import STOPPING
from bertkit.workflows.trained import TrainedSource

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

# Chunks under way for each worker: the one it computes, and the next.
CHUNKS_A_WORKER = 2
# A worker that is asked to end by a signal to all processes leaves it so long to the first one to end it.
PATIENCE_SECONDS = 2.0
# How long a process whose pipe is closed may take to be gone.
LAST_SECONDS = 30.0


@contextmanager
def start_workers(
    found: TrainedSource, engine: EngineName, wanted: Wanted, *, processes: int, listen: Listener
) -> Iterator[Workers]:
    """Workers with the model loaded, ended with the block.

    Raises:
        BertkitError: the model cannot be loaded; there are fewer devices than processes.
    """
    refuse_several_processes()
    gpus = count_gpus({}) if engine != "onnx" else 0
    check_devices(processes, gpus)
    if engine == "onnx":
        export_for_onnx(found, listen)  # once, not by each
    workers: list[_Worker] = []
    try:
        for number in range(processes):
            workers.append(_start(number, processes, gpus, (found, engine, wanted)))
        ready = [worker.hear() for worker in workers]
        with ThreadPoolExecutor(processes, thread_name_prefix="bertkit-worker") as threads:
            try:
                yield Workers(str(ready[0]), workers, threads)
            finally:
                for worker in workers:
                    worker.end()
                threads.shutdown(cancel_futures=True)
    finally:
        for worker in workers:
            worker.close()


@dataclass(frozen=True)
class _Worker:
    """A process that answers, and the pipe to it."""

    process: BaseProcess
    connection: Connection

    def ask(self, lines: Sequence[InputLine]) -> Answered:
        """The answers to lines; whoever asks waits."""
        try:
            self.connection.send(lines)
        except OSError:
            raise self._died() from None
        answered: Answered = self.hear()
        return answered

    def hear(self) -> Any:
        """What it says next.

        Raises:
            TrainingError: it is dead.
            Exception: what it has raised.
        """
        try:
            said = self.connection.recv()
        except (EOFError, OSError):
            raise self._died() from None
        if isinstance(said, BaseException):
            raise said
        return said

    def _died(self) -> TrainingError:
        self.process.join(LAST_SECONDS)
        code = self.process.exitcode
        how = "does not answer any more" if code is None else f"ended with exit code {code}"
        if code is not None and code < 0:
            how = f"was killed by {name_of_signal(-code)}"
        elif code is not None and code > 128:
            how = f"was stopped by {name_of_signal(code - 128)}"
        return TrainingError(
            f"a process that predicts {how}",
            hint="with -o OUT the same command goes on where it stopped; "
            "where memory runs out a smaller --nproc helps",
        )

    def end(self) -> None:
        """End it, whatever it does: it holds nothing that could be lost."""
        self.process.kill()

    def close(self) -> None:
        self.end()
        self.process.join()
        self.connection.close()
        self.process.close()


@dataclass(frozen=True)
class Workers:
    """Answers from several processes.

    Attributes:
        by: what computes the model, in words.
    """

    by: str
    _workers: Sequence[_Worker]
    _threads: ThreadPoolExecutor

    def answered(self, chunks: Iterator[Chunk], *, ahead: bool) -> AbstractContextManager[Answers]:
        """See `Answerer`."""
        return closing(self._answered(chunks, ahead=ahead))

    def _answered(
        self, chunks: Iterator[Chunk], *, ahead: bool
    ) -> Generator[tuple[Chunk, Answered], None, None]:
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            idle.put(worker)

        def ask(lines: Sequence[InputLine]) -> Answered:
            if not lines:
                return Answered("", 0, 0)
            worker = idle.get()
            try:
                return worker.ask(lines)
            finally:
                idle.put(worker)  # a dead one too: nobody shall wait for it

        room = threading.Semaphore(CHUNKS_A_WORKER * len(self._workers))
        left = threading.Event()
        under_way: queue.SimpleQueue[tuple[Chunk, Future[Answered]] | BaseException | None]
        under_way = queue.SimpleQueue()

        def read() -> None:
            try:
                while room.acquire() and not left.is_set():
                    chunk = next(chunks, None)
                    if chunk is None or left.is_set():
                        break
                    under_way.put((chunk, self._threads.submit(ask, chunk.lines)))
                under_way.put(None)
            except BaseException as error:  # it is raised in its place, where the answers are taken
                under_way.put(error)

        # In a thread of its own: what is answered shall not wait for a line yet to come.
        reader = threading.Thread(target=read, name="bertkit-read", daemon=True)
        reader.start()
        try:
            while (next_one := under_way.get()) is not None:
                if isinstance(next_one, BaseException):
                    raise next_one
                chunk, answers = next_one
                yield chunk, answers.result()
                room.release()
        finally:
            left.set()
            room.release()
            if ahead:  # else it may wait for lines for ever
                reader.join()


def _start(number: int, processes: int, gpus: int, job: tuple[TrainedSource, EngineName, Wanted]) -> _Worker:
    """Start a worker; it can be asked at once, and says first what computes the model."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, *job), name=f"bertkit-{number}", daemon=True)
    threads = str(max(1, usable_cores() // processes))
    # What users have set holds. Read when torch is imported, which may be before `_work` is called.
    variables = {name: threads for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS") if name not in os.environ}
    if gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        variables["CUDA_VISIBLE_DEVICES"] = visible[number] if visible[0] else str(number)
    sys.stdout.flush()
    try:
        with _environment(variables), _signals_held_back():
            process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return _Worker(process, ours)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Signals wait for the end of the block; a process started in it holds them back until it is ready."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, found: TrainedSource, engine: EngineName, wanted: Wanted) -> None:
    """Load the model, then answer what comes, until nothing can come any more."""
    _leave_signals_to_the_first()
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing but answers stands in an output
    with suppress(EOFError, OSError):  # the first process has ended
        try:
            predictor = load_predictor(found, engine)
        except Exception as error:
            connection.send(_sendable(error))
            return
        connection.send(predictor.by)
        while True:
            lines = connection.recv()
            try:
                said: Any = answer_asked(predictor.trained, prepare(predictor.trained, lines), wanted)
            except Exception as error:
                said = _sendable(error)
            connection.send(said)


def _leave_signals_to_the_first() -> None:
    for number in STOPPING:
        signal.signal(number, _end_soon if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def _end_soon(number: int, frame: Any) -> None:
    timer = threading.Timer(PATIENCE_SECONDS, os._exit, (128 + number,))
    timer.daemon = True
    timer.start()


def _end_with_the_first() -> None:
    """End at once when the process that started this one has ended, also in the middle of a chunk."""
    first = parent_process()
    if first is not None:
        wait([first.sentinel])
        os._exit(1)


def _sendable(error: Exception) -> Exception:
    """The error, with where it was raised; one that cannot be sent as what it is, in words."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
