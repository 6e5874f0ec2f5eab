from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from bertkit.evaluation.curves import reliability
from bertkit.report.blocks import Range
from bertkit.report.charts import DOTS, Line, bars, lines, reliability_diagram, scatter
from bertkit.report.drawing import ID_PREFIX

LINE = Line(np.arange(5.0), np.arange(5.0) ** 2)


def test_a_drawing_has_the_colours_of_the_page_and_text_that_is_text() -> None:
    svg = lines([LINE], "A line & more <b>.", best=3)
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == "A line & more <b>."
    assert [each.text for each in root.iter("text")][-1] == "step" or "step" in svg
    assert re.findall(r"#[0-9a-f]{6}", svg) == []
    assert "var(--series-1)" in svg
    assert "font-family" not in svg
    assert not [each for each in root.iter() if each.tag in ("style", "metadata")]
    assert "http" not in svg


def test_every_id_can_be_renamed_and_every_reference_is_one() -> None:
    svg = reliability_diagram(reliability([0.2, 0.9], [0, 1]), "Reliability.")
    assert ID_PREFIX in svg
    ids = set(re.findall(r' id="(.+?)"', svg))
    assert ids
    assert all(each.startswith(ID_PREFIX) for each in ids)
    assert set(re.findall(r'href="#(.+?)"', svg)) | set(re.findall(r"url\(#(.+?)\)", svg)) == ids


def test_a_scatter_is_thinned_and_keeps_the_ends() -> None:
    x = np.linspace(0, 1, 50_000)
    svg = scatter(x, x, "Points.", x_name="x", y_name="y")
    assert svg.count("<use") < DOTS + 40
    assert len(svg) < 250_000


def test_bars_without_an_interval_or_a_value() -> None:
    svg = bars(["a", "b"], [Range(0.5), Range(float("nan"))], ["50", "-"], "Bars.")
    assert ">50<" in svg
    assert "NaN" not in svg
    assert "nan" not in svg
