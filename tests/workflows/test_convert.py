from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bertkit.cli import data_convert
from bertkit.data.reading.readers import read_location
from bertkit.data.tag_schemes import entities_of
from bertkit.data.writing.document_views import Document, Sentence, Span, document_of, sentence_of
from bertkit.errors import DataError, RunError, UsageError
from bertkit.workflows.convert import ConvertResult, convert
from bertkit.workflows.events import Event, Note, Progress

CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC
call NN I-NP I-MISC

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
Mary NNP I-NP B-PER
"""
SENTENCES = [
    {"tokens": ["EU", "rejects", "German", "call"], "tags": ["B-ORG", "O", "B-MISC", "I-MISC"]},
    {"tokens": ["Peter", "Blackburn", "Mary"], "tags": ["B-PER", "I-PER", "B-PER"]},
]
DOCUMENTS: list[dict[str, Any]] = [
    {"id": "a1", "text": "Peter\r\nlives in 👩‍👩‍👧 New\tYork.\n", "spans": [
        {"start": 0, "end": 5, "label": "PER"}, {"start": 22, "end": 30, "label": "LOC"}]},
    {"id": "a2", "text": "\ufeffnobody\u2028here\x85\r", "spans": []},
    {"id": "a3", "text": "New York Times", "spans": [
        {"start": 0, "end": 14, "label": "ORG"}, {"start": 0, "end": 8, "label": "LOC"}]},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in Path(name).read_text(encoding="utf-8").split("\n") if line]


def jsonl(name: str, rows: list[Any]) -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def text(name: str, content: str) -> str:
    Path(name).write_bytes(content.encode("utf-8"))
    return name


def spans_of(name: str) -> list[tuple[str, list[Any]]]:
    return [(record["text"], record["spans"]) for record in read_location(name).records]


def first_rows(result: ConvertResult) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(part.reason, part.count, part.first) for part in result.left_out if part.what == "rows"]


# --- words and tags ---


def test_conll_becomes_rows_of_words_and_tags(tmp_path: Path) -> None:
    result = convert(text("a.conll", CONLL), "a.jsonl")
    assert lines("a.jsonl") == SENTENCES
    assert (result.rows, result.written, result.path) == (2, "jsonl", Path("a.jsonl"))
    assert result.read.startswith("CoNLL columns (4")
    assert [(part.what, part.count, part.first) for part in result.left_out] == [
        ("columns", 2, ("column 2", "column 3"))
    ]
    assert result.set_aside == 0
    assert result.passed_over == ("1 -DOCSTART- line",)


def test_another_column_can_be_chosen(tmp_path: Path) -> None:
    convert(text("a.conll", CONLL), "a.jsonl", label="column 3")
    assert lines("a.jsonl")[0]["tags"] == ["B-NP", "B-VP", "B-NP", "I-NP"]


@pytest.mark.parametrize("via", ["jsonl", "json", "parquet", "arrow", "jsonl.gz", "json.zst"])
def test_conll_comes_back_from_tables(via: str) -> None:
    convert(text("a.conll", CONLL), f"b.{via}")
    convert(f"b.{via}", "c.conll")
    rows = read_location("c.conll")
    assert [{"tokens": row["tokens"], "tags": row["tags"]} for row in rows.records] == SENTENCES
    assert Path("c.conll").read_text().startswith("EU\tB-ORG\nrejects\tO\n")


@pytest.mark.parametrize("via", ["doccano", "prodigy", "label-studio", "brat"])
def test_conll_comes_back_from_texts_with_spans(via: str) -> None:
    convert(text("a.conll", CONLL), "b", to=via)
    convert("b", "c.conll")
    rows = read_location("c.conll")
    assert [{"tokens": row["tokens"], "tags": row["tags"]} for row in rows.records] == SENTENCES


@pytest.mark.parametrize(
    ("scheme", "second"),
    [
        ("IOB1", ["I-PER", "I-PER", "B-PER"]),
        ("iob2", ["B-PER", "I-PER", "B-PER"]),
        ("BIOES", ["B-PER", "E-PER", "S-PER"]),
    ],
)
def test_schemes(scheme: str, second: list[str]) -> None:
    convert(text("a.conll", CONLL), "b.jsonl", scheme=scheme)
    assert lines("b.jsonl")[1]["tags"] == second
    convert("b.jsonl", "c.jsonl", scheme="IOB2")
    assert lines("c.jsonl") == SENTENCES


def test_numbers_of_the_hub_get_their_names() -> None:
    names = ["O", "B-PER", "I-PER"]
    features = {"ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"}}
    table = pa.table({"id": ["0"], "tokens": [["Ann", "Lee", "sat"]], "ner_tags": [[1, 2, 0]]})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), "a.parquet")
    result = convert("a.parquet", "a.conll")
    assert Path("a.conll").read_text() == "Ann\tB-PER\nLee\tI-PER\nsat\tO\n\n"
    assert [part.first for part in result.left_out] == [("id",)]
    convert("a.parquet", "a.jsonl")
    assert lines("a.jsonl")[0]["ner_tags"] == ["B-PER", "I-PER", "O"]
    convert("a.parquet", "b.arrow")
    assert read_location("b.arrow").class_names == {"ner_tags": tuple(names)}
    assert next(iter(read_location("b.arrow").records))["ner_tags"] == [1, 2, 0]
    convert("b.arrow", "b.jsonl", to="doccano")
    assert lines("b.jsonl") == [{"id": "0", "text": "Ann Lee sat", "label": [[0, 7, "PER"]]}]


def test_parts_of_speech_are_no_entities() -> None:
    text("a.conll", CONLL)
    with pytest.raises(DataError, match=r"no row can be converted: the tags name no entities"):
        convert("a.conll", "b.jsonl", to="doccano", label="column 2")
    assert not Path("b.jsonl").exists()
    convert("a.conll", "b.conll", label="column 2")
    assert Path("b.conll").read_text().startswith("EU\tNNP\n")


# --- texts and spans ---


@pytest.mark.parametrize("to", ["doccano", "prodigy", "label-studio", "brat", "jsonl", "parquet", "json"])
def test_texts_and_spans_come_back(to: str) -> None:
    convert(jsonl("a.jsonl", DOCUMENTS), "b.jsonl", to="doccano")
    convert("b.jsonl", "c", to=to)
    convert("c", "d.jsonl", to="doccano")
    assert lines("d.jsonl") == lines("b.jsonl")
    assert spans_of("d.jsonl") == [(row["text"], row["spans"]) for row in DOCUMENTS]


def test_label_studio_comes_back_from_prodigy() -> None:
    convert(jsonl("a.jsonl", DOCUMENTS), "b.json", to="label-studio")
    convert("b.json", "c.jsonl", to="prodigy")
    convert("c.jsonl", "d.json", to="label-studio")
    assert Path("d.json").read_bytes() == Path("b.json").read_bytes()


def test_texts_without_any_span_stay_texts_with_spans() -> None:
    rows = [{"text": "nothing here", "spans": []}]
    for to in ("doccano", "prodigy", "label-studio", "brat"):
        convert(jsonl("a.jsonl", rows), f"{to}-b", to=to)
        convert(f"{to}-b", f"{to}.jsonl", to="doccano")
        assert lines(f"{to}.jsonl")[0]["text"] == "nothing here"


def test_brat_names_files_by_ids_that_can_name_them() -> None:
    convert(jsonl("a.jsonl", DOCUMENTS), "b/", to="brat")
    assert sorted(path.name for path in Path("b").iterdir()) == [
        "a1.ann", "a1.txt", "a2.ann", "a2.txt", "a3.ann", "a3.txt", "annotation.conf"
    ]  # fmt: skip
    assert Path("b/a1.txt").read_bytes() == DOCUMENTS[0]["text"].encode()
    assert Path("b/a1.ann").read_text() == "T1\tPER 0 5\tPeter\nT2\tLOC 22 30\tNew York\n"
    for ids in (["b", "a", "c"], ["a", "A", "b"], ["../x", "y", "z"], [1, 2, 3], [None, "a", "b"]):
        rows = [row | {"id": identity} for row, identity in zip(DOCUMENTS, ids, strict=True)]
        result = convert(jsonl("a.jsonl", rows), "b", to="brat", force=True)
        assert sorted(path.stem for path in Path("b").glob("*.ann")) == ["1", "2", "3"]
        assert [part.what for part in result.left_out] == ["ids"]
        assert [text for text, _ in spans_of("b")] == [row["text"] for row in DOCUMENTS]


def test_rows_that_tags_cannot_say_are_set_aside() -> None:
    rows = [
        {"text": "New York Times", "spans": DOCUMENTS[2]["spans"]},
        {"text": "short", "spans": [{"start": 2, "end": 9, "label": "X"}]},
        {"text": "Peter came", "spans": [{"start": 0, "end": 5, "label": "PER"}] * 2},
        {"text": "empty", "spans": [{"start": 3, "end": 3, "label": "X"}]},
        {"text": "turned", "spans": [{"start": 3, "end": 1, "label": "X"}]},
        {"text": "a  b", "spans": [{"start": 1, "end": 3, "label": "X"}]},
        {"text": " ", "spans": []},
        {"text": None, "spans": []},
    ]  # fmt: skip
    result = convert(jsonl("a.jsonl", rows), "b.conll")
    assert Path("b.conll").read_text() == "Peter\tB-PER\ncame\tO\n\n"
    assert (result.rows, result.set_aside) == (1, 7)
    assert first_rows(result) == [
        ("spans overlap, which tags cannot say", 1, ("a.jsonl:1 (0 to 8 and 0 to 14)",)),
        ("a span lies outside the text", 1, ("a.jsonl:2 (2 to 9, the text has 5 characters)",)),
        ("a span ends before it begins, or is empty", 2, ("a.jsonl:4 (3 to 3)", "a.jsonl:5 (3 to 1)")),
        ("a span covers no word", 1, ("a.jsonl:6 (1 to 3)",)),
        ("the text has no words", 1, ("a.jsonl:7",)),
        ("the text is missing", 1, ("a.jsonl:8",)),
    ]
    doccano = convert("a.jsonl", "c.jsonl", to="doccano")
    assert doccano.rows == 4  # spans may overlap there


def test_spans_inside_words_stay_exact() -> None:
    rows = [{"text": "pre-NewYork-based", "spans": [{"start": 4, "end": 11, "label": "LOC"}]},
            {"text": "unBERTable", "spans": [{"start": 2, "end": 6, "label": "X"}]}]  # fmt: skip
    convert(jsonl("a.jsonl", rows), "b.conll")
    assert Path("b.conll").read_text() == (
        "pre\tO\n-\tO\nNewYork\tB-LOC\n-\tO\nbased\tO\n\nun\tO\nBERT\tB-X\nable\tO\n\n"
    )


LABELS = st.sampled_from(["PER", "LOC"])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    words = draw(st.lists(st.text("ab.'日👍é\u0301-", min_size=1, max_size=5), min_size=1, max_size=8))
    content = " ".join(words)
    edges = sorted(draw(st.sets(st.integers(0, len(content)), max_size=6)))
    spans = [
        Span(start, end, draw(LABELS))
        for start, end in zip(edges[::2], edges[1::2], strict=False)
        if content[start:end] == content[start:end].strip()
    ]
    return Document(content, tuple(spans))


def entity_texts(sentence: Sentence) -> list[tuple[str, str]]:
    return [
        ("".join(sentence.tokens[entity.start : entity.end]), entity.label)
        for entity in entities_of(sentence.tags)
    ]


@settings(deadline=None)
@given(documents())
def test_spans_survive_as_tags(document: Document) -> None:
    sentence = sentence_of(document)
    covered = entity_texts(sentence)
    assert covered == [
        (document.text[span.start : span.end].replace(" ", ""), span.label) for span in document.spans
    ]
    again = document_of(sentence)
    assert [(again.text[start:end].replace(" ", ""), label) for start, end, label in again.spans] == covered
    assert entity_texts(sentence_of(again)) == covered


# --- questions ---


def question(identity: str, title: str, context: str, *answers: str) -> dict[str, Any]:
    starts = [context.index(answer) for answer in answers]
    return {
        "id": identity,
        "title": title,
        "context": context,
        "question": f"What of {identity}?",
        "answers": {"text": list(answers), "answer_start": starts},
    }


QUESTIONS = [
    question("q1", "A", "One two.", "One", "One"),
    question("q2", "A", "One two."),
    question("q3", "A", "Three 👍.", "👍"),
    question("q4", "B", "One two.", "two"),
]


@pytest.mark.parametrize("rows", [QUESTIONS, [QUESTIONS[0], *QUESTIONS[2:]]])
@pytest.mark.parametrize("via", ["jsonl", "parquet", "arrow", "json"])
def test_squad_comes_back_from_flat_rows(rows: list[Any], via: str) -> None:
    convert(jsonl("a.jsonl", rows), "b.json", to="squad")
    nested = json.loads(Path("b.json").read_text())
    assert nested["version"] == ("v2.0" if len(rows) == 4 else "1.1")
    assert [len(article["paragraphs"]) for article in nested["data"]] == [2, 1]
    assert ("is_impossible" in nested["data"][0]["paragraphs"][0]["qas"][0]) == (len(rows) == 4)
    convert("b.json", f"c.{via}")
    convert(f"c.{via}", "d.json", to="squad")
    assert Path("d.json").read_bytes() == Path("b.json").read_bytes()
    assert list(read_location("d.json").records) == rows


def test_questions_without_answers_in_form_are_set_aside() -> None:
    rows = [*QUESTIONS[:2], QUESTIONS[2] | {"answers": None}, QUESTIONS[3] | {"question": None}]
    result = convert(jsonl("a.jsonl", rows), "b.json", to="squad")
    assert result.rows == 2
    assert first_rows(result) == [
        ("the answers are missing", 1, ("a.jsonl:3",)), ("the question is missing", 1, ("a.jsonl:4",))
    ]  # fmt: skip


# --- tables ---


def test_rows_come_back_from_parquet_as_they_were() -> None:
    rows = [
        {"text": "a\u2028\ttab", "label": 1, "score": 0.5, "parts": [{"x": [1]}], "empty": None, "none": []},
        {"text": "b\r\n", "label": -3, "score": 1e300, "parts": [], "empty": None, "none": []},
    ]
    for via in ("b.parquet", "b.arrow", "b.json", "b.jsonl.zst", "b.jsonl.gz"):
        convert(jsonl("a.jsonl", rows), via)
        convert(via, "c.jsonl", force=True)
        assert lines("c.jsonl") == rows


@pytest.mark.parametrize("name", ["b.csv", "b.tsv", "b.csv.gz"])
def test_csv_comes_back(name: str) -> None:
    values = ['"whole"', 'in"side', "com,ma;semi|bar", "", " x ", "#"]
    values += [] if name.endswith("tsv") else ["tab\tline\nend\rcr\r\n"]
    rows = [{"text;x": value, "label": "0"} for value in values]
    convert(jsonl("a.jsonl", rows), name)
    assert list(read_location(name).records) == rows


def test_class_names_go_into_text_and_stay_in_parquet() -> None:
    features = {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}
    table = pa.table({"text": ["x", "y", "z"], "label": [1, 0, -1]})
    pq.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}),
        "a.parquet",
    )
    convert("a.parquet", "b.csv")
    assert Path("b.csv").read_text() == "text,label\nx,good\ny,bad\nz,\n"
    convert("a.parquet", "c.parquet")
    assert read_location("c.parquet").class_names == {"label": ("bad", "good")}
    convert("a.parquet", "d.csv", label="label")
    assert Path("d.csv").read_text().startswith("text,label\n")


def test_columns_can_be_chosen_from_a_table() -> None:
    result = convert(
        jsonl("a.jsonl", [{"a": 1, "review": "x", "stars": 2}]), "b.csv", text="review", label="stars"
    )
    assert Path("b.csv").read_text() == "review,stars\nx,2\n"
    assert [part.first for part in result.left_out] == [("a",)]


LOOSE_LABEL = {"start": 0, "end": 1, "label": "A B"}


@pytest.mark.parametrize(
    ("rows", "target", "message", "hint"),
    [
        (
            [{"a": 1}, {"a": [1]}],
            "b.csv",
            "a.jsonl:2: the column 'a' holds a list",
            "jsonl can: write b.jsonl",
        ),
        ([{"a": "x\ty"}], "b.tsv", "a.jsonl:1: the column 'a' holds a tab", "csv can: write b.csv"),
        (
            [{"a": 1}, {"a": "x"}],
            "b.parquet",
            "a.jsonl:2: the values of the column 'a'",
            "jsonl can: write b.jsonl",
        ),
        (
            [{"a": {"x": 1}}, {"a": {"y": 1}}],
            "b.parquet",
            "a.jsonl:1: the column 'a'",
            "jsonl can: write b.jsonl",
        ),
        ([{"a": 2**70}], "b.arrow", "a.jsonl:1: the values of the column 'a'", "jsonl can: write b.jsonl"),
        ([{"tokens": ["b\tc"], "tags": ["O"]}], "b.conll", r"a.jsonl:1: the word 'b\\tc'", "write b.jsonl"),
        (
            [{"tokens": [""], "tags": ["O"]}],
            "b.conll",
            "a.jsonl:1: a word is empty",
            "jsonl can: write b.jsonl",
        ),
        ([{"text": "x", "label": "y"}], "b.conll", "its columns are 'text', 'label'", "--text COLUMN"),
        ([{"text": "x", "spans": []}], "b.json:squad", "does not hold questions", "--to jsonl"),
        (
            [{"text": "x y", "spans": [LOOSE_LABEL]}],
            "b:brat",
            "a.jsonl:1: the label 'A B'",
            "write b.jsonl --to doccano",
        ),
        (
            [{"tokens": ["a"], "tags": [1]}],
            "b.conll",
            r"no row can be converted: a tag is a number without a name: a.jsonl:1 \(1\)",
            "another --to",
        ),
        ([{"tokens": ["a"], "tags": ["O", "O"]}], "b.conll", "not one tag for each word", "another --to"),
    ],
)
def test_what_a_format_cannot_hold(rows: list[Any], target: str, message: str, hint: str) -> None:
    name, _, to = target.partition(":")
    with pytest.raises(DataError, match=message) as caught:
        convert(jsonl("a.jsonl", rows), name, to=to or None)
    assert hint in caught.value.hint
    assert [path.name for path in Path().iterdir()] == ["a.jsonl"]


def test_dates_need_parquet() -> None:
    table = pa.table({"day": pa.array([1, 2], pa.date32())})
    pq.write_table(table, "a.parquet")
    with pytest.raises(DataError, match=r"a.parquet: row 1: the column 'day' holds a date") as caught:
        convert("a.parquet", "b.jsonl")
    assert caught.value.hint == "parquet can: write b.parquet"
    convert("a.parquet", "b.arrow")
    assert list(read_location("b.arrow").records) == table.to_pylist()


# --- targets ---


@pytest.mark.parametrize(
    ("target", "to", "message"),
    [
        ("b.txt", None, "does not say the format"),
        ("b/", None, "does not say the format"),
        ("b.jsonl", "doccanno", "there is no format 'doccanno'"),
        ("b.csv", "parquet", "which is not a name for parquet"),
        ("b.parquet.gz", None, "not written through gzip"),
        ("b/", "jsonl", "is a folder"),
        ("-", "jsonl", "standard output"),
    ],
)
def test_targets_that_contradict(target: str, to: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        convert(jsonl("a.jsonl", DOCUMENTS), target, to=to)


def test_nothing_is_overwritten_without_force() -> None:
    jsonl("a.jsonl", DOCUMENTS)
    text("b.jsonl", "mine")
    with pytest.raises(RunError, match="already exists"):
        convert("a.jsonl", "b.jsonl")
    assert Path("b.jsonl").read_text() == "mine"
    convert("a.jsonl", "b.jsonl", force=True)
    assert lines("b.jsonl") == DOCUMENTS
    with pytest.raises(RunError, match="destroy the source"):
        convert("a.jsonl", "a.jsonl", force=True)
    with pytest.raises(RunError, match="no folder"):
        convert("a.jsonl", "absent/b.jsonl")


def test_a_folder_with_other_things_is_never_replaced() -> None:
    jsonl("a.jsonl", DOCUMENTS)
    Path("mine").mkdir()
    text("mine/thesis.tex", "years of work")
    with pytest.raises(RunError, match=r"holds thesis.tex"):
        convert("a.jsonl", "mine", to="brat", force=True)
    with pytest.raises(RunError, match="destroy the source"):
        convert("a.jsonl", ".", to="brat", force=True)
    Path("empty").mkdir()
    convert("a.jsonl", "empty", to="brat")
    with pytest.raises(RunError, match="already exists"):
        convert("a.jsonl", "empty", to="brat")


def test_an_old_target_stays_when_nothing_can_be_written() -> None:
    text("b.csv", "old")
    with pytest.raises(DataError):
        convert(jsonl("a.jsonl", [{"a": 1}, {"a": [1]}]), "b.csv", force=True)
    assert sorted(path.name for path in Path().iterdir()) == ["a.jsonl", "b.csv"]
    assert Path("b.csv").read_text() == "old"


def test_scheme_is_for_tags() -> None:
    jsonl("a.jsonl", DOCUMENTS)
    with pytest.raises(UsageError, match="no tag scheme 'BIO'"):
        convert("a.jsonl", "b.conll", scheme="BIO")
    with pytest.raises(UsageError, match="has no tags"):
        convert("a.jsonl", "b.json", to="label-studio", scheme="IOB2")
    with pytest.raises(UsageError, match="no words with tags"):
        convert("a.jsonl", "b.jsonl", scheme="IOB2")
    assert not list(Path().glob("b*"))


def test_gzip_is_the_same_each_time() -> None:
    jsonl("a.jsonl", DOCUMENTS)
    convert("a.jsonl", "b.jsonl.gz")
    convert("a.jsonl", "c.jsonl.gz")
    assert Path("b.jsonl.gz").read_bytes() == Path("c.jsonl.gz").read_bytes()
    assert json.loads(gzip.decompress(Path("b.jsonl.gz").read_bytes()).splitlines()[0]) == DOCUMENTS[0]


def test_listeners_hear_how_far_it_is() -> None:
    heard: list[Event] = []
    convert(jsonl("a.jsonl", [{"a": 1}] * 2_500), "b.csv", listen=heard.append)
    assert [event.done for event in heard if isinstance(event, Progress)] == [0, 1_000, 2_000]
    assert heard[0] == Note("reading a.jsonl")


# --- the command ---

app = typer.Typer()
app.command(epilog=data_convert.EPILOG)(data_convert.convert)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_command_tells_what_it_wrote() -> None:
    text("a.conll", CONLL)
    loud = run("a.conll", "b.jsonl")
    assert "passed over: 1 -DOCSTART- line" in loud.stderr
    assert "2 columns left out, not chosen by --text or --label: column 2, column 3" in loud.stderr
    done = run("a.conll", "b.jsonl", "--quiet", "--force")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("b.jsonl: 2 rows as jsonl, read as CoNLL columns")


def test_command_exits_3_when_rows_are_left_out() -> None:
    jsonl("a.jsonl", DOCUMENTS)
    done = run("a.jsonl", "b.conll")
    assert done.exit_code == 3
    assert "1 row left out, spans overlap, which tags cannot say: a.jsonl:3" in done.stderr
    shown = run("a.jsonl", "b.conll", "--json", "--force")
    assert shown.exit_code == 3
    result = json.loads(shown.stdout)
    assert (result["rows"], result["written"], result["path"]) == (2, "conll", "b.conll")
    assert result["left_out"][0]["count"] == 1


def test_command_explains_itself() -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    assert "label-studio" in shown.stdout
