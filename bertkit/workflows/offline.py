"""Whether a recipe can be worked through without the Hub: all that is missing, said at once and soon."""

from __future__ import annotations

from pathlib import Path

from bertkit.config.schema import Recipe
from bertkit.data.reading.hub import EMBEDDED_HINT, looks_like_path
from bertkit.data.reading.offline import STAY_OFFLINE, is_offline, may_have_model, prepared_folders
from bertkit.errors import HubError
from bertkit.models.sources import EMBEDDED_MODEL


def check_cached(recipe: Recipe) -> None:
    """Say before anything large is imported what the cache has not got; nothing where the Hub may be asked.

    Raises:
        HubError: the encoder or the data set is surely not there.
    """
    if not is_offline():
        return
    encoder, source = recipe.model.name, recipe.data.source or ""
    missing = []
    if encoder != EMBEDDED_MODEL and _is_hub_id(encoder) and not may_have_model(encoder):
        missing.append(f"the model {encoder}")
    if "/" in source and _is_hub_id(source) and not prepared_folders(source):
        missing.append(f"the data set {source}")
    if missing:
        raise HubError(
            f"not in the cache: {', '.join(missing)}; and {STAY_OFFLINE}",
            hint=f"run it once with the Hub in reach; {EMBEDDED_HINT}",
        )


def _is_hub_id(name: str) -> bool:
    return not looks_like_path(name) and not Path(name).expanduser().exists()
