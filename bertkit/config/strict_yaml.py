"""YAML as people expect it: `3e-5` is a number, `no` is a string, a key given twice is an error.

PyYAML follows YAML 1.1, where `no` is False, `010` is 8, `3e-5` is a string and the last of two equal
keys wins. Here the core schema of YAML 1.2 is used (https://yaml.org/spec/1.2.2/#103-core-schema), and
anchors are refused: a recipe is read by people, and must not blow up when it is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import yaml

from bertkit.errors import RecipeError

Path = tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """A mapping as written, and the line (from 1) on which each key path stands."""

    values: dict[str, Any]
    lines: dict[Path, int]


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Keys are names, as written: as numbers `1`, `01` and `true` would be one key."""
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is no name", key.start_mark)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


_SCALARS = {
    "null": (r"~|null|Null|NULL|", [*"~nN", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
        [*"-+.0123456789"],
    ),
}
for _name, (_pattern, _first) in _SCALARS.items():
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _first)


def _integer(loader: _CoreLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    try:
        return int(text, 0) if text.startswith(("0x", "0o")) else int(text, 10)
    except ValueError as error:  # `!!int x`, or more digits than Python reads
        raise yaml.constructor.ConstructorError(None, None, "no whole number", node.start_mark) from error


def _number(loader: _CoreLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower().replace(".inf", "inf").replace(".nan", "nan")
    try:
        return float(text)
    except ValueError as error:  # `!!float x`
        raise yaml.constructor.ConstructorError(None, None, "no number", node.start_mark) from error


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _integer)
_CoreLoader.add_constructor("tag:yaml.org,2002:float", _number)


def parse_document(text: str, *, origin: str) -> Document:
    """Read one YAML mapping.

    Raises:
        RecipeError: for what is no YAML, no mapping, uses anchors, or gives a key twice.
    """
    try:
        loader = _CoreLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise RecipeError(
                    f"{origin} is empty",
                    hint="start from one that works: bertkit recipes copy classification",
                )
            lines: dict[Path, int] = {}
            _survey(node, (), lines, origin=origin, seen=set())
            if not isinstance(node, yaml.MappingNode):
                raise RecipeError(
                    f"{origin}:{node.start_mark.line + 1}: a recipe is a mapping of sections, not a "
                    f"{'list' if isinstance(node, yaml.SequenceNode) else 'single value'}",
                    hint="see one: bertkit recipes show sst2",
                )
            return Document(loader.construct_document(node), lines)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _syntax_error(error, origin) from error
    except RecursionError:
        raise RecipeError(
            f"{origin}: brackets are nested too deeply", hint="see how one looks: bertkit recipes show sst2"
        ) from None


def parse_value(text: str) -> Any:
    """Read the value of a `--set KEY=VALUE` as the same value in a file would be read."""
    values = parse_document(f"value: {text}", origin="--set").values
    if set(values) != {"value"}:
        raise RecipeError("--set: more than one value", hint="give each setting a --set of its own")
    return values["value"]


def _survey(node: yaml.Node, path: Path, lines: dict[Path, int], *, origin: str, seen: set[int]) -> None:
    """Note the line of each key below `node`; refuse keys given twice and anchors."""
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise RecipeError(
            f"{origin}:{line}: anchors and aliases are not read in recipes", hint="write the value out again"
        )
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[(*path, str(number))] = item.start_mark.line + 1
            _survey(item, (*path, str(number)), lines, origin=origin, seen=seen)
    elif isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if key in lines:
                raise RecipeError(
                    f"{origin}:{line}: {'.'.join(key)} is given twice (first on line {lines[key]})",
                    hint="keep one of the two",
                )
            lines[key] = line
            _survey(value_node, key, lines, origin=origin, seen=seen)


def _syntax_error(error: yaml.YAMLError, origin: str) -> RecipeError:
    mark = getattr(error, "problem_mark", None)
    where = f"{origin}:{mark.line + 1}" if mark is not None else origin
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    hint = "indent with spaces, not tabs" if "\\t" in problem else "check that line: quotes, brackets, colons"
    return RecipeError(f"{where}: not YAML: {problem}", hint=hint)
