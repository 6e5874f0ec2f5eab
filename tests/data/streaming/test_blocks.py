"""Blocks of rows: each row once an epoch, the same for the same seed, and found again from any position."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import fsspec
import pyarrow
import pyarrow.parquet
import pytest
from fsspec.implementations.memory import MemoryFile

from bertkit.config.schema import DataSection
from bertkit.data.rejection import RejectedRows
from bertkit.data.streaming import parts
from bertkit.data.streaming.blocks import BlockReader, RowBlock
from bertkit.data.streaming.finding import find_shards
from bertkit.data.streaming.parts import cut_into_parts
from bertkit.data.streaming.sample import first_rows
from bertkit.data.streaming.shards import StreamError
from bertkit.errors import DataError

SIZES = (50, 3, 97, 50)
FORMS = ("jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "tsv", "parquet")


def make_row(number: int) -> dict[str, Any]:
    """Every fifth text has what a table has to quote."""
    odd = ' ü\n,"\t' if number % 5 == 0 else ""
    return {"id": str(number), "text": f"row {number} {'x' * (number % 37)}{odd}", "label": "ab"[number % 2]}


ROWS = [make_row(number) for number in range(sum(SIZES))]


def packed(form: str, text: str) -> bytes:
    data = text.encode("utf-8")
    if form.endswith(".gz"):
        return gzip.compress(data)
    if form.endswith(".zst"):
        return bytes(pyarrow.compress(data, codec="zstd", asbytes=True))
    return data


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    form = path.name.split(".", 1)[1]
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=13)
    elif form.startswith("jsonl"):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_bytes(packed(form, "\ufeff" + lines))
    else:
        plain = path.with_name("plain")
        with plain.open("w", encoding="utf-8-sig", newline="") as stream:
            delimiter = "\t" if form == "tsv" else ","
            writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
        path.write_bytes(packed(form, plain.read_text(encoding="utf-8-sig").replace("\n\n", "\n")))
        plain.unlink()


def write_shards(folder: Path, form: str) -> Path:
    folder.mkdir()
    first = 0
    for number, size in enumerate(SIZES):
        write_rows(folder / f"part-{number}.{form}", ROWS[first : first + size])
        first += size
    return folder


def reader_of(name: str | Path, *, seed: int | None = 1, rows: int = 32, allowed: int = 0) -> BlockReader:
    shards = find_shards(DataSection(train=str(name)), str(name))
    return BlockReader(cut_into_parts(shards.shards), rows, seed, RejectedRows(allowed))


def epochs(blocks: Iterator[RowBlock], count: int) -> list[RowBlock]:
    return list(takewhile(lambda block: block.position["epoch"] < count, blocks))


def rows_of(block: RowBlock) -> list[tuple[str, str]]:
    return [(str(row["id"]), row["text"]) for piece in block.pieces for row in piece.records]


def places_of(block: RowBlock) -> list[str]:
    return [piece.place(number) for piece in block.pieces for number in range(len(piece))]


@pytest.fixture(params=[700, 64_000_000], ids=["cut", "whole"])
def part_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(parts, "PART_BYTES", request.param)
    return int(request.param)


@pytest.mark.usefixtures("part_bytes")
@pytest.mark.parametrize("form", FORMS)
def test_each_row_comes_once_an_epoch_in_an_order_of_its_own(tmp_path: Path, form: str) -> None:
    folder = write_shards(tmp_path / "train", form)
    blocks = epochs(reader_of(folder).blocks(), 2)
    orders = [
        [row for block in blocks if block.position["epoch"] == epoch for row in rows_of(block)]
        for epoch in (0, 1)
    ]
    expected = sorted((row["id"], row["text"].replace("\r", "")) for row in ROWS)
    assert sorted(orders[0]) == sorted(orders[1]) == expected
    assert orders[0] != orders[1]
    assert [len(block) for block in blocks] == 2 * [32, 32, 32, 32, 32, 32, 8]
    assert [block.position["block"] for block in blocks] == 2 * list(range(7))
    again = epochs(reader_of(folder).blocks(), 2)
    assert list(map(rows_of, again)) == list(map(rows_of, blocks))
    other = epochs(reader_of(folder, seed=2).blocks(), 1)
    assert [row for block in other for row in rows_of(block)] != orders[0]


@pytest.mark.usefixtures("part_bytes")
@pytest.mark.parametrize("form", FORMS)
def test_a_position_leads_back_to_its_block(tmp_path: Path, form: str) -> None:
    folder = write_shards(tmp_path / "train", form)
    blocks = epochs(reader_of(folder).blocks(), 2)
    for number, block in enumerate(blocks):
        walk = reader_of(folder).blocks(json.loads(json.dumps(block.position)))
        for expected in blocks[number : number + 3]:
            found = next(walk)
            assert rows_of(found) == rows_of(expected)
            assert found.position == expected.position
            assert (found.begin, found.end) == (expected.begin, expected.end)
        walk.close()


def test_a_position_is_exact_where_lines_were_read_ahead(tmp_path: Path) -> None:
    """In a table without quoting a quote opens no field; to tell that, the lines after it are read, too."""
    file = tmp_path / "train.tsv"
    lines = [f"{number}\t{chr(34) if number % 7 == 3 else ''}row {number}\ta\n" for number in range(60)]
    file.write_text("id\ttext\tlabel\n" + "".join(lines), encoding="utf-8")
    blocks = epochs(reader_of(file, rows=4).blocks(), 1)
    assert [row[0] for block in blocks for row in rows_of(block)] == [str(number) for number in range(60)]
    for block in blocks:
        walk = reader_of(file, rows=4).blocks(block.position)
        found = next(walk)
        assert (rows_of(found), places_of(found)) == (rows_of(block), places_of(block))
        walk.close()


def test_a_block_mixes_rows_of_several_shards(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "train", "jsonl")
    first = next(reader_of(folder).blocks())
    assert len({place.rsplit(":", 1)[0] for place in places_of(first)}) == len(SIZES)


def test_a_large_file_is_cut_and_its_places_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 2_000)
    file = tmp_path / "train.jsonl"
    write_rows(file, ROWS)
    found = [place for block in epochs(reader_of(file).blocks(), 1) for place in places_of(block)]
    assert f"{file}:1" in found
    assert len({place.rsplit(":", 1)[0] for place in found}) == -(-file.stat().st_size // 2_000)
    assert any("(from byte " in place for place in found)


def test_long_rows_end_a_block_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bertkit.data.streaming.blocks.BLOCK_BYTES", 4_000)
    file = tmp_path / "train.jsonl"
    write_rows(file, [{"id": str(number), "text": "x" * 900, "label": "a"} for number in range(40)])
    blocks = epochs(reader_of(file, rows=32).blocks(), 1)
    assert sum(map(len, blocks)) == 40
    assert max(map(len, blocks)) < 8


def test_objects_may_leave_out_keys(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "a", "label": "x"}\n{"text": "b"}\n', encoding="utf-8")
    shards = find_shards(DataSection(train=str(file)), str(file))
    rows = first_rows(shards, 10, RejectedRows())
    assert [dict(row) for row in rows.records] == [
        {"text": "a", "label": "x"},
        {"text": "b", "label": None},
    ]
    reader = BlockReader(cut_into_parts(shards.shards), 1, 1, RejectedRows(), columns=rows.columns)
    second = epochs(reader.blocks(), 1)[1]
    assert second.pieces[0].columns == ("text", "label")


def test_first_rows_are_the_same_for_every_seed_and_no_more_than_asked(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "train", "csv")
    rows = first_rows(find_shards(DataSection(train=str(folder)), str(folder)), 20, RejectedRows(), at_once=1)
    assert [row["id"] for row in rows.records] == [str(number) for number in range(20)]
    assert rows.place(0).endswith("part-0.csv:2")


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "jsonl.gz"])
def test_object_storage_is_read_where_it_is(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 2_000)
    folder = write_shards(tmp_path / "train", form)
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), f"/{tmp_path.name}", recursive=True)
    url = f"memory://{tmp_path.name}/*.{form}"
    blocks = epochs(reader_of(url).blocks(), 1)
    assert sorted(row for block in blocks for row in rows_of(block)) == sorted(
        (row["id"], row["text"]) for row in ROWS
    )
    assert all(place.startswith(f"memory://{tmp_path.name}/part-") for place in places_of(blocks[0]))
    walk = reader_of(url).blocks(blocks[3].position)
    assert rows_of(next(walk)) == rows_of(blocks[3])
    walk.close()
    walk = reader_of(url).blocks(blocks[-1].position)
    next(walk)
    memory.pipe(f"/{tmp_path.name}/part-2.{form}", b"{}")
    with pytest.raises(StreamError, match="has changed since the stream began"):
        epochs(walk, 2)


@pytest.mark.parametrize("form", ["jsonl", "csv.gz", "parquet"])
def test_a_connection_that_breaks_is_made_again(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some times that bytes are asked for they do not come, and at last never."""
    monkeypatch.setattr("bertkit.data.streaming.blocks.WAITS", (0, 0, 0))
    folder = write_shards(tmp_path / "train", form)
    fsspec.filesystem("memory").put(str(folder), f"/{tmp_path.name}", recursive=True)
    url = f"memory://{tmp_path.name}/*.{form}"
    expected = epochs(reader_of(url).blocks(), 1)
    reads, broken = [0], {2, 5, 9, 14}

    def breaks(self: Any, buffer: Any) -> int:
        reads[0] += 1
        if reads[0] in broken:
            raise OSError("connection reset")
        return int(super(MemoryFile, self).readinto(buffer))

    monkeypatch.setattr(MemoryFile, "readinto", breaks, raising=False)
    found = epochs(reader_of(url).blocks(), 1)
    assert list(map(rows_of, found)) == list(map(rows_of, expected))
    assert [block.position for block in found] == [block.position for block in expected]
    assert reads[0] > max(broken)
    broken |= set(range(10_000))
    with pytest.raises(StreamError, match="cannot be read: connection reset"):
        epochs(reader_of(url).blocks(), 1)


