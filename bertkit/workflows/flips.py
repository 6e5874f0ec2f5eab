"""The examples on which two runs are not equally right, with what was predicted of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertkit.errors import DataError
from bertkit.runs.atomic import json_text, write_text
from bertkit.tasks.table import TASKS
from bertkit.workflows.comparable import SplitPredictions, records
from bertkit.workflows.comparison import Comparison, Flip, SplitComparison
from bertkit.workflows.eval_data import recipe_splits
from bertkit.workflows.events import Listener, Note
from bertkit.workflows.out_of_fold import OUT_OF_FOLD

# What a change is called, by the unit of `Flips`: gained and lost.
CHANGES = {"right": ("wrong to right", "right to wrong"), "near": ("nearer", "farther")}


def flips_of(
    compared: SplitComparison, sides: Sequence[SplitPredictions], *, texts: bool, listen: Listener
) -> list[Flip]:
    """The flips of all pairs of a split: what was gained first, each in the order of the rows.

    Args:
        compared: the split.
        sides: the predictions of all runs.
        texts: read them from the data of the first run.
        listen: told what is read.
    """
    places = {place for pair in compared.pairs for place in (*pair.flips.gained, *pair.flips.lost)}
    written = {side.run.name: _written(side, places) for side in sides}
    references = _chosen(sides[0].files[0], places, "reference")
    read = _texts(compared.split, sides[0], listen) if texts and places else {}
    found = []
    for pair in compared.pairs:
        changes = zip(CHANGES[pair.flips.unit], (pair.flips.gained, pair.flips.lost), strict=True)
        for change, changed in changes:
            found += [
                Flip(
                    compared.split, sides[0].ids[place], change, references[place],
                    {name: written[name][place] for name in (pair.reference, pair.run)},
                    read.get(place, ()),
                )
                for place in changed
            ]  # fmt: skip
    return found


def _chosen(path: Path, places: set[int], key: str) -> dict[int, Any]:
    return {place: record[key] for place, record in enumerate(records(path)) if place in places}


def _written(side: SplitPredictions, places: set[int]) -> dict[int, Any]:
    """What a run predicted at these places; of several seeds what most of them say, or the first of them."""
    seeds = [_chosen(path, places, "prediction") for path in side.files]
    if len(seeds) == 1:
        return seeds[0]
    return {place: _most_frequent([seed[place] for seed in seeds]) for place in places}


def _most_frequent(values: Sequence[Any]) -> Any:
    counted = Counter(json.dumps(value, sort_keys=True) for value in values)
    return json.loads(counted.most_common(1)[0][0])


def _texts(split: str, side: SplitPredictions, listen: Listener) -> dict[int, tuple[str, ...]]:
    """The texts of a split by place."""
    if split == OUT_OF_FOLD:
        listen(Note(f"{split}: texts are shown of eval splits only", warning=True))
        return {}
    task = TASKS[side.run.contract.task].from_contract(side.run.contract)
    examples = recipe_splits(side.run.recipe, split, task, listen)[split].examples
    labelled = [example for example in examples if example.target is not None]
    if [example.id for example in labelled] != list(side.ids):
        raise DataError(
            f"the data of {side.run.name} now has other rows in {split} than when it was scored",
            hint="leave out --texts",
        )
    return {place: example.texts for place, example in enumerate(labelled)}


def write_flips(path: Path, flips: Sequence[Flip]) -> None:
    """Write one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(f"{line}\n" for line in _lines(flips)))


def _lines(flips: Sequence[Flip]) -> Iterator[str]:
    return (json_text(flip.as_dict()) for flip in flips)


def first_flips(comparison: Comparison, count: int) -> Comparison:
    """The comparison with so many flips of each kind, for each pair of each split."""
    seen: Counter[tuple[str, ...]] = Counter()
    chosen = []
    for flip in comparison.flips:
        kind = (flip.split, flip.change, *flip.predictions)
        seen[kind] += 1
        if seen[kind] <= count:
            chosen.append(flip)
    return replace(comparison, flips=tuple(chosen))
