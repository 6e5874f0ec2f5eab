"""Several trainings of one recipe: on which rows, what is kept of them, and what becomes of those that fail.

The trainings are real and small, and run in this process; `tests/cli/test_repeat.py` starts processes.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from bertkit import evaluate, load_recipe
from bertkit.config.loader import LoadedRecipe
from bertkit.errors import DataError, Interrupted, RecipeError, RunError, TrainingError, UsageError
from bertkit.models.contract import read_contract
from bertkit.runs.folder import RunFolder, find_latest
from bertkit.workflows import children, finetune, repeat_end
from bertkit.workflows.children import Child
from bertkit.workflows.events import Note
from bertkit.workflows.out_of_fold import thresholds_of_others
from bertkit.workflows.repeat import repeat, train_all
from bertkit.workflows.repeat_plan import is_repetition, reopen, repeated_recipes
from bertkit.workflows.repeat_results import RepeatResult
from bertkit.workflows.signals import Terminated

SETTINGS = (
    "train.epochs=3", "train.batch_size=8", "train.learning_rate=3e-3", "train.precision=fp32",
    "train.max_length=32", "data.limit=120",
)  # fmt: skip


@pytest.fixture
def recipe(reviews: Path, tiny_encoder: Path) -> LoadedRecipe:
    flags = {"data.train": str(reviews), "model.name": str(tiny_encoder)}
    return load_recipe("classification", flags=flags, assignments=SETTINGS)


@pytest.fixture
def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Trains children in this process; those named are killed, at the one named last the user stops."""
    monkeypatch.chdir(tmp_path)

    def prepare(killed: Iterable[str] = (), stop_at: str = "") -> list[str]:
        trained: list[str] = []

        def run_process(arguments: list[str]) -> int:
            path = Path(arguments[1] if arguments[0] == "--resume" else arguments[2])
            trained.append(path.name)
            if path.name == stop_at:
                raise Terminated
            if path.name in killed:
                return -9
            finetune.finetune(load_recipe(arguments[0]), out=path)
            return 0

        monkeypatch.setattr(children, "_run_process", run_process)
        return trained

    return prepare


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def predicted_ids(file: Path) -> list[str]:
    return [json.loads(line)["id"] for line in file.read_text(encoding="utf-8").splitlines()]


def test_seeds(recipe: LoadedRecipe, in_process: Callable[..., list[str]], tmp_path: Path) -> None:
    trained = in_process()
    notes: list[str] = []
    result = repeat(recipe, seeds=3, out="run", listen=lambda e: notes.append(getattr(e, "text", "")))
    run = RunFolder(Path("run"))
    assert trained == ["seed-42", "seed-43", "seed-44"]
    assert [child.seed for child in result.children] == [42, 43, 44]
    # On the same rows, of which each is scored; the seed decides the rest.
    files = [run.child(name).predictions("validation") for name in trained]
    assert predicted_ids(files[0]) == predicted_ids(files[1]) == predicted_ids(files[2])
    assert len({file.read_bytes() for file in files}) == 3

    scores = [read(run.child(name).metrics)["scores"]["validation"]["accuracy"] for name in trained]
    spread = result.spread["validation"]["accuracy"]
    assert spread.mean == pytest.approx(statistics.fmean(scores))
    assert spread.deviation == pytest.approx(statistics.stdev(scores))
    assert (spread.low, spread.high, spread.n) == (min(scores), max(scores), 3)
    best = trained[scores.index(max(scores))]
    assert result.kept == best

    metrics = read(run.metrics)
    assert metrics["scores"] == read(run.child(best).metrics)["scores"] == result.scores
    assert metrics["repeated"]["spread"]["validation"]["accuracy"] == spread.as_dict()
    assert [child["path"] for child in metrics["repeated"]["children"]] == [f"children/{n}" for n in trained]
    assert run.predictions("validation").read_bytes() == files[trained.index(best)].read_bytes()
    assert load_recipe(run.recipe).recipe == load_recipe(run.child(best).recipe).recipe
    assert f"# {run.path.name}\n" in run.card.read_text(encoding="utf-8")
    assert "## Over 3 seeds" in run.card.read_text(encoding="utf-8")

    assert evaluate("run").scores == result.scores
    assert find_latest().path == run.path.resolve()
    for name in trained:
        assert not run.child(name).checkpoints.path.exists()
        assert not run.child(name).model.exists()
        assert run.child(name).log.is_file()
    assert any(
        note.startswith("removed the checkpoints of all and the models of the others") for note in notes
    )


