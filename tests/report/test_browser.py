"""The page in a real browser: no error, no request, nothing wider than a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from bertkit.report.content import ReportContent
from bertkit.report.page import render, write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")


def opened(page: Path, folder: Path) -> tuple[str, list[str], list[str]]:
    """The document after loading, the lines of the console, and the addresses that the page asked for."""
    network = folder / "network.json"
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={network}", "--enable-logging=stderr", "--window-size=600,900", "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    console = [line for line in done.stderr.decode(errors="replace").splitlines() if ":CONSOLE" in line]
    events = json.loads(network.read_text(encoding="utf-8"))["events"]
    parameters = [event.get("params") or {} for event in events]
    # What the browser asks for on its own account has no origin.
    asked = [
        each["url"]
        for each in parameters
        if "url" in each and each.get("initiator") not in (None, "not an origin")
    ]
    return done.stdout.decode(errors="replace"), console, asked


def test_a_page_of_each_kind_opens_without_error_and_without_request(
    content: ReportContent, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    write_report(page, content)
    document, console, asked = opened(page, tmp_path)
    assert "</html>" in document
    assert document.count("<svg") >= 4
    assert console == []
    assert asked == []


def test_the_browser_would_tell(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.error("oops")</script>', "utf-8")
    _, console, asked = opened(page, tmp_path)
    assert any("oops" in line for line in console)
    assert asked == ["http://127.0.0.1:9/x.png"]


def test_nothing_is_wider_than_a_phone(content: ReportContent, tmp_path: Path) -> None:
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
