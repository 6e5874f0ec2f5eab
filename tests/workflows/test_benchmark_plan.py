"""What a benchmark shall do, and which folders it goes on in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertkit.errors import RecipeError, RunError, UsageError
from bertkit.workflows.benchmark import children_of
from bertkit.workflows.benchmark_plan import QUICK, Plan, begin, make_plan, place_plan, read_plan
from bertkit.workflows.benchmark_published import TASK_NAMES


def plan_of(model: str = "minilm", *tasks: str, **settings: object) -> Plan:
    given = {"quick": False, "seed": None, "assignments": ()} | settings
    return make_plan(model, tasks=tasks, **given)  # type: ignore[arg-type]


def test_all_nine_tasks_or_those_named_in_the_order_of_the_benchmark() -> None:
    assert plan_of().tasks == TASK_NAMES
    assert len(TASK_NAMES) == 9
    assert plan_of("minilm", "rte", " CoLA", "").tasks == ("cola", "rte")
    assert plan_of("minilm", "mnli", "ax").tasks == ("mnli",)
    with pytest.raises(UsageError, match=r"'col'.*did you mean cola") as error:
        plan_of("minilm", "col")
    assert "cola, sst2" in error.value.hint
    with pytest.raises(UsageError, match="model of mnli"):
        plan_of("minilm", "ax")


def test_settings_reach_all_recipes_and_own_ones_win_over_those_of_a_smoke_run() -> None:
    recipe = plan_of("some/model", seed=7, assignments=("train.epochs=5",)).recipe("cola").recipe
    assert (recipe.model.name, recipe.train.seed, recipe.train.epochs) == ("some/model", 7, 5)
    assert recipe.data.limit is None
    quick = plan_of(quick=True, assignments=("train.max_steps=9",)).recipe("cola").recipe
    assert (quick.data.limit, quick.train.max_steps) == (QUICK["data.limit"], 9)
    with pytest.raises(RecipeError, match="epoch"):
        children_of(Path("b"), plan_of(assignments=("train.epoch=5",)))


def test_each_task_is_a_child_that_starts_from_the_plain_encoder() -> None:
    children = children_of(Path("b"), plan_of("enc"))
    assert [child.name for child in children] == list(TASK_NAMES)
    assert {child.recipe.recipe.model.name for child in children} == {"enc"}
    assert len({child.path for child in children}) == 9


def test_a_begun_benchmark_is_read_back(tmp_path: Path) -> None:
    plan = plan_of("enc", "rte", seed=3, assignments=("train.epochs=1",))
    begin(tmp_path / "b", plan, force=False)
    assert read_plan(tmp_path / "b") == plan


@pytest.mark.parametrize("content", [None, "{", "[]", '{"benchmark": "glue"}', '{"benchmark": "super"}'])
def test_what_is_no_benchmark_is_not_gone_on_with(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "children.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match="holds no benchmark"):
        read_plan(tmp_path)


def test_the_same_settings_go_on_and_more_tasks_are_added(tmp_path: Path) -> None:
    folder, first = place_plan(plan_of("enc", "rte"), tmp_path / "b", force=False)
    begin(folder, first, force=False)
    assert place_plan(plan_of("enc", "cola"), folder, force=False) == (folder, plan_of("enc", "cola", "rte"))
    (folder / "kept").touch()
    begin(folder, plan_of("enc", "cola", "rte"), force=False)
    assert (folder / "kept").exists()


@pytest.mark.parametrize(
    ("model", "settings", "told"),
    [
        ("other", {}, "model enc, not other"),
        ("enc", {"quick": True}, "quick False, not True"),
        ("enc", {"seed": 1}, "seed None, not 1"),
        ("enc", {"assignments": ("train.epochs=2",)}, "assignments none, not train.epochs=2"),
    ],
)
def test_other_settings_are_refused_and_replaced_by_force(
    tmp_path: Path, model: str, settings: dict[str, object], told: str
) -> None:
    begin(tmp_path / "b", plan_of("enc", "rte"), force=False)
    (tmp_path / "b" / "old").touch()
    with pytest.raises(RunError, match=told) as error:
        place_plan(plan_of(model, "rte", **settings), tmp_path / "b", force=False)
    assert "--resume" in error.value.hint and "--force" in error.value.hint
    folder, plan = place_plan(plan_of(model, **settings), tmp_path / "b", force=True)
    begin(folder, plan, force=True)
    assert not (folder / "old").exists()
    assert json.loads((folder / "children.json").read_text(encoding="utf-8"))["model"] == model


def test_a_folder_with_something_else_is_left_alone_even_by_force(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    for force in (False, True):
        with pytest.raises(RunError, match="holds no benchmark"):
            place_plan(plan_of(), tmp_path, force=force)
    assert (tmp_path / "thesis.txt").exists()


def test_without_out_the_folder_is_named_by_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, _ = place_plan(plan_of("google-bert/bert-base-cased"), None, force=False)
    assert folder.parent == Path("runs") and folder.name.startswith("glue-bert-base-cased-")
    (tmp_path / "enc").mkdir()
    assert plan_of("enc").model == str(tmp_path / "enc"), "a local encoder is found from anywhere"
