"""Names from recipes and run folders that become names of files."""

from __future__ import annotations

import re
from pathlib import PurePath

# A file may be called by so many bytes less what stands before and after its name while it is written.
LONGEST_FILE_NAME = 200


def fault_of_file_name(name: str) -> str | None:
    """Why no file can be called so; None if one can.

    Names of splits and of trainings become files of a run: none may lead out of its folder.
    """
    if name in ("", ".", ".."):
        return "it names no file"
    if found := next((character for character in name if character in "/\\"), None):
        return f"{found} would lead to another folder"
    if not name.isprintable():
        return "it holds a character that cannot be printed"
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_FILE_NAME:
        return f"it is longer than {LONGEST_FILE_NAME} bytes"
    return None


def file_name_of(place: str) -> str:
    """The name of the file that a path or a URL leads to; what follows `?` in a URL is none of it."""
    return PurePath(re.split("[?#]", place)[0] if "://" in place else place).name
