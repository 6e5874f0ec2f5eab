"""The machine below a measurement: memory, other processes, threads, the fastest matrix product."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.models.light.families import Shape
from bertkit.workflows.bench_lines import Group

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
# Rows, and the two widths of the weight: those of encoders first, then larger ones.
SIZES = ((1024, 768, 3072), (2048, 2048, 2048), (4096, 1024, 4096), (4096, 4096, 4096))
TRIES = 5
# Processor time that is no work, or that is counted in another field.
_NO_WORK = ("idle", "iowait", "guest", "guest_nice")
# Others at work on so large a share of the cores: figures are then likely to be too low.
BUSY_SHARE = 0.1


def resident_memory() -> int:
    """Bytes of this process that are in memory now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def restart_peak_memory() -> None:
    """Forget the peak so far, where the system can: a program may have held more before."""
    with suppress(OSError):
        _CLEAR.write_text("5", encoding="ascii")


def peak_memory() -> int:
    """The most bytes of this process that were in memory at once."""
    # Not `ru_maxrss` there: it counts what the process was before it became Python.
    if _STATUS.is_file() and (found := re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"))):
        return int(found[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def device_peak_memory(device: Any) -> int | None:
    """The most bytes held on a card since this process began; None on a processor."""
    import torch

    return int(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else None


@dataclass(frozen=True)
class ProcessorTime:
    """Seconds of processor time up to a moment.

    Attributes:
        at: the moment, in seconds.
        all_processes: that all processes worked.
        own: that this one worked, with all its threads.
    """

    at: float
    all_processes: float
    own: float

    @classmethod
    def now(cls) -> ProcessorTime:
        """Up to now."""
        import psutil

        fields = psutil.cpu_times()._asdict()
        used = time.process_time()
        return cls(
            time.perf_counter(), sum(fields.values()) - sum(fields.get(name, 0) for name in _NO_WORK), used
        )

    def outside_cores(self, later: ProcessorTime) -> float | None:
        """How many cores other processes kept busy until later, on average; None where nobody counts."""
        busy, own = later.all_processes - self.all_processes, later.own - self.own
        if busy < own / 2:  # a sandbox that shows a machine that never works
            return None
        return max(0.0, busy - own) / max(1e-9, later.at - self.at)


@contextmanager
def threads_limited(count: int | None) -> Iterator[None]:
    """So many threads for torch and tokenizers; None leaves what they choose. Imports torch."""
    import torch

    before, variable = torch.get_num_threads(), os.environ.get("RAYON_NUM_THREADS")
    if count is None:
        yield
        return
    torch.set_num_threads(count)
    os.environ["RAYON_NUM_THREADS"] = str(count)  # read when tokenizers first works with several
    try:
        yield
    finally:
        torch.set_num_threads(before)
        del os.environ["RAYON_NUM_THREADS"]
        if variable is not None:
            os.environ["RAYON_NUM_THREADS"] = variable


def matrix_peak(device: Any, precision: str, *, seconds: float) -> float:
    """GFLOP/s of the fastest matrix product found, a multiply-add counted as two.

    Each size is tried in each way at least once after a warm-up, and more often within so many seconds.
    """
    import torch

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    best, began = 0.0, time.perf_counter()
    with torch.inference_mode():
        for rows, inner, outer in SIZES:
            for _, product in weight_products(rows, inner, outer, dtype, device):
                product()
                for number in range(TRIES):
                    if number and time.perf_counter() - began > seconds:
                        break
                    best = max(best, 2e-9 * rows * inner * outer / _seconds_of(product, device))
    return best


def weight_products(
    rows: int, inner: int, outer: int, dtype: Any, device: Any
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The ways of torch to multiply by a weight: as it is, transposed, and packed once for oneDNN."""
    import torch

    values = torch.randn(rows, inner, device=device).to(dtype)
    weight = torch.randn(outer, inner, device=device).to(dtype)
    transposed = weight.t().contiguous()
    yield "linear", lambda: torch.nn.functional.linear(values, weight)
    yield "mm", lambda: torch.mm(values, transposed)
    if device.type != "cpu" or dtype == torch.float16:
        return
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        multiply = torch.ops.mkldnn._linear_pointwise
    except (AttributeError, NotImplementedError, RuntimeError):
        return  # a build or a processor without oneDNN
    yield "packed", lambda: multiply(values, packed, None, "none", [], "")


def _seconds_of(product: Callable[[], Any], device: Any) -> float:
    import torch

    began = time.perf_counter()
    product()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter() - began


def operations_a_token(shape: Shape, group: Group) -> float:
    """Floating-point operations of the encoder for a token of these lines, a multiply-add counted as two.

    2 for each weight of the layers' matrices, and 4 x layers x hidden x n for attention (scores and weighted
    sum) of a token among n. Embeddings, norms and the head count nothing; what a clever computation leaves
    out counts all the same.
    """
    weights = shape.layers * (4 * shape.hidden**2 + 2 * shape.hidden * shape.widened)
    attended = float(np.sum(group.squares)) / float(np.sum(group.tokens))
    return 2 * weights + 4 * shape.layers * shape.hidden * attended
