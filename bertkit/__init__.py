"""bertkit fine-tunes, scores and uses BERT-type encoders.

    from bertkit import finetune, evaluate, predict, compare, load_recipe

The functions are the workflows behind the command line; see `bertkit.workflows`. They are loaded when
they are first used, so that `import bertkit` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertkit.config.loader import load_recipe
    from bertkit.errors import BertkitError
    from bertkit.workflows.bench import bench
    from bertkit.workflows.benchmark import benchmark_glue
    from bertkit.workflows.compare import compare
    from bertkit.workflows.evaluate import evaluate
    from bertkit.workflows.evaluate_file import evaluate_file
    from bertkit.workflows.finetune import finetune
    from bertkit.workflows.predict import predict
    from bertkit.workflows.predict_files import predict_files
    from bertkit.workflows.repeat import repeat

_HOMES = {
    "finetune": "bertkit.workflows.finetune",
    "evaluate": "bertkit.workflows.evaluate",
    "predict": "bertkit.workflows.predict",
    "predict_files": "bertkit.workflows.predict_files",
    "repeat": "bertkit.workflows.repeat",
    "evaluate_file": "bertkit.workflows.evaluate_file",
    "bench": "bertkit.workflows.bench",
    "compare": "bertkit.workflows.compare",
    "benchmark_glue": "bertkit.workflows.benchmark",
    "load_recipe": "bertkit.config.loader",
    "BertkitError": "bertkit.errors",
}

__all__ = [
    "BertkitError", "bench", "benchmark_glue", "compare", "evaluate", "evaluate_file", "finetune",
    "load_recipe", "predict", "predict_files", "repeat",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bertkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
