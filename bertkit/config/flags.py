"""What the flags of `bertkit finetune` mean as settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


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
) -> dict[str, Any]:
    """Settings by dotted key for `load_recipe`; flags that were not given leave no key.

    An own training file replaces the whole source of a recipe, its eval and test splits too. Several
    eval files are named by their stems. Of two text columns one may be given: None in `task.text` stands
    for the recipe's own, which `load_recipe` puts there.
    """
    settings: dict[str, Any] = {}
    if train is not None:
        settings |= {"data.source": None, "data.config": None, "data.revision": None, "data.train": train}
        settings |= {"data.eval": {}, "data.test": None}
    if evals:
        settings["data.eval"] = (
            {"validation": evals[0]} if len(evals) == 1 else {Path(f).stem: f for f in evals}
        )
    if text is not None or text_pair is not None:
        settings["task.text"] = [text, text_pair]
    for key, value in (
        ("data.test", test), ("task.label", label), ("task.window", window), ("task.stride", stride),
        ("data.limit", limit), ("train.seed", seed), ("model.name", model),
    ):  # fmt: skip
        if value is not None:
            settings[key] = value
    return settings
