"""Training rows that are kept for evaluation: a share of them, or one of several folds."""

from __future__ import annotations

from bertkit.config.schema import FOLD, DataSection, Recipe
from bertkit.data.checking.text_checks import normalised
from bertkit.data.splits import fold_numbers, hold_out
from bertkit.errors import DataError
from bertkit.tasks.base import Example, Task
from bertkit.workflows.events import Listener, Note

# What the rows that are kept for evaluation are called.
HELD_OUT = "validation"
# The settings of `data` that decide which rows these are.
CUT_SETTINGS = ("eval_fraction", "limit", "split_seed", "folds", "fold")


def cut_split(data: DataSection) -> str | None:
    """The name of the eval split that is cut off the training rows; None where the recipe names all."""
    if data.fold is not None:
        return FOLD
    return None if data.eval else HELD_OUT


def fold_rows(
    recipe: Recipe, task: Task, train: list[Example], origin: str, listen: Listener
) -> tuple[list[Example], list[Example]]:
    """Training rows without one of their folds, and that fold.

    Raises:
        DataError: if there are fewer different rows than folds.
    """
    data = recipe.data
    assert data.folds is not None
    numbers = fold_numbers_of(recipe, task, train)
    if len(set(numbers)) < data.folds:
        raise DataError(
            f"{origin} has too few different rows for {data.folds} folds",
            hint=f"take fewer: --folds {max(2, len(set(numbers)))}",
        )
    kept = [example for example, number in zip(train, numbers, strict=True) if number != data.fold]
    held = [example for example, number in zip(train, numbers, strict=True) if number == data.fold]
    listen(
        Note(
            f"fold {data.fold} of {data.folds}: {len(held):,} of {len(train):,} training rows are kept for "
            f"evaluation (stratified by label, equal texts together, data.split_seed {data.split_seed})"
        )
    )
    return kept, held


def fold_numbers_of(recipe: Recipe, task: Task, train: list[Example]) -> list[int]:
    """The fold of each training row, from 1."""
    assert recipe.data.folds is not None
    texts = [normalised(task.group(example)) for example in train]
    strata = [task.stratum(example) for example in train]
    numbers = fold_numbers(strata, texts, folds=recipe.data.folds, seed=recipe.data.split_seed)
    return [number + 1 for number in numbers]


def hold_out_rows(
    recipe: Recipe, task: Task, train: list[Example], origin: str, listen: Listener
) -> tuple[list[Example], list[Example]]:
    """Training rows cut in two: what is trained on, and what is kept for evaluation.

    Raises:
        DataError: if there are too few different ones.
    """
    kept, held = hold_out(
        [task.stratum(example) for example in train], [normalised(task.group(example)) for example in train],
        fraction=recipe.data.eval_fraction, seed=recipe.data.split_seed,
    )  # fmt: skip
    if not held or not kept:
        raise DataError(
            f"{origin} has too few different rows to keep some for evaluation",
            hint="give them with --eval FILE",
        )
    listen(
        Note(
            f"no eval split: {len(held):,} of {len(held) + len(kept):,} training rows are kept for "
            "evaluation (stratified by label, equal texts together, "
            f"data.split_seed {recipe.data.split_seed})"
        )
    )
    return [train[number] for number in kept], [train[number] for number in held]
