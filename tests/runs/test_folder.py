"""Where runs lie, which is the latest, and what is not overwritten."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from bertkit.errors import RunError
from bertkit.runs import folder as run_folders
from bertkit.runs.folder import RunFolder

NOON = datetime(2026, 11, 21, 12, 0, 0)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make_run(path: Path | str, *, seconds: int = 0, finished: bool = True) -> RunFolder:
    run = RunFolder(Path(path))
    run.model.mkdir(parents=True)
    for file in (run.recipe, run.environment, *([run.metrics] if finished else [])):
        file.write_text("{}", encoding="utf-8")
    os.utime(run.environment, (seconds, seconds))
    return run


@pytest.mark.parametrize(
    ("model", "short"),
    [
        ("bert-base-uncased", "bert-base-uncased"),
        ("google/electra-small", "electra-small"),
        ("models/mine/", "mine"),
        ("../..", "model"),
        ("/", "model"),
        ("a b;c$(d)", "a-b-c-d"),
        (".hidden", "hidden"),
    ],
)
def test_default_path_is_one_folder_below_runs(model: str, short: str) -> None:
    assert run_folders.default_path("sst2", model, now=NOON) == Path(f"runs/sst2-{short}-20261121-120000")


def test_second_run_of_a_second_gets_a_name_of_its_own() -> None:
    path = run_folders.default_path("sst2", "m", now=NOON)
    path.mkdir(parents=True)
    assert run_folders.unused_path(path).name == f"{path.name}-2"
    run_folders.unused_path(path).mkdir()
    assert run_folders.unused_path(path).name == f"{path.name}-3"


def test_free_are_new_and_empty_folders() -> None:
    Path("empty").mkdir()
    for name in ("empty", "new", "deep/er/new"):
        run_folders.check_free(Path(name), force=False)
    assert [path.name for path in Path().iterdir()] == ["empty"]


def test_runs_are_replaced_with_force_alone_and_other_things_never() -> None:
    make_run("run")
    Path("other").mkdir()
    Path("other/thesis.tex").touch()
    Path("file").touch()
    with pytest.raises(RunError, match="run already exists"):
        run_folders.check_free(Path("run"), force=False)
    run_folders.check_free(Path("run"), force=True)
    for name in ("other", "file"):
        for force in (False, True):
            with pytest.raises(RunError, match="no run folder"):
                run_folders.create(Path(name), force=force)
    assert Path("other/thesis.tex").is_file()
    with pytest.raises(RunError, match="cannot be written"):
        run_folders.check_free(Path("file/run"), force=False)


def test_replacing_the_latest_run_follows_the_link() -> None:
    run = make_run("runs/one")
    run_folders.mark_latest(run)
    made = run_folders.create(Path("runs/latest"), force=True)
    assert Path("runs/latest").is_symlink()
    assert made.path == run.path.resolve()
    assert not any(Path("runs/one").iterdir())


def test_latest_below_runs_is_a_relative_link_that_moves_with_the_folder(tmp_path: Path) -> None:
    run_folders.mark_latest(make_run("runs/one"))
    run_folders.mark_latest(make_run("runs/two"))
    assert Path("runs/latest").readlink() == Path("two")
    Path("runs").rename("moved")
    Path("moved").rename("runs")
    assert run_folders.find_latest().path == tmp_path / "runs" / "two"


def test_latest_may_lie_elsewhere_and_is_listed_and_found(tmp_path: Path) -> None:
    make_run("runs/one", seconds=1)
    run_folders.mark_latest(make_run("elsewhere/mine", seconds=2))
    mine = tmp_path / "elsewhere" / "mine"
    assert Path("runs/latest").readlink() == mine
    assert run_folders.find_latest().path == mine
    assert [run.path.name for run in run_folders.list_runs()] == ["mine", "one"]
    for name in ("latest", "runs/latest", "mine"):
        assert run_folders.find_run(name).path == mine


def test_without_links_the_latest_is_a_path_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path, target_is_directory: bool = False) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refused)
    make_run("runs/one", seconds=1)
    for name in ("runs/two", "elsewhere/mine"):
        run_folders.mark_latest(make_run(name, seconds=2))
        assert Path("runs/latest").is_file()
        assert run_folders.find_latest().path == tmp_path / name
        assert run_folders.find_run("latest").path == tmp_path / name
    assert {run.path.name for run in run_folders.list_runs()} == {"one", "two", "mine"}


def test_where_the_latest_is_gone_or_unfinished_the_newest_finished_one_serves() -> None:
    make_run("runs/old", seconds=1)
    make_run("runs/new", seconds=2)
    make_run("runs/unfinished", seconds=3, finished=False)
    Path("runs/latest").symlink_to("gone")
    assert run_folders.find_latest().path.name == "new"
    assert [run.path.name for run in run_folders.list_runs()] == ["unfinished", "new", "old"]


def test_no_run_is_told_with_those_there_are() -> None:
    with pytest.raises(RunError, match="no finished run"):
        run_folders.find_latest()
    make_run("runs/one")
    with pytest.raises(RunError) as caught:
        run_folders.find_run("two")
    assert "one" in caught.value.hint


def make_child(parent: str, name: str, *, planned: bool = True) -> RunFolder:
    child = RunFolder(Path(parent)).child(name)
    make_run(child.path)
    if planned:
        RunFolder(Path(parent)).children_plan.write_text("{}", encoding="utf-8")
    return child


def test_a_child_run_leaves_latest_to_its_parent() -> None:
    parent = make_run("runs/several")
    child = make_child("runs/several", "seed-42")
    assert child.is_child
    assert not parent.is_child
    run_folders.mark_latest(parent)
    run_folders.mark_latest(child)
    assert run_folders.find_latest().path == parent.path.resolve()
    assert [run.path for run in run_folders.list_runs()] == [parent.path.resolve()]


def test_a_folder_that_is_called_children_makes_no_child() -> None:
    run = make_child("mine", "first", planned=False)
    assert not run.is_child
    run_folders.mark_latest(run)
    assert run_folders.find_latest().path == run.path.resolve()


def test_a_child_is_finished_also_where_its_model_was_not_kept() -> None:
    child, alone = make_child("several", "seed-42"), make_run("alone")
    for run in (child, alone):
        run.model.rmdir()
    assert child.is_finished
    assert not alone.is_finished


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/b", "..", "a\0b", "", 7, None])
def test_names_from_files_stay_inside(name: str) -> None:
    run = RunFolder(Path("run"))
    for place in (run.child, run.predictions):
        with pytest.raises(RunError, match="cannot name a file of a run") as caught:
            place(name)
        assert caught.value.hint


@pytest.mark.parametrize("content", [b"\x80\x04\x95", b"../\0", b"x" * 5000, b"\n\n"])
def test_latest_as_anything(content: bytes) -> None:
    make_run("runs/a")
    Path("runs/latest").write_bytes(content)
    assert run_folders.find_latest().path.name == "a"
    assert [run.path.name for run in run_folders.list_runs()] == ["a"]


def test_latest_as_a_loop_of_links() -> None:
    make_run("runs/a")
    Path("runs/latest").symlink_to("latest")
    assert run_folders.find_latest().path.name == "a"
