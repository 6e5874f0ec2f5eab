from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertkit.config.strict_yaml import parse_document, parse_value
from bertkit.errors import RecipeError

# As YAML 1.2's core schema reads them (https://yaml.org/spec/1.2.2/#103-core-schema).
SCALARS = [
    ("3e-5", 3e-5), ("2E5", 2e5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-1.5", -1.5), ("+2", 2),
    (".inf", math.inf), ("-.INF", -math.inf), ("010", 10), ("-7", -7), ("0x1F", 31), ("0o17", 15),
    ("true", True), ("FALSE", False), ("~", None), ("null", None), ("", None),
    ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("nULL", "nULL"),
    ("tRUE", "tRUE"),
    ("1_000", "1_000"), ("1:30", "1:30"), ("2026-11-21", "2026-11-21"), ("2026-11-21T10:00:00Z",) * 2,
    ("0b11", "0b11"), ("-0x1F", "-0x1F"), ("e5", "e5"), (".", "."), ("=", "="), ("<<", "<<"), ("1e", "1e"),
    ("'3e-5'", "3e-5"), ('"null"', "null"), ("'010'", "010"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[repr(text) for text, _ in SCALARS])
def test_scalars_are_read_as_yaml_1_2_reads_them(text: str, value: Any) -> None:
    read = parse_value(text)
    assert (read, type(read)) == (value, type(value))


def test_nan_is_a_number() -> None:
    assert math.isnan(parse_value(".nan"))


def test_keys_are_read_like_values_and_lines_are_counted_from_one() -> None:
    document = parse_document(
        "# a comment\ntask:\n  no: 1\n  list: [a,\n    b]\nyes: {deep: 2}\n", origin="x.yaml"
    )
    assert document.values == {"task": {"no": 1, "list": ["a", "b"]}, "yes": {"deep": 2}}
    assert document.lines == {
        ("task",): 2, ("task", "no"): 3, ("task", "list"): 4, ("task", "list", "0"): 4,
        ("task", "list", "1"): 5, ("yes",): 6, ("yes", "deep"): 6,
    }  # fmt: skip


def test_keys_are_names_as_written() -> None:
    text = "{1: a, 01: b, true: c, True: d, 1.0: e, null: f, 3e-5: g, '2': h, <<: i}"
    values = parse_value(text)
    assert list(values) == ["1", "01", "true", "True", "1.0", "null", "3e-5", "2", "<<"]
    assert list(values.values()) == list("abcdefghi")


def fault(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        parse_document(text, origin="own.yaml")
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "own.yaml:3: a is given twice (first on line 1)"),
        ("task:\n  x: 1\n  y: {z: 1,\n    z: 2}\n", "own.yaml:4: task.y.z is given twice (first on line 3)"),
        ("l:\n  - {a: 1}\n  - {a: 1, a: 2}\n", "own.yaml:3: l.1.a is given twice (first on line 3)"),
        ("a: &x {b: 1}\nc: *x\n", "own.yaml:1: anchors and aliases are not read in recipes"),
        ("- a\n- b\n", "own.yaml:1: a recipe is a mapping of sections, not a list"),
        ("\n\njust text\n", "own.yaml:3: a recipe is a mapping of sections, not a single value"),
        ("", "own.yaml is empty"),
        ("# only a comment\n", "own.yaml is empty"),
        ("[" * 5000, "own.yaml: brackets are nested too deeply"),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, message: str) -> None:
    assert fault(text) == message


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("task:\n\ttype: nli\n", "own.yaml:2: not YAML: "),
        ("task: {type: nli\n", "own.yaml:2: not YAML: "),
        ("a: 1\n---\nb: 2\n", "own.yaml:2: not YAML: "),
        ("a: !!python/object/apply:os.getcwd []\n", "own.yaml:1: not YAML: "),
        ("a: 1\nb: !!int x\n", "own.yaml:2: not YAML: no whole number"),
        ("a: 1\n? [b]\n: 2\n", "own.yaml:2: not YAML: a key is no name"),
        ("a: !!float x\n", "own.yaml:1: not YAML: no number"),
        ("a: " + "9" * 5000, "own.yaml:1: not YAML: no whole number"),
        ("a: \x00\n", "own.yaml: not YAML: "),
    ],
)
def test_broken_yaml_says_the_line(text: str, start: str) -> None:
    assert fault(text).startswith(start)


def test_a_tab_is_told_as_one() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_document("task:\n\ttype: nli\n", origin="own.yaml")
    assert caught.value.hint == "indent with spaces, not tabs"


@pytest.mark.parametrize(
    ("text", "value"),
    [("[1, no, 3e-5]", [1, "no", 3e-5]), ("{a: 1}", {"a": 1}), (" x ", "x"), ("minilm", "minilm")],
)
def test_values_of_set(text: str, value: Any) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize("text", ["[1", "a: b", "1\nother: 2", "{a: 1, a: 2}", "'x"])
def test_a_value_of_set_is_one_whole_value(text: str) -> None:
    with pytest.raises(RecipeError, match="--set"):
        parse_value(text)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        document = parse_document(text, origin="own.yaml")
    except RecipeError as error:
        assert "own.yaml" in error.message
    else:
        assert isinstance(document.values, dict)
