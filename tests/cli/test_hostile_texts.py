"""Texts, labels, names of columns and files that would act on a terminal or a page: they only show."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

BRIEF = ("--set", "train.epochs=2", "--set", "train.precision=fp32", "--set", "train.max_length=32")
# What would act: colours that nothing here uses, a link, a title, clearing, C1, turned text, overwriting.
ESCAPES = (
    "\x1b[5;41m\x1b]8;;http://evil.example\x1b\\\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\x08\rover"
)
NAME = ESCAPES.replace("/", "").replace("\\", "")  # as a file may be called, and a split after it
SCRIPT = "</script></title><script>window.owned=1</script><img src=x onerror='window.owned=1'>"
LINKS = "[click](javascript:window.owned=1) ![x](http://127.0.0.1:9/x.png) | <b>bold</b> `code` \n# heading"
MARKUP = "[red]red[/red][/] [bold [link=http://evil.example]here[/link] \\[x]"
PLEASANT, UNPLEASANT = f"good {MARKUP} {SCRIPT}", f"bad {LINKS} {ESCAPES}"
TEXT, LABEL = f"te{MARKUP}xt<b>\u202e", f"lab{ESCAPES}<i>|"
GROUP = f"gro[/]up{MARKUP}{ESCAPES}"
SPLITS = ("de[red]v[bold]", "<b>te[link=http:x]st")
OTHER = f"ot[/]her[red]{NAME}".replace("/", "")

# What a terminal is told by rich: colours and styles, and where bars are drawn again.
DRAWING = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[ABCDGHJK]|\r")


def rows() -> list[dict[str, str]]:
    words = ["film", "plot", "scene", "music", "actor", "end"]
    found = []
    for number in range(48):
        good = number % 2 == 0
        text = f"{'lovely' if good else 'awful'} {words[number % 6]} {words[number // 6 % 6]} {number} "
        text += (MARKUP, SCRIPT, LINKS, ESCAPES)[number % 4]
        label = PLEASANT if good else UNPLEASANT
        found.append(
            {TEXT: text, LABEL: label, "id": f"{ESCAPES}{SCRIPT}{number}", GROUP: SCRIPT if good else LINKS}
        )
    return found


@dataclass(frozen=True)
class Hostile:
    """A folder with a run that was made of hostile texts, and what a terminal was told meanwhile."""

    folder: Path
    data: str
    model: str
    shown: str

    @property
    def run(self) -> Path:
        return self.folder / "run"


def on_terminal(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run the command line with a terminal as its output; its exit code and all that it wrote."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bertkit", *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=theirs, stderr=theirs, env=os.environ | {"COLUMNS": "200", "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    written: list[bytes] = []

    def read() -> None:
        while True:
            try:
                block = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                return
            if not block:
                return
            written.append(block)

    reader = threading.Thread(target=read)
    reader.start()
    code = process.wait(timeout=600)
    reader.join(timeout=60)
    os.close(ours)
    return code, b"".join(written).decode("utf-8", errors="replace")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Hostile:
    folder = tmp_path_factory.mktemp("hostile")
    data, model = f"rows{NAME}<b>[red]x[red].jsonl", f"tiny{NAME}<i>[blue]y[blue]"
    (folder / data).write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    shutil.copytree(tiny_encoder, folder / model)
    code, shown = on_terminal(
        folder, "finetune", "classification", "--train", data, "--model", f"./{model}", "--text", TEXT,
        "--label", LABEL, "--baseline", "--out", "run", *BRIEF,
    )  # fmt: skip
    assert code == 0, shown
    return Hostile(folder, data, f"./{model}", shown)


def acting(text: str) -> list[str]:
    """The characters that would act on a terminal, line feeds and tabs aside."""
    return sorted({repr(character) for character in text if _acts(character)})


def _acts(character: str) -> bool:
    code = ord(character)
    turning = code in (0x61C, 0x200E, 0x200F) or 0x2028 <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return (code < 32 and character not in "\n\t") or 0x7F <= code <= 0x9F or turning


def assert_only_shows(shown: str) -> None:
    """On a terminal: colours and bars are rich's own, nothing else acts, and markup stands as it is."""
    assert "\x1b[5;41m" not in shown and "\x1b]" not in shown and "\x1b[2J" not in shown
    assert "\rover" not in shown and "\n# heading" not in shown
    assert acting(DRAWING.sub("", shown)) == []


