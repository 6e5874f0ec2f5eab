"""Files and folders are whole or as they were, whatever happens while they are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertkit.runs.atomic import finite, json_text, recover_folder, replacing_folder, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_failing_writer_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_json(path, {"accuracy": 0.5})
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half a pair: \ud800")
    assert json.loads(path.read_text(encoding="utf-8")) == {"accuracy": 0.5}
    assert names(tmp_path) == ["metrics.json"]


def test_json_holds_no_nan_and_nothing_a_terminal_acts_on() -> None:
    value = {"a": float("nan"), "b": [float("inf"), 1.5], "text": "é\x1b[31m\x9b\u202e\ud800 \x7f"}
    text = json_text(value)
    assert all(character.isprintable() for character in text)
    assert "é" in text
    assert json.loads(text) == {**value, "a": None, "b": [None, 1.5]}
    assert finite((1, float("-inf"))) == [1, None]


def test_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for content in ("old", "new"):
        with replacing_folder(target) as folder:
            (folder / f"{content}.txt").write_text(content, encoding="utf-8")
    assert names(target) == ["new.txt"]
    assert names(tmp_path) == ["model"]


def test_failing_writer_leaves_the_old_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with replacing_folder(target) as folder:
        (folder / "old.txt").write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), replacing_folder(target) as folder:
        (folder / "new.txt").write_text("new", encoding="utf-8")
        raise KeyboardInterrupt
    assert names(target) == ["old.txt"]
    assert names(tmp_path) == ["model"]


def test_folder_comes_back_if_the_new_one_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"
    with replacing_folder(target) as folder:
        (folder / "old.txt").write_text("old", encoding="utf-8")
    rename = Path.rename

    def refusing(self: Path, to: Path) -> Path:
        if ".tmp-" in self.name:
            raise OSError("disk full")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(OSError, match="disk full"), replacing_folder(target) as folder:
        pass
    assert names(target) == ["old.txt"]
    assert names(tmp_path) == ["model"]


def test_folder_moved_aside_by_a_killed_process_is_recovered(tmp_path: Path) -> None:
    (tmp_path / "latest.old-12345").mkdir()
    (tmp_path / "latest.tmp-12345").mkdir()
    recover_folder(tmp_path / "latest")
    assert names(tmp_path) == ["latest", "latest.tmp-12345"]
    with replacing_folder(tmp_path / "latest"):
        pass
    assert names(tmp_path) == ["latest"]
