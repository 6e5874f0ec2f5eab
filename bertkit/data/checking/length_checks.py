"""How long the texts are, and how many the model will not see whole at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.checking.checks import Finding

# Settings people choose among; the smallest one that treats it is named.
_SIZES = (64, 128, 192, 256, 384, 512)
# Up to this share it is a remark and no warning.
FEW = 0.01


@dataclass(frozen=True)
class Lengths:
    """How long the texts of a split are.

    Attributes:
        split: its name.
        unit: `tokens` of the encoder, special ones included, or `words`.
        median, most, longest: half, 95 % and all of the texts are no longer.
        limit: tokens that are read at once.
        over: texts that are longer; 0 where words are counted.
        windowed: they are read in several windows and not cut.
        cut_questions: questions that are cut before they are read.
    """

    split: str
    unit: str
    median: int
    most: int
    longest: int
    limit: int
    over: int
    windowed: bool
    cut_questions: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure(
    split: str,
    lengths: NDArray[np.int64],
    *,
    limit: int,
    windowed: bool,
    unit: str = "tokens",
    cut_questions: int = 0,
) -> Lengths:
    """The distribution of (texts,) lengths, at least one."""
    median, most, longest = np.percentile(lengths, [50, 95, 100], method="lower")
    over = int((lengths > limit).sum()) if unit == "tokens" else 0
    return Lengths(split, unit, int(median), int(most), int(longest), limit, over, windowed, cut_questions)


def check_lengths(found: Lengths, lengths: NDArray[np.int64], *, positions: int, single: bool) -> Finding:
    """What is cut, or read in windows, and what would treat it.

    Args:
        found: of these lengths.
        lengths: (texts,) in tokens.
        positions: what the encoder can read at once.
        single: one text, which could be read in windows, and no pair.
    """
    share = found.over / max(1, len(lengths))
    if found.cut_questions:
        text = f"{found.cut_questions:,} questions are cut"
        return Finding(
            "length",
            text,
            found.split,
            "warning",
            found.cut_questions,
            advice="raise task.max_question_length",
        )
    if not found.over:
        return Finding("length", f"all texts fit {found.limit} tokens", found.split, "good")
    portion = f"{found.over:,} of {len(lengths):,} texts ({_percent(share)})"
    if found.windowed:
        text = f"{portion} are read in several windows of {found.limit} tokens"
        return Finding("length", text, found.split, "good", found.over)
    text = f"{portion} are cut at {found.limit} tokens"
    if share <= FEW:
        return Finding("length", text, found.split, "good", found.over)
    return Finding(
        "length", text, found.split, "warning", found.over,
        advice=_treatment(lengths, found.limit, positions, single=single),
    )  # fmt: skip


def _treatment(lengths: NDArray[np.int64], limit: int, positions: int, *, single: bool) -> str:
    """The smallest setting that leaves few texts cut; windows where the encoder reads no more."""
    windows = f"--window {limit}" if single else ""
    for size in _SIZES:
        if limit < size <= positions and (lengths > size).mean() <= FEW:
            return f"--set train.max_length={size}" + (f", or {windows}" if windows else "")
    if single:
        return f"--window {max(limit, min(256, positions))}"
    longest = max((size for size in _SIZES if size <= positions), default=limit)
    return f"--set train.max_length={longest} cuts fewer" if longest > limit else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "under 0.1 %"
