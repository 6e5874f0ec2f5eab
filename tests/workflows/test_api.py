"""The same workflows from Python: typed results, nothing printed, faults as exceptions."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import bertkit
from bertkit import BertkitError, evaluate, finetune, load_recipe, predict
from bertkit.workflows.evaluate import EvaluationResult
from bertkit.workflows.events import Event, Progress
from bertkit.workflows.finetune_result import FinetuneResult
from bertkit.workflows.predict import PredictResult


def test_finetune_evaluate_predict(
    tiny_encoder: Path, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = {
        "model.name": str(tiny_encoder),
        "data.train": str(reviews),
        "train.epochs": 1,
        "train.precision": "fp32",
        "train.max_length": 32,
    }
    heard: list[Event] = []
    made = finetune(load_recipe("classification", flags=flags), out="run", listen=heard.append)
    assert isinstance(made, FinetuneResult)
    assert made.run == Path("run")
    assert made.steps == made.best_step > 0
    assert any(isinstance(event, Progress) for event in heard)

    scored = evaluate("run")
    assert isinstance(scored, EvaluationResult)
    assert scored.scores == made.scores
    assert evaluate().scores == made.scores  # the latest run

    lines = b'{"text": "superb"}\nnot json\n{"text": "awful", "n": 1}\n'
    answered = predict(io.BytesIO(lines), model="run", scores=True)
    assert isinstance(answered, PredictResult)
    assert (answered.lines, answered.rejected, answered.output) == (3, 1, None)
    assert [sorted(answer) for answer in answered.predictions] == [
        ["prediction", "score", "scores", "text"],
        ["error", "line"],
        ["n", "prediction", "score", "scores", "text"],
    ]
    Path("in.jsonl").write_bytes(lines)
    to_file = predict("in.jsonl", output="out.jsonl", scores=True)
    assert to_file == PredictResult(3, 1, Path("out.jsonl"))
    written = Path("out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == list(answered.predictions)
    assert capfd.readouterr() == ("", "")


def test_faults_are_exceptions_with_message_and_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BertkitError) as caught:
        predict(io.BytesIO(b""))
    assert "no finished run" in caught.value.message
    assert caught.value.hint


def test_names_of_the_package_are_those_it_promises() -> None:
    assert set(dir(bertkit)) == set(bertkit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'finetun'"):
        _ = bertkit.finetun
