"""Many inputs of predict: which files are meant, which of them this call predicts, and where each goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path, PurePath

from bertkit.data.reading.compression import without_compression
from bertkit.data.reading.file_access import missing
from bertkit.errors import DataError, RunError, UsageError
from bertkit.workflows.predict_output import written_for


@dataclass(frozen=True)
class Shard:
    """One part of many files: every `count`-th file, from the `number`-th on.

    Attributes:
        number: from 1.
        count: of all parts.
    """

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """The shard that `K/N` names.

        Raises:
            UsageError: it names none.
        """
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(
                f"--shard takes K/N, the K-th of N parts, not {text}", hint="the first of four: --shard 1/4"
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class Pair:
    """An input file and its output."""

    source: Path
    target: Path


def names_many(files: Sequence[str]) -> bool:
    """Whether these are several files, or a pattern; one that is there by its name is no pattern."""
    return len(files) != 1 or (has_magic(files[0]) and not Path(files[0]).exists())


def find_files(files: Sequence[str]) -> list[Path]:
    """The files that names and patterns mean: sorted, each once.

    Raises:
        UsageError: standard input is among them.
        DataError: one is missing, or a pattern matches none.
    """
    found: set[Path] = set()
    for name in files:
        if name == "-":
            raise UsageError("standard input cannot be one of several files", hint="bertkit predict - alone")
        if not names_many([name]):
            if not Path(name).exists():
                raise missing(Path(name))
            found.add(Path(name))
            continue
        found_here = map(Path, glob(name, recursive=True))  # noqa: PTH207  # Path.glob wants a folder
        matching = [path for path in found_here if path.is_file()]
        if not matching:
            raise DataError(f"no file matches {name}", hint=f"look what is there: ls {PurePath(name).parent}")
        found.update(matching)
    return sorted(found)


def pair_up(sources: Sequence[Path], folder: Path) -> list[Pair]:
    """Each input with its output: the same name in the folder, with the suffix .jsonl.

    Raises:
        RunError: two would be written to one file, or an input would be overwritten.
    """
    taken: dict[str, Path] = {}
    inputs = {source.resolve() for source in sources}
    for source in sources:
        name = f"{PurePath(without_compression(source.name)).stem}.jsonl"
        if name in taken:
            raise RunError(
                f"{taken[name]} and {source} would both be written to {folder / name}",
                hint="rename one, or predict them one after the other into folders of their own",
            )
        taken[name] = source
        if not inputs.isdisjoint(path.resolve() for path in written_for(folder / name)):
            raise RunError(
                f"{folder / name}: writing it would destroy an input", hint="choose another folder: -o DIR"
            )
    return [Pair(source, folder / name) for name, source in taken.items()]
