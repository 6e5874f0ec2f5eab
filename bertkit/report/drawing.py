"""Figures of matplotlib as SVG that belongs to the page: its colours, its font, no name that could clash."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

WIDTH = 340  # units of the drawing: a pixel each on a narrow phone, a little more elsewhere
HEIGHT = 232
SERIES = 6  # colours there are for series

# Colours that no drawing has by chance; the page gives each name its value, in light and in dark.
_COLOURS = {
    "ink": "#000001", "muted": "#000002", "grid": "#000003", "surface": "#000004", "bad": "#000005",
    **{f"series-{number + 1}": f"#0000{16 + number:02x}" for number in range(SERIES)},
}  # fmt: skip
_NAMES = {colour: name for name, colour in _COLOURS.items()}
# Stands before each id of a drawing; the page puts a number in its place.
ID_PREFIX = "drawing-id"

_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: it is read aloud, found, and in the font of the page
    "svg.hashsalt": "bertkit",  # the same drawing has the same ids: reports can be compared
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.size": 10.5, "axes.labelsize": 10.5, "xtick.labelsize": 10.5, "ytick.labelsize": 10.5,
    "text.color": _COLOURS["ink"], "axes.labelcolor": _COLOURS["muted"],
    "xtick.color": _COLOURS["muted"], "ytick.color": _COLOURS["muted"],
    "xtick.major.pad": 6,
    "axes.edgecolor": _COLOURS["grid"], "grid.color": _COLOURS["grid"], "grid.linewidth": 0.8,
    "axes.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "xtick.major.size": 0, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
    "lines.linewidth": 2.0, "lines.solid_capstyle": "round", "figure.constrained_layout.use": True,
}  # fmt: skip
_NUMBER = re.compile(r"-?\d+\.\d+")
_COLOUR = re.compile(r"#0000[0-9a-f]{2}")
_FONT = re.compile(r"font-family:[^;]*;?\s*")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_XLINK = "{http://www.w3.org/1999/xlink}href"


def colour(name: str) -> str:
    """What matplotlib draws a role in: `ink`, `muted`, `grid`, `surface`, `bad`, `series-1` ..."""
    return _COLOURS[name]


def series_colour(number: int) -> str:
    """The colour of the series with this number, from 0; they come again after the last."""
    return _COLOURS[f"series-{number % SERIES + 1}"]


@contextmanager
def drawing(height: int = HEIGHT) -> Iterator[Any]:
    """A figure to draw in, in the style of the report; without pyplot, which keeps figures alive."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):
        yield Figure(figsize=(WIDTH / 72, height / 72))


def drawn(figure: Any, summary: str) -> str:
    """The figure as an `<svg>` element; call it inside `drawing`.

    Args:
        figure: of matplotlib.
        summary: what it shows, for those who cannot see it.
    """
    stream = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    root = ElementTree.fromstring(stream.getvalue())
    _clean(root)
    _rename_ids(root)
    size = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": size, "role": "img", "aria-label": summary})
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: ElementTree.Element) -> None:
    """Leave what draws: no namespaces, no styles for the whole page, no fonts, short numbers."""
    element.tag = element.tag.partition("}")[2] or element.tag
    for child in list(element):
        name = child.tag.partition("}")[2]
        empty_path = name == "path" and child.get("style") == "fill: none"
        if name in ("metadata", "style") or empty_path:
            element.remove(child)
        else:
            _clean(child)
    if element.tag != "text":
        element.text = None
    element.tail = None
    if (target := element.attrib.pop(_XLINK, None)) is not None:
        element.set("href", target)
    for name, value in element.attrib.items():
        if name == "style":
            value = _FONT.sub("", _COLOUR.sub(_variable, value)).replace(": ", ":").replace("; ", ";")
        if name in ("d", "x", "y", "points", "transform", "width", "height"):
            value = " ".join(_NUMBER.sub(_rounded, value).split())
        element.set(name, value)


def _variable(match: re.Match[str]) -> str:
    name = _NAMES.get(match[0])
    return f"var(--{name})" if name else match[0]


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")


def _rename_ids(root: ElementTree.Element) -> None:
    """Number the ids that something in the drawing refers to, and drop all others."""
    used: dict[str, str] = {}
    for element in root.iter():
        references = [
            element.get("href", "").removeprefix("#"),
            *_REFERENCE.findall(element.get("clip-path", "")),
        ]
        for reference in filter(None, references):
            used.setdefault(reference, f"{ID_PREFIX}-{len(used)}")
    for element in root.iter():
        identity = element.attrib.pop("id", None)
        if identity in used:
            element.set("id", used[identity])
        if "href" in element.attrib:
            element.set("href", "#" + used[element.attrib["href"].removeprefix("#")])
        if "clip-path" in element.attrib:
            clip = _REFERENCE.sub(lambda match: f"url(#{used[match[1]]})", element.attrib["clip-path"])
            element.set("clip-path", clip)
