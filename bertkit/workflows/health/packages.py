"""Which versions are installed, beside those that bertkit is made for."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import TYPE_CHECKING

from bertkit.workflows.health.finding import Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# These decide what a run computes; the others are told of where something is wrong with them.
ALWAYS_SHOWN = ("torch", "transformers", "tokenizers", "datasets", "accelerate", "huggingface_hub")


def look_at_packages() -> Iterator[Finding]:
    """Python, bertkit, and every package it requires."""
    yield _python()
    yield Finding("bertkit", "ok", version("bertkit"), facts={"version": version("bertkit")})
    required = {requirement.name.replace("-", "_"): requirement for requirement in _requirements()}
    quiet = []
    # tokenizers comes with transformers, which says what it needs.
    for name in dict.fromkeys((*ALWAYS_SHOWN, *required)):
        found = _package(name, required.get(name))
        if name in ALWAYS_SHOWN or found.state != "ok":
            yield found
        else:
            quiet.append(f"{name} {found.text.split(' ', 1)[0]}")
    if quiet:
        yield Finding("other packages", "ok", ", ".join(sorted(quiet, key=str.lower)))


def _python() -> Finding:
    from packaging.specifiers import SpecifierSet

    wanted = metadata("bertkit")["Requires-Python"] or ""
    here = platform.python_version()
    facts = {"version": here, "wanted": wanted}
    # A release candidate is no reason to complain.
    if SpecifierSet(wanted).contains(here, prereleases=True):
        return Finding("python", "ok", here, facts=facts)
    return Finding(
        "python",
        "problem",
        f"{here}, bertkit needs {wanted}",
        "make an environment with another Python",
        facts,
    )


def _requirements() -> Iterator[Requirement]:
    """What bertkit cannot do without; extras are the user's choice."""
    from packaging.requirements import Requirement

    for line in metadata("bertkit").get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _package(name: str, requirement: Requirement | None) -> Finding:
    wanted = str(requirement.specifier) if requirement is not None else ""
    install = f"pip install '{requirement or name}'"
    try:
        here = version(name)
    except PackageNotFoundError:
        return Finding(name, "problem", "not installed", install, {"version": None, "wanted": wanted})
    facts = {"version": here, "wanted": wanted}
    if requirement is None or requirement.specifier.contains(here, prereleases=True):
        return Finding(name, "ok", f"{here} {f'({wanted})' if wanted else ''}".strip(), facts=facts)
    return Finding(name, "problem", f"{here}, bertkit is made for {wanted}", install, facts)
