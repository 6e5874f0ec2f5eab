"""A trained model for prediction alone: loaded with as little as it takes, computed by what is fastest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bertkit.models.execution import Execution
from bertkit.models.heads import required_order
from bertkit.models.light.families import shape_of
from bertkit.models.light.loading import load_light
from bertkit.models.light.tokenizer import LightTokenizer, load_light_tokenizer
from bertkit.models.loading import LoadedModel, load_tokenizer
from bertkit.models.onnx_model import OnnxModel, check_installed, export_model, exported_file
from bertkit.tasks.base import Task
from bertkit.tasks.table import TASKS
from bertkit.workflows.engine import Engine, OneProcess, refuse_several_processes, start_for_prediction
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.trained import Trained, TrainedSource, load_trained

EngineName = Literal["auto", "torch", "onnx"]


@dataclass(frozen=True)
class Predictor:
    """A model that answers.

    Attributes:
        trained: model and task.
        by: what computes it, in words.
    """

    trained: Trained
    by: str


def load_predictor(
    found: TrainedSource, engine: EngineName = "auto", *, listen: Listener = silent
) -> Predictor:
    """Load a trained model for its own task.

    Predictions are the same to rounding, whatever computes them. `auto` is `torch`: on a processor the light
    model, where it knows the family, else that of transformers.

    Args:
        found: where it is.
        engine: what shall compute it.
        listen: told what takes long.

    Raises:
        BertkitError: for what the user can fix.
    """
    if engine == "onnx":
        return _onnx(found, listen)
    started = start_for_prediction("auto")
    task = TASKS[found.contract.task].from_contract(found.contract)
    model = _light(found, task, started)
    if model is None:
        return Predictor(load_trained(found), f"torch, transformers, {started.precision}")
    light = isinstance(model.tokenizer, LightTokenizer)
    by = f"torch without transformers, {started.precision}{'' if light else ', tokenizer of transformers'}"
    return Predictor(Trained(started, model, task, found.limits), by)


def _light(found: TrainedSource, task: Task, engine: Engine) -> LoadedModel | None:
    """The model without transformers; None where it has to be that of transformers."""
    source, problem = found.source, found.contract.problem
    shape = shape_of(source.config, problem)
    # Tried on processors only; a card is fed through the model of transformers.
    if shape is None or engine.accelerator.device.type != "cpu":
        return None
    trained, wanted = found.contract.label_set.output_names, task.labels.output_names
    order = required_order(source, trained, wanted, aliases=task.label_aliases)
    model = load_light(
        source.folder,
        shape,
        rows=[order.index(name) for name in wanted],
        # As in `compute_outputs`: a number in bf16 has three digits.
        precision="fp32" if problem == "regression" else engine.precision,
    )
    if model is None:
        return None
    tokenizer = _tokenizer(found)
    if tokenizer.padding_side != "right":
        return None
    if max(tokenizer.backend_tokenizer.get_vocab().values(), default=-1) >= shape.vocabulary:
        return None
    return _loaded(model, tokenizer, Execution(None, fused=True))


def _tokenizer(found: TrainedSource) -> Any:
    shape = shape_of(found.source.config, found.contract.problem)
    light = load_light_tokenizer(found.source.folder, shape) if shape is not None else None
    return light or load_tokenizer(found.source)


def _loaded(model: Any, tokenizer: Any, execution: Execution) -> LoadedModel:
    """A model that is called as one of transformers is."""
    return LoadedModel(model, tokenizer, False, execution)


def export_for_onnx(found: TrainedSource, listen: Listener) -> tuple[Path, Any, Task]:
    """The file that ONNX Runtime reads, made where it is not yet there; tokenizer and task."""
    check_installed()
    refuse_several_processes()
    task = TASKS[found.contract.task].from_contract(found.contract)
    tokenizer = _tokenizer(found)
    segments = "token_type_ids" in tokenizer.model_input_names
    file = exported_file(found.source.folder, task.labels.output_names, segments=segments)
    if not file.is_file():
        listen(Note(f"exporting {found.source.name} to ONNX; next time it is there"))
        model = load_trained(found).model.model
        export_model(model.cpu(), file, segments=segments, name=found.source.name)
    return file, tokenizer, task


def _onnx(found: TrainedSource, listen: Listener) -> Predictor:
    """The model in ONNX Runtime, exported where it is not yet."""
    file, tokenizer, task = export_for_onnx(found, listen)
    import torch

    if torch.cuda.is_available():
        text = "ONNX Runtime computes on the processor; leave --engine out for the GPU"
        listen(Note(text, warning=True))
    engine = Engine(OneProcess(torch.device("cpu")), "fp32")
    session = OnnxModel(file, threads=torch.get_num_threads())
    loaded = _loaded(session, tokenizer, Execution("ONNX Runtime computes it", fused=False))
    return Predictor(Trained(engine, loaded, task, found.limits), "onnxruntime, fp32")
