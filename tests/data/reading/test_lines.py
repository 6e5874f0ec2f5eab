from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertkit.data.reading.lines import InputLine, input_kind, read_input_lines
from bertkit.errors import DataError


class Generated(io.RawIOBase):
    """A stream that is made while it is read."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._rest = self._rest or next((block for block in self._blocks if block), b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def read(content: bytes | str, kind: str = "jsonl", **settings: int) -> list[InputLine]:
    data = content.encode("utf-8") if isinstance(content, str) else content
    return list(read_input_lines(io.BytesIO(data), kind=kind, max_bytes=settings.get("max_bytes", 1_000_000)))


def errors(content: bytes | str, kind: str = "jsonl", **settings: int) -> dict[int, str]:
    return {line.number: line.error for line in read(content, kind, **settings) if line.error is not None}


def records(content: bytes | str, kind: str, **settings: int) -> dict[int, dict[str, object]]:
    return {line.number: line.record for line in read(content, kind, **settings) if line.record is not None}


# --- kinds ---


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", "csv"), ("a.TSV", "tsv"), ("a.txt", "txt"), ("a.jsonl", "jsonl"), ("a.ndjson", "jsonl"),
     ("a", "jsonl"), ("a.log", "jsonl"), (None, "jsonl")],
)  # fmt: skip
def test_input_kind(name: str | None, kind: str) -> None:
    assert input_kind(Path(name) if name else None) == kind


@pytest.mark.parametrize("name", ["a.json", "a.parquet"])
def test_input_kind_without_lines(name: str) -> None:
    with pytest.raises(DataError) as caught:
        input_kind(Path(name))
    assert caught.value.message.startswith(f"{name}: ")
    assert ".jsonl" in caught.value.hint


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="xml"):
        read("", "xml")


# --- jsonl ---


def test_jsonl() -> None:
    lines = read(b'\xef\xbb\xbf{" a ": 1}\r\n{"a": [null, "\\u0000\\ud83d\\ude00"]}')
    assert lines == [InputLine(1, {" a ": 1}), InputLine(2, {"a": [None, "\0\U0001f600"]})]


def test_nothing_comes_of_nothing() -> None:
    assert read(b"") == []
    assert read(b"\xef\xbb\xbf") == []
    assert read("", "txt") == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "the line is empty"),
        (b" \t", "the line is empty"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes (column 2)"),
        (b"{} {}", "not JSON: more text after the value (column 4)"),
        (b"null", "the line is null, not an object"),
        (b"-1.5", "the line is a number, not an object"),
        (b"true", "the line is true or false, not an object"),
        (b'"x"', "the line is a text, not an object"),
        (b"[{}]", "the line is a list, not an object"),
        (b'{"a": "\xe9"}', "byte 0xe9 is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "byte 0xed is not UTF-8"),
        (b'{"a": "\0"}', "the line holds a NUL byte"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": 1e400}', "the number 1e400 is out of range"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "a number is too long"),
        (b'{"a": 1, "a": 1}', "the key 'a' is given twice"),
        (b'{"a": ["\\uD800x"]}', "a text holds half of a surrogate pair, which is no character"),
        (b'{"\\udfff": 1}', "a text holds half of a surrogate pair, which is no character"),
        (b"[" * 100_000, "the value has more than 100 levels"),
        (b'{"a":' * 100 + b"[]" + b"}" * 100, "the value has more than 100 levels"),
        (b'{"a": "' + b"x" * 200_000 + b'"}', "the line is 200,009 bytes long; the limit is 150,000"),
        (b'{"a": "' + b"x" * 149_992 + b'"}', "the line is 150,001 bytes long; the limit is 150,000"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_jsonl_fault_stays_in_its_line(line: bytes, error: str, end: bytes) -> None:
    good = b'{"text": "x"}'
    expected = {"text": "x"}
    lines = read(good + end + line + end + good, max_bytes=150_000)
    assert lines == [InputLine(1, expected), InputLine(2, error=error), InputLine(3, expected)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("size", [9, 10, 11, 12, 13, 14, 70_000, 131_084])
def test_the_limit_counts_neither_line_end_nor_mark(mark: bytes, size: int, end: bytes) -> None:
    """Sizes around the limit of 10, and around the blocks in which a long line is read past."""
    line = read(mark + b"x" * size + end, "txt", max_bytes=10)
    if size <= 10:
        assert line == [InputLine(1, {"text": "x" * size})]
    else:
        assert line == [InputLine(1, error=f"the line is {size:,} bytes long; the limit is 10")]


def physical_lines(content: bytes) -> int:
    return content.count(b"\n") + (not content.endswith(b"\n") and content not in (b"", b"\xef\xbb\xbf"))


PIECES = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b'{"a": 1}', b"{", b"[]", b"null", b'"', b"\xef\xbb\xbf", b"\\ud800"]
)


@settings(deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20)).map(b"".join), st.sampled_from([3, 8, 1_000]))
def test_one_item_for_each_physical_line(content: bytes, max_bytes: int) -> None:
    for kind in ("jsonl", "txt"):
        lines = read(content, kind, max_bytes=max_bytes)
        assert [line.number for line in lines] == list(range(1, physical_lines(content) + 1))
        for line in lines:
            assert (line.record is None) != (line.error is None)
            json.dumps([line.record, line.error], ensure_ascii=False, allow_nan=False).encode("utf-8")


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
)
def test_jsonl_round_trip(objects: list[dict[str, str]]) -> None:
    content = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in objects)
    assert [line.record for line in read(content)] == objects


# --- txt ---


def test_txt() -> None:
    stream = io.BytesIO(b'one\n\n "two"\r\n\xff\n\0\nend')
    lines = list(read_input_lines(stream, kind="txt", text_column="review"))
    assert [line.record for line in lines if line.record] == [
        {"review": "one"}, {"review": ""}, {"review": ' "two"'}, {"review": "end"}
    ]  # fmt: skip
    assert [(line.number, line.error) for line in lines if line.error] == [
        (4, "byte 0xff is not UTF-8"), (5, "the line holds a NUL byte")
    ]  # fmt: skip


# --- csv and tsv ---


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv(end: str) -> None:
    content = end.join(["\ufeff text ;n", 'one;"1"', "", f'"two{end}lines";2', "three;3"])
    assert records(content, "csv") == {
        2: {"text": "one", "n": "1"},
        4: {"text": f"two{end}lines", "n": "2"},
        6: {"text": "three", "n": "3"},
    }


def test_tsv_with_and_without_quoting() -> None:
    content = 'n\ttext\n1\t"a\nb"\n2\t"open\n3\t"Yes," he said\n4\tclosed"\n5\t"x"\n'
    assert [record["text"] for record in records(content, "tsv").values()] == [
        "a\nb", '"open', '"Yes," he said', 'closed"', "x"
    ]  # fmt: skip
    assert list(records(content, "tsv")) == [2, 4, 5, 6, 7]


def test_csv_faults_stay_in_their_record() -> None:
    content = b'a,b\n1,2,3\n1,2\nx\xe9,2\n"x\ny\0",2\n1,"2"x\n3,4\n5,"6\n7,8\n'
    assert errors(content, "csv") == {
        2: "the row has 3 fields, the header has 2",
        4: "byte 0xe9 is not UTF-8",
        5: "the line holds a NUL byte",
        7: "text follows a closing quote",
        9: "a quote is opened and never closed (lines 9 to 10)",
    }
    assert records(content, "csv") == {3: {"a": "1", "b": "2"}, 8: {"a": "3", "b": "4"}}


def test_csv_line_that_is_too_long() -> None:
    content = "a,b\n" + "x" * 500 + ",1\n2,3\n" + '"' + "y" * 500 + '\nz",4\n5,6\n'
    assert errors(content, "csv", max_bytes=100) == {
        2: "the line is 502 bytes long; the limit is 100",
        4: "the line is 501 bytes long; the limit is 100 (lines 4 to 5)",
    }
    assert list(records(content, "csv", max_bytes=100)) == [3, 6]


def test_csv_open_quote_that_closes_in_a_long_line() -> None:
    content = 'a\n"x\n' + "y\n" * 60 + "z" * 70_000 + '"\nlast\n'
    assert list(errors(content, "csv", max_bytes=100)) == [2]
    assert records(content, "csv", max_bytes=100) == {64: {"a": "last"}}


def test_csv_quote_that_opens_late_in_a_long_line() -> None:
    content = "a,b\n" + "x" * 500 + ',"y\nz"\n5,6\n'
    assert list(errors(content, "csv", max_bytes=100)) == [2]
    assert list(records(content, "csv", max_bytes=100)) == [4]


def test_csv_record_that_is_too_long() -> None:
    content = 'a,b\n1,"' + "yyyyyyyyy\n" * 50 + '",2\n' + '3,4\n"5\n' + "z" * 300 + '\n",6\n7,8\n'
    assert errors(content, "csv", max_bytes=100) == {
        2: "the row is over 100 bytes long: is a quote not closed? (lines 2 to 52)",
        54: "the row is over 100 bytes long: is a quote not closed? (lines 54 to 56)",
    }
    assert list(records(content, "csv", max_bytes=100)) == [53, 57]


def test_csv_open_quote_then_long_lines_to_the_end() -> None:
    content = 'a\n"x\n' + ("y" * 300 + "\n") * 3
    assert list(errors(content, "csv", max_bytes=100)) == [2]


def test_record_size_is_counted_in_bytes() -> None:
    content = 'a\n"' + "é" * 40 + "\n" + "é" * 40 + '"\n'
    assert errors(content, "csv", max_bytes=100)
    assert not errors(content, "csv", max_bytes=170)


def test_tsv_open_quote_before_a_long_line() -> None:
    """The quote is text, so the lines after it count again, the long one too."""
    content = 'a\tb\n1\t"x\n2\ty\n3\t' + "z" * 300 + "\n4\tw\n"
    assert [row["b"] for row in records(content, "tsv", max_bytes=100).values()] == ['"x', "y", "w"]
    assert errors(content, "tsv", max_bytes=100) == {4: "the line is 302 bytes long; the limit is 100"}
    content = 'a\tb\n1\t"x\n' + "2\tyyyyyyyyyy\n" * 50
    assert len(records(content, "tsv", max_bytes=100)) == 51


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input: the input is empty"),
        (b"\n\n", "standard input: the input is empty"),
        (b"a,a\n1,2\n", "standard input:1: columns 1 and 2 are both named 'a'"),
        (b"\na,\n1,2\n", "standard input:2: column 2 has no name"),
        (b'"a\n', "standard input:1: a quote is opened and never closed"),
        (b"caf\xe9\n1\n", "standard input:1: byte 0xe9 is not UTF-8"),
        (b"\xff\xfea\n", "standard input:1: byte 0xff is not UTF-8"),
        (b"a\0\n\0", "standard input:1: the line holds a NUL byte"),
        (b"a" * 200, "standard input:1: the line is 200 bytes long; the limit is 100"),
    ],
)
def test_bad_header_ends_at_once(content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_input_lines(io.BytesIO(content), kind="csv", max_bytes=100)
    assert caught.value.message == message
    assert caught.value.hint


def test_header_fault_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,a\n")
    with path.open("rb") as stream, pytest.raises(DataError, match=r"a\.csv:1: "):
        read_input_lines(stream, kind="csv")


TEXTS = st.text(st.sampled_from('a"\n\r\t,; é') | st.characters(exclude_characters="\0", codec="utf-8"))


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS)))
def test_csv_round_trip(values: list[tuple[str, str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("a", "b"), *values])
    found = [line.record for line in read(stream.getvalue(), "csv")]
    assert found == [{"a": first, "b": second} for first, second in values]


@settings(deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20) | st.sampled_from([b",", b"\t"])).map(b"".join),
       st.sampled_from(["csv", "tsv"]), st.sampled_from([8, 1_000]))  # fmt: skip
def test_any_table_is_answered_line_by_line(content: bytes, kind: str, max_bytes: int) -> None:
    lines = read(b"a\tb\n" + content, kind, max_bytes=max_bytes)
    numbers = [line.number for line in lines]
    assert numbers == sorted(set(numbers))
    for line in lines:
        assert (line.record is None) != (line.error is None)
        json.dumps([line.record, line.error], ensure_ascii=False).encode("utf-8")


# --- memory ---


def long_line(start: bytes) -> Iterator[bytes]:
    block = b"x" * 65_536
    yield start
    for _ in range(50 * 16):
        yield block
    yield b"\n"


def many_lines(start: bytes, line: bytes) -> Iterator[bytes]:
    yield start
    for _ in range(50_000_000 // 65_536):
        yield line * (65_536 // len(line))


@pytest.mark.parametrize(
    ("kind", "blocks"),
    [
        ("jsonl", long_line(b"")),
        ("txt", long_line(b"")),
        ("csv", long_line(b"a,b\n")),
        ("csv", long_line(b'a,b\n1,"')),
        ("csv", many_lines(b'a,b\n1,"', b"x" * 65_535 + b"\n")),
        ("tsv", many_lines(b'a\tb\n1\t"', b"1\t" + b"x" * 65_533 + b"\n")),
        ("jsonl", many_lines(b"", b'{"a": "' + b"x" * 65_526 + b'"}\n')),
    ],
)
def test_memory_does_not_grow_with_50_megabytes(kind: str, blocks: Iterator[bytes]) -> None:
    stream = io.BufferedReader(Generated(blocks))
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_input_lines(stream, kind=kind))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count >= 1
    assert stream.read() == b""
    assert peak < 6_000_000  # csv holds a field of a million characters in 4 MB
