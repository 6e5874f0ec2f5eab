"""A trained model for ONNX Runtime: exported once, cached, called as a model of transformers is."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bertkit.data.feature_cache import cache_folder
from bertkit.errors import MissingPackageError, ModelError
from bertkit.models.families import first_line

if TYPE_CHECKING:
    from torch import Tensor

_PACKAGES = ("onnxruntime", "onnx", "onnxscript")
# Exports that are kept; those used longest ago go first.
KEPT = 8
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS = ("logits", "start_logits", "end_logits")


def check_installed() -> None:
    """Refuse to begin without the packages of the extra.

    Raises:
        MissingPackageError: with how to install them.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"the engine onnx needs {', '.join(missing)}", hint="pip install 'bertkit[onnx]'"
        )


def exported_file(folder: Path, outputs: Sequence[str], *, segments: bool) -> Path:
    """Where the export of a checkpoint lies in the cache, or will lie.

    Args:
        folder: of the checkpoint; its weights and its config.json decide.
        outputs: names of the outputs in the order in which they are exported.
        segments: the model is given `token_type_ids`.
    """
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), folder / "config.json"]):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    for part in (
        *outputs,
        str(segments),
        *(_version(name) for name in ("torch", "transformers", *_PACKAGES)),
    ):
        digest.update(f"{part}\0".encode())
    return cache_folder() / "onnx" / f"{digest.hexdigest()[:32]}.onnx"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def export_model(model: Any, file: Path, *, segments: bool, name: str) -> None:
    """Write a model of transformers as ONNX, for batches of any size and texts of any length.

    Args:
        model: in float32; it is left as it is, and its own code is what is exported.
        file: where to; it is there whole, or not at all.
        segments: the model is given `token_type_ids`.
        name: of the model, for messages.

    Raises:
        ModelError: torch cannot export this architecture.
    """
    import torch

    plain = type(model)(model.config)
    plain.load_state_dict(model.state_dict())
    inputs = _INPUTS if segments else _INPUTS[:2]
    # Of two texts: an exporter takes a size of one for a constant.
    example = {input_name: torch.ones(2, 8, dtype=torch.int64) for input_name in inputs}
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{os.getpid()}.{file.name}")
    try:
        # The exporter reports its progress and speaks of its own internals.
        with _quiet():
            torch.onnx.export(
                _wrapped(plain), (), str(temporary), kwargs=example, dynamo=True, external_data=False,
                dynamic_shapes=dict.fromkeys(inputs, sizes), verbose=False, input_names=list(inputs),
            )  # fmt: skip
        temporary.replace(file)
        _prune(file.parent)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, ValueError, TypeError) as error:
        reason = first_line(error.__cause__ or error)
        raise ModelError(f"{name} cannot be exported to ONNX: {reason}", hint="leave --engine out") from error
    finally:
        temporary.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    used = sorted(folder.glob("[!.]*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in used[KEPT:]:
        path.unlink(missing_ok=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of its progress and its internals; its failures are still raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _wrapped(model: Any) -> Any:
    """The model with tensors for outputs."""
    from torch import nn

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
        ) -> tuple[Tensor, ...]:
            segments = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            outputs = self.model(input_ids=input_ids, attention_mask=attention_mask, **segments)
            return tuple(outputs[name] for name in _OUTPUTS if name in outputs)

    return Wrapped().eval()


class OnnxModel:
    """An exported model in a session of ONNX Runtime, on the processor.

    Args:
        file: the export.
        threads: that it may use.

    Raises:
        ModelError: the file is broken.
    """

    def __init__(self, file: Path, *, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its own kinds are not exported by name
            raise ModelError(
                f"{file} cannot be read: {first_line(error)}", hint="remove it; it is made anew"
            ) from error
        self._inputs = {given.name for given in self._session.get_inputs()}
        with suppress(OSError):  # the cache may be somebody else's
            os.utime(file)
        count = len(self._session.get_outputs())
        self._outputs = _OUTPUTS[:1] if count == 1 else _OUTPUTS[1:]

    def eval(self) -> OnnxModel:
        """Itself: it knows no other mode."""
        return self

    def __call__(self, **inputs: Tensor) -> SimpleNamespace:
        """The outputs of a padded batch, by the names that transformers gives them."""
        import torch

        given = {name: tensor.numpy() for name, tensor in inputs.items() if name in self._inputs}
        found = self._session.run(None, given)
        tensors = [torch.from_numpy(values) for values in found]
        return SimpleNamespace(**dict(zip(self._outputs, tensors, strict=True)))