def test_the_test_would_tell() -> None:
    for text in (ESCAPES, "\x1b[31m", "\x85", "\u202e", "\x08", "a\rb"):
        assert acting(text)
    assert not acting(MARKUP + SCRIPT + LINKS + "\t")


def test_training_on_a_terminal(hostile: Hostile) -> None:
    assert_only_shows(hostile.shown)
    assert "[red]red[/red][/]" in hostile.shown.replace("\r\n", "")


VERBS: dict[str, Callable[[Hostile], tuple[str | Path, ...]]] = {
    "runs show": lambda made: ("runs", "show", "run"),
    "eval": lambda made: ("eval", "run", "--slice", "label", "--slice", "length"),
    "eval of a column": lambda made: ("eval", "run", "--slice", GROUP),
    "eval --data": lambda made: ("eval", "run", "--data", made.data, "--baseline"),
    "eval without its column": lambda made: ("eval", "run", "--data", made.data, "--label", f"{LABEL}x"),
    "data check": lambda made: (
        "data", "check", "classification", "--train", made.data, "--eval", f"{SPLITS[0]}.jsonl",
        "--eval", f"{SPLITS[1]}.jsonl", "--text", TEXT, "--label", LABEL,
    ),
    "names of splits": lambda made: (
        "data", "check", "classification", "--train", made.data, "--eval", made.data, "--eval", "x.csv",
    ),
    "data preview": lambda made: (
        "data", "preview", "classification", "--train", made.data, "--text", TEXT, "--label", LABEL,
        "-m", made.model, "--set", "train.max_length=32",
    ),
    "data convert": lambda made: ("data", "convert", made.data, "converted.csv", "--force"),
    "predict": lambda made: ("predict", made.data, "--model", "run", "--scores"),
    "predict without its column": lambda made: ("predict", "plain.csv", "--model", "run"),
    "compare": lambda made: ("compare", "run", OTHER, "--flips", "9", "--texts"),
    "recipes check": lambda made: ("recipes", "check", f"re[red]{NAME}.yaml"),
    "unknown recipe": lambda made: ("finetune", f"{MARKUP}{ESCAPES}"),
    "unknown setting": lambda made: ("finetune", "sst2", "--set", f"train.{MARKUP}{ESCAPES}=1"),
    "missing file": lambda made: ("finetune", "classification", "--train", f"{MARKUP}{ESCAPES}.csv"),
    "label outside": lambda made: (
        "finetune", "classification", "--train", made.data, "--text", TEXT, "--label", LABEL,
        "--set", "task.labels=[a,b]",
    ),
    "rows set aside": lambda made: (
        "data", "check", "classification", "--train", made.data, "--text", TEXT, "--label", LABEL,
        "--set", "task.labels=[a,b]", "--skip-bad-rows", "99",
    ),
    "debug": lambda made: ("--debug", "finetune", f"{MARKUP}{ESCAPES}"),
}  # fmt: skip


WORKING = {
    "runs show", "eval", "eval of a column", "eval --data", "data check", "data preview", "data convert",
    "predict", "compare", "recipes check",
}  # fmt: skip


