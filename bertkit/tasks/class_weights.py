"""How much each example counts in training, by its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.labels import LabelSet
from bertkit.errors import DataError


def weights_of_classes(
    labels: LabelSet, values: NDArray[Any], given: Mapping[str, float] | str
) -> NDArray[np.float64]:
    """(examples,) the weight of each example by its class.

    Args:
        labels: of the task.
        values: (examples,) class numbers.
        given: `auto`: inverse to the frequency; or weights by name, 1 for classes that are not named.

    Raises:
        DataError: for a name that is none, or where an example has not exactly one class.
    """
    if labels.problem != "single_label":
        raise DataError("class weights need one label a row", hint="leave train.class_weights out")
    count = len(labels.names)
    if isinstance(given, str):  # "auto"
        present = np.maximum(np.bincount(values, minlength=count), 1)
        frequent: NDArray[np.float64] = (len(values) / (count * present))[values]
        return frequent
    unknown = sorted(set(given) - set(labels.names))
    if unknown:
        raise DataError(
            f"train.class_weights names {unknown[0]!r}; the labels are {', '.join(labels.names)}",
            hint="name labels of the data",
        )
    chosen: NDArray[np.float64] = np.asarray([given.get(name, 1.0) for name in labels.names])[values]
    return chosen
