"""What a person can mend: exit code 2, one line what is wrong, one line what to type, nothing half-made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RUN = "run/recipe.yaml", "run/environment.json"


@dataclass(frozen=True)
class Fault:
    """A call that must be refused.

    Attributes:
        typed: after `bertkit`.
        said: parts of the message.
        hinted: parts of the hint.
        files: made before, by name.
    """

    typed: str
    said: tuple[str, ...]
    hinted: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


ROWS = "text,label\n" + "".join(f"film number {n},{'ab'[n % 2]}\n" for n in range(20))
TRAIN = "finetune classification --train rows.csv"
FAULTS = {
    "unknown recipe": Fault("finetune sst22", ("sst22",), ("did you mean sst2?",)),
    "unknown setting": Fault(
        "finetune sst2 --set train.epoch=2", ("train.epoch:", "did you mean train.epochs?")
    ),
    "wrong type": Fault("finetune sst2 --set train.epochs=many", ("train.epochs", "'many'", "number")),
    "two faults": Fault(
        "finetune sst2 --set train.epoch=2 --set train.batch_size=0", ("train.epoch:", "train.batch_size: 0")
    ),
    "flag and set": Fault("finetune sst2 --seed 3 --set train.seed=4", ("train.seed", "keep one")),
    "own yaml": Fault(
        "finetune own.yaml", ("version",), files={"own.yaml": "version: one\ntask: {type: nli}\n"}
    ),
    "missing file": Fault(
        "finetune classification --train rwos.csv",
        ("rwos.csv", "no such file"),
        ("rows.csv",),
        {"rows.csv": ROWS},
    ),
    "empty file": Fault(TRAIN, ("rows.csv", "empty"), files={"rows.csv": ""}),
    "header only": Fault(TRAIN, ("rows.csv", "no row"), files={"rows.csv": "text,label\n"}),
    "wrong column": Fault(f"{TRAIN} --text txet", ("txet", "'text', 'label'"), ("text",), {"rows.csv": ROWS}),
    "wrong label column": Fault(
        f"{TRAIN} --label lable", ("lable", "'text', 'label'"), ("label",), {"rows.csv": ROWS}
    ),
    "label outside": Fault(
        f"{TRAIN} --eval eval.csv --set task.labels=[a,b]",
        ("eval.csv:3", "'c'"),
        files={"rows.csv": ROWS, "eval.csv": "text,label\nfine,a\ndull,c\n"},
    ),
    "no model folder": Fault(f"{TRAIN} --model ./nowhere", ("./nowhere",), files={"rows.csv": ROWS}),
    "folder without model": Fault(
        f"{TRAIN} --model folder",
        ("no model", "config.json"),
        files={"rows.csv": ROWS, "folder/notes.txt": "x"},
    ),
    "pickled checkpoint": Fault(
        f"{TRAIN} --model folder",
        ("pickled", "pytorch_model.bin"),
        ("safetensors",),
        {"rows.csv": ROWS, "folder/config.json": '{"model_type": "bert"}', "folder/pytorch_model.bin": "x"},
    ),
    "taken run folder": Fault(
        f"{TRAIN} --out run",
        ("run already exists",),
        ("--force",),
        {"rows.csv": ROWS, RUN[0]: "", RUN[1]: "{}"},
    ),
    "taken by others": Fault(
        f"{TRAIN} --out run --force",
        ("no run folder",),
        ("--out",),
        {"rows.csv": ROWS, "run/thesis.tex": "x"},
    ),
    "run folder in a file": Fault(
        f"{TRAIN} --out rows.csv/run", ("cannot make",), ("--out",), {"rows.csv": ROWS}
    ),
    "predict before any run": Fault(
        "predict lines.jsonl",
        ("no finished run",),
        ("bertkit finetune", "--model"),
        {"lines.jsonl": '{"text": "x"}\n'},
    ),
    "predict a missing file": Fault(
        "predict liens.jsonl",
        ("liens.jsonl", "no such file"),
        ("lines.jsonl",),
        {"lines.jsonl": '{"text": "x"}\n'},
    ),
    "predict into a missing folder": Fault(
        "predict lines.jsonl -o no/out.jsonl", ("no folder no",), ("mkdir",), {"lines.jsonl": "{}"}
    ),
    "predict into a folder": Fault(
        "predict lines.jsonl -o no", ("no is a folder",), ("-o no/",), {"lines.jsonl": "{}", "no/x": ""}
    ),
    "predict onto its input": Fault(
        "predict lines.jsonl -o lines.jsonl --force", ("destroy",), ("-o",), {"lines.jsonl": "{}"}
    ),
    "predict beside its input": Fault(
        "predict out.partial -o out", ("destroy",), ("-o",), {"out.partial": "{}"}
    ),
    "predict over a file": Fault(
        "predict lines.jsonl -o out",
        ("out already exists",),
        ("--force",),
        {"lines.jsonl": "{}", "out": "mine"},
    ),
    "eval before any run": Fault("eval", ("no finished run",), ("bertkit finetune",)),
    "no such run": Fault("runs show nothing", ("no run 'nothing'",), ("bertkit finetune",)),
    "unknown verb": Fault("fintune sst2", ("no verb fintune",), ("did you mean finetune?",)),
    "unknown sub-verb": Fault("recipes shwo", ("no verb shwo",), ("did you mean show?",)),
    "unknown option": Fault("finetune sst2 --modle x", ("no option --modle",), ("--model",)),
    "missing argument": Fault("predict", ("FILE|- is missing",), ("bertkit predict --help",)),
    "one too many": Fault("finetune sst2 cola", ("cola",), ("--help",)),
    "no number": Fault("finetune sst2 --seed x", ("--seed", "whole number")),
    "no recipe": Fault("finetune", ("which recipe",), ("bertkit recipes",)),
    "resume nothing": Fault("finetune --resume run", ("no run 'run'",)),
}


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, and what files hold."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def assert_refused(done, said: tuple[str, ...], hinted: tuple[str, ...] = ()) -> None:
    lines = done.err.splitlines()
    assert done.code == 2, done.err
    assert done.out == ""
    first = next(number for number, line in enumerate(lines) if line.startswith("error: "))
    # Notes may stand before, the lines of several faults between; nothing stands after the hint.
    assert all(line.startswith(("· ", "! ")) for line in lines[:first]), done.err
    assert lines[-1].startswith("hint: ") and len(lines[-1]) > len("hint: ")
    assert all(line.startswith("  ") for line in lines[first + 1 : -1]), done.err
    message = "\n".join(lines[first:-1])
    assert [part for part in said if part not in message] == [], message
    assert [part for part in hinted if part not in lines[-1]] == [], lines[-1]


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_one_message_and_one_hint(name: str, cli, tmp_path: Path) -> None:
    fault = FAULTS[name]
    write_files(tmp_path, fault.files)
    before = tree(tmp_path)
    assert_refused(cli(*fault.typed.split()), fault.said, fault.hinted)
    assert tree(tmp_path) == before


def test_finished_run_is_not_resumed(trained_run: Path, cli) -> None:
    before = set(tree(trained_run))
    done = cli("finetune", "--resume", "runs/latest", cwd=trained_run)
    assert (done.code, "is finished: nothing to resume" in done.err) == (0, True)
    assert set(tree(trained_run)) == before


def test_label_that_the_model_does_not_know_is_refused_by_eval(
    trained_run: Path, cli, tmp_path: Path
) -> None:
    write_files(tmp_path, {"new.csv": "text,label\nfine,positive\ndull,neutral\n"})
    done = cli("eval", trained_run / "runs" / "latest", "--data", "new.csv")
    assert_refused(done, ("new.csv:3", "'neutral'"))


def test_table_without_the_text_column_is_refused_by_predict(trained_run: Path, cli, tmp_path: Path) -> None:
    write_files(tmp_path, {"new.csv": "review,stars\nfine,1\n"})
    done = cli("predict", "new.csv", "--model", trained_run / "runs" / "latest", "-o", "out.jsonl")
    assert_refused(done, ("'review', 'stars'",), ("--text",))
    assert set(tree(tmp_path)) == {"new.csv"}


def run_with_hub(bertkit, folder: Path, endpoint: str, *arguments: str):
    from dataclasses import make_dataclass

    environment = {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(folder.parent / f"{folder.name}-hub"),
    }
    write_files(folder, {"rows.csv": ROWS})
    done = bertkit(*arguments, cwd=folder, environment=environment)
    assert set(tree(folder)) == {"rows.csv"}
    return make_dataclass("Done", ["code", "out", "err"])(done.returncode, done.stdout, done.stderr)


def test_model_that_the_hub_does_not_have(hub: str, bertkit, tmp_path: Path) -> None:
    done = run_with_hub(bertkit, tmp_path, hub, *TRAIN.split(), "--model", "nobody/no-such-model")
    assert_refused(done, ("there is no model 'nobody/no-such-model'",), ("spelling",))


@pytest.mark.parametrize("typed", [f"{TRAIN} --model bert-base-uncased", "finetune sst2 --model minilm"])
def test_hub_out_of_reach(typed: str, bertkit, tmp_path: Path) -> None:
    done = run_with_hub(bertkit, tmp_path, "http://127.0.0.1:9", *typed.split())
    assert_refused(done, ("http://127.0.0.1:9", "out of reach"), ("minilm", "HF_ENDPOINT"))


def test_debug_shows_where_it_was_raised_and_ends_the_same(cli) -> None:
    done = cli("--debug", "finetune", "sst22")
    assert done.code == 2
    assert "Traceback" in done.err and "find_recipe" in done.err
    assert done.err.splitlines()[-1].startswith("hint: ")


def test_own_fault_asks_for_a_report(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("line one\nline two")

    monkeypatch.setattr("bertkit.config.catalogue.list_recipes", broken)
    done = cli("recipes")
    assert done.code == 1
    assert done.err == (
        "error: ZeroDivisionError: line one\n"
        "hint: this is a fault of bertkit; run it again with --debug and report it\n"
    )


def test_json_is_left_alone_by_faults(cli) -> None:
    done = cli("eval", "--json")
    assert (done.code, done.out) == (2, "")
    assert json.loads(cli("runs", "--json").out) == {"runs": []}
