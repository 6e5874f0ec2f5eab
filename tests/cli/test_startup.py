"""What answers at once imports nothing heavy, and every verb explains itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

HEAVY = [
    "torch",
    "transformers",
    "datasets",
    "evaluate",
    "accelerate",
    "sklearn",
    "scipy",
    "pandas",
    "pyarrow",
    "matplotlib",
    "jinja2",
]
# In one process one after the other: nothing that any of them imports can hide.
QUICK = [
    ["--help"],
    ["--version"],
    [],
    ["finetune", "--help"],
    ["eval", "--help"],
    ["predict", "--help"],
    ["data", "--help"],
    ["data", "check", "--help"],
    ["data", "convert", "--help"],
    ["bench", "--help"],
    ["compare", "--help"],
    ["doctor", "--help"],
    ["benchmark", "glue", "--help"],
    ["recipes"],
    ["recipes", "show", "sst2"],
    ["recipes", "schema"],
    ["runs"],
    ["cache", "list"],
    ["finetune", "sst2", "--set", "train.epoch=2"],
    ["finetune", "no-such-recipe"],
    ["finetune", "classification", "--train", "missing.csv"],
    ["predict", "lines.jsonl"],
    ["predict", "missing.jsonl"],
    ["eval"],
    ["compare", "runs/a", "runs/b"],
    ["runs", "show"],
    ["finetune", "classification", "--train", "rows.csv", "--text", "txet"],
    ["finetune", "classification", "--train", "rows.csv", "--model", "empty"],
    ["finetune", "sst2", "--model", "some/bert", "--offline"],
    ["predict", "lines.jsonl", "--model", "some/bert", "--offline"],
    ["eval", "some/bert", "--recipe", "sst2", "--offline"],
]
CHILD = """
import json, sys
from bertkit.cli.app import main
seen = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["bertkit", *arguments]
    try:
        main()
    except SystemExit as stop:
        loaded = [name for name in {heavy} if name in sys.modules]
        seen.append([arguments, stop.code, loaded])
print(json.dumps(seen), file=sys.stderr)
"""


def test_what_answers_at_once_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    (tmp_path / "rows.csv").write_text("text,label\nfine,a\nbad,b\ngood,a\ndull,b\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(heavy=HEAVY), json.dumps(QUICK)],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=True,
        env=os.environ,
    )
    seen = json.loads(done.stderr.splitlines()[-1])
    assert [arguments for arguments, _, _ in seen] == QUICK
    assert {tuple(arguments): loaded for arguments, _, loaded in seen if loaded} == {}
    codes = [code for _, code, _ in seen]
    assert codes == [0] * 18 + [2] * 13


@pytest.mark.parametrize(
    "verb",
    [
        [],
        ["finetune"],
        ["eval"],
        ["predict"],
        ["recipes"],
        ["runs"],
        ["recipes", "show"],
        ["runs", "show"],
        ["data", "check"],
        ["data", "preview"],
        ["data", "convert"],
        ["bench"],
        ["compare"],
        ["doctor"],
        ["benchmark", "glue"],
        ["cache", "list"],
        ["cache", "clean"],
    ],
    ids=" ".join,
)
def test_every_verb_has_examples_that_begin_with_itself(verb: list[str], cli) -> None:
    done = cli(*verb, "--help")
    assert done.code == 0
    assert done.err == ""
    flat = " ".join(done.out.split())
    assert f"{' '.join(['bertkit', *verb])} " in flat.partition("Example")[2] + " "


def test_every_verb_is_looked_at_here() -> None:
    from bertkit.cli.app import app

    names = {command.name for command in app.registered_commands} | {
        group.name for group in app.registered_groups
    }
    assert names == {
        "finetune",
        "eval",
        "predict",
        "recipes",
        "runs",
        "data",
        "cache",
        "compare",
        "benchmark",
        "bench",
        "doctor",
    }


def test_version(cli) -> None:
    assert cli("--version").out == f"bertkit {version('bertkit')}\n"


def test_nothing_typed_shows_the_help(cli) -> None:
    assert "finetune" in cli().out
