"""Archives of the Hub whose members are pickled tensors: they stay bytes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertkit.config.schema import DataSection
from bertkit.data.reading import hub_datasets


def test_tensors_in_an_archive_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hostile: Callable[..., bytes], marker: Path
) -> None:
    import datasets
    import torch
    from datasets.packaged_modules.webdataset.webdataset import DECODERS, WebDataset, torch_loads

    monkeypatch.setattr(WebDataset, "DECODERS", DECODERS | {"pth": torch_loads})
    opened: list[Any] = []
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: opened.append(args))
    with tarfile.open(tmp_path / "train.tar", "w") as archive:
        for name, content in (("a.txt", b"fine"), ("a.cls", b"1"), ("a.pth", hostile())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    load = datasets.load_dataset
    files, cache = {"train": str(tmp_path / "train.tar")}, str(tmp_path / "cache")
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda *_, split, streaming, **__: load(
            "webdataset", data_files=files, split=split, streaming=streaming, cache_dir=cache
        ),
    )
    data = DataSection(source="somebody/archive", train="train", streaming=True, limit=1)
    rows = hub_datasets._fetch(data, "somebody/archive", "train")
    assert (rows[0]["txt"], rows[0]["cls"], rows[0]["pth"]) == ("fine", 1, hostile())
    assert opened == [] and not marker.exists()
