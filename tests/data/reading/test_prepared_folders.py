"""Which folders of the cache belong to a data set of the Hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.data.reading.offline import prepared_folders


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("nyu-mll/glue", "nyu-mll___glue"),
        ("fancyzhx/AGNews", "fancyzhx___ag_news"),
        ("squad", "squad"),
    ],
)
def test_a_data_set_has_its_own_folder_and_no_other(
    name: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`a-b/c` and `ab/c` are two: what is found is removed when it has to be made anew."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    for each in (folder, "nyumll___glue", "nyu___mllglue", "fancy___zhxagnews", "other___squad"):
        (tmp_path / each).mkdir()
    assert prepared_folders(name) == [tmp_path / folder]
