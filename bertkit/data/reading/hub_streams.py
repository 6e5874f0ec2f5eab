"""The files of a split on the Hub, named but not downloaded."""

from __future__ import annotations

from functools import partial

from bertkit.config.schema import DataSection
from bertkit.data.reading.hub import HUB_ID, check_reachable, hub_errors
from bertkit.data.reading.hub_parts import no_split, unknown_part
from bertkit.errors import DataError


def files_on_hub(data: DataSection, split: str) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The `hf://` addresses of a split's files at the commit that is there now, and names of its classes.

    Raises:
        DataError: there is no such data set, config or split.
        HubError: the Hub is out of reach.
    """
    source = data.source or ""
    if not (HUB_ID.fullmatch(source) and "/" in source):
        raise DataError(
            f"{source!r} is neither a folder nor the Hub id of a data set",
            hint="an id is NAMESPACE/NAME, as nyu-mll/glue; for files: --train FILE",
        )
    check_reachable()
    import datasets

    from bertkit.data.reading.hub_requests import fetch_patiently

    with hub_errors("data set", source, data.revision):
        try:
            builder = fetch_patiently(
                partial(datasets.load_dataset_builder, source, data.config, revision=data.revision)
            )
        except datasets.exceptions.DatasetNotFoundError as error:
            raise DataError(
                f"there is no data set {source!r} on the Hub",
                hint="check the spelling; for a private one first: hf auth login",
            ) from error
        except (ValueError, datasets.exceptions.DatasetsError) as error:
            raise unknown_part(data, source, split, error) from error
    files = {str(name): list(found) for name, found in (builder.config.data_files or {}).items()}
    if split not in files:
        raise no_split(source, split, list(files))
    names = {}
    for column, feature in (builder.info.features or {}).items():
        if getattr(feature, "names", None):
            names[column.strip()] = tuple(feature.names)
    return files[split], names
