from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.reading.readers import read_file
from bertkit.data.rows import Rows
from bertkit.errors import DataError


def read(folder: Path, name: str, content: str | bytes) -> Rows:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return read_file(path)


def fault(folder: Path, name: str, content: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read(folder, name, content)
    caught.value.message = caught.value.message.replace(f"{folder}/", "")
    return caught.value


def pairs(rows: Rows) -> list[list[tuple[str, str]]]:
    return [list(zip(record["tokens"], record["tags"], strict=True)) for record in rows.records]


NEWS = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O

-DOCSTART- -X- -X- O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER
. . O O"""


@pytest.mark.parametrize("name", ["eng.conll", "eng.txt", "eng.iob2", "eng", "eng.testa"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_four_columns_with_documents(tmp_path: Path, name: str, end: str) -> None:
    rows = read(tmp_path, name, NEWS.replace("\n", end))
    assert rows.columns == ("tokens", "tags", "column 1", "column 2", "column 3", "column 4")
    assert pairs(rows) == [
        [("EU", "I-ORG"), ("rejects", "O")],
        [("Peter", "I-PER"), ("Blackburn", "I-PER"), (".", "O")],
    ]
    assert rows.column("column 2") == [["NNP", "VBZ"], ["NNP", "NNP", "."]]
    assert [rows.place(index) for index in range(2)] == [f"{tmp_path}/{name}:{line}" for line in (3, 8)]
    assert rows.format == "CoNLL columns (4, separated by spaces)"
    assert rows.notes == ("2 -DOCSTART- lines",)


@pytest.mark.parametrize(
    ("separator", "words"),
    [("\t", "tabs"), ("   ", "spaces"), (" \t", "tabs"), (",", "','"), (";", "';'"), ("|", "'|'")],
)
def test_separators(tmp_path: Path, separator: str, words: str) -> None:
    lines = ["Ann|B-PER", "sings|O", " \t", "Oslo|B-LOC", "sleeps|O", ""]
    rows = read(tmp_path, "a.bio", "\n".join(line.replace("|", separator) for line in lines))
    assert pairs(rows) == [[("Ann", "B-PER"), ("sings", "O")], [("Oslo", "B-LOC"), ("sleeps", "O")]]
    assert rows.format == f"CoNLL columns (2, separated by {words})"


def test_byte_order_mark_and_blank_lines_at_both_ends(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.conll", "\ufeff\n\n \nAnn\tB-PER\n\n\n\t\nBo\tO\n\n \n")
    assert pairs(rows) == [[("Ann", "B-PER")], [("Bo", "O")]]
    assert [rows.place(index).rsplit(":")[-1] for index in range(2)] == ["4", "8"]


def test_a_token_may_hold_blanks_between_tabs(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.conll", "New York\tB-LOC\nis\tO\n\nin\tO\nNew York\tB-LOC\n")
    assert rows.records[0]["tokens"] == ["New York", "is"]


def test_no_break_space_is_part_of_a_token(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.conll", "10\u00a0000 B-NUM\nmen O\n")
    assert rows.records[0]["tokens"] == ["10\u00a0000", "men"]


def test_comments_and_the_token_number_sign(tmp_path: Path) -> None:
    content = "# id 7\n# a longer remark on it\n# O\nAnn B-PER\n# O\n#\n#1 O\n\n#\n# about Bo\nBo B-PER\n"
    assert pairs(read(tmp_path, "a.conll", content)) == [
        [("#", "O"), ("Ann", "B-PER"), ("#", "O"), ("#1", "O")],
        [("Bo", "B-PER")],
    ]


def test_a_comment_with_as_many_words_as_columns(tmp_path: Path) -> None:
    content = "# sentence one\nAnn NNP B-PER\nsings VBZ O\n\n# sentence two\nBo NNP B-PER\n# # O\n"
    rows = read(tmp_path, "a.conll", content)
    assert pairs(rows) == [[("Ann", "B-PER"), ("sings", "O")], [("Bo", "B-PER"), ("#", "O")]]


def test_first_column_that_counts_the_tokens(tmp_path: Path) -> None:
    content = "#\thttp://a.example [2009]\n1\tAnn\tB-PER\tO\n2\tsings\tO\tO\n\n#\tx\n1\tBo\tB-PER\tO\n"
    rows = read(tmp_path, "germ.tsv", content)
    assert rows.column("tokens") == [["Ann", "sings"], ["Bo"]]
    assert rows.column("column 3") == [["B-PER", "O"], ["B-PER"]]
    assert rows.column("tags") == [["O", "O"], ["O"]]


@pytest.mark.parametrize("header", ["word\ttag", "Wort\tMarke", "Token\tNER Tag"])
@pytest.mark.parametrize("name", ["a.txt", "a.tsv", "a.conll"])
def test_header_line_over_tags(tmp_path: Path, name: str, header: str) -> None:
    rows = read(tmp_path, name, f"{header}\nAnn\tB-PER\nsings\tO\n\nBo\tB-PER\nsleeps\tO\n")
    assert pairs(rows)[0] == [("Ann", "B-PER"), ("sings", "O")]
    assert rows.notes == ("1 header line",)


TREEBANK = """# sent_id = 1
# text = vámonos al mar
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\tMood=Imp\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t_\t_\t5\tcase\t_\t_
4\tel\tel\tDET\t_\t_\t5\tdet\t_\t_
4.1\tazul\tazul\tADJ\t_\t_\t_\t_\t5:amod\t_
5\tmar\tmar\tNOUN\t_\t_\t1\tobl\t_\tSpaceAfter=No

# sent_id = 2
1\t#\t#\tSYM\t_\t_\t0\troot\t_\t_
"""


@pytest.mark.parametrize("name", ["es.conllu", "es.txt", "es.tsv", "es"])
def test_universal_dependencies(tmp_path: Path, name: str) -> None:
    rows = read(tmp_path, name, TREEBANK)
    assert rows.columns[:6] == ("tokens", "tags", "ID", "FORM", "LEMMA", "UPOS")
    assert rows.column("tokens") == [["vamos", "nos", "a", "el", "mar"], ["#"]]
    assert rows.column("tags") == [["VERB", "PRON", "ADP", "DET", "NOUN"], ["SYM"]]
    assert rows.column("DEPREL")[0] == ["root", "obj", "case", "det", "obl"]
    assert rows.format == "CoNLL-U"
    assert rows.notes == ("2 multiword ranges", "1 empty node")
    assert [rows.place(index).rsplit(":")[-1] for index in range(2)] == ["4", "13"]


# --- what is a table and what are columns of tags ---

COLUMNS = [
    "Ann\tB-PER\nsings\tO\n\t\nBo\tB-PER\nsleeps\tO\n",
    "Ann\tB-PER\nsings\tO\n\nBo\tB-PER\nsleeps\tO\n",
    "Ann\tB-PER\nsings\tO\n",  # one sentence
    "The\tDET\ndog\tNOUN\nand\tCCONJ\nthe\tDET\n\nThe\tDET\ncat\tNOUN\n",
    "-DOCSTART-\tO\n\nAnn\tPER\nsings\tO\n",
    "text\tO\nlabel\tO\n\nAnn\tB-PER\nx\tO\n",  # tokens that look like a header
]
TABLES = [
    "number\ttoken\ttag\n1\tAnn\tB-PER\n1\tsings\tO\n2\tBo\tB-PER\n",  # the number tells the sentence
    "text\tlabel\nAnn\tpos\nBo\tneg\n",
    "text\tlabel\nAnn\tpos\n\nBo\tneg\nCy\tpos\n",
    "text\tlabel\n\nAnn\tpos\nBo\tneg\nCy\tpos\n",
    "text\tlabel\n\nAnn\tpos\n\nBo\tneg\n\n",
    "Wort\tArt\n\nAnn\tpos\nBo\tneg\nCy\tpos\n",
    "label\ttext\npos\tAnn\n\nneg\tBo\nneg\tAnn\n",
    "tokens\tner\nAnn sings\tB-PER O\n\nBo sleeps\tB-PER O\n",
    "a fine film\tpos\nnot so fine\tneg\n\nwhat a film\tpos\n",
    "a\tb\n\t\nc\t\nc\t\n",
]


@pytest.mark.parametrize("content", COLUMNS)
@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "a"])
def test_columns_of_tags_are_told_from_a_table(tmp_path: Path, name: str, content: str) -> None:
    assert read(tmp_path, name, content).format == "CoNLL columns (2, separated by tabs)"


@pytest.mark.parametrize("content", TABLES)
def test_a_table_is_no_columns_of_tags(tmp_path: Path, content: str) -> None:
    rows = read(tmp_path, "a.tsv", content)
    assert rows.format == "TSV"
    assert rows.columns == tuple(content.split("\n")[0].split("\t"))


def test_one_column_of_text_is_a_table(tmp_path: Path) -> None:
    assert read(tmp_path, "a.tsv", "text\ngood film\n\nbad film\nfine film\n").columns == ("text",)


@pytest.mark.parametrize(
    "content", ["Dear all,\nhello\n", "Hello world\n\nGood bye\n", "one\ntwo\n\nthree\n"]
)
def test_prose_is_neither(tmp_path: Path, content: str) -> None:
    assert "the format cannot be told" in fault(tmp_path, "notes.txt", content).message


# --- faults ---


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.conll",
            NEWS.replace("rejects VBZ I-VP O", "rejects VBZ O"),
            "a.conll:4: the line has 3 columns, the others have 4 (separated by spaces)",
        ),
        ("a.txt", NEWS + "\nx", "a.txt:11: the line has 1 column, the others have 4 (separated by spaces)"),
        (
            "a.tsv",
            "Ann\tB-PER\n" + "sings\tO\n" * 20 + "\nBo\tX\tB-PER\n",
            "a.tsv:23: the line has 3 columns, the others have 2 (separated by tabs)",
        ),
        (
            "a.conllu",
            TREEBANK + "x" + TREEBANK[-30:].split("\n")[1][1:] + "\n",
            "a.conllu:14: the token number is 'x'",
        ),
        ("a.conll", "word\n\nword\n", "a.conll: no columns of tokens and tags are found"),
        ("a.conll", "-DOCSTART- O\n\n-DOCSTART- O\n", "a.conll: no columns of tokens and tags are found"),
        ("a.conll", "Ann O\n\0 O\n", "a.conll:2: the line holds a NUL byte"),
    ],
)
def test_faults(tmp_path: Path, name: str, content: str, message: str) -> None:
    error = fault(tmp_path, name, content)
    assert error.message == message
    assert error.hint


def test_a_byte_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.conll:2: byte 0xe9"):
        read(tmp_path, "a.conll", b"Ann O\ncaf\xe9 O\n")


# --- round trip ---

TOKENS = st.text(st.characters(categories=["L", "N", "S"], codec="utf-8"), min_size=1, max_size=6)
TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC"])
SENTENCES = st.lists(st.lists(st.tuples(TOKENS | st.just("#"), TAGS), min_size=1, max_size=5), min_size=1)


@settings(deadline=None)
@given(SENTENCES, st.sampled_from([" ", "\t", "  "]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_round_trip(
    sentences: list[list[tuple[str, str]]], separator: str, end: str, documents: bool
) -> None:
    blocks = [end.join(separator.join(pair) for pair in sentence) for sentence in sentences]
    content = (end * 2).join(["-DOCSTART- O", *blocks] if documents else blocks)
    with tempfile.TemporaryDirectory() as folder:
        rows = read(Path(folder), "a.conll", content)
    found: Any = pairs(rows)
    assert found == sentences
