"""What flags mean as settings."""

from __future__ import annotations

import pytest

from bertkit.config.flags import settings_from_flags
from bertkit.config.loader import load_recipe
from bertkit.errors import UsageError


@pytest.mark.parametrize(
    ("recipe", "flags", "columns"),
    [
        ("classification", {"text": "a"}, ["a"]),
        ("classification", {"text_pair": "b"}, ["text", "b"]),
        ("classification", {"text": "a", "text_pair": "b"}, ["a", "b"]),
        ("nli", {"text_pair": "b"}, ["premise", "b"]),
        ("mrpc", {"text": "a"}, ["a", "sentence2"]),
        ("sst2", {"text": "a", "text_pair": "b"}, ["a", "b"]),
    ],
)
def test_text_columns_that_are_not_named_are_the_recipes(
    recipe: str, flags: dict, columns: list[str]
) -> None:
    assert load_recipe(recipe, flags=settings_from_flags(**flags)).recipe.task.text == columns


def test_an_own_training_file_replaces_the_whole_source() -> None:
    data = load_recipe("sst2", flags=settings_from_flags(train="my.csv")).recipe.data
    assert (data.source, data.config, data.train, data.eval, data.test) == (None, None, "my.csv", {}, None)


def test_eval_files_are_named() -> None:
    def named(*files: str) -> dict[str, str]:
        return load_recipe("sst2", flags=settings_from_flags(train="t.csv", evals=files)).recipe.data.eval

    assert named("dev.csv") == {"validation": "dev.csv"}
    assert named("x/dev.csv", "y/hard.csv") == {"dev": "x/dev.csv", "hard": "y/hard.csv"}


def test_flags_that_are_not_given_leave_no_key() -> None:
    assert settings_from_flags() == {}


def test_columns_are_named_by_their_role() -> None:
    settings = settings_from_flags(columns=["context=passage,question=query", "tags=gold"])
    assert settings == {"task.text": ["query", "passage"], "task.label": "gold"}
    assert settings_from_flags(columns=["intent=wish"]) == {"task.intent": "wish"}
    assert settings_from_flags(columns=["text=body"], label="stars") == {
        "task.text": ["body", None], "task.label": "stars",
    }  # fmt: skip


def test_labels_are_pairs_and_may_merge() -> None:
    settings = settings_from_flags(labels=["pos=good, great = good", "neg=bad"])
    assert settings == {"task.rename": {"pos": "good", "great": "good", "neg": "bad"}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"columns": ["txt=body"]}, "did you mean text"),
        ({"columns": ["text=a,tokens=b"]}, "two columns for text"),
        ({"columns": ["text=a"], "text": "b"}, "both name a column"),
        ({"columns": ["text"]}, "no pair"),
        ({"labels": ["a=b,a=c"]}, "given twice"),
        ({"labels": ["=b"]}, "no pair"),
    ],
)
def test_wrong_pairs_are_told(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        settings_from_flags(**given)  # type: ignore[arg-type]
    assert caught.value.hint
