"""A trained model, ready to score or predict: found, matched with its task, loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bertkit.config.catalogue import list_recipes
from bertkit.errors import DataError, ModelError, UsageError
from bertkit.models.contract import ModelContract, read_contract
from bertkit.models.heads import reorder_outputs, required_order
from bertkit.models.light.families import shape_of
from bertkit.models.loading import LoadedModel, load_model, position_limit
from bertkit.models.sources import ModelSource, find_model
from bertkit.runs.folder import RUNS, RunFolder, find_latest, find_run
from bertkit.tasks.base import Limits, Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.engine import Engine, start_engine


@dataclass(frozen=True)
class TrainedSource:
    """Where a trained model is.

    Attributes:
        run: its run folder, None for a model from elsewhere.
        source: its files.
        contract: how texts go in and what comes out.
    """

    run: RunFolder | None
    source: ModelSource
    contract: ModelContract

    @property
    def called(self) -> str:
        """The name of its run; of a model from elsewhere what it was asked for by."""
        return self.run.path.resolve().name if self.run is not None else self.source.name

    @property
    def limits(self) -> Limits:
        """The lengths it was trained with."""
        shape = shape_of(self.source.config, self.contract.problem)
        positions = position_limit(self.source) if shape is None else shape.position_limit
        window = self.contract.window and min(self.contract.window, positions)
        return Limits(min(self.contract.max_length, positions), window, self.contract.stride)

    def with_columns(self, text: Sequence[str | None] | None) -> TrainedSource:
        """The model with its text columns called otherwise; one from elsewhere may read one text or a pair.

        Raises:
            DataError: another number of columns is named than it reads.
        """
        needed = self.contract.text
        columns = named_columns(text, needed)
        if len(columns) != len(needed) and self.contract.recipe is not None:
            names = ", ".join(needed)
            raise DataError(
                f"the model reads {len(needed)} texts ({names}), {len(columns)} columns are named",
                hint="name --text and --text-pair",
            )
        return replace(self, contract=self.contract.model_copy(update={"text": columns}))


@dataclass(frozen=True)
class Trained:
    """A trained model in memory.

    Attributes:
        engine: where it is computed.
        model: on the engine's device.
        task: what it does.
        limits: how texts are cut or windowed.
    """

    engine: Engine
    model: LoadedModel
    task: Task
    limits: Limits


def find_trained(name: str | None) -> TrainedSource:
    """The latest run, or a run, a model folder or a Hub id.

    Raises:
        RunError, ModelError, HubError: if there is none, or it has no trained head.
    """
    run: RunFolder | None = None
    if name in {entry.name for entry in list_recipes()} and not _as_path(name or "").is_dir():
        raise UsageError(f"{name} is a recipe, not a model", hint=f"bertkit eval --recipe {name}")
    if name is None:
        run = find_latest()
    elif RunFolder(_as_path(name)).is_run:
        run = find_run(name)
    source = find_model(str(run.path) if run is not None else name or "")
    return TrainedSource(run, source, read_contract(source.folder, source.config, name=source.name))


def named_columns(given: Sequence[str | None] | None, trained: Sequence[str]) -> tuple[str, ...]:
    """The text columns as named, with those of the training where a name is left open."""
    if not given:
        return tuple(trained)
    filled = [name or (trained[place] if place < len(trained) else None) for place, name in enumerate(given)]
    return (*(name for name in filled if name is not None), *trained[len(filled) :])


def _as_path(name: str) -> Path:
    path = Path(name).expanduser()
    return path if path.is_dir() else Path(RUNS) / name


def load_trained(
    found: TrainedSource, task: Task | None = None, *, precision: str = "auto", several: bool = False
) -> Trained:
    """Load a trained model for its own task, or for the task of a recipe, labels matched by name.

    Args:
        found: where it is.
        task: of a recipe; None takes its own.
        precision: of the engine.
        several: the caller can share its work between processes.

    Raises:
        ModelError: if the labels cannot be matched, with both lists.
    """
    contract = found.contract
    if task is None:
        task = TASKS[contract.task].from_contract(contract)
    elif task.labels.problem != contract.problem:
        raise ModelError(
            f"{found.source.name} was trained for a {contract.problem} problem, the data holds "
            f"{task.labels.problem}",
            hint="score it with the recipe it was made for",
        )
    wanted = task.labels.output_names
    order = required_order(found.source, contract.label_set.output_names, wanted, aliases=task.label_aliases)
    engine = start_engine(precision, several=several)
    model = load_model(
        found.source, problem=contract.problem, labels=order, new_head=False, require_head=True
    )
    reorder_outputs(model.model, order, wanted)
    model.model.to(engine.accelerator.device)
    return Trained(engine, model, task, found.limits)
