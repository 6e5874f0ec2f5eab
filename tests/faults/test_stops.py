"""Asked to stop, at any place: the state is saved once, the line that resumes is printed, nothing is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# Where a signal arrives: a function of that phase, and which of its calls.
BEFORE_THE_RUN = {
    "reading": ("bertkit.workflows.preparation:load_splits", 1),
    "tokenizing": ("bertkit.workflows.preparation:encode_examples", 1),
    "loading the model": ("bertkit.workflows.training_run:load_model", 1),
}
IN_THE_RUN = {
    "before the first step": ("bertkit.workflows.saving:write_checkpoint", 1),
    "training": ("bertkit.training.loop:set_learning_rate", 3),
    "the end of an epoch": ("bertkit.training.loop:set_learning_rate", 14),
    "evaluating": ("bertkit.evaluation.inference:collate", 1),
    "saving a best": ("bertkit.workflows.saving:write_weights", 1),
    "saving": ("bertkit.workflows.saving:write_checkpoint", 2),
    "the last step": ("bertkit.training.loop:set_learning_rate", 28),
    "saving the model": ("bertkit.workflows.finishing:save_model", 1),
    "scoring the model": ("bertkit.workflows.job:write_predictions", 1),
    "the report": ("bertkit.workflows.finishing:report_run", 1),
}
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.mark.parametrize("phase", BEFORE_THE_RUN)
def test_before_there_is_a_run_nothing_is_left(
    phase: str, cli, training, inject, send, tmp_path: Path
) -> None:
    place, call = BEFORE_THE_RUN[phase]
    inject(place, send(signal.SIGTERM), call=call)
    done = cli(*training.begin())
    assert done.code == 143
    assert "Traceback" not in done.err
    assert len(done.labelled("stopped: ")) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("phase", IN_THE_RUN)
def test_stopped_and_resumed_is_as_never_stopped(
    phase: str, cli, training, inject, send, tmp_path: Path, whole: Path, assert_same
) -> None:
    place, call = IN_THE_RUN[phase]
    number = SIGNALS[list(IN_THE_RUN).index(phase) % len(SIGNALS)]
    with pytest.MonkeyPatch.context():
        inject(place, send(number), call=call)
        done = cli(*training.begin())
    assert done.code == 128 + number, done.err
    assert "Traceback" not in done.err
    assert done.labelled("hint: ") == ["go on: bertkit finetune --resume run"]
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert not list((tmp_path / "run" / "checkpoints").glob("*.tmp-*"))
    done = cli(*training.go_on())
    assert done.code == 0, done.err
    assert_same(tmp_path / "run", whole)
