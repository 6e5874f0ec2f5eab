"""`bertkit data check` and `bertkit data preview` as a person types them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = "a good film and the plot was very fine indeed".split()  # noqa: SIM905


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """60 rows, of which one is repeated, one has an escape sequence, and one label is rare."""
    made = [(f"{WORDS[n % 10]} {WORDS[n % 7]} film number {n}", "ab"[n % 2]) for n in range(60)]
    made[8] = made[6]
    made[10] = ("red \x1b[31m text", "a")
    made[12] = (made[12][0], "rare")
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *made])
    return tmp_path


@pytest.fixture
def typed(tiny_encoder: Path) -> tuple[str, ...]:
    return ("--model", str(tiny_encoder), "--set", "train.max_length=32")


def test_a_bare_file_in_a_process_of_its_own(bertkit, rows: Path, typed) -> None:
    done = bertkit("data", "check", "rows.csv", *typed, cwd=rows)
    assert done.returncode == 0, done.stderr
    assert "taken for classification by its columns (text, label)" in done.stdout
    assert "rows.csv, CSV" in done.stdout
    for lines in (
        "  ⚠ 1 row repeating another\n    rows.csv:10\n",
        "  ⚠ 1 row with control characters\n    rows.csv:12\n",
        "  ⚠ 1 label with fewer than 10 training rows: rare (1)\n    rows.csv:14\n",
    ):
        assert lines in done.stdout
    assert "--set train.class_weights=auto" in done.stdout
    assert done.stdout.rstrip().endswith("⚠ can be trained on, 4 warnings")
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_knows_no_signs_gets_letters(bertkit, rows: Path, typed) -> None:
    done = bertkit(
        "data", "check", "rows.csv", *typed, "-q", cwd=rows, environment={"PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0, done.stderr
    assert "  ! 1 row repeating another\n" in done.stdout
    assert "  ok 60 rows" in done.stdout
    assert done.stdout.isascii()
    assert done.stderr == ""


def test_impossible_data_is_a_marked_line_and_exit_code_2(bertkit, rows: Path, typed) -> None:
    (rows / "latin.csv").write_bytes("text,label\nfine,a\ncafé,b\n".encode("latin-1"))
    done = bertkit("data", "check", "rows.csv", "--eval", "latin.csv", *typed, cwd=rows)
    assert done.returncode == 2
    assert re.search(r"  ✘ latin.csv:3: .*not UTF-8\n    hint: .*iconv", done.stdout)
    assert done.stdout.rstrip().endswith("✘ cannot be trained on")
    assert "  ⚠ 1 row repeating another" in done.stdout
    done = bertkit("data", "check", "latin.csv", "--json", *typed, cwd=rows)
    assert done.returncode == 2
    report = json.loads(done.stdout)
    assert report["can_train"] is False
    assert report["findings"][0]["severity"] == "fault"


def test_json_has_everything(cli, rows: Path, typed) -> None:
    done = cli("data", "check", "rows.csv", *typed, "--json")
    assert done.code == 0
    report = json.loads(done.out)
    found = {(one["split"], one["check"]): one for one in report["findings"]}
    assert found["train", "repeated"]["places"] == ["rows.csv:10"]
    assert report["tables"][0]["counts"]["train"]["rare"] == 1
    assert report["columns"] == {"text": "text", "label": "label"}
    assert report["lengths"][0]["unit"] == "tokens"


def test_hundreds_of_labels_are_never_listed(cli, tmp_path: Path, typed) -> None:
    lines = [f"text {n} {part},label{n:03}" for part in range(3) for n in range(300)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    done = cli("data", "check", "rows.csv", *typed)
    assert done.code == 0, done.err
    assert "and 280 more" in done.out
    assert len(set(re.findall(r"label\d{3}", done.out))) <= 40


def test_labels_with_escape_sequences_only_show(cli, tmp_path: Path, typed) -> None:
    lines = [f"text {n},{'[bold]x' if n % 2 else chr(27) + '[31mred'}" for n in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    for verb in ("check", "preview"):
        done = cli("data", verb, "rows.csv", *typed)
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
        assert "[31mred" in done.out
        assert "[bold]x" in done.out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("check", "rwos.yaml"), "rwos.yaml", "bertkit recipes"),
        (("check", "sst22"), "no recipe is called 'sst22'", "did you mean sst2?"),
        (("check", "rows.csv", "--task", "nerr"), "--task nerr", "did you mean ner?"),
        (("check", "ner"), "nothing to check", "--train FILE"),
        (("preview", "rows.csv", "--split", "dev"), "no split 'dev'", "--split train"),
        (("preview", "rwos.csv"), "rwos.csv: no such file", "did you mean rows.csv?"),
    ],
)
def test_what_a_person_can_mend(arguments, message: str, hint: str, cli, rows: Path) -> None:
    done = cli("data", *arguments)
    assert done.code == 2
    assert message in done.err
    assert hint in done.err


def test_a_missing_file_is_a_marked_line(cli, rows: Path) -> None:
    done = cli("data", "check", "rwos.csv")
    assert done.code == 2
    assert "✘ rwos.csv: no such file" in done.out
    assert "did you mean rows.csv?" in done.out


def test_preview_shows_pieces_what_is_cut_and_windows(cli, tmp_path: Path, rows: Path, typed) -> None:
    (tmp_path / "long.csv").write_text(
        "text,label\nthe film is a very lovely film and the end was grim,a\ndull,b\n", encoding="utf-8"
    )
    done = cli("data", "preview", "long.csv", "-n", "1", *typed[:2], "--set", "train.max_length=8")
    assert done.code == 0, done.err
    assert "long.csv:2  id 0" in done.out
    assert "8 of at most 8 tokens, 6 are cut" in done.out
    assert "[CLS] the film is a very lovely |cut: film and the end was grim | [SEP]" in done.out
    done = cli("data", "preview", "long.csv", "-n", "1", *typed, "--window", "16", "--json")
    assert json.loads(done.out)["examples"][0]["windows"][0]["pieces"][0]["text"] == "[CLS]"
    assert all(len(line) <= 100 for line in cli("data", "preview", "long.csv", *typed).out.splitlines())


def test_preview_of_words_tags_and_answers(cli, tmp_path: Path, typed) -> None:
    (tmp_path / "a.conll").write_text("the O\nqqq B-X\n\nfilm O\nend B-X\n", encoding="utf-8")
    out = cli("data", "preview", "a.conll", *typed).out
    assert re.search(r"piece +word +tag", out)
    assert re.search(r"\n +q +qqq +B-X *\n +##q +qqq *\n", out)
    row = {"question": "was a", "context": "the film was good", "answers": {"text": ["film"]}}
    (tmp_path / "qa.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    out = cli("data", "preview", "qa.jsonl", *typed, "--set", "task.max_question_length=8",
              "--set", "task.stride=8").out  # fmt: skip
    assert "[CLS] was a [SEP] the >> film << was good [SEP]" in out


@pytest.mark.parametrize("verb", ["check", "preview", "convert"])
def test_every_verb_has_examples(verb: str, cli) -> None:
    done = cli("data", verb, "--help")
    assert done.code == 0
    assert f"bertkit data {verb} " in done.out.partition("Examples")[2]
    assert verb in cli("data").out


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    child = (
        "import sys\nfrom bertkit.cli.app import main\nsys.argv = ['bertkit', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    code = stop.code\n"
        "print(code, [n for n in ('torch', 'transformers', 'datasets', 'numpy') if n in sys.modules],"
        " file=sys.stderr)"
    )
    for verb in ([], ["check"], ["preview"]):
        done = subprocess.run(
            [sys.executable, "-c", child, "data", *verb, "--help"],
            cwd=tmp_path, text=True, capture_output=True, check=True,
        )  # fmt: skip
        assert done.stderr == "0 []\n"
