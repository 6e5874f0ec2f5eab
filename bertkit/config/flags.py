"""What the flags of `bertkit finetune` mean as settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertkit.config.faults import did_you_mean
from bertkit.config.file_names import file_name_of
from bertkit.errors import UsageError

# What `--columns ROLE=COLUMN` may call a column, by the setting that names it.
_FIRST_TEXT = ("text", "tokens", "premise", "question")
_SECOND_TEXT = ("text_pair", "hypothesis", "context")
_LABEL = ("label", "tags", "spans", "answers")
_INTENT = ("intent",)


def settings_from_flags(
    *,
    model: str | None = None,
    train: str | None = None,
    evals: Sequence[str] = (),
    test: str | None = None,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    window: int | None = None,
    stride: int | None = None,
    limit: int | None = None,
    seed: int | None = None,
    on_nan: str | None = None,
    strategy: str | None = None,
    compile_layers: bool | None = None,
    skip_bad_rows: int | None = None,
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> dict[str, Any]:
    """Settings by dotted key for `load_recipe`; flags that were not given leave no key.

    An own training file replaces the whole source of a recipe, its eval and test splits too. Several
    eval files are named by their stems. Of two text columns one may be given: None in `task.text` stands
    for the recipe's own, which `load_recipe` puts there.

    `columns` hold `ROLE=COLUMN`, several with commas between, as `text=body,label=stars`; `labels` hold
    `FROM=TO` likewise: labels as written, and what they count as.

    Raises:
        UsageError: an unknown role, or one that is named twice.
    """
    roles = _columns_by_role(columns)
    for role, given, option in (
        ("text", text, "--text"), ("text_pair", text_pair, "--text-pair"), ("label", label, "--label"),
    ):  # fmt: skip
        if role in roles and given is not None:
            raise UsageError(f"--columns and {option} both name a column", hint="keep one of the two")
    text, text_pair = text or roles.get("text"), text_pair or roles.get("text_pair")
    label = label or roles.get("label")
    settings: dict[str, Any] = {}
    if train is not None:
        settings |= {"data.source": None, "data.config": None, "data.revision": None, "data.train": train}
        settings |= {"data.eval": {}, "data.test": None}
    if evals:
        settings["data.eval"] = (
            {"validation": evals[0]} if len(evals) == 1 else {Path(file_name_of(f)).stem: f for f in evals}
        )
    if text is not None or text_pair is not None:
        settings["task.text"] = [text, text_pair]
    for key, value in (
        ("data.test", test), ("task.label", label), ("task.window", window), ("task.stride", stride),
        ("data.limit", limit), ("train.seed", seed), ("train.on_nan", on_nan), ("model.name", model),
        ("train.strategy", strategy), ("train.compile", compile_layers),
        ("data.skip_bad_rows", skip_bad_rows),
        ("task.intent", roles.get("intent")),
        ("task.rename", _pairs(labels, "--labels pos=positive") or None),
    ):  # fmt: skip
        if value is not None:
            settings[key] = value
    return settings


def _pairs(given: Sequence[str], example: str) -> dict[str, str]:
    """`a=b` and `a=b,c=d` by their left side."""
    pairs: dict[str, str] = {}
    for part in (part for text in given for part in text.split(",")):
        left, equals, right = (piece.strip() for piece in part.partition("="))
        if not equals or not left or not right:
            raise UsageError(f"{part!r} is no pair", hint=f"write {example}")
        if left in pairs:
            raise UsageError(f"{left} is given twice", hint=f"write it once, as {example}")
        pairs[left] = right
    return pairs


def _columns_by_role(given: Sequence[str]) -> dict[str, str]:
    names = {name: roles[0] for roles in (_FIRST_TEXT, _SECOND_TEXT, _LABEL, _INTENT) for name in roles}
    columns: dict[str, str] = {}
    for role, column in _pairs(given, "--columns text=body,label=stars").items():
        if role not in names:
            raise UsageError(
                f"--columns {role}={column}: {role} is no role{did_you_mean(role, list(names))}",
                hint=f"ROLE=COLUMN, where ROLE is one of {', '.join(names)}",
            )
        if names[role] in columns:
            raise UsageError(f"--columns names two columns for {names[role]}", hint="keep one of the two")
        columns[names[role]] = column
    return columns
