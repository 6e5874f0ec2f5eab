"""What was measured of a model, as tables on standard output."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bertkit.cli.plain_table import plain_table
from bertkit.cli.printable import output_console, printable

if TYPE_CHECKING:
    from bertkit.workflows.bench_result import BenchResult
    from bertkit.workflows.bench_timing import Latency, Range, Throughput


def print_bench(
    result: BenchResult,
    *,
    model: str | None = None,
    data: Path | None = None,
    columns: Sequence[str | None] = (),
    threads: int | None = None,
    console: Console | None = None,
) -> None:
    """Latency, throughput, then what is around them, then what to type next.

    Args:
        result: what was found.
        model: as it was named on the command line.
        data: the file, likewise.
        columns: with the texts, likewise.
        threads: likewise.
        console: where to; standard output if none is given.
    """
    console = console or output_console()
    console.print(Text(printable(result.model), style="bold"))
    console.print(Text(f"{printable(result.origin)}: lines {result.lines:,}, tokens {result.tokens:,}"))
    console.print(Text("\nsingle lines, one after the other (ms)", style="bold"))
    console.print(_latencies(result.latency))
    if any(row.answers < 100 for row in result.latency):
        console.print(Text("of fewer than 100 answers p99 says little; --seconds N takes more", style="dim"))
    console.print(Text("\nfull batches (median of the rounds, least to most)", style="bold"))
    console.print(_throughputs(result.throughput))
    console.print()
    for name, said in _facts(result):
        console.print(Text(f"{name:<9}{printable(said)}", overflow="fold"))
    as_measured = _predict_command(result, model, data, columns, threads)
    console.print(Text(f"next     {printable(as_measured)}", style="cyan", overflow="fold"))


def _latencies(rows: tuple[Latency, ...]) -> Table:
    table = plain_table("lines", ">tokens", ">answers", ">p50", ">p95", ">p99", ">least to most")
    for row in rows:
        times = (row.p50_ms, row.p95_ms, row.p99_ms)
        ends = f"{_figure(row.least_ms)} to {_figure(row.most_ms)}"
        table.add_row(row.lines, _tokens(row.tokens), f"{row.answers:,}", *map(_figure, times), ends)
    return table


def _throughputs(rows: tuple[Throughput, ...]) -> Table:
    table = plain_table("lines", ">tokens", ">rounds", ">lines/s", ">tokens/s", ">of the peak")
    for row in rows:
        share = "" if row.share_of_peak is None else f"{100 * row.share_of_peak:.0f} %"
        rounds = f"{row.rounds} of {row.lines_a_round:,}"
        speeds = (_range(row.lines_a_second), _range(row.tokens_a_second))
        table.add_row(row.lines, _tokens(row.tokens), rounds, *speeds, share)
    return table


def _facts(result: BenchResult) -> Iterator[tuple[str, str]]:
    loading, memory, hardware = result.loading, result.memory, result.environment["hardware"]
    warm = "" if loading.cold else " (in memory before)"
    yield (
        "loading",
        (
            f"{loading.libraries:.2f} s torch{warm}, {loading.model:.2f} s the model, "
            f"{loading.first_answer:.2f} s the first answer"
        ),
    )
    on_card = "" if memory.device_peak is None else f"; on the card {_megabytes(memory.device_peak)} at most"
    yield (
        "memory",
        (
            f"{_megabytes(memory.peak)} at most: Python {_megabytes(memory.before)}, "
            f"torch {_megabytes(memory.libraries)}, the model {_megabytes(memory.model)}, "
            f"the rest for answering{on_card}"
        ),
    )
    threads = "1 thread" if result.threads == 1 else f"{result.threads} threads"
    sleepy = "" if hardware.get("spins") is None else " (waiting ones sleep early beside other processes)"
    yield "by", f"{result.computed_by}; on {result.device} with {threads}{sleepy}"
    card = "".join(f", {name}" for name in hardware["gpus"])
    yield "machine", f"{hardware['processor']}, {hardware['cores']} cores{card}; {_versions(result)}"
    yield "peak", f"{result.peak_gflops:,.0f} GFLOP/s, its fastest matrix product in {result.precision}"
    if result.outside_cores is not None:
        yield "beside", f"other processes kept {result.outside_cores:.1f} cores busy"


def _versions(result: BenchResult) -> str:
    packages = result.environment["packages"]
    names = ("torch", *(("onnxruntime",) if "onnxruntime" in packages else ()))
    return ", ".join(["Python " + result.environment["python"], *(f"{n} {packages[n]}" for n in names)])


def _predict_command(
    result: BenchResult,
    model: str | None,
    data: Path | None,
    columns: Sequence[str | None],
    threads: int | None,
) -> str:
    """The command that predicts as it was measured."""
    words = ["bertkit", "predict", str(data or "file.jsonl")]
    words += [] if model is None else ["--model", model]
    words += [] if result.engine == "auto" else ["--engine", result.engine]
    for option, column in zip(("--text", "--text-pair"), columns, strict=False):
        words += [] if column is None else [option, column]
    limits = "" if threads is None else f"OMP_NUM_THREADS={threads} RAYON_NUM_THREADS={threads} "
    return limits + shlex.join(words)


def _tokens(tokens: Range) -> str:
    if tokens.least == tokens.most:
        return f"{tokens.median:.0f}"
    return f"{tokens.median:.0f} ({tokens.least:.0f} to {tokens.most:.0f})"


def _range(values: Range) -> str:
    return f"{_figure(values.median)} ({_figure(values.least)} to {_figure(values.most)})"


def _figure(value: float) -> str:
    """Three digits: more would claim what a measurement does not know."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
