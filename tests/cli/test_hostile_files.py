"""A hostile pickle in place of any file of a run or a model: never opened, one clear line, no traceback."""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Hostile = Callable[..., bytes]
# What Trainer, older checkpoints and others leave in such folders: nothing looks at the first ones.
IGNORED = (
    "pytorch_model.bin", "adapter_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt",
    "scaler.pt", "rng_state.pth", "vocab.pkl", "cache.joblib", "flax_model.msgpack", "tf_model.h5",
    "events.npy",
)  # fmt: skip
OTHERS = (
    "vocab.txt", "merges.txt", "spiece.model", "vocab.json", "added_tokens.json", "special_tokens_map.json",
    "chat_template.jinja", "processor_config.json", "generation_config.json", "adapter_config.json",
    "model.safetensors.index.json",
)  # fmt: skip
READ = (
    "eval", "predict ../file.jsonl", "runs", "runs show latest", "compare runs/latest runs/other",
    "eval runs/latest/predictions/validation.jsonl",
)  # fmt: skip


@pytest.fixture
def folder(trained_run: Path, tmp_path: Path) -> Path:
    """A folder with two runs, the latest of which a test may spoil, and lines to predict above it."""
    (tmp_path / "file.jsonl").write_text('{"text": "the film is superb"}\n', encoding="utf-8")
    shutil.copytree((trained_run / "runs" / "latest").resolve(), tmp_path / "here" / "runs" / "other")
    shutil.copytree((trained_run / "runs" / "latest").resolve(), tmp_path / "here" / "runs" / "run")
    (tmp_path / "here" / "runs" / "latest").symlink_to("run")
    return tmp_path / "here"


def files_of(run: Path) -> Iterator[Path]:
    """All files of a run but TensorBoard's, which bertkit only writes."""
    yield from sorted(path for path in run.rglob("*") if path.is_file() and "tfevents" not in path.name)