def test_folds(recipe: LoadedRecipe, in_process: Callable[..., list[str]]) -> None:
    in_process()
    result = repeat(recipe, folds=3, out="run")
    run = RunFolder(Path("run"))
    left_out = [predicted_ids(run.child(f"fold-{n}").predictions("fold")) for n in (1, 2, 3)]
    assert sorted(int(row) for fold in left_out for row in fold) == list(range(120))

    pooled = run.predictions("out-of-fold")
    assert predicted_ids(pooled) == [str(number) for number in range(120)]
    lines = [json.loads(line) for line in pooled.read_text(encoding="utf-8").splitlines()]
    right = sum(line["prediction"] == line["reference"] for line in lines)
    assert result.out_of_fold["accuracy"] == pytest.approx(right / 120)
    assert read(run.metrics)["repeated"]["out_of_fold"] == result.out_of_fold
    for line in lines:
        assert line["id"] in left_out[line["fold"] - 1]

    # The kept model is scored on the rows that it has not seen, whatever recipe is named.
    assert evaluate("run", predictions="own.jsonl").scores == result.scores
    assert predicted_ids(Path("own.jsonl")) == left_out[int(result.kept[-1]) - 1]
    assert evaluate("run", recipe=recipe).scores == result.scores
    assert evaluate("run", split="fold").scores == result.scores

    # No other split chose their best steps.
    assert "chose its best step on the rows it is scored on" in result.caution
    assert read(run.metrics)["repeated"]["out_of_fold_caution"] == result.caution
    assert result.caution in run.card.read_text(encoding="utf-8")


@pytest.fixture
def several_labels(tmp_path: Path, tiny_encoder: Path) -> LoadedRecipe:
    """Labels that are hard to learn, so that each fold finds thresholds of its own."""
    dice = random.Random(0)
    lines = ["text,label"]
    for number in range(90):
        told = [name for name in ("good", "bad") if dice.random() < 0.5]
        labels = [name for name in told if dice.random() < 0.7]
        words = [*told, *dice.choices(["film", "plot", "actor", "scene"], k=4)]
        lines.append(f'{" ".join(words)} {number},"{",".join(labels)}"')
    (tmp_path / "several.csv").write_text("\n".join(lines), encoding="utf-8")
    flags = {"data.train": str(tmp_path / "several.csv"), "model.name": str(tiny_encoder)}
    settings = (*SETTINGS, "task.problem=multi_label", "metrics.select=f1_macro")
    return load_recipe("classification", flags=flags, assignments=settings)


def test_no_row_is_decided_by_thresholds_that_were_fitted_to_it(
    several_labels: LoadedRecipe, in_process: Callable[..., list[str]]
) -> None:
    """Though the models of all folds but one are gone by then, and one fold came later."""
    in_process(killed=["fold-2"])
    repeat(several_labels, folds=3, out="run")
    in_process()
    result = train_all(reopen("run"), quiet=True)
    run = RunFolder(Path("run"))
    contracts = {n: read_contract(run.child(f"fold-{n}").path, {}) for n in (1, 2, 3)}
    kept = read_contract(run.model, {})
    assert contracts[int(result.kept[-1])] == kept
    assert len({tuple(contract.thresholds.values()) for contract in contracts.values()}) == 3
    others = thresholds_of_others(contracts)

    changed = 0
    for line in map(json.loads, run.predictions("out-of-fold").read_text(encoding="utf-8").splitlines()):
        scores, least = line["scores"], others[line["fold"]]
        assert line["prediction"] == [name for name in scores if scores[name] >= least[name]]
        own = contracts[line["fold"]].thresholds
        changed += line["prediction"] != [name for name in scores if scores[name] >= own[name]]
    assert changed
    assert "mean thresholds of the other folds" in result.caution


def test_where_thresholds_are_lost_it_is_said(
    several_labels: LoadedRecipe, in_process: Callable[..., list[str]]
) -> None:
    """As in a run whose first folds were trained by a version that did not keep them."""
    in_process(killed=["fold-2"])
    repeat(several_labels, folds=2, out="run")
    (RunFolder(Path("run")).child("fold-1").path / "bertkit.json").unlink()
    in_process()
    assert "the thresholds of its labels" in train_all(reopen("run"), quiet=True).caution


