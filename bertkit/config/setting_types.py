"""Types of settings that several sections share, or that may be written in more than one way."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field


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
    dict[str, str], BeforeValidator(_named_splits, json_schema_input_type=str | dict[str, str])
]
LabelNames = list[str | int | float | bool] | None
Fraction = Annotated[float, Field(ge=0, lt=1)]
BatchPlan = Literal["same", "bucketed", "tokens"]
