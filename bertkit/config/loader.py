"""From files, flags and `--set` to one checked recipe, with every fault told at once.

Order of precedence: defaults < recipe < own YAML < flags < `--set`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bertkit.config.catalogue import find_recipe, recipes_folder
from bertkit.config.faults import Key, describe_faults, did_you_mean, setting_keys
from bertkit.config.schema import Recipe
from bertkit.config.strict_yaml import parse_document, parse_value
from bertkit.errors import RecipeError
from bertkit.redaction import holds_secret, redacted_values

MAX_RECIPE_BYTES = 1_000_000


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe and what it is called.

    Attributes:
        name: what it calls itself, or else its file name without the ending; names the run folder.
        recipe: checked settings.
    """

    name: str
    recipe: Recipe


def settings_below(key: Key, value: Any) -> list[tuple[Key, Any]]:
    """`train: {epochs: 2}` is the setting `train.epochs`, and a bare `model: NAME` is `model.name`."""
    if key == ("model",) and isinstance(value, str):
        return [(("model", "name"), value)]
    if isinstance(value, dict) and _is_section(key):
        return [((*key, str(name)), setting) for name, setting in value.items()]
    return [(key, value)]


def _is_section(key: Key) -> bool:
    return len(key) == 1 and any(name.startswith(f"{key[0]}.") for name in setting_keys())


def _as_mapping(key: Key, value: Any) -> dict[str, Any]:
    """What a setting becomes when a key below it is given: a bare eval split keeps its name."""
    return {"validation": value} if key == ("data", "eval") and isinstance(value, str) else {}


@dataclass
class _Draft:
    """Settings on their way to the schema, and where each of them was written."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)

    def lay(self, key: Key, value: Any, place: str) -> None:
        """Write `value` at `key`, over what is there; a mapping of a section is laid key by key."""
        for leaf, setting in settings_below(key, value):
            self._lay_setting(leaf, setting, place)

    def _lay_setting(self, key: Key, value: Any, place: str) -> None:
        node = self.values
        for depth, part in enumerate(key[:-1], 1):
            if not isinstance(node.get(part), dict):
                if part in node and _is_section(key[:depth]):
                    return  # `train: 5` in a file stays, and is told as the fault it is
                node[part] = _as_mapping(key[:depth], node.get(part))
                self._set_place(key[:depth], place)
            node = node[part]
        node[key[-1]] = value
        self._set_place(key, place)

    def _set_place(self, key: Key, place: str) -> None:
        """Note where `key` was written; what stood below it is gone, and its places with it."""
        self.places = {old: where for old, where in self.places.items() if old[: len(key)] != key}
        self.places[key] = place

    def lay_file(self, path: Path) -> None:
        """Lay a YAML file over what is there, setting by setting."""
        document = parse_document(_read_text(path), origin=path.name)
        for section, settings in document.values.items():
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
        flags: settings by dotted key, `{"model.name": "minilm"}`; None empties a setting.
        assignments: `KEY=VALUE` as typed after `--set`, values read as YAML.

    Raises:
        RecipeError: with all faults in one message.
    """
    path = find_recipe(str(name))
    draft = _Draft()
    draft.lay_file(path)
    if config is not None:
        draft.lay_file(config)
    for key, value in (flags or {}).items():
        if key == "task.text":
            value = _fill_columns(value, draft.values)
        draft.lay(tuple(key.split(".")), value, " (given by a flag)")
    faults = _lay_assignments(draft, assignments, flags or {})
    try:
        recipe = Recipe.model_validate(draft.values)
    except ValidationError as error:
        faults += describe_faults(error, draft.where)
    if faults:
        raise _as_error(faults, path)
    return LoadedRecipe(recipe.name or _name_after(path), recipe)


def _name_after(path: Path) -> str:
    """A recipe without a name is called like its file, as far as a run can be called so."""
    return re.sub(r"[^\w.-]+", "-", path.stem).strip("-._")[:100] or "recipe"


def secret_settings(recipe: Recipe) -> list[str]:
    """Dotted keys of the settings that hold a password, a token or a key: `dump_recipe` leaves it out."""
    return [key for key, value in _texts_of(recipe.model_dump(mode="json"), "") if holds_secret(value)]


