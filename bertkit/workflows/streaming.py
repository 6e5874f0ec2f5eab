"""Training on a stream: from blocks of rows to blocks of features, while another block is trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bertkit.config.schema import Recipe
from bertkit.data.reading.sources import SplitRows
from bertkit.data.rejection import FLAG
from bertkit.data.streaming.blocks import BlockReader, RowBlock
from bertkit.data.streaming.parts import cut_into_parts
from bertkit.data.streaming.shards import ShardSet, StreamError
from bertkit.errors import DataError
from bertkit.models.loading import load_tokenizer, reset_tokenizer
from bertkit.runs.disk import size_of
from bertkit.runs.folder import RunFolder
from bertkit.tasks.base import Example, Limits, Task
from bertkit.training.batches import TrainingData
from bertkit.training.streamed import Block, StreamedData
from bertkit.workflows.engine import padding_of
from bertkit.workflows.events import Listener, Note

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from bertkit.workflows.preparation import Prepared


@dataclass(frozen=True)
class Stream:
    """The training rows of a recipe that streams them.

    Attributes:
        shards: the files.
        columns: of the first rows.
        class_names: of the first rows.
        looked_at: so many first rows, which columns, labels and lengths were told from.
        left_out: rows that were read for the training and had no text or no label.
    """

    shards: ShardSet
    columns: Sequence[str]
    class_names: Mapping[str, tuple[str, ...]]
    looked_at: int
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def sentence(self) -> str:
        """What is streamed, and what was looked at before."""
        shards = self.shards.shards
        sizes = [shard.size for shard in shards]
        known = sum(size for size in sizes if size is not None)
        size = f", {size_of(known)}" if None not in sizes else ""
        files = "file" if len(shards) == 1 else "files"
        return (
            f"train is a stream: {len(shards):,} {files}{size}; columns, labels, lengths and checks are "
            f"those of its first {self.looked_at:,} rows"
        )


def say_left_out(stream: Stream, listen: Listener) -> None:
    """Say how many rows could not be trained on."""
    for what, count in (+stream.left_out).items():
        rows = "row" if count == 1 else "rows"
        listen(Note(f"train: {count:,} {rows} of the stream had no {what} and were left out", warning=True))


def stream_of(rows: SplitRows) -> Stream | None:
    """The stream that training rows come from; None where they have all been read."""
    if rows.stream is None or rows.train is None:
        return None
    return Stream(rows.stream, rows.train.columns, rows.train.class_names, len(rows.train))


def block_rows(recipe: Recipe) -> int:
    """Rows of a block: whole batches, as far as `data.block_rows` allows."""
    size = recipe.train.batch_size
    return max(1, recipe.data.block_rows // size) * size


def streamed_data(prepared: Prepared, stream: Stream) -> StreamedData:
    """The training rows of a stream, for the loop."""
    recipe, task = prepared.recipe, prepared.task
    reader = BlockReader(
        cut_into_parts(stream.shards.shards), block_rows(recipe), recipe.train.seed, prepared.rejected,
        columns=stream.columns,
    )  # fmt: skip
    # Of its own: how a tokenizer cuts is a state of it, and this one works in another thread.
    encoder = _Encoder(
        task, load_tokenizer(prepared.source), prepared.limits, recipe.train.class_weights, stream
    )

    def blocks(position: Mapping[str, Any] | None) -> Iterator[Block]:
        walk = reader.blocks(position)
        last = position["epoch"] if position else 0
        try:
            for rows in walk:
                epoch = rows.position["epoch"]
                if epoch > last + 1:  # a whole epoch, and no row of it could be used
                    return
                data = encoder.encode(rows)
                if data is not None:
                    last = epoch
                    yield Block(data, rows.position, rows.begin, rows.end)
        finally:
            walk.close()

    return StreamedData(blocks)


def while_streaming(run: RunFolder, fault: DataError) -> DataError:
    """The same error, and how to go on."""
    advice = f"then go on: bertkit finetune --resume {run.path}"
    if not isinstance(fault, StreamError):  # of a row: to mend it would change the file
        advice = f"or go on without such rows: bertkit finetune --resume {run.path} {FLAG} 10"
    return DataError(fault.message, hint=f"{fault.hint}; {advice}")


@dataclass(frozen=True)
class _Encoder:
    """Turns rows into what the loop trains on."""

    task: Task
    tokenizer: PreTrainedTokenizerFast
    limits: Limits
    class_weights: Mapping[str, float] | str | None
    stream: Stream

    def encode(self, block: RowBlock) -> TrainingData | None:
        """Features and targets of the rows that can be used; None where there are none."""
        examples: list[Example] = []
        ids: list[str] = []
        for piece in block.pieces:
            rows = piece if piece.class_names else replace(piece, class_names=self.stream.class_names)
            found = self.task.examples(rows)
            examples += found.examples
            ids += [rows.place(example.row) for example in found.examples]
            self.stream.left_out.update(label=found.without_label, text=found.without_text)
        if not examples:
            return None
        reset_tokenizer(self.tokenizer)
        features = self.task.encode(examples, self.tokenizer, self.limits)
        if not len(features):
            return None
        targets = self.task.targets(examples, features, label_weights=self.class_weights)
        return TrainingData(features, targets, padding_of(self.tokenizer), ids)