def test_own_eval_splits_stay_and_select(
    recipe: LoadedRecipe, reviews: Path, in_process: Callable[..., list[str]], tmp_path: Path
) -> None:
    in_process()
    lines = reviews.read_text(encoding="utf-8").splitlines()
    (tmp_path / "dev.csv").write_text("\n".join([lines[0], *lines[-30:]]), encoding="utf-8")
    data = recipe.recipe.data.model_copy(update={"eval": {"dev": str(tmp_path / "dev.csv")}})
    recipe = LoadedRecipe(recipe.name, recipe.recipe.model_copy(update={"data": data}))
    result = repeat(recipe, folds=2, out="run")
    assert list(result.scores) == list(result.spread) == ["dev", "fold"]
    scores = {child.name: child.scores["dev"]["accuracy"] for child in result.children}
    assert scores[result.kept] == max(scores.values())
    assert result.rows["out-of-fold"] == 120
    assert result.caution == ""
    assert evaluate("run").scores == result.scores


def test_what_fails_does_not_lose_the_others(
    recipe: LoadedRecipe, in_process: Callable[..., list[str]]
) -> None:
    in_process(killed=["seed-43"])
    result = repeat(recipe, seeds=3, out="run")
    assert [child.state for child in result.children] == ["finished", "failed", "finished"]
    assert [child.name for child in result.failed] == ["seed-43"]
    assert "killed by SIGKILL" in result.failed[0].message
    assert result.spread["validation"]["accuracy"].n == 2
    assert evaluate("run").scores == result.scores

    trained = in_process()
    again: RepeatResult = train_all(reopen("run"), quiet=True)
    assert trained == ["seed-43"]
    assert again.spread["validation"]["accuracy"].n == 3
    assert not again.failed
    by_name = {child.name: child.scores["validation"]["accuracy"] for child in again.children}
    assert by_name[again.kept] == max(by_name.values())
    assert evaluate("run").scores == again.scores
    with pytest.raises(RunError, match="finished: nothing to resume"):
        reopen("run")


def test_a_missing_fold_leaves_no_pooled_predictions(
    recipe: LoadedRecipe, in_process: Callable[..., list[str]]
) -> None:
    in_process(killed=["fold-2"])
    notes: list[str] = []
    result = repeat(recipe, folds=2, out="run", listen=lambda e: notes.append(getattr(e, "text", "")))
    assert result.out_of_fold == {}
    assert not RunFolder(Path("run")).predictions("out-of-fold").exists()
    assert "no predictions of all training rows: fold-2 failed" in notes
    in_process()
    assert train_all(reopen("run"), quiet=True).out_of_fold
    assert len(predicted_ids(RunFolder(Path("run")).predictions("out-of-fold"))) == 120


def test_all_fail(recipe: LoadedRecipe, in_process: Callable[..., list[str]]) -> None:
    in_process(killed=["seed-42", "seed-43"])
    with pytest.raises(TrainingError, match="all 2 trainings failed; seed-42: killed by SIGKILL") as failure:
        repeat(recipe, seeds=2, out="run")
    assert failure.value.hint.endswith("bertkit finetune --resume run")
    assert not RunFolder(Path("run")).is_finished
    in_process()
    assert not train_all(reopen("run"), quiet=True).failed


