"""Where the tokens of many features come from, special ones and those of texts, without a step for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.tasks.template import Template

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Texts with the special tokens around them.

    Attributes:
        sources: (tokens,) the number of each token: special ones are counted first, in the order of the
            template, then those of all texts.
        segments: (tokens,) int8.
        lengths: (features,) tokens of each.
    """

    sources: Ints
    segments: NDArray[np.int8]
    lengths: Ints

    def taken(self, of_specials: NDArray[Any], of_texts: NDArray[Any]) -> NDArray[Any]:
        """(tokens,) a value each, from a value for each special token and for each token of the texts."""
        return np.concatenate([of_specials, of_texts])[self.sources]


def lay_out(template: Template, starts: Ints, lengths: Ints) -> Layout:
    """Wrap one or two texts a feature.

    Args:
        template: of single texts, or of pairs.
        starts: (features, texts) where each begins among the tokens of all texts.
        lengths: (features, texts) tokens of each.
    """
    count, texts = starts.shape
    around = [template.before, template.between, template.after] if texts == 2 else [
        template.before, template.after
    ]  # fmt: skip
    # Each special token is a piece of its own, and each text is one.
    sources: list[Ints] = []
    sizes: list[Ints] = []
    segments: list[int] = []
    for number, specials in enumerate(around):
        for _, segment in specials:
            sources.append(np.full(count, len(sources) - number))
            sizes.append(np.ones(count, np.int64))
            segments.append(segment)
        if number < texts:
            sources.append(starts[:, number] + template.size)
            sizes.append(lengths[:, number])
            segments.append(template.segments[number])
    pieces = np.stack(sizes, axis=1)
    flat = pieces.ravel()
    return Layout(
        sources=ranges(np.stack(sources, axis=1).ravel(), flat),
        segments=np.repeat(np.tile(np.array(segments, np.int8), count), flat),
        lengths=pieces.sum(axis=1),
    )


def special_ids(template: Template) -> NDArray[np.int32]:
    """The ids of the special tokens, in their order."""
    specials = (*template.before, *template.between, *template.after)
    return np.array([token for token, _ in specials], dtype=np.int32)


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """The numbers from each start on, as many as its length says, range after range."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1] if len(ends) else 0)
