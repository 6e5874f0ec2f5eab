"""Which rows are scored, and what is said of those that are not."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from bertkit import evaluate, evaluate_file, finetune, load_recipe
from bertkit.config.loader import dump_recipe
from bertkit.data.labels import LabelSet
from bertkit.data.reading.readers import read_location
from bertkit.errors import DataError, RunError
from bertkit.tasks.classification import ClassificationTask
from bertkit.workflows.anchoring import _absolute
from bertkit.workflows.events import Note, silent
from bertkit.workflows.preparation import usable_examples


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def run(trained_run: Path) -> str:
    return str((trained_run / "runs" / "latest").resolve())


def test_rows_without_label_are_left_out_and_said(run: str, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), ("a superb film", "positive"), ("a dull film", "")])
    notes: list[str] = []
    result = evaluate(run, data=file, listen=lambda e: notes.append(e.text) if isinstance(e, Note) else None)
    assert result.rows == {"more.csv": 1}
    assert "more.csv: 1 of 2 rows have no label and are left out" in notes


def test_kept_rows_are_those_of_the_training_whatever_recipe_is_named(run: str, tmp_path: Path) -> None:
    recipe = load_recipe(f"{run}/recipe.yaml").recipe
    other = recipe.model_copy(
        update={"data": recipe.data.model_copy(update={"split_seed": recipe.data.split_seed + 1})}
    )
    (tmp_path / "other.yaml").write_text(dump_recipe(other), encoding="utf-8")
    own, named = (
        evaluate(run),
        evaluate(run, recipe=str(tmp_path / "other.yaml"), predictions=tmp_path / "p.jsonl"),
    )
    assert named.scores == own.scores
    kept = (Path(run) / "predictions" / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    scored = (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in scored] == [json.loads(line)["id"] for line in kept]


def test_any_split_of_own_files_by_name(run: str) -> None:
    assert set(evaluate(run, split="train").rows) == {"train"}
    with pytest.raises(DataError, match="no split 'tset'; it has train"):
        evaluate(run, split="tset")


def test_names_of_splits_are_no_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").touch()
    (tmp_path / "own.csv").touch()
    assert _absolute("train", file_only=True) == "train"
    assert _absolute("own.csv", file_only=True) == str(tmp_path / "own.csv")
    assert _absolute("train") == str(tmp_path / "train")


def test_scores_that_are_all_minus_one_are_hidden_and_a_single_one_is_a_score(tmp_path: Path) -> None:
    task = ClassificationTask(text=["text"], label="label", labels=LabelSet("regression"))
    lines = [{"text": "a", "label": -1.0}, {"text": "b", "label": -1.0}]

    def targets(*more: dict[str, object]) -> list[object]:
        rows = read_location(str(write_jsonl(tmp_path / "rows.jsonl", [*lines, *more])))
        return [one.target for one in usable_examples(task, "test", rows, silent, keep_unlabelled=True)]

    assert targets() == [None, None]
    assert targets({"text": "c", "label": 2.0}) == [-1.0, -1.0, 2.0]


def test_a_submission_is_written_for_benchmarks_alone_and_never_over_another(
    run: str, tmp_path: Path, tiny_encoder: Path
) -> None:
    with pytest.raises(DataError, match="no benchmark takes predictions of this data"):
        evaluate(run, submission=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_answers_are_written_as_the_site_of_squad_takes_them(tmp_path: Path, tiny_encoder: Path) -> None:
    rows: list[dict[str, object]] = [
        {
            "id": f"q{number}",
            "question": "is the film good",
            "context": f"a {'very ' * number}good film",
            "answers": {"text": ["good"], "answer_start": [2 + 5 * number]},
        }
        for number in range(12)
    ]
    data = write_jsonl(tmp_path / "rows.jsonl", rows)
    flags = {
        "data.train": str(data), "data.eval": {"dev": str(data)}, "model.name": str(tiny_encoder),
        "train.max_steps": 1, "train.precision": "fp32", "train.max_length": 32, "task.stride": 8,
        "task.max_question_length": 8,
    }  # fmt: skip
    recipe = load_recipe("qa", flags=flags)
    made = finetune(recipe, out=tmp_path / "run")
    evaluate(str(made.run), submission=tmp_path / "site")
    written = json.loads((tmp_path / "site" / "predictions.json").read_text(encoding="utf-8"))
    lines = (made.run / "predictions" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    assert written == {row["id"]: row["prediction"]["text"] for row in map(json.loads, lines)}
    # Scored as anybody's predictions, by id, they score what the run scored.
    found = evaluate_file(tmp_path / "site" / "predictions.json", recipe=recipe, data=data)
    assert found.scores["rows.jsonl"] == made.scores["dev"]
    with pytest.raises(RunError, match="already exists"):
        evaluate(str(made.run), submission=tmp_path / "site")


def test_numbers_are_scored_in_full_precision_in_training_as_afterwards(
    tmp_path: Path, tiny_encoder: Path
) -> None:
    words = ("good", "dull", "superb", "film", "very")
    rows: list[dict[str, object]] = [
        {"text": " ".join(words[number % (2 + size)] for size in range(1 + number % 4)), "label": number / 7}
        for number in range(24)
    ]
    data = str(write_jsonl(tmp_path / "rows.jsonl", rows))
    flags = {
        "data.train": data, "data.eval": {"dev": data}, "model.name": str(tiny_encoder), "train.max_steps": 1,
        "train.precision": "bf16", "train.max_length": 32,
    }  # fmt: skip
    made = finetune(load_recipe("regression", flags=flags), out=tmp_path / "run")
    logged = [json.loads(line) for line in (made.run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    in_training = next(line for line in logged if line["kind"] == "eval")
    assert {name: in_training[name] for name in made.scores["dev"]} == made.scores["dev"]
    numbers = {
        json.loads(line)["prediction"]
        for line in (made.run / "predictions" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    }
    # bf16 has eight bits: texts that differ would be given the same number.
    assert len(numbers) == len({row["text"] for row in rows})
