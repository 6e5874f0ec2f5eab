"""Other processes, other settings, other rows, and nobody who reads what is said."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LONG = pytest.mark.long_faults


@pytest.fixture
def stopped(cli, training, inject, send, tmp_path: Path) -> Path:
    """A run that was asked to stop at step 7."""
    inject("bertkit.training.loop:set_learning_rate", send(signal.SIGTERM), call=7)
    assert cli(*training.begin()).code == 143
    return tmp_path / "run"


@pytest.mark.long_faults
def test_two_processes_never_write_one_run(start, bertkit, training, tmp_path: Path) -> None:
    first = start(*training.begin(epochs=500), cwd=tmp_path)
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("epoch "):
            break
    for arguments in (training.go_on(), [*training.begin(), "--force"]):
        second = bertkit(*arguments, cwd=tmp_path)
        assert second.returncode == 2
        assert f"run is being written by process {first.pid}" in second.stderr
    first.send_signal(signal.SIGKILL)
    first.communicate()
    # What the dead one held is taken over.
    last = start(*training.go_on(), cwd=tmp_path)
    assert last.stderr is not None
    for line in last.stderr:
        if line.startswith("epoch "):
            break
    last.send_signal(signal.SIGTERM)
    last.communicate()
    assert last.returncode == 143


def test_other_settings_are_refused_by_name(stopped: Path, cli, training) -> None:
    done = cli(*training.go_on(), "--set", "train.learning_rate=2e-3", "--seed", "7")
    assert done.code == 2
    (error,) = done.labelled("error: ")
    assert "train.learning_rate: 0.01 is now 0.002" in error and "train.seed: 42 is now 7" in error
    assert "batch_size" not in error


def test_a_recipe_that_was_changed_by_hand_is_refused_by_name(stopped: Path, cli, training) -> None:
    recipe = stopped / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    assert "batch_size: 16" in text
    recipe.write_text(text.replace("batch_size: 16", "batch_size: 8"), encoding="utf-8")
    done = cli(*training.go_on())
    assert done.code == 2
    assert "train.batch_size: 16 is now 8" in done.labelled("error: ")[0]


def test_what_may_change_may_change(stopped: Path, cli, training, reviews: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.csv"
    shutil.copyfile(reviews, moved)
    done = cli(*training.go_on(), "--train", moved, "--set", "train.micro_batch_size=5")
    assert done.code == 0, done.err


def test_other_rows_are_refused(stopped: Path, cli, training, reviews: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(reviews.read_text(encoding="utf-8").replace("great", "grand", 1), encoding="utf-8")
    done = cli(*training.go_on(), "--train", other)
    assert done.code == 2
    assert "the data of" in done.labelled("error: ")[0]


def test_a_finished_run_says_so_and_nothing_changes(whole: Path, cli, training, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run", symlinks=True)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}
    done = cli(*training.go_on())
    assert done.code == 0
    assert "is finished: nothing to resume" in done.err
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}


TWICE = """
import os, signal, sys
from bertkit.workflows import saving

honest, calls = saving.write_checkpoint, iter(range(1, 100))

