"""Decide whether a checkpoint's trained head goes on, and in which order its outputs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertkit.data.labels import LabelSet
from bertkit.errors import ModelError
from bertkit.models.label_maps import are_generic, match_labels, reconcile
from bertkit.models.loading import trained_labels
from bertkit.models.sources import ModelSource

if TYPE_CHECKING:
    from transformers import PreTrainedModel


# Names told in a message; a data set with slots has hundreds of tags.
LISTED = 12


@dataclass(frozen=True)
class HeadChoice:
    """What to do with the head of a checkpoint.

    Attributes:
        new: start it afresh.
        order: for a head that goes on, the data's label names in the order of its outputs.
        note: a sentence for the person, empty where nothing is worth saying.
    """

    new: bool
    order: tuple[str, ...] = ()
    note: str = ""


def choose_head(
    source: ModelSource, labels: LabelSet, *, aliases: Mapping[str, str], setting: str, refuse_others: bool
) -> HeadChoice:
    """Compare the checkpoint's output names with the data's, by name.

    Args:
        source: the checkpoint.
        labels: what the data holds.
        aliases: other spellings of label names.
        setting: `model.head` of the recipe.
        refuse_others: a head with as many but other labels is an error.

    Raises:
        ModelError: with both lists.
    """
    trained = trained_labels(source, labels.problem)
    if trained is None or setting == "new":
        return HeadChoice(new=True)
    if labels.problem == "regression" or len(trained) == 1:
        goes_on = labels.problem == "regression" and len(trained) == 1
        return HeadChoice(new=not goes_on, note="" if goes_on else _replaced(trained, labels))
    order = match_labels(trained, labels.output_names, aliases=aliases)
    if order is not None:
        return HeadChoice(
            new=False,
            order=order,
            note=f"going on with the trained head of {source.name}, labels matched by name",
        )
    if refuse_others and len(trained) == labels.outputs:
        raise ModelError(
            f"the labels of {source.name} ({', '.join(trained)}) are not those of the data "
            f"({', '.join(labels.names)})",
            hint="start a new head: --set model.head=new",
        )
    return HeadChoice(new=True, note=_replaced(trained, labels))


def required_order(
    source: ModelSource, trained: Sequence[str], wanted: Sequence[str], *, aliases: Mapping[str, str]
) -> tuple[str, ...]:
    """The wanted names in the order of a trained model's outputs, for scoring it as it is.

    Raises:
        ModelError: if the names do not fit, with both lists.
    """
    hint = "score it with a recipe that has its labels"
    if are_generic(trained):
        hint = "its outputs have no names: name them in its config.json (id2label)"
    return reconcile(trained, wanted, aliases=aliases, model=source.name, hint=hint)


def _replaced(trained: Sequence[str], labels: LabelSet) -> str:
    wanted = _listed(labels.names) or "a number"
    return f"the trained head ({_listed(trained)}) does not fit the data ({wanted}): a new one is trained"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (f", ... ({len(names)})" if len(names) > LISTED else "")


def reorder_outputs(model: PreTrainedModel, order: Sequence[str], wanted: Sequence[str]) -> None:
    """Move the rows of the head's last layer so that output `n` means `wanted[n]`.

    Args:
        model: with outputs in `order`; changed in place, its config too.
        order: names in the order of the outputs now.
        wanted: the same names in the order they shall have.

    Raises:
        ModelError: if the head's last layer cannot be told.
    """
    import torch
    from torch import nn

    model.config.id2label = dict(enumerate(wanted))
    model.config.label2id = {name: number for number, name in enumerate(wanted)}
    if tuple(order) == tuple(wanted):
        return
    encoder = set(model.base_model.modules())
    last = [
        module for module in model.modules()
        if isinstance(module, nn.Linear) and module not in encoder and module.out_features == len(order)
    ]  # fmt: skip
    if not last:
        raise ModelError(
            "the head's last layer cannot be told", hint="start a new head: --set model.head=new"
        )
    rows = torch.tensor([list(order).index(name) for name in wanted])
    with torch.no_grad():
        last[-1].weight.copy_(last[-1].weight[rows].clone())
        if last[-1].bias is not None:
            last[-1].bias.copy_(last[-1].bias[rows].clone())
