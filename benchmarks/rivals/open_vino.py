"""OpenVINO over the same graph, in bf16, in batches of like length."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.rivals.job import Figures, Job, answer
from benchmarks.rivals.line_files import timed
from benchmarks.rivals.onnx_runtime import classify_with


def predict(job: Job) -> Figures:
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": "bf16",
        "INFERENCE_NUM_THREADS": os.environ["OMP_NUM_THREADS"],
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(job["graphs"]["fp32"], "CPU", settings)
    with tempfile.TemporaryDirectory() as scratch:
        return timed(job, Path(scratch), classify_with(job, lambda given: compiled(given)[0]))


if __name__ == "__main__":
    answer(predict)