def write(*arguments, **options):
    if next(calls) == 3:
        os.kill(os.getpid(), signal.SIGTERM)
        print("the first is heard, and the state is being saved", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        print("never said", file=sys.stderr, flush=True)
    honest(*arguments, **options)

saving.write_checkpoint = write
sys.argv[0] = "bertkit"
from bertkit.cli.app import main
main()
"""


def test_a_second_signal_leaves_at_once_and_nothing_is_lost(
    cli, training, tmp_path: Path, whole: Path, assert_same
) -> None:
    """Both while a checkpoint is being saved: it is left half made, and the one before is whole."""
    done = subprocess.run(
        [sys.executable, "-c", TWICE, *map(str, training.begin())], cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGTERM
    assert "the first is heard" in done.stderr and "never said" not in done.stderr
    assert list((tmp_path / "run" / "checkpoints").glob("step-*.tmp-*"))
    resumed = cli(*training.go_on())
    assert resumed.code == 0, resumed.err
    assert_same(tmp_path / "run", whole)


def test_an_encoder_that_has_changed_is_refused(cli, training, inject, send, tmp_path: Path) -> None:
    """Its weights are in the checkpoint, but not how it computes."""
    own = tmp_path / "encoder"
    shutil.copytree(training.model, own)
    inject("bertkit.training.loop:set_learning_rate", send(signal.SIGTERM), call=7)
    assert cli(*training.begin(), "--model", own).code == 143
    config = json.loads((own / "config.json").read_text(encoding="utf-8"))
    (own / "config.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.5}), encoding="utf-8")
    done = cli(*training.go_on())
    assert done.code == 2
    assert "the encoder of" in done.labelled("error: ")[0] and "config.json" in done.labelled("error: ")[0]


def test_what_was_asked_for_when_it_began_holds_when_it_goes_on(
    cli, training, inject, send, tmp_path: Path
) -> None:
    """--baseline, and what was changed when it was resumed before."""
    inject("bertkit.training.loop:set_learning_rate", send(signal.SIGTERM), call=7)
    assert cli(*training.begin(), "--baseline").code == 143
    inject("bertkit.training.loop:set_learning_rate", send(signal.SIGTERM), call=7)
    assert cli(*training.go_on(), "--on-nan", "skip").code == 143
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert "baselines" in metrics
    assert "on_nan: skip" in (tmp_path / "run" / "recipe.yaml").read_text(encoding="utf-8")


def test_a_refused_resume_removes_nothing(stopped: Path, cli, training) -> None:
    newest = max(stopped.glob("checkpoints/step-*"), key=lambda path: int(path.name.partition("-")[2]))
    manifest = newest / "manifest.json"
    text = manifest.read_text(encoding="utf-8").replace('"format": 1', '"format": 2')
    manifest.write_text(text, encoding="utf-8")
    assert cli(*training.go_on(), "--seed", "7").code == 2
    assert manifest.read_text(encoding="utf-8") == text


def test_killed_before_it_was_a_run_its_place_is_free(cli, training, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in (".lock", ".owner.json", "recipe.yaml", "rejected.jsonl"):
        (tmp_path / "run" / name).write_text("{}", encoding="utf-8")
    done = cli(*training.begin(epochs=1))
    assert done.code == 0, done.err


def test_a_signal_at_the_last_moment_is_heard(
    cli, training, inject, send, tmp_path: Path, whole: Path, assert_same
) -> None:
    """After the last event there is no other at which it would be noticed."""
    inject("bertkit.training.gradients:Gradients.close", send(signal.SIGTERM))
    stopped = cli(*training.begin())
    assert stopped.code == 143, stopped.err
    assert cli(*training.go_on()).code == 0
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize(
    "closed", [pytest.param([1], marks=LONG), pytest.param([2], marks=LONG), [0, 1, 2]], ids=str
)
def test_streams_that_were_closed_before_the_start(training, tmp_path: Path, closed: list[int]) -> None:
    """As by `2>&-`: no file is opened in their place, and the training is done."""
    close = "; ".join(f"os.close({number})" for number in closed)
    code = (
        f"import os, sys; {close}; os.execv(sys.executable, [sys.executable, '-m', 'bertkit', *sys.argv[1:]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, training.begin(epochs=1))], cwd=tmp_path, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0
    assert (tmp_path / "run" / "metrics.json").is_file()


@pytest.mark.parametrize(
    "closed", ["stderr", pytest.param("stdout", marks=LONG), pytest.param("both", marks=LONG)]
)
def test_nobody_reads(start, training, tmp_path: Path, whole: Path, assert_same, closed: str) -> None:
    """`bertkit finetune ... | head` and a log reader that ended: the training ends as it would have."""
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = start(*training.begin(), cwd=tmp_path, **pipes)
    assert process.stdout is not None and process.stderr is not None
    if closed in ("stdout", "both"):
        process.stdout.close()
    if closed in ("stderr", "both"):
        process.stderr.readline()
        process.stderr.close()
    said = process.stderr.read() if closed == "stdout" else ""
    assert process.wait() == 0, said
    assert "Traceback" not in said
    assert_same(tmp_path / "run", whole)
