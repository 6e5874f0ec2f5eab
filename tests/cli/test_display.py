"""What is shown: nothing from data acts on the terminal, and nothing is torn at any width."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bertkit.cli import display as displays
from bertkit.cli.display import Display
from bertkit.cli.printable import printable
from bertkit.training.events import Evaluation
from bertkit.workflows.events import Note, Progress

HOSTILE = "[bold red]x[/] \x1b[31m\x9b2J\r\n\u202e"


def test_printable_leaves_text_and_disarms_the_rest() -> None:
    assert printable("größer 中文 🙂 [b]") == "größer 中文 🙂 [b]"
    assert not set(printable(HOSTILE)) & set("\x1b\x9b\r\n\u202e")
    assert printable("a\nb\r", keep_lines=True) == "a\nb\N{REPLACEMENT CHARACTER}"


def on_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    """Let the display believe in a terminal of this width; gives what it writes."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, color_system=None, width=width, highlight=False)
    monkeypatch.setattr(displays, "error_console", lambda: console)
    return written


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_a_bar_is_one_line_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch, width)
    with Display() as shown:
        shown(Progress("tokenizing train", 500, 1000))
        bars = shown._bars
        assert bars is not None
        console = Console(width=width, file=io.StringIO())
        lines = console.render_lines(bars.get_renderable(), pad=False)
        text = ["".join(part.text for part in line) for line in lines]
    assert len(text) == 1
    assert "tokenizing train" in text[0]
    assert "50 %" in text[0]


def test_names_from_data_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    written = on_terminal(monkeypatch, 120)
    with Display() as shown:
        shown(Note("note " + HOSTILE))
        shown(Progress("work " + HOSTILE, 1, 2))
        assert shown._bars is not None
        shown._bars.refresh()
    text = written.getvalue()
    assert "note [bold red]x[/]" in text
    assert "work [bold red]x[/]" in text
    assert "\x1b[31m" not in text and "\x9b" not in text and "\u202e" not in text


def test_quiet_says_warnings_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(quiet=True) as shown:
        shown(Note("news"))
        shown(Note("careful", warning=True))
        shown(Evaluation(step=1, epoch=1.0, scores={"accuracy": 0.5}, is_best=True))
        shown(Progress("tokenizing", 1, 2))
    assert capsys.readouterr() == ("", "! careful\n")


def test_plain_output_has_a_line_an_evaluation_and_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    with Display() as shown:
        shown(Note("news " * 60))
        shown(Progress("tokenizing", 1, 2))
        shown(Evaluation(step=1000, epoch=1.0, scores={"accuracy": 0.5}, is_best=True))
    assert capsys.readouterr().err.splitlines() == [
        "· " + "news " * 60, "epoch 1.00  step 1,000  accuracy 50.00  best so far",
    ]  # fmt: skip


def test_text_of_a_file_reaches_the_output_disarmed_and_unchanged(
    trained_run: Path, cli, tmp_path: Path
) -> None:
    record = {"text": f"superb {HOSTILE}", HOSTILE: [1]}
    (tmp_path / "in.jsonl").write_text(json.dumps(record) + '\n{"text": null}\n', encoding="utf-8")
    done = cli("predict", "in.jsonl", "--model", trained_run / "runs" / "latest")
    assert done.code == 3
    assert all(character.isprintable() or character == "\n" for character in done.out + done.err)
    assert json.loads(done.out.splitlines()[0]) == {**record, "prediction": "positive"}


def test_faults_and_recipes_disarm_what_they_repeat(cli, tmp_path: Path) -> None:
    for typed in (
        (HOSTILE,),
        ("finetune", HOSTILE),
        ("finetune", "sst2", "--set", HOSTILE),
        ("runs", "show", HOSTILE),
    ):
        done = cli(*typed)
        assert done.code == 2
        assert all(character.isprintable() or character == "\n" for character in done.out + done.err), typed


def test_runs_is_one_line_a_run_for_programs(trained_run: Path, cli) -> None:
    lines = cli("runs", cwd=trained_run).out.splitlines()
    assert len(lines) == 2
    assert "accuracy" in lines[1] and "tiny-bert" in lines[1]
    name = (trained_run / "runs" / "latest").resolve().name
    shown = cli("runs", "show", name, cwd=trained_run).out
    assert name in shown and "epochs: 12" in shown