def _texts_of(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping | list):
        entries = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, item in entries:
            yield from _texts_of(item, f"{key}.{name}".removeprefix("."))


def _fill_columns(given: Any, values: Mapping[str, Any]) -> Any:
    """Text columns of which flags name one: the other is the recipe's own, or `text`."""
    if not isinstance(given, list) or None not in given:
        return given
    section = values.get("task")
    own = section.get("text") if isinstance(section, dict) else None
    own = own if isinstance(own, list) else [own or "text"]
    filled = [name or (own[place] if place < len(own) else None) for place, name in enumerate(given)]
    return [name for name in filled if name is not None]


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML that `load_recipe` reads back to the same settings, but without secrets.

    A URL that a password or a key was taken out of is refused when it is read: see `bertkit.redaction`.
    """
    values = redacted_values(recipe.model_dump(mode="json"))
    text = yaml.dump(values, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)
    # All that stands outside of double quotes is ASCII, and in them YAML reads such escapes.
    return _TURNING.sub(lambda match: f"\\u{ord(match[0]):04X}", text)


# Characters that turn the direction of a text, which YAML would write as they are.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class _PlainDumper(yaml.SafeDumper):
    """Writes what YAML 1.1 and 1.2 both read back as the same value."""


def _quoted_string(dumper: _PlainDumper, text: str) -> yaml.ScalarNode:
    bare = _PLAIN_WORD.fullmatch(text) is not None and _reads_as_itself(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


# A letter first, and a second character: YAML 1.1 reads a lone `y` or `n` as true or false.
_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*[A-Za-z0-9_]")


def _reads_as_itself(text: str) -> bool:
    return bool(parse_value(text) == text and yaml.safe_load(text) == text)


_PlainDumper.add_representer(str, _quoted_string)


def _lay_assignments(draft: _Draft, assignments: Sequence[str], flags: Mapping[str, Any]) -> list[str]:
    # A flag that empties a setting did so on the way (--train empties data.eval): --set may fill it again.
    filled = [key for key, value in flags.items() if value not in (None, {})]
    given = {tuple(key.split(".")): "by a flag and by --set" for key in filled}
    faults = []
    for assignment in assignments:
        try:
            settings = _read_assignment(assignment)
        except RecipeError as error:
            faults.append(error.message)
            continue
        for key, value in settings:
            if (rival := next((old for old in given if _overlap(old, key)), None)) is not None:
                faults.append(f"{'.'.join(key)}: given {given[rival]}; keep one of the two")
            else:
                given[key] = "twice by --set"
                draft.lay(key, value, " (--set)")
    return faults


def _overlap(one: Key, other: Key) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _read_assignment(assignment: str) -> list[tuple[Key, Any]]:
    """The settings of one `KEY=VALUE`; a section's `{...}` gives several.

    Raises:
        RecipeError: whose message is the fault.
    """
    key, equals, text = assignment.partition("=")
    key = key.strip()
    if not equals or not key:
        raise RecipeError(f"--set {assignment}: write KEY=VALUE, as --set train.epochs=2", hint="")
    if key.split(".")[0] not in Recipe.model_fields:
        near = did_you_mean(key, list(setting_keys()))
        raise RecipeError(f"{key}: there is no such setting{near} (--set)", hint="")
    try:
        return settings_below(tuple(key.split(".")), parse_value(text))
    except RecipeError as error:
        raise RecipeError(f"{key}: {text!r} is not a YAML value ({error.message})", hint="") from error


def _as_error(faults: list[str], path: Path) -> RecipeError:
    hint = f"see every setting and its default: bertkit recipes show {path.stem} --resolved"
    if path.parent != recipes_folder():
        hint = "see every setting and its default: bertkit recipes show classification --resolved"
    if len(faults) == 1:
        return RecipeError(faults[0], hint=hint)
    listed = "".join(f"\n  {fault}" for fault in faults)
    return RecipeError(f"{len(faults)} settings are wrong:{listed}", hint=hint)


def _read_text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # a pipe would let one wait for ever
            raise RecipeError(f"{path} is no regular file", hint="name a YAML file")
        if path.stat().st_size > MAX_RECIPE_BYTES:
            raise RecipeError(
                f"{path} is too large for a recipe", hint="is it a data file? give it with --train"
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 text", hint="save the recipe as UTF-8") from error
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
