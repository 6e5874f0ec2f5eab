"""Files that are not what they should be, with the commands that people type: one line and one hint each."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

GOOD = "".join(f'{{"text": "film number {n}", "label": "{"ab"[n % 2]}"}}\n' for n in range(20)).encode()
CSV = b"text,label\n" + b"".join(b"film number %d,%s\n" % (n, b"ab"[n % 2 :][:1]) for n in range(20))


@dataclass(frozen=True)
class Bad:
    """A file that must be refused.

    Attributes:
        name: of the file.
        write: makes it.
        said: parts of the message.
        hinted: a part of the hint.
        predicted: what `predict` says of it: a part of the error of a line, or with a `!` at its end of the
            message that refuses the file; empty where it has nothing against it.
    """

    name: str
    write: Callable[[Path], object]
    said: tuple[str, ...]
    hinted: str
    predicted: str = ""


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def endless_line(path: Path) -> None:
    path.write_bytes(GOOD + b'{"text": "')
    os.truncate(path, 100_000_000)  # NUL bytes, which take no room on the disk


def zeros(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(70):
            stream.write(b" " * 1_000_000)


BAD = {
    "malformed line": Bad(
        "a.jsonl", content(GOOD + b'{"text": "x", "label": "a"\n'), ("a.jsonl:21", "not JSON"), "one object",
        "not JSON",
    ),
    "no utf-8": Bad(
        "a.csv", content(CSV + b"caf\xe9,a\n"), ("a.csv:22", "0xe9"), "iconv -f latin1", "0xe9 is not UTF-8"
    ),
    "utf-16": Bad("a.csv", content(CSV.decode().encode("utf-16")), ("a.csv", "UTF-16"), "iconv", "UTF-16!"),
    "utf-16 without a mark": Bad(
        "a.jsonl", content(GOOD.decode().encode("utf-16-le")), ("a.jsonl:1", "NUL"), "UTF-16LE", "NUL"
    ),
    "100 MB in a line": Bad(
        "a.jsonl", endless_line, ("a.jsonl:21", "bytes long", "10,000,000"), "line end", "bytes long"
    ),
    "empty": Bad("a.csv", content(b""), ("a.csv", "empty"), "how it was written", "input is empty!"),
    "header only": Bad("a.csv", content(b"text,label\n"), ("a.csv:1", "no row follows"), "how the file"),
    "extra field": Bad("a.csv", content(CSV + b"x,a,b\n"), ("a.csv:22", "3 fields"), "quotes", "3 fields"),
    "missing field": Bad("a.csv", content(CSV + b"x\n"), ("a.csv:22", "1 field"), "quotes", "1 field"),
    "open quote": Bad("a.csv", content(CSV + b'"x,a\n'), ("a.csv:22", "never closed"), '""', "never closed"),
    "missing key": Bad("a.jsonl", content(b'{"text": "x"}\n' * 9), ("no column 'label'",), "--label"),
    "null in each row": Bad(
        "a.jsonl", content(b'{"text": null, "label": "a"}\n{"text": null, "label": "b"}\n' * 9),
        ("a.jsonl", "no row has both text and label"), "--label", "'text' is null",
    ),
    "label of another kind": Bad(
        "a.jsonl", content(GOOD + b'{"text": "x", "label": {"is": "a"}}\n'), ("a.jsonl:21", "an object"),
        "--label",
    ),
    "text of another kind": Bad(
        "a.jsonl", content(GOOD + b'{"text": ["x"], "label": "a"}\n'), ("a.jsonl:21", "not a text"), "text",
        "is not a text",
    ),
    "nul byte": Bad("a.csv", content(CSV + b"x\0,a\n"), ("a.csv:22", "NUL"), "damaged", "NUL"),
    "folder": Bad("a", Path.mkdir, ("a", "folder"), "files", "folder!"),
    "pipe": Bad("a.csv", os.mkfifo, ("a.csv", "pipe"), "file first", "pipe!"),
    "gzip bomb": Bad(
        "a.jsonl.gz", zeros, ("a.jsonl.gz", "unpacks to more than 100 times"), "gzip -dk", "100 times!"
    ),
    "broken archive": Bad(
        "a.csv.gz", content(gzip.compress(CSV)[:-9]), ("a.csv.gz", "archive is broken"), "gzip -t", "broken!"
    ),
    "lfs pointer": Bad(
        "a.csv", content(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ("a.csv", "git-LFS"), "git lfs pull", "git-LFS!",
    ),
    "web page": Bad(
        "a.jsonl", content(b"<!DOCTYPE html><p>404"), ("a.jsonl", "HTML"), "raw file", "HTML!"
    ),
}  # fmt: skip


@pytest.fixture
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Bad:
    chosen = BAD[request.param]
    chosen.write(tmp_path / chosen.name)
    return chosen


each = pytest.mark.parametrize("bad", BAD, indirect=True)


def assert_told(done, bad: Bad) -> None:
    assert done.code == 2, done.err
    lines = done.err.splitlines()
    assert lines[-2].startswith("error: ") and lines[-1].startswith("hint: "), done.err
    assert all(line.startswith(("· ", "! ")) for line in lines[:-2]), done.err
    assert [part for part in bad.said if part not in lines[-2]] == []
    assert bad.hinted in lines[-1]
    assert len(done.err) < 2_000


@each
def test_finetune(bad: Bad, cli, tmp_path: Path, tiny_encoder: Path) -> None:
    typed = ("finetune", "classification", "--train", bad.name, "--label", "label")
    assert_told(cli(*typed, "--model", tiny_encoder), bad)
    assert not (tmp_path / "runs").exists()


@each
def test_data_check(bad: Bad, cli) -> None:
    done = cli("data", "check", "classification", "--train", bad.name, "--json")
    assert done.code == 2
    found = [finding for finding in json.loads(done.out)["findings"] if finding["severity"] == "fault"]
    assert len(found) == 1
    assert [part for part in bad.said if part not in found[0]["text"]] == []
    assert bad.hinted in found[0]["advice"]


@each
def test_eval(bad: Bad, cli, trained_run: Path) -> None:
    run = trained_run / "runs" / "latest"
    # Its labels are others, which would be told of the first row.
    columns = ("--labels", "a=positive,b=negative") if "label of" not in bad.name else ()
    assert_told(cli("eval", run, "--data", bad.name, *columns), bad)


@each
def test_predict(bad: Bad, cli, trained_run: Path) -> None:
    done = cli("predict", bad.name, "--model", trained_run / "runs" / "latest")
    said = bad.predicted
    if said.endswith("!"):
        lines = done.err.splitlines()
        assert done.code == 2 and lines[-2].startswith("error: ") and lines[-1].startswith("hint: ")
        assert said[:-1] in lines[-2]
        assert done.out == ""
        return
    errors = [line["error"] for line in map(json.loads, done.out.splitlines()) if "error" in line]
    assert done.code == (3 if said else 0), done.err
    assert all(said in error for error in errors) and bool(errors) == bool(said)


# --- what looks odd and is right ---------------------------------------------------------------------------

MARK = b"\xef\xbb\xbf"
TABLE = [("film one", "NA"), ("film two", "null"), ("film three", "NA"), ("film four", "null")] * 5
TSV = b"text\tlabel\n" + b"".join(f"{text}\t{label}\n".encode() for text, label in TABLE)
ROWS = [{"text": text, "label": label} for text, label in TABLE]
JSONL = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
RIGHT = {
    "a.csv": TSV.replace(b"\t", b","),
    "semicolon.csv": TSV.replace(b"\t", b";"),
    "a.tsv": TSV,
    "a.jsonl": JSONL,
    "a.json": json.dumps(ROWS, indent=1).encode(),
    "a.txt": TSV,
}
ENDS = {"unix": b"\n", "windows": b"\r\n", "old macintosh": b"\r"}


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("mark", [b"", MARK], ids=["", "marked"])
@pytest.mark.parametrize("name", RIGHT)
def test_marks_line_ends_and_words_that_look_like_nothing(
    name: str, mark: bytes, ends: str, cli, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(mark + RIGHT[name].replace(b"\n", ENDS[ends]))
    done = cli("data", "check", "classification", "--train", name, "--json")
    found = json.loads(done.out)
    assert (done.code, found["labels"]) == (0, ["NA", "null"]), done.out
    assert found["splits"][0]["rows"] == 20
    assert found["columns"] == {"text": "text", "label": "label"}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz"])
def test_predict_reads_a_marked_file(name: str, cli, trained_run: Path, tmp_path: Path) -> None:
    data = MARK + RIGHT[name.removesuffix(".gz")]
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    done = cli("predict", name, "--model", trained_run / "runs" / "latest")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, len(answers)) == (0, 20), done.err
    assert {answer["text"] for answer in answers} == {text for text, _ in TABLE}


def test_eval_reads_marked_predictions(cli, trained_run: Path, tmp_path: Path) -> None:
    stored = next((trained_run / "runs" / "latest" / "predictions").glob("*.jsonl"))
    (tmp_path / "marked.jsonl").write_bytes(MARK + stored.read_bytes())
    assert cli("eval", "marked.jsonl").code == 0
    given = {line["id"]: line["prediction"] for line in map(json.loads, stored.read_text().splitlines())}
    (tmp_path / "by-id.json").write_bytes(MARK + json.dumps(given).encode())
    recipe = trained_run / "runs" / "latest" / "recipe.yaml"
    done = cli("eval", "by-id.json", "--recipe", recipe)
    assert done.code == 0, done.err


def test_files_put_one_after_the_other_have_marks_between(cli, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes((MARK + JSONL) * 2)
    done = cli("data", "check", "classification", "--train", "a.jsonl", "--json")
    assert json.loads(done.out)["splits"][0]["rows"] == 40, done.out


def test_a_number_among_texts_is_a_text_and_a_word_among_numbers_a_fault(cli, tmp_path: Path) -> None:
    rows = [{"text": n, "label": n % 2} for n in range(20)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cli("data", "check", "classification", "--train", "a.jsonl", "--json")
    assert (done.code, json.loads(done.out)["labels"]) == (0, ["0", "1"])
    rows = [{"text": n, "label": n / 4} for n in range(20)] + [{"text": "x", "label": "high"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cli("data", "check", "classification", "--train", "a.jsonl", "--json")
    assert done.code == 2
    assert "a.jsonl:21: the label 'high' is not a number" in done.out
    done = cli("data", "check", "classification", "--train", "a.jsonl", "--json", "--skip-bad-rows", "1")
    assert (done.code, json.loads(done.out)["problem"]) == (0, "regression")


@pytest.mark.parametrize("verb", ["finetune", "data check", "recipes check", "finetune sst2 --config"])
def test_a_pipe_in_place_of_settings_does_not_hang(verb: str, cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.yaml")
    done = cli(*verb.split(), "mine.yaml")
    assert done.code == 2 and "mine.yaml" in done.err


def test_rows_of_one_label_are_scored_and_not_trained_on(cli, trained_run: Path, tmp_path: Path) -> None:
    rows = b"".join(b"%d,x %d,positive\n" % (n, n) for n in range(9))
    (tmp_path / "a.csv").write_bytes(b"id,text,label\n" + rows)
    done = cli("data", "check", "a.csv")
    assert done.code == 2 and "a.csv: the label column holds only one label, 'positive'" in done.out
    done = cli("eval", trained_run / "runs" / "latest", "--data", "a.csv", "--json")
    assert json.loads(done.out)["rows"] == {"a.csv": 9}, done.err
    given = "".join(json.dumps({"id": str(n), "prediction": "positive"}) + "\n" for n in range(9))
    (tmp_path / "given.jsonl").write_text(given)
    done = cli("eval", "given.jsonl", "--data", "a.csv", "--recipe", "classification", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["scores"]["a.csv"]["accuracy"] == 1.0


def test_predictions_of_several_labels_of_which_nobody_has_one(cli, tmp_path: Path) -> None:
    lines = "".join(json.dumps({"id": str(n), "prediction": [], "reference": []}) + "\n" for n in range(9))
    (tmp_path / "given.jsonl").write_text(lines)
    done = cli("eval", "given.jsonl", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["scores"]["given"]["subset_accuracy"] == 1.0


def test_predict_without_a_file_says_how_to_read_standard_input(cli) -> None:
    done = cli("predict")
    assert done.code == 2
    assert "bertkit predict -" in done.err.splitlines()[-1]
