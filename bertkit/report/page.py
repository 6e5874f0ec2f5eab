"""The page: sections through the template, every text escaped, nothing from elsewhere."""

from __future__ import annotations

import itertools
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from bertkit.report.blocks import Section
from bertkit.report.content import ReportContent
from bertkit.report.drawing import ID_PREFIX
from bertkit.report.passages import readable, short
from bertkit.report.sections.table import sections_of
from bertkit.runs.atomic import write_text

if TYPE_CHECKING:
    from jinja2 import Environment


def write_report(path: Path, content: ReportContent) -> None:
    """Write the page in one step: it is whole, or as it was before."""
    write_text(path, render(content))


def render(content: ReportContent) -> str:
    """The whole page as HTML."""
    return render_sections(content, sections_of(content))


def render_sections(content: ReportContent, sections: list[Section]) -> str:
    """The page of some sections."""
    from markupsafe import Markup

    package = files("bertkit.report")
    style = Markup((package / "style.css").read_text(encoding="utf-8"))
    page = _environment().from_string((package / "page.html").read_text(encoding="utf-8"))
    facts = [fact for fact in (content.recipe, content.model, content.made) if fact]
    return page.render(
        title=short(content.title, 160), facts=[short(fact, 160) for fact in facts], sections=sections,
        style=style,
    )  # fmt: skip


def _shown(value: object) -> object:
    """Whatever a section left as it came from data, in characters that only show; our own markup stays."""
    return readable(value) if type(value) is str else value


def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    numbers = itertools.count(1)

    def drawing(svg: str) -> Markup:
        return Markup(svg.replace(ID_PREFIX, f"drawing-{next(numbers)}"))

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters["drawing"] = drawing
    return environment
