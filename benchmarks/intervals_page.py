"""Write the tables of docs/comparing.md from what `intervals.py` measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "results" / "intervals.json"
PAGE = ROOT / "docs" / "comparing.md"
BEGIN, END = "<!-- made by benchmarks/intervals_page.py -->", "<!-- end -->"
METRICS = ("accuracy", "f1_macro", "matthews", "entity_f1")
SIZES = "100 | 277 | 872 | 3,000 examples |"

Rows = list[Mapping[str, Any]]


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def grouped(rows: Rows, metric: str, key: str) -> dict[tuple[Any, ...], Rows]:
    """The rows of a metric that hold a figure, by accuracy and errors; each group has a row a size."""
    groups: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        if row["metric"] == metric and key in row:
            groups.setdefault((row["accuracy"], row.get("errors")), []).append(row)
    return groups


def intervals(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"**Intervals.** In how many of {found['interval_sets']:,} test sets the 95 % interval holds the"
    yield "true score, in per cent; also what the middle 95 % of the resamples as they are would give, and of"
    yield "accuracy the interval of textbooks (Wald)."
    yield ""
    yield f"| metric | true score | {SIZES}"
    yield "|---|---|---|---|---|---|"
    ways = {"interval": "", "bootstrap": ", middle of resamples (not used)", "wald": ", Wald (not used)"}
    for metric in METRICS:
        for way, said in ways.items():
            for rows in grouped(found["coverage"], metric, way).values():
                cells = " | ".join(percent(row[way]) for row in rows)
                yield f"| {metric}{said} | {percent(rows[0]['true_score'])} | {cells} |"


def tests(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"**Two systems that are equally good.** In how many of {found['sets']:,} test sets the paired test"
    yield "says p < 0.05, in per cent; in brackets, on how many examples the two differ. Errors are"
    yield "independent, or correlated: examples that are hard for one are hard for the other."
    yield ""
    yield f"| metric | accuracy | errors | {SIZES}"
    yield "|---|---|---|---|---|---|---|"
    for metric in METRICS:
        for way, said in {"told_apart": "", "exact_test": ", exact test (not used)"}.items():
            for (accuracy, errors), rows in grouped(found["alike"], metric, way).items():
                cells = " | ".join(f"{percent(row[way])} ({row['differing']:.0f})" for row in rows)
                yield f"| {metric}{said} | {percent(accuracy)} | {errors} | {cells} |"


def differences(found: Mapping[str, Any]) -> Iterator[str]:
    yield "**Their difference.** In how many of the same test sets the 95 % interval of the difference holds"
    yield "0, in per cent."
    yield ""
    yield f"| metric | accuracy | errors | {SIZES}"
    yield "|---|---|---|---|---|---|---|"
    for metric in METRICS:
        for (accuracy, errors), rows in grouped(found["alike"], metric, "difference_interval").items():
            cells = " | ".join(percent(row["difference_interval"]) for row in rows)
            yield f"| {metric} | {percent(accuracy)} | {errors} | {cells} |"


def several(found: Mapping[str, Any]) -> Iterator[str]:
    yield "**Several systems that are equally good.** How often the best is called better than any other one,"
    yield "in per cent, on 872 examples, accuracy 90 %: without a correction, with Holm's over those that are"
    yield "shown, and over all pairs, which is used."
    yield ""
    yield "| systems | without | those shown | all pairs |"
    yield "|---|---|---|---|"
    for row in found["several"]:
        cells = " | ".join(percent(row[way]) for way in ("none", "others", "pairs"))
        yield f"| {row['systems']} | {cells} |"


if __name__ == "__main__":
    measured = json.loads(STORE.read_text(encoding="utf-8"))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    made = "\n\n".join(
        "\n".join(part(measured)) for part in (intervals, tests, differences, several)
    )  # a table a part
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")