@pytest.fixture
def prepared(hostile: Hostile) -> Hostile:
    """With a second run to compare with, a hostile recipe, and a table without the text column."""
    other = hostile.folder / OTHER
    if not other.is_dir():
        shutil.copytree(hostile.run, other)
        stored = other / "predictions" / "validation.jsonl"
        lines = [json.loads(line) for line in stored.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            line["prediction"] = UNPLEASANT if line["prediction"] == PLEASANT else PLEASANT
        stored.write_text("".join(json.dumps(line) + "\n" for line in lines))
        for split in SPLITS:
            shutil.copyfile(hostile.folder / hostile.data, hostile.folder / f"{split}.jsonl")
        recipe = "# [red] \u202e\u2066\ntask: {type: classification}\n"
        (hostile.folder / f"re[red]{NAME}.yaml").write_text(recipe, encoding="utf-8")
        (hostile.folder / "plain.csv").write_text(f'"{MARKUP}{SCRIPT}",other\n1,2\n')
    return hostile


@pytest.mark.parametrize("coloured", [False, True], ids=["piped", "coloured"])
@pytest.mark.parametrize("verb", VERBS)
def test_what_each_verb_prints(
    verb: str, coloured: bool, prepared: Hostile, cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    if coloured:
        monkeypatch.setenv("FORCE_COLOR", "1")
    done = cli(*VERBS[verb](prepared), cwd=prepared.folder)
    assert done.code == (0 if verb in WORKING else 2), done.err
    printed = done.out + done.err
    assert "Traceback" not in printed or verb == "debug"
    if coloured:
        assert_only_shows(printed)
    else:
        assert acting(printed) == []


def test_a_recipe_is_shown_on_a_terminal(prepared: Hostile) -> None:
    code, shown = on_terminal(prepared.folder, "recipes", "show", f"re[red]{NAME}.yaml")
    assert code == 0
    assert_only_shows(shown)


def test_runs_are_listed(hostile: Hostile, cli) -> None:
    runs = hostile.folder / "runs"
    assert (runs / "latest").exists()
    done = cli("runs", cwd=hostile.folder)
    assert done.code == 0 and "tiny" in done.out
    assert acting(done.out) == []


def test_every_file_of_the_run_only_shows(hostile: Hostile) -> None:
    seen = set()
    for path in hostile.run.rglob("*"):
        if not path.is_file() or path.suffix == ".safetensors" or "tfevents" in path.name:
            continue
        if path.name.startswith(("tokenizer", "vocab", "special_tokens")):
            continue  # as they came with the model
        seen.add(path.name)
        assert acting(path.read_bytes().decode("utf-8")) == [], path
    wanted = {"recipe.yaml", "environment.json", "log.jsonl", "metrics.json", "validation.jsonl"}
    assert wanted | {"report.html", "README.md", "config.json", "bertkit.json"} <= seen


def test_names_in_tensorboard_are_those_of_metrics(hostile: Hostile) -> None:
    (events,) = (hostile.run / "events").iterdir()
    data = events.read_bytes()
    assert b"evil" not in data and b"script" not in data and b"\x1b]" not in data


class Page(HTMLParser):
    """Elements of a page, and the attributes that could act."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.acting: list[tuple[str, str, str | None]] = []
        self.links: set[str | None] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        for name, value in attrs:
            if name.startswith("on") or "javascript:" in (value or "").lower().replace("\\", ""):
                self.acting.append((tag, name, value))
            if name in ("href", "src"):
                self.links.add(value)


def test_the_report_has_no_element_from_data(hostile: Hostile) -> None:
    text = (hostile.run / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.elements & {"script", "img", "iframe", "object", "embed", "form", "base"}
    assert [each for each in page.acting if each[1] not in ("title", "aria-label")] == []
    assert all(link.startswith(("#", "data:,")) for link in page.links if link)
    assert "window.owned" in text  # it is there, and only shows


def test_nothing_of_the_report_runs_in_a_browser(hostile: Hostile, opened, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    text = (hostile.run / "report.html").read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    _, console, asked = opened(page, tmp_path)
    assert (console, asked) == ([], [])
    # Also without the policy that forbids scripts: the texts themselves are harmless.
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert bare != text
    page.write_text(
        bare.replace("</body>", "<script>document.title = 'owned: ' + window.owned</script></body>"), "utf-8"
    )
    document, _, asked = opened(page, tmp_path)
    assert "<title>owned: undefined</title>" in document
    assert asked == []


def test_the_card_has_no_element_from_data(hostile: Hostile) -> None:
    from markdown_it import MarkdownIt

    text = (hostile.run / "README.md").read_text(encoding="utf-8")
    body = text.split("---\n", 2)[2]
    page = Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(body))
    plain = {"h1", "h2", "p", "ul", "li", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.elements <= plain
    assert page.links == set()
    assert page.acting == []
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in body.split("\n") if line.startswith("|")}
    assert widths <= {3, 4}
