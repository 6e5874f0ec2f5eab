"""bertkit fine-tunes, scores and uses BERT-type encoders.

    from bertkit import finetune, evaluate, predict, load_recipe

The functions are the workflows behind the command line; see `bertkit.workflows`. They are loaded when
they are first used, so that `import bertkit` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertkit.config.loader import load_recipe
    from bertkit.errors import BertkitError
    from bertkit.workflows.evaluate import evaluate
    from bertkit.workflows.finetune import finetune
    from bertkit.workflows.predict import predict

_HOMES = {
    "finetune": "bertkit.workflows.finetune",
    "evaluate": "bertkit.workflows.evaluate",
    "predict": "bertkit.workflows.predict",
    "load_recipe": "bertkit.config.loader",
    "BertkitError": "bertkit.errors",
}

__all__ = ["BertkitError", "evaluate", "finetune", "load_recipe", "predict"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bertkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
