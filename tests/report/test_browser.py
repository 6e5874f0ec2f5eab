"""The page in a real browser: no error, no request, nothing wider than a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from bertkit.report.content import ReportContent
from bertkit.report.page import render, write_report

Opened = Callable[[Path, Path], tuple[str, list[str], list[str]]]


def test_a_page_of_each_kind_opens_without_error_and_without_request(
    content: ReportContent, tmp_path: Path, opened: Opened
) -> None:
    page = tmp_path / "report.html"
    write_report(page, content)
    document, console, asked = opened(page, tmp_path)
    assert "</html>" in document
    assert document.count("<svg") >= 4
    assert console == []
    assert asked == []


def test_the_browser_would_tell(tmp_path: Path, opened: Opened) -> None:
    page = tmp_path / "bad.html"
    page.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.error("oops")</script>', "utf-8")
    _, console, asked = opened(page, tmp_path)
    assert any("oops" in line for line in console)
    assert asked == ["http://127.0.0.1:9/x.png"]


def test_nothing_is_wider_than_a_phone(content: ReportContent, tmp_path: Path, opened: Opened) -> None:
    page = tmp_path / "frame.html"
    page.write_text(
        f'<!doctype html><body style="margin:0"><iframe id="f" style="width:360px;height:640px;border:0" '
        f'srcdoc="{escape(render(content))}"></iframe><p id="found"></p><script>'
        "addEventListener('load', () => { const root = document.getElementById('f').contentDocument;"
        "for (const each of root.querySelectorAll('details')) each.open = true;"
        "document.getElementById('found').textContent = "
        "`${root.documentElement.clientWidth} ${root.documentElement.scrollWidth}`; })</script>",
        "utf-8",
    )
    document, _, _ = opened(page, tmp_path)
    found = re.search(r'<p id="found">(\d+) (\d+)</p>', document)
    assert found is not None
    shown, needed = map(int, found.groups())
    assert 300 < shown <= 360
    assert needed <= shown
