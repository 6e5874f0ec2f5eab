"""The file that `accelerate config` writes, in the words of bertkit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertkit.errors import MissingPackageError, UsageError

_TAKE_FSDP = "take FSDP, which shares out a model likewise: --strategy fsdp"


@dataclass(frozen=True)
class AccelerateSettings:
    """What such a file says, as far as it has a meaning here.

    Attributes:
        processes: on all hosts together.
        hosts: how many there are.
        host: which one this is.
        rendezvous: HOST:PORT, None where there is one host.
        gpus: numbers with commas between, `all` or `none`.
        strategy: a value of train.strategy.
        precision: a value of train.precision.
    """

    processes: int | None = None
    hosts: int | None = None
    host: int | None = None
    rendezvous: str | None = None
    gpus: str | None = None
    strategy: str | None = None
    precision: str | None = None

    def processes_of_a_host(self, hosts: int) -> int | None:
        """Processes on each of so many hosts."""
        return None if self.processes is None else max(1, self.processes // hosts)

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a recipe, by dotted name."""
        named = {"train.strategy": self.strategy, "train.precision": self.precision}
        return {key: value for key, value in named.items() if value is not None}


def read_accelerate_config(name: str) -> AccelerateSettings:
    """Read a file that `accelerate config` wrote.

    Raises:
        UsageError: there is no such file, or it asks for what bertkit cannot do.
        MissingPackageError: it asks for DeepSpeed, which is not installed.
    """
    import yaml

    path = Path(name).expanduser()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="accelerate config writes one"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{path} is no YAML", hint="accelerate config writes one") from error
    if not isinstance(content, dict) or "distributed_type" not in content:
        raise UsageError(
            f"{path} is no file of accelerate config: it names no distributed_type",
            hint="own settings of a recipe are given as --config FILE",
        )
    return _settings(path, content)


def of_accelerate_launch(environment: Mapping[str, str]) -> dict[str, str]:
    """What `accelerate launch` says of strategy and precision to the processes that it starts.

    Raises:
        UsageError: it was told to use DeepSpeed.
    """
    if environment.get("ACCELERATE_USE_DEEPSPEED", "").lower() == "true":
        raise UsageError(
            "accelerate launch asks for DeepSpeed, which bertkit does not drive", hint=_TAKE_FSDP
        )
    found = {}
    if environment.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        found["train.strategy"] = "fsdp"
    if (precision := environment.get("ACCELERATE_MIXED_PRECISION")) in ("bf16", "fp16"):
        found["train.precision"] = precision
    return found


def _settings(path: Path, content: Mapping[str, Any]) -> AccelerateSettings:
    kind = str(content["distributed_type"]).upper()
    use_cpu = bool(content.get("use_cpu"))
    gpus = content.get("gpu_ids")
    address, port = content.get("main_process_ip"), content.get("main_process_port")
    precision = str(content.get("mixed_precision") or "no")
    if precision not in ("no", "bf16", "fp16"):
        raise UsageError(f"{path}: mixed_precision {precision} is not known here", hint="no, bf16 or fp16")
    return AccelerateSettings(
        processes=_count(path, content, "num_processes"),
        hosts=_count(path, content, "num_machines"),
        host=_count(path, content, "machine_rank"),
        rendezvous=f"{address}:{port or 29500}" if address else None,
        gpus="none" if use_cpu else None if gpus is None else str(gpus),
        strategy=_strategy(path, kind),
        precision="fp32" if precision == "no" else precision,
    )


def _strategy(path: Path, kind: str) -> str:
    if kind == "DEEPSPEED":
        from importlib.util import find_spec

        if find_spec("deepspeed") is None:
            raise MissingPackageError(
                f"{path} asks for DeepSpeed, which is not installed",
                hint=_TAKE_FSDP,
            )
        raise UsageError(f"{path} asks for DeepSpeed, which bertkit does not drive", hint=_TAKE_FSDP)
    if kind in ("FSDP", "MULTI_GPU", "MULTI_CPU", "NO", "MULTI_XPU", "MULTI_NPU"):
        return "fsdp" if kind == "FSDP" else "ddp"
    raise UsageError(f"{path}: distributed_type {kind} is not known here", hint="MULTI_GPU, FSDP or NO")


def _count(path: Path, content: Mapping[str, Any], name: str) -> int | None:
    value = content.get(name)
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise UsageError(
            f"{path}: {name} {value!r} is no number", hint="accelerate config asks for it"
        ) from None
