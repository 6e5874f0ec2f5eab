"""A recipe that means the same from any folder."""

from __future__ import annotations

from pathlib import Path

from bertkit.config.loader import LoadedRecipe
from bertkit.data.reading.readers import is_glob
from bertkit.data.reading.split_files import names_file


def anchored(loaded: LoadedRecipe) -> LoadedRecipe:
    """The same recipe with its name and absolute paths: the run is scored and repeated from anywhere."""
    data, model = loaded.recipe.data, loaded.recipe.model
    data = data.model_copy(
        update={
            "source": _absolute(data.source),
            "train": _absolute(data.train, file_only=data.source is not None),
            "eval": {
                name: _absolute(split, file_only=data.source is not None) for name, split in data.eval.items()
            },
            "test": _absolute(data.test, file_only=data.source is not None),
        }
    )
    model = model.model_copy(update={"name": _absolute(model.name)})
    recipe = loaded.recipe.model_copy(update={"name": loaded.name, "data": data, "model": model})
    return LoadedRecipe(loaded.name, recipe)


def _absolute(name: str | None, *, file_only: bool = False) -> str | None:
    """The absolute path of what exists here; the name of a split or of something on the Hub stays."""
    if name is None:
        return None
    path = Path(name).expanduser()
    if file_only and not names_file(name):
        return name
    if is_glob(name) and not path.exists():
        return str(path.absolute())
    return str(path.resolve()) if path.exists() else name
