"""Files behind a URL (`s3://`, `gs://`, `https://`, `memory://`): fetched through fsspec."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bertkit.data.reading.brat import ANNOTATIONS
from bertkit.data.reading.file_access import DataFile
from bertkit.data.reading.folders import check_together, choose_files
from bertkit.data.reading.formats import TEXT_SUFFIX
from bertkit.data.reading.hub import first_line
from bertkit.errors import DataError, MissingPackageError
from bertkit.redaction import is_masked, redacted

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(::[^:]+)*://")
# Protocol -> what `pip install` calls the package that speaks it.
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs",
    "abfss": "adlfs", "adl": "adlfs", "http": "aiohttp", "https": "aiohttp", "sftp": "paramiko",
    "ssh": "paramiko", "oci": "ocifs", "oss": "ossfs", "webdav": "webdav4", "smb": "smbprotocol",
    "dropbox": "dropboxdrivefs", "gdrive": "gdrive-fsspec", "box": "boxfs",
}  # fmt: skip
_WITHOUT_FOLDERS = ("http", "https")
_WITH_ROOT = ("file", "local", "http", "https")


def is_url(name: str) -> bool:
    """True for `s3://bucket/file.csv`."""
    return _URL.match(name) is not None


@contextmanager
def fetched(url: str) -> Iterator[list[DataFile]]:
    """Local copies of what a URL names: one file, those that a glob matches, or those of a folder.

    The copies go when the context ends; they are called by their URLs, without secrets, in every message.

    Raises:
        DataError: there is nothing, or it cannot be fetched.
        MissingPackageError: the package that speaks the protocol is not installed.
    """
    if is_masked(url):
        raise DataError(
            f"{url}: the secret in this address was not stored",
            hint="name the whole address again, or download it and name the file",
        )
    system, path = open_system(url)
    with tempfile.TemporaryDirectory(prefix="bertkit-") as folder:
        with remote_faults(url):
            files = _fetch(url, partial(_fetch_all, system, path, url, Path(folder)))
        yield files


@contextmanager
def remote_faults(url: str) -> Iterator[None]:
    """Turn what fsspec and its protocols raise into one sentence and a hint."""
    try:
        yield
    except (DataError, MissingPackageError):
        raise
    except FileNotFoundError:
        raise DataError(f"{url}: no such file", hint="check the address, and that it is public") from None
    except PermissionError:
        raise DataError(
            f"{url}: no permission to read it", hint="sign in with the tools of its provider first"
        ) from None
    except ImportError as error:
        raise _missing_package(url, error) from None
    except Exception as error:  # each protocol brings exceptions of its own, with no common parent
        raise DataError(
            f"{url}: cannot be fetched: {first_line(error)}",
            hint="check the address, the network and your permissions; or download it and name the file",
        ) from error


def _fetch(url: str, fetch: Callable[[], list[DataFile]]) -> list[DataFile]:
    if not url.startswith("hf://"):
        return fetch()
    from bertkit.data.reading.hub_requests import fetch_patiently

    return fetch_patiently(fetch)


def open_system(url: str) -> tuple[Any, str]:
    """The fsspec file system that speaks a URL's protocol, and what the URL is called there.

    Raises:
        DataError: there is none, or it cannot be opened.
        MissingPackageError: its package is not installed.
    """
    import fsspec  # type: ignore[import-untyped]

    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except ImportError as error:
        raise _missing_package(url, error) from None
    except ValueError as error:
        protocol = url.split("://", 1)[0]
        if "not known" not in str(error):
            raise DataError(f"{url}: {error}", hint="check the address") from None
        raise DataError(
            f"{url}: the protocol {protocol!r} is not known",
            hint="known are s3, gs, az, https, hf, memory, file and others of fsspec; check the spelling",
        ) from None
    except Exception as error:  # as in `fetched`: missing credentials, for one
        raise DataError(
            f"{url}: cannot be opened: {first_line(error)}", hint="check the address and your sign-in"
        ) from error


def _missing_package(url: str, error: ImportError) -> MissingPackageError:
    protocol = url.split("://", 1)[0].split("::")[-1].lower()
    package = _PACKAGES.get(protocol) or error.name or f"fsspec[{protocol}]"
    return MissingPackageError(
        f"{url}: the package that reads {protocol}:// is not installed", hint=f"pip install '{package}'"
    )


def _fetch_all(system: Any, path: str, url: str, folder: Path) -> list[DataFile]:
    remote = paths_of(system, path, url)
    files = []
    for item in remote:
        local = folder / str(PurePosixPath(item).parent).replace("/", "_").strip("_.") / _file_name(item)
        local.parent.mkdir(exist_ok=True)
        system.get_file(item, str(local))
        name = url if remote == [path] else url_of(item, url)
        files.append(DataFile(local, redacted(name)))  # it becomes part of what is written of rows
    return files


def paths_of(system: Any, path: str, url: str) -> list[str]:
    """What to fetch, in the order to read it in."""
    protocol = url.split("://", 1)[0]
    if protocol in _WITHOUT_FOLDERS:
        return [path, *_partner(system, path)]
    if any(character in path for character in "*?["):
        found = sorted(item for item in system.glob(path) if not system.isdir(item))
        if not found:
            raise DataError(f"{url}: no file matches", hint="check the address")
        files = [DataFile(Path(item), item) for item in found]
        if not any(file.suffix == ANNOTATIONS for file in files):
            check_together(files, place=url)
        return found
    if system.isdir(path):
        listed = sorted(item["name"] for item in system.ls(path, detail=True) if item["type"] == "file")
        chosen = choose_files([DataFile(Path(item), item) for item in listed], place=url)
        marked = any(file.suffix == ANNOTATIONS for file in chosen)
        texts = [item for item in listed if marked and item.endswith(TEXT_SUFFIX)]
        return [*(file.name for file in chosen), *texts]
    return [path, *_partner(system, path)]


def _partner(system: Any, path: str) -> list[str]:
    """The other file of a brat pair, where one of them was named."""
    for mine, other in ((ANNOTATIONS, TEXT_SUFFIX), (TEXT_SUFFIX, ANNOTATIONS)):
        partner = path.removesuffix(mine) + other
        if path.endswith(mine) and system.exists(partner):
            return [partner]
    return []


def _file_name(path: str) -> str:
    if is_url(path):  # https: the path is the whole URL
        path = urlsplit(path).path
    name = PurePosixPath(path).name
    return name if name not in ("", "..") else "data"


def url_of(path: str, url: str) -> str:
    """The URL of a path that was found under another URL."""
    protocol = url.split("://", 1)[0]
    return f"{protocol}://{path if protocol in _WITH_ROOT else path.lstrip('/')}"
