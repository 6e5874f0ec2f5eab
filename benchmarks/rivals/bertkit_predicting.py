"""bertkit's own prediction of a file, from outside."""

from __future__ import annotations

import io
import tempfile
import time
from itertools import islice
from pathlib import Path

from benchmarks.rivals.job import Figures, Job, answer
from benchmarks.rivals.line_files import WARMUP_LINES, compared


class WatchedFile(io.FileIO):
    """A file that knows when it was first read: before that the model is loaded."""

    first_read: float | None = None

    def readinto(self, buffer: object, /) -> int | None:
        if self.first_read is None:
            self.first_read = time.perf_counter()
        return super().readinto(buffer)  # type: ignore[arg-type]


def predict(job: Job) -> Figures:
    """From the first line read to the last one written; and the whole call, with loading the model again.

    `job` may say which `engine`.
    """
    from bertkit import predict as predict_lines

    source = Path(job["rows"])
    columns = ["premise", "hypothesis"] if job["recipe"] == "mnli" else ["sentence"]
    how = {"model": job["encoder"], "text": columns, "engine": job.get("engine", "auto")}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        warmup = scratch / "warmup.jsonl"
        with source.open(encoding="utf-8") as stream:
            warmup.write_text("".join(islice(stream, WARMUP_LINES)), encoding="utf-8")
        predict_lines(warmup, output=scratch / "warmup.out.jsonl", **how)
        watched = WatchedFile(source)
        called = time.perf_counter()
        with io.BufferedReader(watched) as stream:
            predict_lines(stream, output=scratch / "out.jsonl", **how)
        ended = time.perf_counter()
        assert watched.first_read is not None
        figures = compared(job, scratch / "out.jsonl", ended - watched.first_read)
    return {**figures, "seconds_with_loading": ended - called}


if __name__ == "__main__":
    answer(predict)
