from __future__ import annotations

import pytest

from bertkit.config.loader import dump_recipe, load_recipe
from bertkit.errors import RecipeError


def test_a_fold_is_one_of_some() -> None:
    loaded = load_recipe("sst2", assignments=["data.folds=5", "data.fold=5", "data.split_seed=7"])
    assert (loaded.recipe.data.folds, loaded.recipe.data.fold, loaded.recipe.data.split_seed) == (5, 5, 7)


@pytest.mark.parametrize(
    ("assignments", "fault"),
    [
        (["data.folds=5"], "folds and fold go together"),
        (["data.fold=1"], "folds and fold go together"),
        (["data.folds=5", "data.fold=6"], "fold 6 is more than the 5 folds"),
        (["data.folds=1", "data.fold=1"], "data.folds"),
        (["data.folds=2", "data.fold=0"], "data.fold"),
        (["data.folds=2", "data.fold=1", "data.eval={fold: validation}"], "an eval split is called 'fold'"),
    ],
)
def test_a_fold_that_is_none(assignments: list[str], fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        load_recipe("sst2", assignments=assignments)


def test_the_seed_of_the_training_is_not_that_of_the_split() -> None:
    recipe = load_recipe("sst2", flags={"train.seed": 7}).recipe
    assert recipe.data.split_seed == 42
    assert "split_seed: 42" in dump_recipe(recipe)
