"""Where the words of a text stand: the units that tags are given to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Ideographs and kana, each a word: runs of them have no spaces, and a run would be a whole sentence.
_WORD_EACH = (
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3038, 0x303C),
    (0x3041, 0x3096),
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFD),
)
# Marks that only choose how the character before them looks, and so are as wide as nothing.
_SELECTORS = ((0x034F, 0x034F), (0x180B, 0x180D), (0x180F, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
_SKIN_TONES = (0x1F3FB, 0x1F3FF)
_FLAG_LETTERS = (0x1F1E6, 0x1F1FF)
_HALF_WIDTH_VOICING = (0xFF9E, 0xFF9F)  # letters by category, but they voice the kana before them
# Format characters (Cf) that a reader sees: signs that stand before or over Arabic, Syriac and Kaithi digits.
_VISIBLE_FORMATS = frozenset(
    [*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD]
)
_APOSTROPHES = "'\u2019\uff07"
_ZERO_WIDTH = frozenset("zjb")


class _Kinds(dict[int, str]):
    """The kind of each character, as one ASCII letter; found out when it is first met.

    w letter or digit, m combining mark, u underscore, a apostrophe, i ideograph or kana, e pictograph,
    k skin tone, r letter of a flag, p anything else that shows; of no width: j joiner (ZWJ), b place to
    break (ZWSP), z the rest; a space for white space and control characters.
    """

    def __missing__(self, code: int) -> str:
        kind = self[code] = _kind(code)
        return kind


def _kind(code: int) -> str:
    character = chr(code)
    category = unicodedata.category(character)
    if character.isspace() or category == "Cc":
        return " "
    if code in (0x200D, 0x200B):
        return "j" if code == 0x200D else "b"
    if _within(code, *_SELECTORS) or (category == "Cf" and code not in _VISIBLE_FORMATS):
        return "z"
    if category[0] == "M" or _within(code, _HALF_WIDTH_VOICING):
        return "m"
    if _within(code, *_WORD_EACH):
        return "i"
    if _within(code, _SKIN_TONES, _FLAG_LETTERS):
        return "k" if _within(code, _SKIN_TONES) else "r"
    if category[0] in "LN":
        return "w"
    if character == "_" or character in _APOSTROPHES:
        return "u" if character == "_" else "a"
    return "e" if category == "So" else "p"


def _within(code: int, *ranges: tuple[int, int]) -> bool:
    return any(first <= code <= last for first, last in ranges)


_KINDS = _Kinds()

# Over the kinds, not over the text. The quantifiers that could give characters back do not (`++`, `*+`), so
# that a long run of one kind costs one walk.
_WORD = re.compile(
    r"""
    [zjb]*+                                   # of no width: they go with the word that follows
    (
        (?: [wm][wmzj]*+ (?: (?:u++|a) w [wmzj]*+ )*+   # letters, don't, snake_case
        |   [ek][kmz]*+ (?: j++ [ep] [kmz]*+ )*         # one emoji, however many it is joined from
        |   r r?                                        # a flag is two letters
        |   [iupa]
        )
        [mzjb]*+                              # marks and what has no width go with the word before
    )
    | [zjb]++                                 # no word at all
    """,
    re.VERBOSE,
)


def find_words(text: str, *, boundaries: Iterable[int] = ()) -> list[tuple[int, int]]:
    """The words of a text as (start, end) character offsets, end exclusive, in order, not overlapping.

    A word is a run of letters, digits and marks (apostrophes and underscores inside it too), one ideograph
    or kana, one emoji with all that is joined to it, or any other single character. White space and control
    characters are in none; characters of no width are in a neighbouring word, or in none.

    Args:
        text: any text; as it is, so that the offsets hold for it.
        boundaries: offsets at which a word is cut in two, as where an entity begins inside it.
    """
    kinds = text.translate(_KINDS)
    words = [match.span() for match in _WORD.finditer(kinds) if match.lastindex]
    cuts = sorted(set(boundaries))
    return _cut(words, cuts, kinds) if cuts else words


def _cut(words: list[tuple[int, int]], cuts: list[int], kinds: str) -> list[tuple[int, int]]:
    pieces = []
    position = 0
    for start, end in words:
        while position < len(cuts) and cuts[position] <= start:
            position += 1
        while position < len(cuts) and cuts[position] < end:
            pieces.append((start, cuts[position]))
            start = cuts[position]
            position += 1
        pieces.append((start, end))
    return [piece for piece in pieces if not _ZERO_WIDTH.issuperset(kinds[slice(*piece)])]