def gone(file: Path) -> None:
    file.unlink()


def changed(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b'{"text": "one more", "label": "a"}\n')


@pytest.mark.parametrize(("happens", "said"), [(gone, "is gone"), (changed, "has changed")])
def test_what_happens_to_a_shard_between_epochs_is_told(
    tmp_path: Path, happens: Callable[[Path], None], said: str
) -> None:
    folder = write_shards(tmp_path / "train", "jsonl")
    blocks = reader_of(folder).blocks()
    for block in blocks:
        if block.position == {**block.position, "epoch": 0, "block": 6}:
            break
    happens(folder / "part-2.jsonl")
    with pytest.raises(StreamError) as fault:
        list(takewhile(lambda block: block.position["epoch"] < 2, blocks))
    assert fault.value.message.startswith(f"{folder / 'part-2.jsonl'}: this shard {said}")


def test_a_file_that_is_cut_short_while_it_is_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    write_rows(file, [{"id": str(number), "text": "x" * 9_000, "label": "a"} for number in range(200)])
    blocks = reader_of(file, rows=8).blocks()
    next(blocks)
    lines = file.read_bytes().splitlines(keepends=True)
    with file.open("r+b") as stream:
        stream.truncate(sum(map(len, lines[:150])))
    with pytest.raises(StreamError, match=r"ends at byte [0-9,]+ of [0-9,]+"):
        list(takewhile(lambda block: block.position["epoch"] == 0, blocks))


