"""The model card of several trainings: that of the best one, and how far the scores of all lie apart."""

from __future__ import annotations

import re

from bertkit.evaluation.scoring import shown
from bertkit.workflows.repeat_results import RepeatResult, spread_text


def card_of_all(card: str, result: RepeatResult) -> str:
    """The card of the best child under the name of them all, and how far the scores lie apart."""
    name = re.sub(r"[\\`*\[\]|<&]", " ", result.run.resolve().name)
    card = re.sub(r"(?m)^# .*$", lambda _: f"# {name}", card, count=1)
    rows = [
        f"| {split} | {metric} | {spread_text(metric, spread)} | {shown(metric, spread.low)} to "
        f"{shown(metric, spread.high)} |"
        for split, values in result.spread.items()
        for metric, spread in values.items()
    ]
    rows += [
        f"| all folds together | {metric} | {shown(metric, value)} | |"
        for metric, value in result.out_of_fold.items()
    ]
    count = sum(child.state == "finished" for child in result.children)
    said = "\n".join(
        [
            f"## Over {count} {result.by}",
            "",
            f"This model is {result.kept}, the best of them by {result.metric}; its scores above flatter the "
            "recipe, the mean does not.",
            "",
            "| split | metric | mean ± standard deviation | range |",
            "|---|---|---|---|",
            *rows,
            *(["", result.caution] if result.caution else []),
        ]
    )
    before, use, after = card.partition("\n## Use\n")
    return f"{before}\n{said}\n{use}{after}"
