"""Natural language inference: does the premise entail, contradict or leave open the hypothesis?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bertkit.tasks.classification import ClassificationTask


class NliTask(ClassificationTask):
    """A pair classification whose labels mean the same everywhere, so they are matched by name."""

    name: ClassVar[str] = "nli"
    label_aliases: ClassVar[Mapping[str, str]] = {
        "entail": "entailment",
        "entails": "entailment",
        "entailed": "entailment",
        "contradict": "contradiction",
        "contradicts": "contradiction",
        "contradictory": "contradiction",
        "unknown": "neutral",
        "not entailed": "not entailment",
        "non entailment": "not entailment",
        "nonentailment": "not entailment",
    }
    refuses_other_labels: ClassVar[bool] = True
    canonical: ClassVar[tuple[str, str]] = ("premise", "hypothesis")
