"""What `bertkit bench` found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bertkit.workflows.bench_timing import Latency, Throughput


@dataclass(frozen=True)
class Loading:
    """What comes before the first answer, in seconds.

    Attributes:
        libraries: importing torch.
        model: reading model and tokenizer, with all else that is imported for them.
        first_answer: to a line of a word or two, before anything is warm.
        cold: torch was not in memory yet. Files may be: the system keeps what was read before.
    """

    libraries: float
    model: float
    first_answer: float
    cold: bool


@dataclass(frozen=True)
class Memory:
    """Bytes of this process in memory.

    Attributes:
        before: without torch.
        libraries: what importing it added.
        model: what model and tokenizer added, the first answer included.
        peak: the most at once, while it loaded and answered.
        device_peak: the most on the card; None where there is none.
    """

    before: int
    libraries: int
    model: int
    peak: int
    device_peak: int | None


@dataclass(frozen=True)
class BenchResult:
    """What was measured; no figure is a promise for another machine, or another hour of this one.

    Attributes:
        model: the run, the folder or the name of the model.
        engine: as asked for.
        computed_by: what computed the model, in words.
        device, precision, threads: where, in what, with how many threads.
        origin: where the lines are from, in words.
        lines, tokens: how many there are, faulty ones left out, and what the model reads of them.
        rejected: faulty lines.
        loading, latency, throughput, memory: see there.
        peak_gflops: of the machine's fastest matrix product found, in this precision.
        outside_cores: that other processes kept busy meanwhile; None where nobody counts.
        environment: versions and hardware.
        seconds: that all of it took.
        notes: what a reader of the figures has to know.
    """

    model: str
    engine: str
    computed_by: str
    device: str
    precision: str
    threads: int
    origin: str
    lines: int
    tokens: int
    rejected: int
    loading: Loading
    latency: tuple[Latency, ...]
    throughput: tuple[Throughput, ...]
    memory: Memory
    peak_gflops: float
    outside_cores: float | None
    environment: dict[str, Any]
    seconds: float
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