def zipped(pickled: bytes) -> bytes:
    """As `torch.save` packs it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3")
    return packed.getvalue()


def assert_calm(done, typed: str) -> None:
    """It was done, or told in one line and a hint that the user can act on."""
    said = f"bertkit {typed}: {done}"
    assert "Traceback" not in done.err, said
    assert "fault of bertkit" not in done.err, said
    assert done.code in (0, 2, 3), said
    if done.code == 2:
        assert len(done.labelled("error: ")) == len(done.labelled("hint: ")) == 1, said
        assert done.out == "", said


def test_each_file_of_a_run(folder: Path, cli, hostile: Hostile, marker: Path) -> None:
    run = folder / "runs" / "run"
    spoiled = {"protocol 4": hostile(), "protocol 0": hostile(protocol=0), "zip": zipped(hostile())}
    files = list(files_of(run))
    assert len(files) > 15
    for file in files:
        before = file.read_bytes()
        # Text may pass a reader of text; the others are told by their first byte.
        kinds = (
            ["protocol 4", "protocol 0"] if file.suffix not in (".safetensors",) else ["protocol 4", "zip"]
        )
        for kind in kinds:
            file.write_bytes(spoiled[kind])
            for typed in READ:
                assert_calm(cli(*typed.split(), cwd=folder), f"{typed}, {file.name} a pickle of {kind}")
                assert not marker.exists(), f"{typed} opened {file}"
        file.write_bytes(before)


def test_files_that_others_leave(folder: Path, cli, hostile: Hostile, marker: Path) -> None:
    run = folder / "runs" / "run"
    places = [run, *(path for path in run.rglob("*") if path.is_dir() and not path.is_symlink())]
    for place in places:
        for name in IGNORED:
            (place / name).write_bytes(zipped(hostile()) if name.endswith((".bin", ".pt")) else hostile())
    for typed in READ:
        done = cli(*typed.split(), cwd=folder)
        assert done.code == 0, done.err
    for name in OTHERS:
        for place in places:
            (place / name).write_bytes(hostile())
        for typed in ("eval", "predict ../file.jsonl", "runs"):
            assert_calm(cli(*typed.split(), cwd=folder), f"{typed}, {name} a pickle")
        for place in places:
            (place / name).unlink()
    assert not marker.exists()


def test_latest_as_a_pickle(folder: Path, cli, hostile: Hostile, marker: Path) -> None:
    latest = folder / "runs" / "latest"
    for content in (hostile(), hostile(protocol=0), b"../\0"):
        latest.unlink()
        latest.write_bytes(content)
        for typed in ("eval", "predict ../file.jsonl", "runs", "runs show latest"):
            assert_calm(cli(*typed.split(), cwd=folder), typed)
    assert not marker.exists()


def test_training_from_a_spoiled_model(
    folder: Path, cli, hostile: Hostile, marker: Path, reviews: Path
) -> None:
    model = folder / "runs" / "run" / "model"
    typed = (
        f"finetune classification --train {reviews} --model runs/latest --set train.max_steps=1 "
        "--set train.precision=fp32 --set data.limit=40 --set train.max_length=32"
    )
    for file in files_of(model):
        before = file.read_bytes()
        file.write_bytes(hostile())
        assert_calm(cli(*typed.split(), cwd=folder), f"{typed}, {file.name}")
        assert not marker.exists(), file
        file.write_bytes(before)


def test_going_on_from_spoiled_files(folder: Path, cli, hostile: Hostile, marker: Path) -> None:
    run = folder / "runs" / "run"
    (run / "metrics.json").unlink()
    shutil.copytree(run, folder / "kept")
    for file in files_of(run):
        if file.is_relative_to(run / "model"):
            continue  # made anew
        file.write_bytes(hostile())
        done = cli("finetune", "--resume", "runs/run", "--quiet", cwd=folder)
        assert "Traceback" not in done.err
        if not file.is_relative_to(run / "checkpoints"):
            assert_calm(done, f"finetune --resume, {file.name}")
        assert not marker.exists(), file
        shutil.rmtree(run)
        shutil.copytree(folder / "kept", run)


def test_code_of_a_model_is_neither_run_nor_asked_about_on_a_terminal(folder: Path, tmp_path: Path) -> None:
    """On a terminal transformers would ask whether to trust it: bertkit neither asks nor waits."""
    model = folder / "runs" / "run" / "model"
    for name in ("config.json", "tokenizer_config.json"):
        content = json.loads((model / name).read_text(encoding="utf-8"))
        classes = ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoTokenizer")
        content["auto_map"] = dict.fromkeys(classes, "modeling_hostile.Hostile")
        (model / name).write_text(json.dumps(content), encoding="utf-8")
    owned = tmp_path / "owned"
    (model / "modeling_hostile.py").write_text(f"open({str(owned)!r}, 'w')\n", encoding="utf-8")
    code, said = said_on_a_terminal(folder, "eval", "--quiet")
    assert code == 0, said
    assert "[y/N]" not in said
    assert not owned.exists()


def said_on_a_terminal(folder: Path, *typed: str) -> tuple[int, str]:
    """Exit code and all that was shown, where standard input is a terminal on which nobody answers."""
    leader, follower = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bertkit", *typed], cwd=folder, stdin=follower, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=300, check=False, env=os.environ,
        )  # fmt: skip
    finally:
        os.close(leader)
        os.close(follower)
    return done.returncode, done.stdout


def test_replacing_a_run_follows_no_link_out_of_it(
    folder: Path, cli, tiny_encoder: Path, reviews: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.tex").write_text("mine", encoding="utf-8")
    run = folder / "runs" / "run"
    (run / "link").symlink_to(outside)
    shutil.rmtree(run / "events")
    (run / "events").symlink_to(outside)
    done = cli(
        "finetune", "classification", "--train", reviews, "--model", tiny_encoder, "--out", "runs/run",
        "--force", "--quiet", "--set", "train.max_steps=1",
        "--set", "train.max_length=32", "--set", "data.limit=40", cwd=folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert [path.name for path in outside.iterdir()] == ["thesis.tex"]
    assert not (run / "link").exists()


def test_names_in_a_plan_cannot_lead_out_of_a_run(folder: Path, cli, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.tex").write_text("mine", encoding="utf-8")
    shutil.copyfile(folder / "runs" / "run" / "recipe.yaml", tmp_path / "outside.yaml")
    run = folder / "runs" / "run"
    (run / "metrics.json").unlink()
    data = json.loads((run / "environment.json").read_text(encoding="utf-8"))["data"]
    for children in (["../../../../outside"], [str(outside)], [".."], [7], "x", None, []):
        plan = {"by": "seeds", "children": children, "data": data}
        (run / "children.json").write_text(json.dumps(plan), encoding="utf-8")
        done = cli("finetune", "--resume", "runs/run", cwd=folder)
        assert done.code == 2, done.err
        assert_calm(done, f"finetune --resume, children {children}")
        assert (outside / "thesis.tex").read_text(encoding="utf-8") == "mine"
