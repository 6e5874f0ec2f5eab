"""Each part that is left out is there to be left out."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rivals.parts import PARTS
from benchmarks.workloads import WORKLOADS


@pytest.mark.parametrize("part", PARTS)
def test_what_is_left_out_is_there(part: str) -> None:
    code = f"from benchmarks.rivals.parts import PARTS; PARTS[{part!r}]()"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


def test_every_part_has_a_row() -> None:
    rows = {rival.options.get("without") for rival in WORKLOADS["parts-sst2"].rivals}
    assert rows == {*PARTS, None}
