"""The formats that can be written, and which of them a target asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bertkit.data.columns import nearest
from bertkit.data.reading.compression import without_compression
from bertkit.data.writing.row_views import Kind
from bertkit.data.writing.span_writers import BRAT_SUFFIXES
from bertkit.errors import RunError, UsageError


@dataclass(frozen=True)
class Format:
    """A format to write.

    Attributes:
        name: as `--to` takes it.
        holds: what kind of rows.
        suffixes: what its files are called; none for a folder.
        compressible: whether `.gz` and `.zst` may follow; Parquet and Arrow compress themselves.
    """

    name: str
    holds: Kind
    suffixes: tuple[str, ...]
    compressible: bool = True


# Of two formats with one suffix, the first one is meant where `--to` is not given.
FORMATS: Mapping[str, Format] = {
    entry.name: entry
    for entry in (
        Format("conll", "sentences", (".conll", ".conll2003", ".bio", ".bioes", ".iob", ".iob2")),
        Format("jsonl", "table", (".jsonl", ".ndjson")),
        Format("json", "table", (".json",)),
        Format("csv", "table", (".csv",)),
        Format("tsv", "table", (".tsv", ".tab")),
        Format("parquet", "table", (".parquet",), compressible=False),
        Format("arrow", "table", (".arrow",), compressible=False),
        Format("doccano", "documents", (".jsonl", ".ndjson")),
        Format("label-studio", "documents", (".json",)),
        Format("prodigy", "documents", (".jsonl", ".ndjson")),
        Format("brat", "documents", (), compressible=False),
        Format("squad", "questions", (".json",)),
    )
}
_KNOWN_SUFFIXES = {suffix for entry in FORMATS.values() for suffix in entry.suffixes}


def choose_format(target: str, to: str | None) -> Format:
    """The format that `to` names, or else the suffix of the target.

    Raises:
        UsageError: neither says one, there is no such format, or the two contradict each other.
    """
    path = Path(without_compression(target))
    packed = len(path.name) < len(Path(target).name)
    suffix = path.suffix.lower()
    if to is None:
        if target.endswith("/") or suffix not in _KNOWN_SUFFIXES:
            raise UsageError(
                f"{target}: the name does not say the format", hint=f"say it: --to {', '.join(FORMATS)}"
            )
        chosen = next(entry for entry in FORMATS.values() if suffix in entry.suffixes)
    else:
        chosen = _named(to)
    if packed and not chosen.compressible:
        raise UsageError(
            f"{target}: {chosen.name} is not written through gzip or zstd", hint=f"name it {path}"
        )
    # Whoever reads the file goes by its suffix.
    if suffix in _KNOWN_SUFFIXES - set(chosen.suffixes) and chosen.suffixes:
        raise UsageError(
            f"{target}: the name ends in {suffix}, which is not a name for {chosen.name}",
            hint=f"name it {path.with_suffix(chosen.suffixes[0])}, or choose another --to",
        )
    return chosen


def other_target(target: str, name: str) -> str:
    """What to type to write the same in the format `name`."""
    entry = FORMATS[name]
    path = Path(without_compression(target.rstrip("/")))
    renamed = path.with_suffix(entry.suffixes[0])
    meant = next(first for first in FORMATS.values() if entry.suffixes[0] in first.suffixes) is entry
    return f"{renamed}{'' if meant else f' --to {name}'}"


def _named(name: str) -> Format:
    folded = name.strip().lower().replace("_", "-").replace(" ", "-")
    if folded in FORMATS:
        return FORMATS[folded]
    near = nearest(folded, tuple(FORMATS))
    raise UsageError(
        f"there is no format {name!r} to write; there are {', '.join(FORMATS)}",
        hint=f"did you mean --to {near}?" if near else "choose one of these",
    )


def check_target(target: str, chosen: Format, *, source: str, force: bool) -> Path:
    """The path to write; nothing is touched yet.

    Raises:
        RunError: something stands there already, it is the source, or there is no folder for it.
        UsageError: a folder is named where the format is a file.
    """
    path = Path(target).expanduser()
    folder = not chosen.suffixes
    if target == "-":
        raise UsageError("a conversion is not written to standard output", hint="name a file to write")
    if not folder and (target.endswith("/") or path.is_dir()):
        raise UsageError(
            f"{target} is a folder, {chosen.name} is a file", hint=f"name a file in it: {path}/..."
        )
    if not path.parent.is_dir():
        raise RunError(f"{target}: there is no folder {path.parent}", hint=f"mkdir -p {path.parent}")
    if not path.exists():
        return path
    given = Path(source).expanduser()
    if given.exists() and (path.samefile(given) or path.resolve() in given.resolve().parents):
        raise RunError(
            f"{target}: writing it would destroy the source {source}", hint="choose another target"
        )
    if folder and path.is_dir():
        entries = list(path.iterdir())
        foreign = next((entry for entry in entries if entry.suffix not in BRAT_SUFFIXES), None)
        if foreign is not None:
            raise RunError(
                f"{target} holds {foreign.name}, which is not of brat: the folder would be replaced",
                hint="name a new folder",
            )
        if not entries:
            return path
    elif folder or not path.is_file():
        what = "a file, brat is a folder" if path.is_file() else "no regular file"
        raise RunError(f"{target} is {what}", hint="choose another target")
    if not force:
        raise RunError(f"{target} already exists", hint="choose another target, or --force to replace it")
    return path
