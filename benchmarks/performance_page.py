"""Write docs/performance.md from what `startup.py` and `predict_memory.py` measured."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "results"


def page() -> str:
    startup = json.loads((STORE / "startup.json").read_text(encoding="utf-8"))
    memory = json.loads((STORE / "predict_memory.json").read_text(encoding="utf-8"))
    bare = startup["python -c pass"]["median_s"]
    lines = [
        "# Performance",
        "",
        "Measured by the scripts under `benchmarks/` (`make bench`), two cores, no GPU. Times",
        "differ from machine to machine; what they are compared with was measured in the same run.",
        "",
        "## Start-up",
        "",
        "Whole processes, in turn; `python benchmarks/startup.py`.",
        "",
        "| command | median | range | over a bare Python |",
        "|---|---|---|---|",
    ]
    for name, figure in startup.items():
        lines.append(
            f"| `{name}` | {figure['median_s']:.3f} s | {figure['min_s']:.3f} to {figure['max_s']:.3f} s | "
            f"{figure['median_s'] - bare:+.3f} s |"
        )
    lines += [
        "",
        "## Memory of predict",
        "",
        "Peak of the whole process, a BERT of 2 layers and hidden size 128: "
        "`python benchmarks/predict_memory.py`.",
        "",
        "| lines | peak |",
        "|---|---|",
    ]
    lines += [f"| {int(size):,} | {peak:,} MB |" for size, peak in memory["peak_mb"].items()]
    lines += ["", f"Difference: {memory['difference_mb']} MB."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "performance.md").write_text(page(), encoding="utf-8")
