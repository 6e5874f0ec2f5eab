"""The special tokens that an encoder expects around its text, learned from its tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertkit.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class Template:
    """Special tokens around one text or a pair, as (token id, segment).

    Attributes:
        before: ahead of the first text, as `[CLS]`.
        between: after the first text of a pair, as `[SEP]`.
        after: at the end.
        segments: of the first and of the second text.
        sentence: position of the token that stands for the whole, as `[CLS]`: from the start, or below 0
            from the end, where XLNet has it.
    """

    before: tuple[tuple[int, int], ...]
    between: tuple[tuple[int, int], ...]
    after: tuple[tuple[int, int], ...]
    segments: tuple[int, int]
    sentence: int

    @property
    def size(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)


def template_of(tokenizer: PreTrainedTokenizerFast, *, pair: bool) -> Template:
    """What the tokenizer puts around one text, or around a pair; found by looking at an encoded one.

    Raises:
        ModelError: it puts nothing around a text, so no token stands for the whole.
    """
    backend = tokenizer.backend_tokenizer
    encoding = backend.encode("a", "a") if pair else backend.encode("a")
    tokens = list(zip(encoding.ids, encoding.type_ids, strict=True))
    places: dict[int, list[int]] = {0: [], 1: []}
    for place, text in enumerate(encoding.sequence_ids):
        if text is not None:
            places[text].append(place)
    first, last = places[0], places[1] or places[0]
    between = tokens[first[-1] + 1 : last[0]] if pair else []
    before, after = tokens[: first[0]], tokens[last[-1] + 1 :]
    if not before and not after:
        raise ModelError(
            "the tokenizer puts no special tokens around a text",
            hint="take a checkpoint whose tokenizer.json has a post-processor that adds them",
        )
    sentence = 0 if before else -1
    for place, (token, _) in enumerate(before):
        if token == tokenizer.cls_token_id:
            sentence = place
    for place, (token, _) in enumerate(after):
        if token == tokenizer.cls_token_id:
            sentence = place - len(after)
    segments = (tokens[first[0]][1], tokens[last[0]][1])
    return Template(tuple(before), tuple(between), tuple(after), segments, sentence)
