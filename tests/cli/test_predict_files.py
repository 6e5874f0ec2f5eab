"""Many files: one output each, as if each were predicted alone; called again, what is not yet there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertkit.workflows import answering, predict_input


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Twenty files of few lines, of several formats, some empty, one line faulty."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(17):
        lines = [json.dumps({"n": n, "text": f"the film {n} is superb"}) for n in range(number % 5 * 4)]
        (folder / f"{number:02}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    (folder / "a.csv").write_text("text,n\nawful,1\n", encoding="utf-8")
    (folder / "b.txt").write_text("superb\ndull\n", encoding="utf-8")
    (folder / "c.jsonl").write_text('{"text": "superb"}\nno JSON\n', encoding="utf-8")
    return folder


@pytest.fixture
def typed(trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str | Path, ...]:
    monkeypatch.setattr(predict_input, "CHUNK_LINES", 6)
    return ("predict", "in/*", "--scores", "--model", trained_run / "runs" / "latest", "-o")


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_each_as_if_alone(files: Path, typed, trained_run: Path, cli, tmp_path: Path) -> None:
    done = cli(*typed, "out")
    assert done.code == 3
    assert "lines in 20 files in out, 1 of them with an error in place" in done.err
    found = outputs(tmp_path / "out")
    assert len(found) == 20
    for source in sorted(files.iterdir()):
        alone = cli("predict", source, *typed[2:-1])
        assert found[f"{source.stem}.jsonl"].decode() == alone.out
    several = cli("predict", "in/a.csv", "in/b.txt", "in/a*", *typed[2:], "two")
    assert several.code == 0
    assert outputs(tmp_path / "two") == {name: found[name] for name in ("a.jsonl", "b.jsonl")}

    # In shards, one by two processes; together they are the whole.
    for shard, processes in (("1/2", 1), ("2/2", 2)):
        done = cli(*typed, "parts", "--shard", shard, "--nproc", processes)
        assert f"shard {shard}: 10 of 20 files" in done.err
    assert outputs(tmp_path / "parts") == found
    assert not list((tmp_path / "parts").glob(".*.lock"))


def test_stopped_and_called_again(files: Path, typed, cli, tmp_path: Path, monkeypatch) -> None:
    assert cli(*typed, "whole").code == 3
    answer, calls = answering.answer, iter(range(100))

    def stopping(*given, **named):
        if next(calls) == 12:  # in the middle of the fifth file
            raise KeyboardInterrupt
        return answer(*given, **named)

    monkeypatch.setattr(answering, "answer", stopping)
    done = cli(*typed, "out")
    assert done.code == 130
    assert "of 20 files; what is done is in out" in done.err
    assert "the same command goes on there" in done.err
    partial = [path.name for path in (tmp_path / "out").glob("*.partial")]
    assert len(partial) == 1
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.jsonl")}
    assert len(before) > 3

    monkeypatch.setattr(answering, "answer", answer)
    done = cli(*typed, "out")
    assert done.code == 3
    assert f"going on after line 12 of out/{partial[0]}" in done.err
    assert f"{len(before)} of which were done before" in done.err
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("change", ["input", "options", "output"])
def test_what_was_changed_is_not_overwritten_unasked(change: str, files, typed, cli, tmp_path: Path) -> None:
    assert cli(*typed, "out").code == 3
    before = outputs(tmp_path / "out")
    match change:
        case "input":
            (files / "b.txt").write_text("superb\n", encoding="utf-8")
        case "options":
            typed = tuple(each for each in typed if each != "--scores")
        case "output":
            (tmp_path / "out" / "b.jsonl").write_text("my own\n", encoding="utf-8")
    done = cli(*typed, "out")
    assert done.code == 2
    assert ("and 19 more like it" in done.err) == (change == "options")
    assert "--force to replace what differs" in done.err
    if change != "output":
        assert outputs(tmp_path / "out") == before
    done = cli(*typed, "out", "--force")
    assert done.code == 3
    assert ("19 of which were done before" in done.err) == (change != "options")
    after = outputs(tmp_path / "out")
    assert (after == before) == (change == "output")
    assert after["b.jsonl"].count(b"\n") == (1 if change == "input" else 2)


def test_a_file_that_cannot_be_read_does_not_hold_up_the_others(files, typed, cli, tmp_path: Path) -> None:
    (files / "01.jsonl").write_bytes("utf-16".encode("utf-16"))
    (files / "d.parquet").write_bytes(b"PAR1")
    done = cli(*typed, "out")
    assert done.code == 2
    assert "! left out: in/01.jsonl: the file is UTF-16, not UTF-8" in done.err
    assert done.labelled("error: ")[0].startswith("2 of 21 files cannot be read, as in/01.jsonl:")
    assert len(outputs(tmp_path / "out")) == 19
    (files / "01.jsonl").write_text('{"text": "superb"}\n', encoding="utf-8")
    (files / "d.parquet").unlink()
    done = cli(*typed, "out")
    assert done.code == 3
    assert "19 of which were done before" in done.err


def test_a_clash_of_names_is_told_before_anything_is_written(files, typed, cli, tmp_path: Path) -> None:
    (files / "a.jsonl").write_text('{"text": "superb"}\n', encoding="utf-8")
    done = cli(*typed, "out")
    assert done.code == 2
    assert "in/a.csv and in/a.jsonl would both be written to out/a.jsonl" in done.err
    assert not (tmp_path / "out").exists()
    (files / "a.jsonl").unlink()
    assert "writing it would destroy an input" in cli(*typed, "in").err


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("predict", "in/*"), "several files need a folder"),
        (("predict", "in/*", "-o", "in/b.txt"), "in/b.txt is no folder"),
        (("predict", "nothing/*", "-o", "out"), "no file matches nothing/*"),
        (("predict", "in/a.csv", "in/no.csv", "-o", "out"), "in/no.csv: no such file"),
        (("predict", "in/a.csv", "-", "-o", "out"), "standard input cannot be one of several files"),
        (
            ("predict", "in/a.csv", "-o", "out", "--shard", "1/2"),
            "--shard divides files, and only one",
        ),
        (
            ("predict", "in/*", "-o", "out", "--shard", "3/2"),
            "--shard takes K/N, the K-th of N parts",
        ),
    ],
)
def test_what_is_refused(changed: tuple[str, ...], said: str, files, trained_run: Path, cli) -> None:
    done = cli(*changed, "--model", trained_run / "runs" / "latest")
    assert done.code == 2
    assert done.labelled("error: ")[0].startswith(said)
    assert done.labelled("hint: ")
