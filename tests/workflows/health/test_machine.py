"""What a container leaves of a machine, as cgroups of both versions write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.workflows.health.machine import (
    core_limit,
    look_at_memory,
    look_at_processor,
    memory_limit,
    memory_used,
)


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n", encoding="ascii")
    return folder


def test_version_2(tmp_path: Path) -> None:
    write(tmp_path, cpu_dot_max="150000 100000", memory_dot_max="2000000000", memory_dot_current="500000000")
    assert core_limit(tmp_path) == 1.5
    assert (memory_limit(tmp_path), memory_used(tmp_path)) == (2_000_000_000, 500_000_000)


def test_version_1(tmp_path: Path) -> None:
    write(
        tmp_path, cpu__cpu_dot_cfs_quota_us="200000", cpu__cpu_dot_cfs_period_us="100000",
        memory__memory_dot_limit_in_bytes="3000000000", memory__memory_dot_usage_in_bytes="1",
    )  # fmt: skip
    assert core_limit(tmp_path) == 2
    assert (memory_limit(tmp_path), memory_used(tmp_path)) == (3_000_000_000, 1)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu_dot_max": "max 100000", "memory_dot_max": "max"},
        {"cpu__cpu_dot_cfs_quota_us": "-1", "memory__memory_dot_limit_in_bytes": "9223372036854771712"},
        {"cpu_dot_max": "", "memory_dot_max": ""},
        {"cpu_dot_max": "1 0", "memory_dot_max": "x"},
    ],
)
def test_no_limit(files: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, **files)
    assert core_limit(tmp_path) is None
    assert memory_limit(tmp_path) is None


def test_more_threads_than_the_container_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    (found,) = look_at_processor(write(tmp_path, cpu_dot_max="150000 100000"))
    assert found.state == "warning" and "OMP_NUM_THREADS=1" in found.hint
    assert found.facts["limit"] == 1.5
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (found,) = look_at_processor(tmp_path)
    assert found.state == "ok"


@pytest.mark.parametrize(
    ("limit", "used", "state"), [(200_000_000, 0, "problem"), (3_000_000_000, 1_000_000_000, "warning")]
)
def test_little_memory(limit: int, used: int, state: str, tmp_path: Path) -> None:
    write(tmp_path, memory_dot_max=str(limit), memory_dot_current=str(used))
    (found,) = look_at_memory(tmp_path)
    assert (found.state, found.facts["free_bytes"]) == (state, limit - used)
    assert found.hint
