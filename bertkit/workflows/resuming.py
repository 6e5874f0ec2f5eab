"""Going on with a run: from which checkpoint, and with what it began with, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bertkit.config.schema import Recipe
from bertkit.errors import RunError, TrainingError
from bertkit.processes.group import Group
from bertkit.redaction import redacted_values
from bertkit.runs.atomic import write_json
from bertkit.runs.checkpoints import Checkpoint, Skipped
from bertkit.runs.environment import fingerprint
from bertkit.runs.folder import RunFolder
from bertkit.workflows.events import Listener, Note

# What may be set anew: where the same rows lie now, and what does not change what is computed, but for
# the rounding of micro-batches; rows are compared by themselves. docs/reliability.md lists them.
MAY_CHANGE = frozenset({
    "name", "published", "data.source", "data.train", "data.eval", "data.test", "train.micro_batch_size",
    "train.save_every_minutes", "train.on_nan", "data.skip_bad_rows", "train.strategy", "train.compile",
})  # fmt: skip
NAMED = 6


def facts_of(recipe: Recipe, environment: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of the training it is of.

    Args:
        recipe: as resolved.
        environment: the content of environment.json.
    """
    settings = settings_of(recipe)
    return {
        "recipe": fingerprint([json.dumps(settings, sort_keys=True)]),
        "settings": settings,
        "data": environment["data"],
        "processes": environment["processes"],
        "precision": environment["precision"],
        "model": environment["model"],
        "versions": {
            "python": environment["python"], **environment["packages"],
            "processor": environment["hardware"]["processor"],
            "GPU": ", ".join(sorted(set(environment["hardware"]["gpus"]))) or "none",
        },
    }  # fmt: skip


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """Each setting by its dotted name, without secrets."""
    found: dict[str, Any] = {}
    for section, values in redacted_values(recipe.model_dump(mode="json")).items():
        if isinstance(values, dict):
            found |= {f"{section}.{key}": value for key, value in values.items()}
        else:
            found[section] = values
    return found


def newest_checkpoint(
    run: RunFolder, listen: Listener, group: Group
) -> tuple[Checkpoint | None, list[Skipped]]:
    """What to go on from, and what is passed over on the way, which is named. None: begin with step 1.

    Of several processes the main one looks, and tells the others.

    Raises:
        TrainingError: there are checkpoints, and none of them is whole.
    """
    skipped: list[Skipped] = []

    def look() -> list[Any] | None:
        found, passed = _look_for_checkpoint(run, listen)
        skipped.extend(passed)
        return None if found is None else [str(found.path), found.step, dict(found.facts)]

    told = group.from_main(look)
    return (None if told is None else Checkpoint(Path(told[0]), told[1], told[2])), skipped


def _look_for_checkpoint(run: RunFolder, listen: Listener) -> tuple[Checkpoint | None, list[Skipped]]:
    found, skipped = run.checkpoints.newest()
    for each in skipped:
        listen(Note(f"checkpoint {each.name} is passed over: {each.reason}", warning=True))
    if found is None and skipped:
        raise TrainingError(
            f"no checkpoint of {run.path} is whole",
            hint=f"restore one from a backup, or start again: bertkit finetune {run.recipe}",
        )
    if found is None:
        listen(Note("there is no checkpoint yet: it begins with the first step"))
    else:
        listen(Note(f"going on after step {found.step}"))
    return found, skipped


def check_settings(run: RunFolder, began_with: Mapping[str, Any], recipe: Recipe) -> None:
    """Refuse other settings than those a run began with.

    Args:
        run: to go on with.
        began_with: each setting by its dotted name.
        recipe: what it shall go on with.

    Raises:
        RunError: with the settings that differ.
    """
    now = settings_of(recipe)
    others = [
        f"{key}: {_shown(began_with.get(key))} is now {_shown(now.get(key))}"
        for key in sorted(began_with.keys() | now.keys())
        if key not in MAY_CHANGE and began_with.get(key) != now.get(key)
    ]
    if others:
        more = f" (and {len(others) - NAMED} more)" if len(others) > NAMED else ""
        raise RunError(
            f"{run.path} began with other settings: {'; '.join(others[:NAMED])}{more}",
            hint=f"go on as it began: bertkit finetune --resume {run.path}; or begin another run",
        )


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def settings_at_begin(checkpoint: Checkpoint | None, recipe: Recipe) -> Mapping[str, Any]:
    """What a run began with, from its checkpoint; from its recipe where there is none."""
    settings = checkpoint.facts.get("settings") if checkpoint is not None else None
    return settings if isinstance(settings, dict) else settings_of(recipe)


def check_facts(
    run: RunFolder,
    began_with: Mapping[str, Any],
    now: Mapping[str, Any],
    listen: Listener,
    *,
    elastic: bool = False,
) -> None:
    """Refuse other rows and another number of processes; say what may make results differ in rounding.

    Args:
        run: to go on with.
        began_with: what its checkpoint says.
        now: the same of what it shall go on with.
        listen: told what may differ.
        elastic: another number of processes is wanted.

    Raises:
        RunError: with the splits, or the numbers.
    """
    before, data = began_with.get("data") or {}, now["data"]
    changed = [name for name in {**before, **data} if before.get(name) != data.get(name)]
    if changed:
        raise RunError(
            f"the data of {run.path} has changed since it began: {', '.join(changed)}",
            hint=f"restore it, or start again: bertkit finetune {run.recipe}",
        )
    before, processes = began_with.get("processes", 1), now["processes"]
    if before != processes and not elastic:
        raise RunError(
            f"{run.path} began with {_processes(before)}, {'these are' if processes > 1 else 'this is'} "
            f"{_processes(processes)}",
            hint=f"start {_processes(before)} again{_on_one_host(before)}; or --elastic: the same batches, "
            "other masks of dropout",
        )
    if before != processes:
        text = f"the run began with {_processes(before)}: masks of dropout are others from here on"
        listen(Note(text, warning=True))
    model, files = began_with.get("model") or {}, now["model"]["files"]
    changed = [name for name, digest in (model.get("files") or files).items() if files.get(name) != digest]
    if changed:
        raise RunError(
            f"the encoder of {run.path} has changed since it began: {', '.join(changed)}",
            hint=f"restore it, or start again: bertkit finetune {run.recipe}",
        )
    if others := elsewhere(began_with, now):
        text = f"the run began with {', '.join(others)}: results may differ in their last digits"
        listen(Note(text, warning=True))


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"


def _on_one_host(count: int) -> str:
    return f", on one host: --nproc {count}" if count > 1 else ""


def elsewhere(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What may make results differ in their last digits: precision, versions, another processor."""
    others = _others("precision", before.get("precision"), now["precision"])
    versions = before.get("versions") or {}
    for name, version in now["versions"].items():
        others += _others(name, versions.get(name), version)
    return others


def _others(name: str, before: Any, now: Any) -> list[str]:
    return [] if before in (None, now) else [f"{name} {before} (now {now})"]


def at_commit(recipe: Recipe, environment: Mapping[str, Any]) -> Recipe:
    """The recipe with the commit of the Hub that a run began with: a branch may have moved on since."""
    commit = (environment.get("model") or {}).get("commit")
    if commit is None:
        return recipe
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"revision": commit})})


def record_resume(run: RunFolder, step: int, facts: Mapping[str, Any]) -> None:
    """Add to environment.json that, and with which versions, a run was gone on with."""
    environment = run.read_environment()
    entry = {"step": step, "at": datetime.now().isoformat(timespec="seconds"), "versions": facts["versions"]}
    write_json(run.environment, environment | {"resumed": [*environment.get("resumed", []), entry]})
