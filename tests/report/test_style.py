"""Colours that can be read by those who see less: the contrast that WCAG 2 asks for, in both schemes."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STYLE = (files("bertkit.report") / "style.css").read_text(encoding="utf-8")
BACKS = ("page", "surface", "sunk", "right-back", "wrong-back", "expected-back")


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))


LIGHT = colours(STYLE[: STYLE.index("@media")])
DARK = LIGHT | colours(STYLE[STYLE.index("prefers-color-scheme: dark") : STYLE.index("* {")])
PRINT = LIGHT | colours(STYLE[STYLE.index("@media print") :])


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
def test_text_and_drawings_stand_out(scheme: dict[str, str]) -> None:
    for back in BACKS:
        assert contrast(scheme["ink"], scheme[back]) >= 7, back
    for back in ("page", "surface", "sunk"):
        for text in ("muted", "accent"):
            assert contrast(scheme[text], scheme[back]) >= 4.5, (text, back)
    for number in range(1, 7):
        assert contrast(scheme[f"series-{number}"], scheme["surface"]) >= 3, number


def test_the_drawings_name_only_colours_that_there_are() -> None:
    from bertkit.report.drawing import _COLOURS

    assert set(_COLOURS) <= set(LIGHT)
    assert set(LIGHT) == set(DARK)