@pytest.mark.parametrize("form", ["jsonl.gz", "jsonl.zst", "parquet"])
def test_a_truncated_shard_is_told(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"train.{form}"
    write_rows(
        file, [{"id": str(number), "text": f"{number * 7919}" * 9, "label": "a"} for number in range(900)]
    )
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(DataError) as fault:
        list(takewhile(lambda block: block.position["epoch"] == 0, reader_of(file).blocks()))
    assert fault.value.message.startswith(str(file))


def test_rows_that_cannot_be_read_are_told_or_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "a"}\n{"text": \n{"text": "b"}\n[1]\n{"text": "c"}\n', encoding="utf-8")
    with pytest.raises(DataError) as fault:
        next(reader_of(file).blocks())
    assert fault.value.message.startswith(f"{file}:2: ")
    reader = reader_of(file, allowed=5)
    block = next(reader.blocks())
    assert [row["text"] for piece in block.pieces for row in piece.records] == ["a", "b", "c"]
    assert [row.place for row in reader.rejected] == [f"{file}:2", f"{file}:4"]


def test_formats_that_are_read_whole_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "train.json"
    file.write_text('[{"text": "a"},\n {"text": "b"}]', encoding="utf-8")
    with pytest.raises(DataError) as fault:
        find_shards(DataSection(train=str(file)), str(file))
    assert "cannot be streamed" in fault.value.message
    assert fault.value.hint == f"convert it: bertkit data convert {file} train.jsonl"
    with pytest.raises(DataError, match="no such file"):
        find_shards(DataSection(train="gone.jsonl"), "gone.jsonl")
    with pytest.raises(DataError, match="no file matches"):
        find_shards(DataSection(train="memory://nowhere/*.csv"), "memory://nowhere/*.csv")


def test_the_fingerprint_is_of_names_sizes_and_ends_not_of_the_folder(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path / "a", "jsonl"), write_shards(tmp_path / "b", "jsonl")

    def fingerprint(folder: Path) -> str:
        return find_shards(DataSection(train=str(folder)), str(folder)).fingerprint()

    assert fingerprint(first) == fingerprint(second)
    file = second / "part-1.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("row", "ROW"), encoding="utf-8")
    assert fingerprint(first) != fingerprint(second)


def test_a_split_of_a_folder_has_its_own_shards(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"):
        write_rows(tmp_path / f"{name}.jsonl", ROWS[:5])
    data = DataSection(source=str(tmp_path), train="train")
    names = [Path(shard.name).name for shard in find_shards(data, "train").shards]
    assert names == ["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"]
