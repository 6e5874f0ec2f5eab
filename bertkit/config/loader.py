"""From files, flags and `--set` to one checked recipe, with every fault told at once.

Order of precedence: defaults < recipe < own YAML < flags < `--set`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bertkit.config.catalogue import find_recipe
from bertkit.config.faults import Key, describe_faults, did_you_mean, setting_keys
from bertkit.config.schema import Recipe
from bertkit.config.strict_yaml import parse_document, parse_value
from bertkit.errors import RecipeError

MAX_RECIPE_BYTES = 1_000_000


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe and what it is called.

    Attributes:
        name: its file name without the ending; names the run folder.
        recipe: checked settings.
    """

    name: str
    recipe: Recipe


@dataclass
class _Draft:
    """Settings on their way to the schema, and where each of them was written."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)

    def lay(self, key: Key, value: Any, place: str) -> None:
        """Write `value` at `key`, over what is there; a mapping of a section is laid key by key."""
        node = self.values
        for part in key[:-1]:
            if not isinstance(node.get(part), dict):
                node[part] = (
                    {"name": node[part]} if part == "model" and isinstance(node.get(part), str) else {}
                )
            node = node[part]
        node[key[-1]] = value
        self.places[key] = place

    def lay_file(self, path: Path) -> None:
        """Lay a YAML file over what is there, setting by setting."""
        document = parse_document(_read_text(path), origin=path.name)
        for section, settings in document.values.items():
            if section == "model" and isinstance(settings, str):
                settings = {"name": settings}
            if isinstance(settings, dict) and str(section) in Recipe.model_fields:
                for name, value in settings.items():
                    self.lay((str(section), str(name)), value, "")
            else:
                self.lay((str(section),), settings, "")
        self.places |= {key: f" ({path.name}:{line})" for key, line in document.lines.items()}

    def where(self, key: Key) -> str:
        """The place of a key, or of the nearest one above it."""
        for end in range(len(key), 0, -1):
            if place := self.places.get(key[:end]):
                return place
        return ""


def load_recipe(
    name: str | Path,
    *,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
) -> LoadedRecipe:
    """Load and check a recipe.

    Args:
        name: a shipped recipe (`sst2`), a YAML file, or a run folder.
        config: an own YAML file laid over it.
        flags: settings by dotted key, `{"model.name": "minilm"}`; None means "not given".
        assignments: `KEY=VALUE` as typed after `--set`, values read as YAML.

    Raises:
        RecipeError: with all faults in one message.
    """
    path = find_recipe(str(name))
    draft = _Draft()
    draft.lay_file(path)
    if config is not None:
        draft.lay_file(config)
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    for key, value in given.items():
        draft.lay(tuple(key.split(".")), value, " (given by a flag)")
    faults = _lay_assignments(draft, assignments, given)
    try:
        recipe = Recipe.model_validate(draft.values)
    except ValidationError as error:
        faults += describe_faults(error, draft.where)
    if faults:
        raise _as_error(faults, path)
    return LoadedRecipe(recipe.name or path.stem, recipe)


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML that `load_recipe` reads back to the same settings."""
    values = recipe.model_dump(mode="json")
    return yaml.dump(values, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)


class _PlainDumper(yaml.SafeDumper):
    """Writes what YAML 1.1 and 1.2 both read back as the same value."""


def _quoted_string(dumper: _PlainDumper, text: str) -> yaml.ScalarNode:
    bare = text.isascii() and text.replace("-", "").replace("_", "").isalpha() and _reads_as_itself(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


def _reads_as_itself(text: str) -> bool:
    return bool(parse_value(text) == text and yaml.safe_load(text) == text)


_PlainDumper.add_representer(str, _quoted_string)


def _lay_assignments(draft: _Draft, assignments: Sequence[str], flags: Mapping[str, Any]) -> list[str]:
    faults = []
    seen: set[str] = set()
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            faults.append(f"--set {assignment}: write KEY=VALUE, as --set train.epochs=2")
        elif key in flags:
            faults.append(f"{key}: given by a flag and by --set; keep one of the two")
        elif key in seen:
            faults.append(f"{key}: given twice by --set; keep one of the two")
        elif key.split(".")[0] not in Recipe.model_fields:
            faults.append(f"{key}: there is no such setting{did_you_mean(key, list(setting_keys()))} (--set)")
        else:
            seen.add(key)
            try:
                draft.lay(tuple(key.split(".")), parse_value(text), " (--set)")
            except RecipeError as error:
                faults.append(f"{key}: {text!r} is not a YAML value ({error.message})")
    return faults


def _as_error(faults: list[str], path: Path) -> RecipeError:
    hint = f"see every setting and its default: bertkit recipes show {path.stem} --resolved"
    if path.name == "recipe.yaml" or path.suffix == ".yml" or len(path.parts) > 1:
        hint = "see every setting and its default: bertkit recipes show classification --resolved"
    if len(faults) == 1:
        return RecipeError(faults[0], hint=hint)
    listed = "".join(f"\n  {fault}" for fault in faults)
    return RecipeError(f"{len(faults)} settings are wrong:{listed}", hint=hint)


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_RECIPE_BYTES:
            raise RecipeError(
                f"{path} is too large for a recipe", hint="is it a data file? give it with --train"
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 text", hint="save the recipe as UTF-8") from error
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
