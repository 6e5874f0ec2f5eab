"""Labels are brought together by name."""

from __future__ import annotations

import pytest

from bertkit.models.label_maps import are_generic, match_labels
from bertkit.tasks.nli import NliTask

NLI = ("entailment", "neutral", "contradiction")


@pytest.mark.parametrize(
    ("checkpoint", "expected"),
    [
        (("contradiction", "entailment", "neutral"), ("contradiction", "entailment", "neutral")),
        (("CONTRADICTION", "NEUTRAL", "ENTAILMENT"), ("contradiction", "neutral", "entailment")),
        (("entail", "unknown", "contradictory"), NLI),
        (("LABEL_0", "LABEL_1", "LABEL_2"), None),
        (("entailment", "not_entailment"), None),
        (("entailment", "entails", "neutral"), None),
    ],
)
def test_nli_names(checkpoint: tuple[str, ...], expected: tuple[str, ...] | None) -> None:
    assert match_labels(checkpoint, NLI, aliases=NliTask.label_aliases) == expected


def test_spelling_of_several_words() -> None:
    wanted = ("entailment", "not_entailment")
    assert match_labels(("Not Entailment", "Entailment"), wanted, aliases={}) == (
        "not_entailment",
        "entailment",
    )
    assert match_labels(("not-entailed", "entailed"), wanted, aliases=NliTask.label_aliases) == (
        "not_entailment",
        "entailment",
    )


def test_equal_names_fit_also_where_they_differ_in_nothing_but_case() -> None:
    assert match_labels(("c", "C"), ("C", "c"), aliases={}) == ("c", "C")
    assert match_labels(("a-b", "a_b"), ("a-b", "a_b"), aliases={}) == ("a-b", "a_b")
    assert match_labels(("C", "c"), ("c", "d"), aliases={}) is None


def test_generic_names() -> None:
    assert are_generic(["LABEL_0", "LABEL_11"])
    assert not are_generic(["LABEL_0", "positive"])
