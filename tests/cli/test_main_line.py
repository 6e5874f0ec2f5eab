"""finetune, then eval, then predict with nothing else typed: the main job, in child processes."""

from __future__ import annotations

import json
from pathlib import Path


def test_run_folder_holds_what_the_design_names(trained_run: Path) -> None:
    run = trained_run / "runs" / "latest"
    for name in ("recipe.yaml", "environment.json", "log.jsonl", "metrics.json", "README.md"):
        assert (run / name).is_file(), name
    assert (run / "model" / "model.safetensors").is_file()
    assert list((run / "events").glob("events.out.tfevents*"))
    assert (run / "checkpoints" / "latest").is_dir()
    written = (run / "predictions" / "validation.jsonl").read_text(encoding="utf-8")
    predictions = [json.loads(line) for line in written.splitlines()]
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert len(predictions) == metrics["rows"]["validation"]
    right = sum(line["prediction"] == line["reference"] for line in predictions)
    assert metrics["scores"]["validation"]["accuracy"] == right / len(predictions)
    assert metrics["scores"]["validation"]["accuracy"] > 0.9


def test_plain_transformers_loads_the_model(trained_run: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = trained_run / "runs" / "latest" / "model"
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    logits = model(**tokenizer("the film is superb", return_tensors="pt")).logits
    assert model.config.id2label[int(logits.argmax())] == "positive"


def test_eval_with_nothing_typed_repeats_the_scores(trained_run: Path, bertkit) -> None:
    done = bertkit("eval", "--json", cwd=trained_run)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((trained_run / "runs" / "latest" / "metrics.json").read_text(encoding="utf-8"))
    assert json.loads(done.stdout)["scores"] == metrics["scores"]


def test_predict_with_nothing_typed_answers_each_line_in_order(
    trained_run: Path, bertkit, tmp_path: Path
) -> None:
    lines = [
        b'{"text": "the film is superb", "k": 1}',
        b"null",
        b"not json",
        b'{"k": 2}',
        b'{"text": null}',
        b"[1]",
        b'{"text": "the plot was awful"}',
        b"\xff\xfe",
        b'{"text": "' + b"a" * 5_000_000 + b'"}',
        b"",
        b'{"text": "a great scene"}',
    ]
    (tmp_path / "file.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    done = bertkit("predict", tmp_path / "file.jsonl", cwd=trained_run)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3, done.stderr
    assert len(answers) == len(lines)
    assert answers[0] == {"text": "the film is superb", "k": 1, "prediction": "positive"}
    assert answers[6]["prediction"] == "negative"
    assert answers[10]["prediction"] == "positive"
    faulty = [number for number, answer in enumerate(answers, 1) if "error" in answer]
    assert faulty == [2, 3, 4, 5, 6, 8, 9, 10]
    assert all(answers[number - 1]["line"] == number for number in faulty)


def test_predict_from_standard_input_into_a_file(trained_run: Path, bertkit, tmp_path: Path) -> None:
    given = '{"text": "the film is superb"}\n{"text": "the film is awful"}\n'
    out = tmp_path / "out.jsonl"
    done = bertkit("predict", "-", "-o", out, "--scores", cwd=trained_run, given=given)
    assert (done.returncode, done.stdout) == (0, "")
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [answer["prediction"] for answer in answers] == ["positive", "negative"]
    for answer in answers:
        assert answer["score"] == max(answer["scores"].values())
        assert abs(sum(answer["scores"].values()) - 1) < 1e-5
    assert not list(tmp_path.glob("*.partial*"))


def test_the_resolved_recipe_repeats_the_run(trained_run: Path, bertkit, tmp_path: Path) -> None:
    first = trained_run / "runs" / "latest"
    done = bertkit("finetune", first.resolve() / "recipe.yaml", "--out", "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = tmp_path / "again"
    assert (again / "log.jsonl").read_bytes() == (first / "log.jsonl").read_bytes()
    assert (again / "predictions" / "validation.jsonl").read_bytes() == (
        first / "predictions" / "validation.jsonl"
    ).read_bytes()
    assert (again / "model" / "model.safetensors").read_bytes() == (
        first / "model" / "model.safetensors"
    ).read_bytes()
    # With --out the latest run lies elsewhere, and is found all the same.
    listed = bertkit("eval", "--json", cwd=tmp_path)
    assert json.loads(listed.stdout)["model"] == str(again.resolve())


def test_runs_lists_and_shows(trained_run: Path, bertkit) -> None:
    listed = json.loads(bertkit("runs", "--json", cwd=trained_run).stdout)["runs"]
    assert [entry["state"] for entry in listed] == ["finished"]
    shown = json.loads(bertkit("runs", "show", "--json", cwd=trained_run).stdout)
    assert shown["scores"] == listed[0]["scores"]
    assert shown["settings"]["train"]["epochs"] == 12
    assert "accuracy" in bertkit("runs", cwd=trained_run).stdout