def test_stopped_and_gone_on_with_is_as_never_stopped(
    recipe: LoadedRecipe, in_process: Callable[..., list[str]]
) -> None:
    in_process()
    whole = repeat(recipe, seeds=2, out="whole")
    in_process(stop_at="seed-43")
    with pytest.raises(Interrupted) as stop:
        repeat(recipe, seeds=2, out="run")
    assert stop.value.exit_code == 143
    assert stop.value.message == "1 of 2 trainings are finished; the state is saved"
    assert stop.value.hint == "go on: bertkit finetune --resume run"
    trained = in_process()
    result = train_all(reopen("run"), quiet=True)
    assert trained == ["seed-43"]
    assert result.scores == whole.scores
    assert result.kept == whole.kept
    for name in ("model/model.safetensors", "predictions/validation.jsonl", "log.jsonl"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes()


def test_stopped_while_it_was_brought_together(
    recipe: LoadedRecipe, in_process: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is moved first and the metrics are written last; a stop in between loses neither."""
    in_process(killed=["seed-43"])
    repeat(recipe, seeds=2, out="run")
    assert RunFolder(Path("run")).is_finished

    def stop(*_: object) -> str:
        raise Terminated

    in_process()
    with monkeypatch.context() as patch:
        patch.setattr(repeat_end, "card_of_all", stop)
        with pytest.raises(Interrupted):
            train_all(reopen("run"), quiet=True)
    assert not RunFolder(Path("run")).is_finished  # the scores were those of the first end
    trained = in_process()
    result = train_all(reopen("run"), quiet=True)
    assert trained == []
    assert result.spread["validation"]["accuracy"].n == 2
    assert evaluate("run").scores == result.scores


@pytest.mark.parametrize(
    ("metric", "scores", "best"),
    [
        ("accuracy", [0.5, 0.9, 0.7], "b"),
        ("mse", [0.5, 0.9, 0.4], "c"),
        ("accuracy", [0.5, 0.9, 0.9], "b"),
        ("pearson", [None, -0.2, -0.3], "b"),
        ("mse", [None, 2.0, 3.0], "b"),
        ("pearson", [None, None, None], "a"),
    ],
)
def test_the_best_one(
    recipe: LoadedRecipe, tmp_path: Path, metric: str, scores: list[float | None], best: str
) -> None:
    """By the metric that selects, on the first split; a score that is not defined is the worst."""
    several = [Child(name, recipe, tmp_path / name) for name in "abc"]
    for child, score in zip(several, scores, strict=True):
        child.path.mkdir()
        found = {"dev": {"f1": 1.0, metric: score}, "test": {metric: -(score or 0.0)}}
        child.run.metrics.write_text(json.dumps({"scores": found, "select": metric}), encoding="utf-8")
    assert repeat_end.best_of(several).name == best


def test_changed_data_is_not_gone_on_with(
    recipe: LoadedRecipe, reviews: Path, in_process: Callable[..., list[str]], tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes(reviews.read_bytes())
    data = recipe.recipe.data.model_copy(update={"train": str(own)})
    recipe = LoadedRecipe(recipe.name, recipe.recipe.model_copy(update={"data": data}))
    in_process(killed=["seed-43"])
    repeat(recipe, seeds=2, out="run")
    lines = own.read_text(encoding="utf-8").splitlines()
    own.write_text("\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    with pytest.raises(RunError, match="has changed since it began") as refusal:
        reopen("run")
    assert "--seeds 2" in refusal.value.hint


def test_seeds_and_folds_that_cannot_be(recipe: LoadedRecipe) -> None:
    for wrong in ({}, {"seeds": 2, "folds": 2}, {"seeds": 1}, {"folds": 1}, {"seeds": 0}, {"folds": -3}):
        with pytest.raises(UsageError):
            repeated_recipes(recipe, **wrong)
    train = recipe.recipe.train.model_copy(update={"seed": 2**32 - 2})
    last = LoadedRecipe("last", recipe.recipe.model_copy(update={"train": train}))
    assert len(repeated_recipes(last, seeds=2)[1]) == 2
    with pytest.raises(UsageError, match="reach over"):
        repeated_recipes(last, seeds=3)
    data = recipe.recipe.data.model_copy(update={"eval": {"fold": "dev.csv"}})
    taken = LoadedRecipe("taken", recipe.recipe.model_copy(update={"data": data}))
    with pytest.raises(RecipeError, match="is called 'fold'"):
        repeated_recipes(taken, folds=2)


def test_nothing_is_written_before_it_can_begin(
    recipe: LoadedRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="too few different rows for 200 folds") as refusal:
        repeat(recipe, folds=200)
    assert refusal.value.hint == "take fewer: --folds 120"
    assert list(tmp_path.iterdir()) == []


def test_other_runs_are_none_of_several(trained_run: Path) -> None:
    assert not is_repetition(RunFolder(trained_run / "runs" / "latest"))


def test_notes_of_each(recipe: LoadedRecipe, in_process: Callable[..., list[str]]) -> None:
    in_process(killed=["seed-43"])
    notes: list[Note] = []
    repeat(recipe, seeds=2, listen=lambda event: notes.append(event) if isinstance(event, Note) else None)
    said = {note.text.split(":")[0]: note.warning for note in notes}
    assert said["seed-42 (1 of 2) is finished"] is False
    assert said["seed-43 (2 of 2) failed"] is True
    assert "seed-42 begins" in said
