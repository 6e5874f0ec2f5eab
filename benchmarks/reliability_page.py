"""Write the tables of docs/reliability.md from what `reliability.py` and `make faults` found."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
BESIDE = ROOT / "benchmarks" / "results" / "reliability.json"
TRIED = ROOT / "benchmarks" / "results" / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = json.loads(BESIDE.read_text(encoding="utf-8"))
    rows = ["| | bertkit | transformers.Trainer |", "|---|---|---|"]
    rows += [f"| {fault} | {by['bertkit']} | {by['Trainer']} |" for fault, by in found["faults"].items()]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    text = between(text, "beside", "\n".join([*rows, "", f"{versions}, one process, a processor."]))
    if TRIED.exists():
        counts = json.loads(TRIED.read_text(encoding="utf-8"))
        table = ["| fault | tried | survived |", "|---|---|---|"]
        table += [f"| {what} | {count['tried']} | {count['survived']} |" for what, count in counts.items()]
        text = between(text, "tried", "\n".join(table))
    PAGE.write_text(text, encoding="utf-8")


def between(text: str, name: str, content: str) -> str:
    """The text with other content between two marks."""
    begin, end = f"<!-- {name}: made by benchmarks/reliability_page.py -->", f"<!-- {name} ends -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{content}\n{end}{after}"


if __name__ == "__main__":
    main()
