"""Bring the labels of a checkpoint and of a data set together by name, never by number.

A checkpoint trained on MNLI elsewhere may call output 0 `contradiction` where the data set's 0 is
`entailment`; taken by number it scores 4 % instead of 90 % (transformers issue 10386).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bertkit.errors import ModelError

_GENERIC = re.compile(r"LABEL_\d+")


def are_generic(names: Sequence[str]) -> bool:
    """True for LABEL_0, LABEL_1, ...: names that transformers gives when nobody named the outputs."""
    return all(_GENERIC.fullmatch(name) for name in names)


def match_labels(
    checkpoint: Sequence[str], wanted: Sequence[str], *, aliases: Mapping[str, str]
) -> tuple[str, ...] | None:
    """The wanted names in the order of the checkpoint's outputs, or None if the names do not fit.

    Args:
        checkpoint: names of the outputs, in their order.
        wanted: the data set's names, in any order.
        aliases: other spellings (lower case) of the task's names.
    """
    if len(checkpoint) != len(wanted):
        return None
    if set(checkpoint) == set(wanted):  # also where names differ in nothing but their case
        return tuple(checkpoint)
    by_key = {_key(name, aliases): name for name in wanted}
    ordered = tuple(by_key[key] for name in checkpoint if (key := _key(name, aliases)) in by_key)
    return ordered if len(set(ordered)) == len(wanted) else None


def reconcile(
    checkpoint: Sequence[str], wanted: Sequence[str], *, aliases: Mapping[str, str], model: str, hint: str
) -> tuple[str, ...]:
    """Like `match_labels`, for callers that cannot go on without a match.

    Raises:
        ModelError: with both lists.
    """
    ordered = match_labels(checkpoint, wanted, aliases=aliases)
    if ordered is None:
        raise ModelError(
            f"the labels of {model} ({', '.join(checkpoint)}) are not those of the data "
            f"({', '.join(wanted)})",
            hint=hint,
        )
    return ordered


def _key(name: str, aliases: Mapping[str, str]) -> str:
    plain = " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
    return aliases.get(plain, plain)
