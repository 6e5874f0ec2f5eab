"""From a schema error to sentences: which setting, what was given, what is allowed, did you mean."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bertkit.config.schema import Recipe

Key = tuple[str, ...]

# Names of the same thing elsewhere, for people who come from there.
KNOWN_ELSEWHERE = {
    "num_train_epochs": "train.epochs",
    "lr": "train.learning_rate",
    "per_device_train_batch_size": "train.batch_size",
    "gradient_accumulation_steps": "train.micro_batch_size",
    "accumulation_steps": "train.micro_batch_size",
    "max_seq_length": "train.max_length",
    "lr_scheduler_type": "train.schedule",
    "warmup_steps": "train.warmup_ratio",
    "eval_steps": "train.eval_every_steps",
    "patience": "train.early_stopping",
    "label_smoothing_factor": "train.label_smoothing",
    "doc_stride": "task.stride",
    "dataset": "data.source",
    "metric_for_best_model": "metrics.select",
}


@functools.cache
def setting_keys() -> dict[str, Any]:
    """Every dotted key a recipe may have, with its field."""

    def walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
        for name, field in model.model_fields.items():
            yield prefix + name, field
            section = next((a for a in (field.annotation, *get_args(field.annotation)) if _is_model(a)), None)
            if section is not None and name != "published":
                yield from walk(section, f"{prefix}{name}.")

    return dict(walk(Recipe, ""))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def describe_faults(error: ValidationError, where: Callable[[Key], str]) -> list[str]:
    """One sentence a fault, each setting named once.

    Args:
        error: what pydantic found, all at once.
        where: gives the place of a key as ` (sst2.yaml:4)` or ` (--set)`, or an empty string.
    """
    sentences: dict[Key, str] = {}
    for details in error.errors(include_url=False):
        if _is_branch_not_meant(details):
            continue
        key = _written_key(details["loc"])
        sentences.setdefault(key, f"{'.'.join(key) or 'recipe'}: {_explain(details, key)}{where(key)}")
    return list(sentences.values())


def _is_branch_not_meant(details: ErrorDetails) -> bool:
    """`class_weights: {...}` is no `auto`: what is wrong in it is told by the dict branch of the union."""
    last = str(details["loc"][-1]) if details["loc"] else ""
    return isinstance(details["input"], dict) and last.startswith("literal[")


def _written_key(location: tuple[int | str, ...]) -> Key:
    """The key as a person wrote it, without the marks pydantic adds for unions and dict keys."""
    fields = setting_keys()
    key: list[str] = []
    for part in location:
        parent = ".".join(key)
        is_leaf = parent in fields and not any(name.startswith(f"{parent}.") for name in fields)
        if part == "[key]" or (is_leaf and _UNION_BRANCH.match(str(part))):
            continue
        key.append(str(part))
    return tuple(key)


_UNION_BRANCH = re.compile(r"(literal|dict)\[.*\]$")


def _explain(details: ErrorDetails, key: Key) -> str:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no such setting{did_you_mean('.'.join(key), list(setting_keys()))}"
    if kind == "missing":
        return "is needed"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        allowed = [name.strip("' ") for name in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return (
            f"{_shown(given)} is not allowed; one of {', '.join(allowed)}{did_you_mean(str(given), allowed)}"
        )
    expected = {
        "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
        "string_type": "text", "bool_type": "true or false", "list_type": "a list", "dict_type": "a mapping",
        "model_type": "a section with settings", "finite_number": "a finite number",
        "greater_than": f"a number above {context.get('gt')}",
        "greater_than_equal": f"a number from {context.get('ge')} on",
        "less_than": f"a number below {context.get('lt')}",
        "less_than_equal": f"a number up to {context.get('le')}",
        "too_short": f"a list of at least {context.get('min_length')}",
        "too_long": f"a list of at most {context.get('max_length')}",
    }.get(kind)  # fmt: skip
    return f"{_shown(given)} is not {expected}" if expected else f"{details['msg']} (given {_shown(given)})"


def _shown(given: Any) -> str:
    """A value as YAML has it: `null` and `true`, not None and True."""
    return json.dumps(given) if given is None or isinstance(given, bool) else repr(given)


def did_you_mean(name: str, known: list[str]) -> str:
    """`; did you mean X?` for the nearest of the known names, else nothing.

    A dotted name is compared whole first, then by its last part, so that `train.lr`, `lr` and
    `model.learning_rate` all lead to `train.learning_rate`.
    """
    last = name.rsplit(".", 1)[-1]
    if (elsewhere := KNOWN_ELSEWHERE.get(last)) in known:
        return f"; did you mean {elsewhere}?"
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    if not near:
        by_last = {candidate.rsplit(".", 1)[-1]: candidate for candidate in known}
        near = [by_last[match] for match in difflib.get_close_matches(last.lower(), by_last, n=1, cutoff=0.7)]
    return f"; did you mean {near[0]}?" if near else ""
