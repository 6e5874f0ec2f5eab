"""Measure a trained model on this machine: what `bertkit predict` takes of time and memory here."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from bertkit.errors import UsageError
from bertkit.models.light.families import shape_of
from bertkit.runs.environment import describe_environment
from bertkit.workflows.bench_lines import (
    Workload,
    lines_of_file,
    lines_of_run,
    plain_line,
    vocabulary_workload,
    workload_of,
)
from bertkit.workflows.bench_machine import (
    BUSY_SHARE,
    ProcessorTime,
    device_peak_memory,
    matrix_peak,
    operations_a_token,
    peak_memory,
    resident_memory,
    restart_peak_memory,
    threads_limited,
)
from bertkit.workflows.bench_result import BenchResult, Loading, Memory
from bertkit.workflows.bench_timing import (
    Latency,
    Throughput,
    answer_lines,
    measure_latency,
    measure_throughput,
)
from bertkit.workflows.events import Event, Listener, Note, Progress, silent
from bertkit.workflows.predictor import EngineName, load_predictor
from bertkit.workflows.trained import Trained, TrainedSource, find_trained

_T = TypeVar("_T")
USUAL_SECONDS = 10.0
# How the time is shared; what is left is for the fastest matrix product.
LATENCY_SHARE, THROUGHPUT_SHARE = 0.4, 0.5


def bench(
    model: str | None = None,
    *,
    data: Path | str | None = None,
    text: Sequence[str | None] | None = None,
    engine: EngineName = "auto",
    seconds: float = USUAL_SECONDS,
    threads: int | None = None,
    listen: Listener = silent,
) -> BenchResult:
    """Measure how fast a trained model predicts on this machine, and what memory that takes.

    Lines go the way that those of `predict` go. Call it in a fresh process to see what loading takes.

    Args:
        model: a run, a model folder or a Hub id; None takes the latest run.
        data: lines to measure with, in a format of `predict`; None takes the texts the run was scored on
            or, where they are not on this machine, words of the vocabulary.
        text: names of the text columns, where they are not those of the training; None keeps one.
        engine: what computes the model, as for `predict`.
        seconds: about how long to measure; loading comes on top.
        threads: for torch, ONNX Runtime and tokenizers; None leaves what they choose.
        listen: told what happens.

    Raises:
        BertkitError: for what the user can fix.
    """
    if seconds <= 0 or (threads is not None and threads < 1):
        raise UsageError("there is nothing to measure with", hint="give --seconds and --threads above 0")
    began = time.perf_counter()
    restart_peak_memory()
    found = find_trained(model).with_columns(text)
    given = lines_of_run(found, listen) if data is None else lines_of_file(Path(data), found.contract)
    notes = _Notes(listen)
    listen(Note(f"loading {found.source.name}"))
    before, cold = resident_memory(), "torch" not in sys.modules
    _, libraries = _cost(lambda: import_module("torch"))
    with threads_limited(threads):
        predictor, read = _cost(lambda: load_predictor(found, engine, listen=notes.while_loading))
        trained = predictor.trained
        _, first = _cost(lambda: answer_lines(trained, [plain_line(found.contract)], ahead=False))
        if given is not None:
            workload = workload_of(trained, given)
        else:
            workload = vocabulary_workload(trained, found.contract)
        notes.warn_of_faulty(workload)
        measured = _measure(found, trained, workload, seconds, listen)
        notes.warn_of_others(measured.outside_cores)
        if given is not None:
            notes.warn_of_repeated(workload, measured.throughput)
    model_bytes = read.grown + first.grown
    # The kernel sums up what threads hold now and then: the peak it knows may lie a little under the present.
    peak_bytes = max(before, measured.peak_bytes)
    return BenchResult(
        model=str(found.run.path) if found.run is not None else found.source.name,
        engine=engine, computed_by=predictor.by,
        device=str(trained.engine.accelerator.device), precision=_precision(found, trained),
        threads=measured.threads,
        origin=workload.origin, lines=len(workload.lines.lines), tokens=int(workload.lines.tokens.sum()),
        rejected=workload.rejected,
        loading=Loading(libraries.seconds, read.seconds, first.seconds, cold),
        latency=measured.latency, throughput=measured.throughput,
        memory=Memory(before, libraries.grown, model_bytes, peak_bytes, measured.device_peak_bytes),
        peak_gflops=measured.peak_gflops, outside_cores=measured.outside_cores,
        environment=_environment(engine), seconds=time.perf_counter() - began, notes=tuple(notes.said),
    )  # fmt: skip


class _Notes:
    """What a reader of the figures has to know: said at once, and kept for the result."""

    def __init__(self, listen: Listener) -> None:
        self.said: list[str] = []
        self._listen = listen

    def warn(self, text: str) -> None:
        self.said.append(text)
        self._listen(Note(text, warning=True))

    def while_loading(self, event: Event) -> None:
        """Listens to the loading, which says what it does only once, as an export."""
        self._listen(event)
        if isinstance(event, Note):
            self.warn("loading and memory are those of this first time: measure again")

    def warn_of_faulty(self, workload: Workload) -> None:
        if workload.rejected:
            every = workload.rejected + len(workload.lines.lines)
            self.warn(f"{workload.rejected:,} of {every:,} lines are faulty and left out")

    def warn_of_repeated(self, workload: Workload, throughput: Sequence[Throughput]) -> None:
        for group, made in zip(workload.full, throughput, strict=True):
            if made.lines_a_round > len(group.lines):
                self.warn(
                    f"{len(group.lines):,} lines are repeated up to {made.lines_a_round:,} for full batches: "
                    "texts that come again are read faster than others"
                )

    def warn_of_others(self, outside_cores: float | None) -> None:
        cores = os.cpu_count() or 1
        if outside_cores is not None and outside_cores > BUSY_SHARE * cores:
            self.warn(
                f"other processes kept {outside_cores:.1f} of {cores} cores busy meanwhile: "
                "on a quiet machine it is faster"
            )


@dataclass(frozen=True)
class _Cost:
    """What something took.

    Attributes:
        seconds: by the clock.
        grown: bytes that the process holds more than before; fewer than none where something else was freed.
    """

    seconds: float
    grown: int


def _cost(work: Callable[[], _T]) -> tuple[_T, _Cost]:
    memory, began = resident_memory(), time.perf_counter()
    made = work()
    return made, _Cost(time.perf_counter() - began, resident_memory() - memory)


@dataclass(frozen=True)
class _Measured:
    """What was measured once all was in memory; see `BenchResult`."""

    latency: tuple[Latency, ...]
    throughput: tuple[Throughput, ...]
    threads: int
    peak_bytes: int
    device_peak_bytes: int | None
    peak_gflops: float
    outside_cores: float | None


def _measure(
    found: TrainedSource, trained: Trained, workload: Workload, seconds: float, listen: Listener
) -> _Measured:
    import torch

    def tell(what: str) -> Callable[[float], None]:
        return lambda share: listen(Progress(what, round(100 * share), 100, "%"))

    device, started = trained.engine.accelerator.device, ProcessorTime.now()
    single, full = LATENCY_SHARE * seconds, THROUGHPUT_SHARE * seconds
    listen(Note(f"single lines, for about {single:.1f} s: {workload.origin}"))
    latency = measure_latency(trained, workload.single, seconds=single, tell=tell("measuring single lines"))
    listen(Note(f"full batches, for about {full:.1f} s"))
    throughput = measure_throughput(trained, workload.full, seconds=full, tell=tell("measuring full batches"))
    outside_cores = started.outside_cores(ProcessorTime.now())
    # The matrix products come last: what they take of memory is none of the model's.
    peak_bytes, device_peak_bytes = peak_memory(), device_peak_memory(device)
    gflops = matrix_peak(device, _precision(found, trained), seconds=seconds - single - full)
    return _Measured(
        latency, _with_shares(found, workload, throughput, gflops), torch.get_num_threads(), peak_bytes,
        device_peak_bytes, gflops, outside_cores,
    )  # fmt: skip


def _precision(found: TrainedSource, trained: Trained) -> str:
    """What it computes in: numbers are never computed in bf16."""
    return "fp32" if found.contract.problem == "regression" else trained.engine.precision


def _with_shares(
    found: TrainedSource, workload: Workload, throughput: Sequence[Throughput], peak_gflops: float
) -> tuple[Throughput, ...]:
    """With shares of the peak, where it is known what the model multiplies."""
    shape = shape_of(found.source.config, found.contract.problem)
    if shape is None:
        return tuple(throughput)
    works = [operations_a_token(shape, group) for group in workload.full]
    return tuple(
        replace(made, share_of_peak=made.tokens_a_second.median * work / (1e9 * peak_gflops))
        for made, work in zip(throughput, works, strict=True)
    )


def _environment(engine: EngineName) -> dict[str, Any]:
    described = describe_environment()
    packages = dict(described["packages"])
    if engine == "onnx":
        packages["onnxruntime"] = version("onnxruntime")
    return {
        "python": described["python"], "platform": described["platform"], "packages": packages,
        "hardware": {**described["hardware"], "cores": os.cpu_count()},
    }  # fmt: skip
