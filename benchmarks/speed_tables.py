"""Tables of docs/performance.md from what was measured; every rival that was run has a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.workloads import WORKLOADS, Workload

Kept = Mapping[str, Any]
Figure = Mapping[str, float]

UNITS = {"train": "samples/s", "predict": "lines/s", "encode": "pairs/s", "start": "seconds"}
# More than this of a core busy with something else disturbs a run.
DISTURBED = 0.2


def ranged(figure: Figure, form: str = ",.1f", unit: str = "") -> str:
    """`12.3 (11.9 to 12.8)`; without the range where there is none."""
    middle = f"{figure['median']:{form}}{unit}"
    if f"{figure['min']:{form}}" == f"{figure['max']:{form}}":
        return middle
    return f"{middle} ({figure['min']:{form}} to {figure['max']:{form}})"


def best_of_ours(kept: Kept, workload: Workload) -> str | None:
    """The variant of bertkit with the highest median."""
    speeds = {
        rival.key: kept["summary"][rival.key]["samples_per_second"]["median"]
        for rival in workload.rivals
        if rival.ours and kept["summary"].get(rival.key, {}).get("runs")
    }
    return max(speeds, key=lambda key: speeds[key]) if speeds else None


def ours_shown(kept: Kept, workload: Workload) -> list[str]:
    """The variants that others are compared with: the one that changes no batch, and the fastest."""
    first = next((rival.key for rival in workload.rivals if rival.ours), None)
    chosen = [first, best_of_ours(kept, workload)]
    if workload.kind == "encode":
        chosen = [rival.key for rival in workload.rivals if rival.ours]
    return [key for key in dict.fromkeys(chosen) if key and kept["summary"].get(key, {}).get("runs")]


def workload_section(kept: Kept, workload: Workload) -> list[str]:
    """Heading, table and what has to be known of it."""
    shown = ours_shown(kept, workload)
    names = {rival.key: rival.name for rival in workload.rivals}
    heads = ["", *columns(workload), *(f"{names[key]}: times as fast" for key in shown)]
    lines = [f"### {workload.title}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in kept["summary"].values():
        if not row["runs"]:
            lines.append(f"| {row['name']} | could not be run: {row['fault'].replace('|', '/')[:160]} |"
                         + " |" * (len(heads) - 2))  # fmt: skip
            continue
        over = (row["bertkit_over_it"].get(ours) for ours in shown)
        cells = [
            row["name"],
            *cells_of(row, workload),
            *(ranged(each, ".2f") if each else "" for each in over),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *remarks(kept, workload), ""]


def columns(workload: Workload) -> list[str]:
    made = [UNITS[workload.kind]]
    if workload.kind in ("train", "predict"):
        made += ["real tokens/s", "share of the bf16 peak", "of the fp32 peak"]
    if workload.kind == "predict":
        made.append("same label")
    return [*made, "peak memory"]


def cells_of(row: Kept, workload: Workload) -> list[str]:
    made = [ranged(row["seconds"], ".2f") if workload.kind == "start" else ranged(row["samples_per_second"])]
    if workload.kind in ("train", "predict"):
        shares = row["share_of_peak"]
        made += [f"{row['tokens_per_second']:,.0f}", percent(shares["bf16"]), percent(shares["fp32"])]
    if workload.kind == "predict":
        made.append(f"{100 * row['agreement']['median']:.2f} %")
    return [*made, f"{row['peak_bytes']['median'] / 1e6:,.0f} MB"]


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def remarks(kept: Kept, workload: Workload) -> list[str]:
    """What was worked on, the peak, and whether the machine was quiet."""
    settings = kept["settings"]
    made = []
    if workload.kind == "train":
        made.append(
            f"{kept['input']['lengths']['samples']:,} sequences in batches of {settings['batch_size']}, "
            f"at most {settings['max_length']} tokens"
        )
    else:
        made.append(f"{settings['size']:,} {'line' if settings['size'] == 1 else 'lines'}")
    if "lengths" in kept["input"]:
        lengths = kept["input"]["lengths"]
        made[0] += f", {lengths['tokens'] / lengths['samples']:.1f} on average"
        peaks = {name: max(peak[name] for peak in kept["peaks"]) for name in ("bf16", "fp32")}
        flop = next((row["flop_per_token"] for row in kept["summary"].values() if row["runs"]), 0)
        made.append(
            f"{flop / 1e6:,.0f} MFLOP a token; peak {peaks['bf16']:,.0f} GFLOP/s in bf16, "
            f"{peaks['fp32']:,.0f} in fp32"
        )
    rounds = 1 + max((run["round"] for run in kept["runs"]), default=0)
    made.append(f"{rounds} {'round' if rounds == 1 else 'rounds'}, {settings['threads']} threads")
    outside = [run["outside_cores"] for run in kept["runs"] if run["outside_cores"] is not None]
    if outside:
        disturbed = sum(cores > DISTURBED for cores in outside)
        made.append(
            f"something else kept {max(outside):.2f} of a core busy at most"
            + (f", over {DISTURBED} in {disturbed} of {len(outside)} runs" if disturbed else "")
        )
    return [f"{'; '.join(made)}."]


SHORT = {
    "train": ("padded", "dynamic", "grouped-bf16", "simpletransformers"),
    "predict": ("pipeline-1", "pipeline-32", "onnx-int8", "openvino"),
    "encode": ("map",),
    "start": ("pipeline",),
}


def short_table(measured: Mapping[str, Kept]) -> list[str]:
    """One row a workload and variant of bertkit: how many times faster than the usual rivals."""
    lines = [
        "| | bertkit | times as fast as | share of the bf16 peak | peak memory |",
        "|---|---|---|---|---|",
    ]
    for name, kept in measured.items():
        workload = WORKLOADS[name]
        names = {rival.key: rival.name for rival in workload.rivals}
        for ours in ours_shown(kept, workload):
            row = kept["summary"][ours]
            over = [
                f"{names[key]}: {ranged(ratio, '.2f')}"
                for key in SHORT[workload.kind]
                if (ratio := kept["summary"].get(key, {}).get("bertkit_over_it", {}).get(ours))
            ]
            if not over:  # a table of bertkit alone
                continue
            share = percent(row["share_of_peak"]["bf16"]) if "share_of_peak" in row else ""
            first = kept["summary"].get(SHORT[workload.kind][0], {})
            memory = ""
            if first.get("runs"):
                part = row["peak_bytes"]["median"] / first["peak_bytes"]["median"]
                memory = f"{part:.2f} of {names[SHORT[workload.kind][0]]}"
            title, ours_name = workload.title, names[ours].removeprefix("bertkit, ")
            lines.append(f"| {title} | {ours_name} | {'; '.join(over)} | {share} | {memory} |")
    return lines
