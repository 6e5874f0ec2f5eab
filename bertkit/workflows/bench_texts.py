"""The texts of a run's eval splits for `bertkit bench`, read in a process of their own.

What reads data sets would count as memory of the process that is measured, and would be loaded before it.
Nothing is fetched: a data set that is not on this machine is no text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.errors import BertkitError, DataError
from bertkit.models.contract import ModelContract
from bertkit.tasks.base import Example

# Reading may wait for a disk or a file server that is gone.
LONGEST_SECONDS = 120


def read_eval_texts(run: Path, most: int) -> tuple[list[dict[str, str]], str]:
    """Records as `predict` takes them, evenly from all eval splits, and the names of the splits.

    Raises:
        DataError: they cannot be had; its message says why.
    """
    # No modules from the folder one stands in, unless bertkit itself is there.
    path = [] if Path(__file__).parents[2] == Path.cwd() else ["-P"]
    command = [sys.executable, *path, "-m", "bertkit.workflows.bench_texts", str(run), str(most)]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    hint = "name a file: --data FILE"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=LONGEST_SECONDS,
            env=os.environ | offline,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DataError(f"not read after {LONGEST_SECONDS} s", hint=hint) from error
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode or not said:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise DataError(last[0] if last else f"exit code {done.returncode}", hint=hint)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    if "error" in found:
        raise DataError(found["error"], hint=hint)
    return found["records"], ", ".join(found["splits"])


def text_names(contract: ModelContract) -> tuple[str, ...]:
    """What the texts of a line for `predict` are called."""
    # A line of text is a text, also where the model was trained on lists of tokens.
    return ("text",) if contract.problem in ("tags", "frames") else contract.text


def _eval_texts(run: str, most: int) -> Mapping[str, Any]:
    from bertkit.config.loader import load_recipe
    from bertkit.tasks.table import TASKS
    from bertkit.workflows.eval_data import recipe_splits
    from bertkit.workflows.events import silent
    from bertkit.workflows.trained import find_trained

    found = find_trained(run)
    if found.run is None:
        raise DataError(f"{run} is no run", hint="name a file: --data FILE")
    task = TASKS[found.contract.task].from_contract(found.contract)
    splits = recipe_splits(load_recipe(found.run.recipe).recipe, None, task, silent)
    examples: list[Example] = [example for split in splits.values() for example in split.examples]
    chosen = examples[:: -(-len(examples) // most) or 1]
    return {
        "splits": list(splits),
        "records": [dict(zip(text_names(found.contract), each.texts, strict=True)) for each in chosen],
    }


def _main(run: str, most: str) -> None:
    try:
        found = _eval_texts(run, int(most))
    except BertkitError as error:
        found = {"error": error.message}
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
