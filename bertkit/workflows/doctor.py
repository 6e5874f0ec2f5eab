"""Look whether everything that bertkit needs is there and works; say what to do where it is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bertkit.runs.disk import size_of
from bertkit.workflows.events import Listener, Note, silent
from bertkit.workflows.health.finding import Finding, counted
from bertkit.workflows.health.hub import look_at_hub
from bertkit.workflows.health.machine import look_at_memory, look_at_processor
from bertkit.workflows.health.packages import look_at_packages
from bertkit.workflows.health.probe import Probe, probing
from bertkit.workflows.health.self_test import fault_of_self_test
from bertkit.workflows.health.storage import look_at_downloads, look_at_storage

REPORT_IT = "try again; if it stays so, report it with: bertkit doctor --json"


@dataclass(frozen=True)
class Examination:
    """All that was looked at.

    Attributes:
        findings: in the order of a table.
        seconds: it took.
    """

    findings: tuple[Finding, ...]
    seconds: float

    @property
    def is_healthy(self) -> bool:
        """True if nothing is broken; warnings are no faults."""
        return all(finding.state != "problem" for finding in self.findings)

    def count(self, state: str) -> int:
        """How many findings are in a state."""
        return sum(finding.state == state for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "healthy": self.is_healthy,
            "problems": self.count("problem"),
            "warnings": self.count("warning"),
            "findings": [finding.as_dict() for finding in self.findings],
            "seconds": round(self.seconds, 3),
        }


def examine(*, self_test: bool = True, listen: Listener = silent) -> Examination:
    """Look at packages, machine, places to write to and the Hub; train on made-up texts.

    Nothing is written but for what is removed again, and nothing is fetched.

    Args:
        self_test: train, which takes about ten seconds.
        listen: told what takes long.
    """
    began = time.monotonic()
    if self_test:
        listen(Note("training a tiny encoder on made-up texts; this takes some seconds"))
    with probing(self_test=self_test) as result:
        findings = [*look_at_packages(), *look_at_processor(), *look_at_memory()]
        findings += [*look_at_storage(), *look_at_downloads(), *look_at_hub()]
        probe = result()
    findings += [*_devices(probe), *(_self_test(probe) if self_test else ())]
    return Examination(tuple(findings), time.monotonic() - began)


def _devices(probe: Probe) -> Iterator[Finding]:
    found = probe.devices
    if found is None:
        yield Finding(
            "torch at work", "problem", probe.fault, "install torch anew: pip install --force-reinstall torch"
        )
        return
    bf16 = found["precision"] == "bf16"
    text = f"{found['precision']}{'' if bf16 else '; bf16 is not computed by this hardware'}"
    yield Finding("precision", "ok", f"{text}; {counted(found['threads'], 'thread')}", facts=found)
    for gpu in found["gpus"]:
        text = f"{gpu['name']}, {size_of(gpu['free_bytes'])} free of {size_of(gpu['memory_bytes'])}"
        yield Finding("gpu", "ok", text, facts=gpu)
    if found["gpus"]:
        return
    if found["driver"]:
        built = f"for CUDA {found['cuda']}" if found["cuda"] else "without CUDA"
        text = f"there is a driver for NVIDIA's cards, but torch, built {built}, sees none"
        yield Finding(
            "gpu", "warning", text, "install the torch that fits the driver: https://pytorch.org/get-started"
        )
    else:
        yield Finding("gpu", "ok", found["other"] or "none; everything is computed by the processor")


def _self_test(probe: Probe) -> Iterator[Finding]:
    found = probe.self_test
    if found is None:
        yield Finding("self-test", "problem", probe.fault or "it ended without a result", REPORT_IT)
        return
    if fault := fault_of_self_test(found):
        yield Finding("self-test", "problem", fault, REPORT_IT, found)
        return
    text = (
        f"trained, saved, loaded, scored and predicted in {found['seconds']:.1f} s: loss "
        f"{found['first_loss']:.2f} to {found['last_loss']:.3f}, accuracy {100 * found['accuracy']:.0f} %"
    )
    yield Finding("self-test", "ok", text, facts=found)
