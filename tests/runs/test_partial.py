"""An output that grows beside its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.runs.partial import PartialOutput

ORIGIN = {"input": "a", "model": "b"}


def interrupted(target: Path, lines: str, origin: dict[str, str] | None = ORIGIN) -> None:
    with pytest.raises(KeyboardInterrupt), PartialOutput(target, origin).writing(keep=0) as stream:
        stream.write(lines)
        raise KeyboardInterrupt


def test_whole_output_takes_its_place_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    interrupted(target, "1\n2\n3")
    assert not target.exists()
    partial = PartialOutput(target, ORIGIN)
    assert list(partial.lines()) == [b"1\n", b"2\n"]
    with partial.writing(keep=1) as stream:
        stream.write("two\n")
    assert target.read_text(encoding="utf-8") == "1\ntwo\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("origin", [{"input": "a", "model": "c"}, None])
def test_lines_of_another_origin_are_not_kept(origin: dict[str, str] | None, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    interrupted(target, "1\n")
    partial = PartialOutput(target, origin)
    assert list(partial.lines()) == []
    with partial.writing(keep=0) as stream:
        stream.write("new\n")
    assert target.read_text(encoding="utf-8") == "new\n"


def test_stream_is_never_gone_on_with(tmp_path: Path) -> None:
    interrupted(tmp_path / "out", "1\n", None)
    assert list(PartialOutput(tmp_path / "out", None).lines()) == []


@pytest.mark.parametrize("note", ["", "[]", "{"])
def test_broken_note_starts_over(note: str, tmp_path: Path) -> None:
    interrupted(tmp_path / "out", "1\n")
    partial = PartialOutput(tmp_path / "out", ORIGIN)
    partial.note.write_text(note, encoding="utf-8")
    assert list(partial.lines()) == []
