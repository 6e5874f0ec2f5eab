from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.reading.formats import FORMATS as READ
from bertkit.data.reading.readers import read_file, read_location
from bertkit.data.writing.document_views import Document, Sentence, Span
from bertkit.data.writing.sentence_writer import write_conll
from bertkit.data.writing.span_writers import write_brat, write_doccano, write_label_studio, write_prodigy
from bertkit.data.writing.table_writers import (
    write_arrow,
    write_delimited,
    write_json,
    write_jsonl,
    write_parquet,
)
from bertkit.data.writing.writers import FORMATS, choose_format
from bertkit.data.writing.written_files import CannotHoldError, whole_file, whole_text

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.text("a,;\"'|\r\n# é")
)
FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\r\n"), min_size=1)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@contextmanager
def folder() -> Iterator[Path]:
    """Hypothesis runs many examples in one test: each has its own folder."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS}), min_size=1, max_size=5))
def test_csv_holds_any_text(rows: list[dict[str, str]]) -> None:
    with folder() as here:
        write_delimited(here / "x.csv", rows, ["a", "b"], ",")
        assert list(read_file(here / "x.csv").records) == rows


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a;": FIELDS, "b": FIELDS}), min_size=1, max_size=5))
def test_tsv_holds_any_text_without_tabs_and_line_ends(rows: list[dict[str, str]]) -> None:
    with folder() as here:
        write_delimited(here / "x.tsv", rows, ["a;", "b"], "\t")
        assert list(read_file(here / "x.tsv").records) == rows


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), min_size=1, max_size=4))
def test_json_holds_any_json(rows: list[dict[str, Any]]) -> None:
    with folder() as here:
        for name, write in (("x.jsonl", write_jsonl), ("x.json", write_json), ("y.jsonl.gz", write_jsonl)):
            write(here / name, rows)
            assert list(read_file(here / name).records) == rows


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4))
def test_arrow_holds_values_exactly_or_refuses(values: list[Any]) -> None:
    with folder() as here:
        for name, write in (("x.parquet", write_parquet), ("x.arrow", write_arrow)):
            try:
                write(here / name, {"a": values}, {})
            except CannotHoldError:
                assert list(here.iterdir()) == []
                return
            assert [record["a"] for record in read_file(here / name).records] == values
            (here / name).unlink()


WORDS = st.one_of(FIELDS, st.sampled_from(["#", "# a", "#-", "1", "B-PER"])).filter(
    lambda word: word.strip() and word == word.strip(" ") and "\ufeff" not in word and "DOC" not in word
)
SENTENCES = st.lists(
    st.tuples(WORDS, st.sampled_from(["O", "B-X"])),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(st.lists(SENTENCES, min_size=1, max_size=4))
def test_conll_holds_any_word_without_tabs_and_line_ends(sentences: list[list[tuple[str, str]]]) -> None:
    written = [Sentence(*map(tuple, zip(*sentence, strict=True))) for sentence in sentences]
    with folder() as here:
        write_conll(here / "x.conll", written)
        rows = read_file(here / "x.conll")
        assert [(row["tokens"], row["tags"]) for row in rows.records] == [
            (list(sentence.tokens), list(sentence.tags)) for sentence in written
        ]


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    made = []
    for text in draw(st.lists(TEXTS, min_size=1, max_size=3)):
        edges = st.integers(0, len(text))
        pairs = draw(st.lists(st.tuples(edges, edges), max_size=3))
        labels = st.sampled_from(["PER", "Ort", "a-b"])
        made.append(Document(text, tuple(Span(*pair, draw(labels)) for pair in pairs if pair[0] < pair[1])))
    return made


@settings(deadline=None)
@given(documents())
def test_annotation_tools_hold_any_text(given: list[Document]) -> None:
    expected = [(document.text, [span._asdict() for span in document.spans]) for document in given]
    marked = any(document.spans for document in given)
    with folder() as here:
        write_brat(here / "brat", given)
        write_prodigy(here / "p.jsonl", given)
        write_label_studio(here / "l.json", given)
        write_doccano(here / "d.jsonl", given)
        for name in ("brat", "p.jsonl", "l.json", *(["d.jsonl"] if marked else [])):
            rows = read_location(str(here / name))
            assert [(record["text"], record["spans"]) for record in rows.records] == expected


def test_none_is_an_empty_field(tmp_path: Path) -> None:
    write_delimited(tmp_path / "x.csv", [{"a": None, "b": True}, {"a": 1.5, "b": 2}], ["a", "b"], ",")
    assert (tmp_path / "x.csv").read_text() == "a,b\n,true\n1.5,2\n"
    write_delimited(tmp_path / "y.csv", [{"a": None}, {"a": ""}], ["a"], ",")
    assert len(read_file(tmp_path / "y.csv")) == 2


def test_nul_has_no_place_in_csv_or_conll(tmp_path: Path) -> None:
    with pytest.raises(CannotHoldError):
        write_delimited(tmp_path / "x.csv", [{"a": "\0"}], ["a"], ",")
    with pytest.raises(CannotHoldError, match="NUL"):
        write_conll(tmp_path / "x.conll", [Sentence(("a",), ("O",)), Sentence(("\0",), ("O",))])
    with pytest.raises(CannotHoldError, match="start of a document"):
        write_conll(tmp_path / "x.conll", [Sentence(("-DOCSTART-", "x"), ("O", "O"))])
    assert list(tmp_path.iterdir()) == []
    write_conll(tmp_path / "x.conll", [Sentence(("-DOCSTART-",), ("O",)), Sentence(("a",), ("O",))])
    assert (tmp_path / "x.conll").read_text() == "-DOCSTART-\tO\n\na\tO\n\n"


def test_what_brat_does_not_allow_in_a_label(tmp_path: Path) -> None:
    documents = [Document("ab", ()), Document("ab", (Span(0, 1, "a b"),))]
    with pytest.raises(CannotHoldError, match="'a b'") as caught:
        write_brat(tmp_path / "x", documents)
    assert caught.value.position == 1


def test_nan_is_null_in_json_and_stays_in_parquet(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "x.jsonl", [{"a": float("nan")}])
    assert (tmp_path / "x.jsonl").read_text() == '{"a": null}\n'
    write_parquet(tmp_path / "x.parquet", {"a": [float("nan"), 1.0]}, {})
    assert str([record["a"] for record in read_file(tmp_path / "x.parquet").records]) == "[nan, 1.0]"


@pytest.mark.parametrize("name", ["x", "x.gz", "x.zst"])
def test_a_file_is_whole_or_as_before(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("before")

    def broken() -> None:
        with whole_text(tmp_path / name) as stream:
            stream.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "before")]


def test_a_new_file_can_be_read_by_others(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with whole_file(tmp_path / "x") as stream:
        stream.write(b"x")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_every_suffix_that_is_written_is_read() -> None:
    for entry in FORMATS.values():
        for suffix in entry.suffixes:
            assert READ[suffix] in {entry.name, "jsonl", "json"}
            assert choose_format(f"x{suffix.upper()}", entry.name) is entry


@pytest.mark.parametrize(
    ("target", "to", "name"),
    [
        ("a.jsonl", None, "jsonl"),
        ("a.JSON.GZ", None, "json"),
        ("a.bio", None, "conll"),
        ("a.iob2.zst", None, "conll"),
        ("a.tsv", None, "tsv"),
        ("a", "Label_Studio", "label-studio"),
        ("a.txt", "conll", "conll"),
        ("a.jsonl", "prodigy", "prodigy"),
        ("folder/", "brat", "brat"),
    ],
)
def test_choose_format(target: str, to: str | None, name: str) -> None:
    assert choose_format(target, to).name == name
