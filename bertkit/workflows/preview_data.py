"""`bertkit data preview`: a few examples as the model will see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bertkit.config.loader import LoadedRecipe
from bertkit.config.schema import Recipe
from bertkit.data.checking.checks import short_place
from bertkit.data.reading.sources import load_split, rejected_rows
from bertkit.data.rejection import RejectedRows
from bertkit.data.rows import Rows
from bertkit.errors import DataError, RecipeError, UsageError
from bertkit.models.loading import load_tokenizer
from bertkit.models.sources import find_model
from bertkit.tasks.base import Example, Limits, Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.lengths import limits_of
from bertkit.workflows.preparation import say_rejected
from bertkit.workflows.preview_windows import Window, windows_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class PreviewedExample:
    """One example.

    Attributes:
        place: where its row stands.
        id: as in the predictions file.
        texts: by the name of the column.
        target: what is right, in words.
        windows: one or more.
    """

    place: str
    id: str
    texts: Mapping[str, str]
    target: Any
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class Preview:
    """A few examples of one split.

    Attributes:
        recipe: its name.
        task: the task type.
        model: the encoder.
        split: its name.
        limit: tokens that are read at once.
        examples: the first ones.
    """

    recipe: str
    task: str
    model: str
    split: str
    limit: int
    examples: tuple[PreviewedExample, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def preview_data(
    recipe: LoadedRecipe, *, split: str = "train", count: int = 3, listen: Listener = silent
) -> Preview:
    """Encode the first examples of a split, as a training would.

    Args:
        recipe: names data, task and encoder.
        split: `train`, `test` or the name of an eval split.
        count: how many examples.
        listen: told what is being done.

    Raises:
        BertkitError: the data cannot be used, there is no such split, or no tokenizer.
    """
    settings, rejected = recipe.recipe, rejected_rows(recipe.recipe.data)
    train = _rows(settings, "train", rejected)
    listen(Note(f"reading {settings.data.source or settings.data.train}"))
    rows = train if split == "train" else _rows(settings, split, rejected)
    # Labels of all splits count; of the one that is shown at least.
    task = TASKS[settings.task.type].learn(settings.task, _labelled(settings, train, rows, split))
    examples = _first_examples(task, rows, count, keep_unlabelled=split == "test")
    say_rejected(rejected, listen)
    listen(Note(f"finding the tokenizer of {settings.model.name}"))
    source = find_model(settings.model.name, revision=settings.model.revision)
    limits, tokenizer = limits_of(settings, source), load_tokenizer(source)
    shown = tuple(_previewed(task, example, rows, tokenizer, limits) for example in examples)
    return Preview(recipe.name, task.name, source.name, split, limits.window or limits.max_length, shown)


def _rows(recipe: Recipe, split: str, rejected: RejectedRows) -> Rows:
    """The rows of a split by its name in the recipe."""
    names = {"train": recipe.data.train, **recipe.data.eval, "test": recipe.data.test}
    known = {name: value for name, value in names.items() if value is not None}
    if "train" not in known:
        raise RecipeError("nothing to show: data.train is empty", hint="give a file: --train FILE")
    if split not in known:
        raise UsageError(
            f"there is no split {split!r}; there are {', '.join(known)}", hint=f"--split {list(known)[-1]}"
        )
    return load_split(recipe.data, known[split], rejected)


def _first_examples(task: Task, rows: Rows, count: int, *, keep_unlabelled: bool) -> list[Example]:
    """The first rows that can be used; all rows are only read where the first ones are not enough."""
    for part in (rows.first(20 * count), rows):
        found = list(task.examples(part, keep_unlabelled=keep_unlabelled).examples[:count])
        if len(found) == count:
            return found
    if not found:
        raise DataError(f"{rows.origin}: no row has both text and label", hint="check --text and --label")
    return found


def _labelled(recipe: Recipe, train: Rows, rows: Rows, split: str) -> list[Rows]:
    """Training rows, and those of the eval splits, whose labels count too."""
    evals = [
        rows if name == split else load_split(recipe.data, value, train.rejected)
        for name, value in recipe.data.eval.items()
    ]
    return [train, *evals]


def _previewed(
    task: Task, example: Example, rows: Rows, tokenizer: PreTrainedTokenizerFast, limits: Limits
) -> PreviewedExample:
    return PreviewedExample(
        short_place(rows, example.row), example.id, dict(zip(task.text, example.texts, strict=True)),
        task.shown(example), tuple(windows_of(task, example, tokenizer, limits)),
    )  # fmt: skip
