"""Room on the disk: how it is said, and what tells that there is none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from bertkit.errors import RunError
from bertkit.runs.disk import check_space, free_bytes, is_disk_full, size_of


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_500, "1.5 kB"),
        (2_000_000, "2.0 MB"),
        (3.5e9, "3.5 GB"),
        (1.2e13, "12.0 TB"),
    ],
)
def test_bytes_as_people_read_them(amount: float, said: str) -> None:
    assert size_of(amount) == said


def test_what_would_fill_the_disk_is_refused_with_both_figures(tmp_path: Path) -> None:
    check_space(tmp_path / "not" / "there", 1)
    needed = 2 * free_bytes(tmp_path)
    with pytest.raises(RunError, match="left, the run may need") as caught:
        check_space(tmp_path / "run", needed)
    assert size_of(needed) in caught.value.message


def test_a_full_disk_is_told_from_other_errors() -> None:
    assert is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
    assert is_disk_full(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))
