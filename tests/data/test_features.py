from __future__ import annotations

import numpy as np
import pytest

from bertkit.data.features import Batch, Features, Padding, Targets, collate


def features(*, segments: bool = True) -> Features:
    """Three features: 10 11 12 | 20 | 30 31, the second half of each in segment 1."""
    return Features(
        input_ids=np.array([10, 11, 12, 20, 30, 31], dtype=np.int32),
        token_type_ids=np.array([0, 1, 1, 1, 0, 1], dtype=np.int8) if segments else None,
        offsets=np.array([0, 3, 4, 6], dtype=np.int64),
        examples=np.array([0, 1, 1], dtype=np.int32),
    )


def pad(rows: list[int], *, padding: Padding, segments: bool = True, targets: Targets | None = None) -> Batch:
    return collate(features(segments=segments), rows, padding=padding, device="cpu", targets=targets)


def test_lengths() -> None:
    assert len(features()) == 3
    assert features().lengths.tolist() == [3, 1, 2]


def test_right_padding_in_the_order_asked_for() -> None:
    batch = pad([2, 0], padding=Padding(token_id=9, segment_id=4))
    assert {name: tensor.tolist() for name, tensor in batch.inputs.items()} == {
        "input_ids": [[30, 31, 9], [10, 11, 12]],
        "attention_mask": [[1, 1, 0], [1, 1, 1]],
        "token_type_ids": [[0, 1, 4], [0, 1, 1]],
    }
    assert {str(tensor.dtype) for tensor in batch.inputs.values()} == {"torch.int64"}
    assert (batch.targets, batch.weights) == (None, None)


def test_left_padding() -> None:
    batch = pad([1, 0, 2], padding=Padding(token_id=9, segment_id=4, left=True))
    assert {name: tensor.tolist() for name, tensor in batch.inputs.items()} == {
        "input_ids": [[9, 9, 20], [10, 11, 12], [9, 30, 31]],
        "attention_mask": [[0, 0, 1], [1, 1, 1], [0, 1, 1]],
        "token_type_ids": [[4, 4, 1], [0, 1, 1], [4, 0, 1]],
    }


def test_padding_reaches_to_the_longest_chosen_only() -> None:
    assert pad([1], padding=Padding(0)).inputs["input_ids"].tolist() == [[20]]
    assert pad([1, 2], padding=Padding(0)).inputs["input_ids"].shape == (2, 2)


def test_models_without_segments() -> None:
    assert set(pad([0], padding=Padding(0), segments=False).inputs) == {"input_ids", "attention_mask"}


@pytest.mark.parametrize("rows", [[2, 0], (2, 0), np.array([2, 0])])
def test_rows_of_any_kind(rows: list[int]) -> None:
    assert pad(rows, padding=Padding(0)).inputs["input_ids"].tolist() == [[30, 31, 0], [10, 11, 12]]


@pytest.mark.parametrize(
    "values",
    [
        np.array([4, 5, 6], dtype=np.int64),
        np.array([[0, 1], [1, 1], [1, 0]], dtype=np.float32),
        np.array([0.5, 1.5, 2.5], dtype=np.float32),
    ],
)
def test_targets_come_with_their_rows(values: np.ndarray) -> None:  # type: ignore[type-arg]
    targets = Targets({"label": values}, np.array([1.0, 0.5, 0.25], dtype=np.float32))
    batch = pad([2, 0], padding=Padding(0), targets=targets)
    assert batch.targets is not None
    assert batch.weights is not None
    assert batch.targets["label"].tolist() == values[[2, 0]].tolist()
    assert batch.targets["label"].numpy().dtype == values.dtype
    assert batch.weights.tolist() == [0.25, 1.0]


def test_a_batch_does_not_share_memory_with_the_features() -> None:
    source = features()
    collate(source, [0], padding=Padding(0), device="cpu").inputs["input_ids"].zero_()
    assert source.input_ids.tolist() == [10, 11, 12, 20, 30, 31]
