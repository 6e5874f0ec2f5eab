"""How many GPUs pay off?  A SIMULATION from data sheets: no GPU was asked.

    python benchmarks/scaling.py            the table of docs/clusters.md
    python benchmarks/scaling.py --batch-size 256 --tokens 128

A step takes the time of its products at an assumed share of the peak, a fixed time for starting kernels, and
what of the exchange of gradients is not hidden behind the backward pass. The exchange is a ring all-reduce:
each GPU sends and receives 2 (N - 1) / N of the gradients (Patarasuk and Yuan 2009), in float32.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = Path(__file__).parent / "results" / "scaling-simulated.json"


@dataclass(frozen=True)
class Machine:
    """Hosts with GPUs.

    Attributes:
        name: of the GPU.
        peak: bf16 products of one GPU, dense, in operations a second.
        inside: bytes a second in one direction between GPUs of a host.
        between: bytes a second in one direction between hosts.
        gpus: of a host.
        source: of these numbers.
    """

    name: str
    peak: float
    inside: float
    between: float
    gpus: int
    source: str


A100 = Machine(
    "A100 80 GB", 312e12, 300e9, 12.5e9, 8, "NVIDIA A100 data sheet; 100 Gbit/s between hosts assumed"
)
# Weights of the encoder, and how many of them multiply tokens (embedding tables do not).
ENCODERS = {"BERT-base": (109.5e6, 85.6e6), "BERT-large": (335.1e6, 302.3e6)}
# Assumptions: of the peak that a well fed GPU reaches, seconds a step for starting kernels, the share of the
# backward pass that the exchange can hide behind.
UTILISATION, STARTING, HIDDEN = 0.4, 0.012, 0.8
COUNTS = (1, 2, 4, 8, 16, 32)


def step_seconds(machine: Machine, encoder: str, *, gpus: int, batch_size: int, tokens: float) -> float:
    """Seconds of one optimizer step.

    Args:
        machine: what it runs on.
        encoder: one of `ENCODERS`.
        gpus: over all hosts.
        batch_size: rows of the step, over all GPUs.
        tokens: of a row, on average.
    """
    weights, products = ENCODERS[encoder]
    rows = -(-batch_size // gpus)  # of the GPU that has most
    compute = 6 * products * rows * tokens / (machine.peak * UTILISATION)
    if gpus == 1:
        return compute + STARTING
    bandwidth = machine.inside if gpus <= machine.gpus else machine.between
    exchange = 2 * (gpus - 1) / gpus * 4 * weights / bandwidth
    backward = compute * 2 / 3
    return compute + STARTING + max(0.0, exchange - HIDDEN * backward)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[32, 256])
    parser.add_argument("--tokens", type=float, default=128)
    arguments = parser.parse_args()
    found = []
    print(
        f"SIMULATED: {A100.name}, {A100.gpus} a host; rows of {arguments.tokens:.0f} tokens; "
        "speed-up over one GPU"
    )
    for encoder in ENCODERS:
        for batch_size in arguments.batch_size:
            case = {"batch_size": batch_size, "tokens": arguments.tokens}
            seconds = [step_seconds(A100, encoder, gpus=gpus, **case) for gpus in COUNTS]
            found.append({"encoder": encoder, **case, "seconds": dict(zip(COUNTS, seconds, strict=True))})
            gains = "".join(f"{seconds[0] / each:8.1f}" for each in seconds)
            print(f"{encoder:12} batch {batch_size:4} {gains}")
    print(f"{'GPUs':22}" + "".join(f"{gpus:8}" for gpus in COUNTS))
    assumed = {"utilisation": UTILISATION, "starting_seconds": STARTING, "hidden": HIDDEN}
    content = {"simulated": True, "machine": asdict(A100), "assumed": assumed, "found": found}
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
