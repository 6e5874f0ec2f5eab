"""What looks wrong in the texts of a split, and which of them were trained on."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from bertkit.data.checking.checks import SHOWN_PLACES, CheckedRow, CheckedSplit, Finding, counted
from bertkit.data.checking.near_duplicates import ALIKE, near_duplicates

# Characters that say that something went wrong on the way. Joiners (U+200C, U+200D) are left alone: Persian,
# Hindi and emoji need them.
_ODD = {
    "replacement": (re.compile("\N{REPLACEMENT CHARACTER}"), "a replacement character (U+FFFD)"),
    "mojibake": (
        # UTF-8 that was read as Latin-1 or Windows-1252: é, a dash or quote, a byte order mark, an emoji.
        re.compile("[\u00c2\u00c3][\u0080-\u00bf]|\u00e2(?:\u20ac|\u0080)|\u00ef\u00bb\u00bf|\u00f0[\u0178\u009f]"),
        "mojibake (UTF-8 read as Latin-1)",
    ),
    "control": (re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"), "control characters"),
    "zero_width": (re.compile("[\u200b\u2060\ufeff]"), "invisible characters of no width"),
}  # fmt: skip
_FIX = {
    "replacement": "the file lost letters: export it again as UTF-8",
    "mojibake": "export it again as UTF-8",
}

Texts = tuple[str, ...]


def check_texts(split: CheckedSplit) -> list[Finding]:
    """Empty and repeated texts, one text with two labels, ids given twice, odd characters."""
    rows = split.rows
    empty = [row for row in rows if not any(text.strip() for text in row.texts)]
    targets_of: dict[Texts, set[Hashable]] = {}
    copies: list[CheckedRow] = []
    torn: list[CheckedRow] = []
    for row in rows:
        known = targets_of.setdefault(normalised(row.texts), set())
        if known:
            (copies if row.target in known else torn).append(row)
        known.add(row.target)
    seen: set[str] = set()
    ids = [row for row in rows if row.id in seen or seen.add(row.id)]  # type: ignore[func-returns-value]
    return [
        split.finding("empty", empty, "without a character of text", "no empty texts"),
        split.finding("repeated", copies, "repeating another", "no repeated rows"),
        split.finding(
            "contradicting", torn, "with the text of another but another label", "no text with two labels",
            advice="which label is right?",
        ),
        split.finding("same_id", ids, "with the id of another", "no id twice"),
        *_odd_characters(split),
    ]  # fmt: skip


def _odd_characters(split: CheckedSplit) -> list[Finding]:
    found: dict[str, list[CheckedRow]] = {kind: [] for kind in _ODD}
    for row in split.rows:
        for kind, (pattern, _) in _ODD.items():
            if any(pattern.search(text) for text in row.texts):
                found[kind].append(row)
    if not any(found.values()):
        return [Finding("characters", "no odd characters", split.name, "good")]
    return [
        split.finding(kind, rows, f"with {_ODD[kind][1]}", "", advice=_FIX.get(kind, ""))
        for kind, rows in found.items()
        if rows
    ]


def check_leaks(train: CheckedSplit, split: CheckedSplit, *, nearly: bool = True) -> list[Finding]:
    """Eval rows that were trained on, as they are or nearly.

    Args:
        train: rows that are trained on.
        split: rows that are scored.
        nearly: look for near-duplicates too, which takes seconds where there are many rows.
    """
    trained: dict[Texts, CheckedRow] = {}
    targets: dict[Texts, set[Hashable]] = {}
    for row in train.rows:
        key = normalised(row.texts)
        trained.setdefault(key, row)
        targets.setdefault(key, set()).add(row.target)
    pairs: list[tuple[CheckedRow, CheckedRow]] = []
    others: list[CheckedRow] = []
    relabelled = 0
    for row in split.rows:
        key = normalised(row.texts)
        if key in trained:
            pairs.append((row, trained[key]))
            relabelled += row.target is not None and row.target not in targets[key]
        else:
            others.append(row)
    wrong = "also among the training rows"
    if relabelled:
        wrong += f", {relabelled:,} of them with another label"
    findings = [_leak("leaked", split, train, pairs, wrong, "none of them was trained on")]
    if nearly:
        alike = near_duplicates([row.texts for row in train.rows], [row.texts for row in others])
        near = [(others[one], train.rows[other]) for one, other in alike]
        wrong = f"nearly the same as a training row ({100 * ALIKE:.0f} % of their word triples or more)"
        findings.append(_leak("nearly_leaked", split, train, near, wrong, "none is nearly a training row"))
    return findings


def _leak(
    check: str,
    split: CheckedSplit,
    train: CheckedSplit,
    pairs: Sequence[tuple[CheckedRow, CheckedRow]],
    wrong: str,
    right: str,
) -> Finding:
    if not pairs:
        return Finding(check, right, split.name, "good")
    # The places of one file, or of files with a name, say themselves where they are.
    where = f"{train.name} " if train.place_of(pairs[0][1]).startswith("row ") else ""
    places = tuple(
        f"{split.place_of(row)} = {where}{train.place_of(twin)}" for row, twin in pairs[:SHOWN_PLACES]
    )
    text = f"{counted(len(pairs), 'row')} {wrong}"
    return Finding(
        check,
        text,
        split.name,
        "warning",
        len(pairs),
        places,
        "leave them out of the training rows: scores on them say too much",
    )


def normalised(texts: Texts) -> Texts:
    """Texts that differ in case and white space alone are the same."""
    return tuple(" ".join(text.casefold().split()) for text in texts)
