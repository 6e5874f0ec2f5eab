"""Types of settings that several sections share, or that may be written in more than one way."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bertkit.config.file_names import fault_of_file_name

_REVISION = re.compile(r"[\w.@+-]+(/[\w.@+-]+)*")


def _checked_names(splits: dict[str, str]) -> dict[str, str]:
    for name in splits:
        if fault := fault_of_file_name(name):
            raise ValueError(f"{name!r} cannot name an eval split: {fault}")
    return splits


def _checked_revision(revision: str) -> str:
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise ValueError(f"{revision!r} is no revision: it is a branch, a tag or a commit, as main")
    return revision


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _named_splits(value: Any) -> Any:
    return {"validation": value} if isinstance(value, str) else value


def as_names(value: Any) -> Any:
    """Label names may be written as bare numbers or words: `[1, 2, 3]`, `[true, false]`."""
    if isinstance(value, list):
        return [_as_name(item) for item in value]
    return value


def _as_name(item: Any) -> Any:
    if isinstance(item, bool):
        return str(item).lower()
    return str(item) if isinstance(item, int | float) else item


Names = Annotated[list[str], BeforeValidator(_one_or_more, json_schema_input_type=str | list[str])]
Splits = Annotated[
    dict[str, str],
    BeforeValidator(_named_splits, json_schema_input_type=str | dict[str, str]),
    AfterValidator(_checked_names),
]
# It becomes the name of a file in the cache of the Hub's client.
Revision = Annotated[str, AfterValidator(_checked_revision)]
LabelNames = list[str | int | float | bool] | None
Fraction = Annotated[float, Field(ge=0, lt=1)]
BatchPlan = Literal["same", "bucketed", "tokens"]
