from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bertkit.data.labels import LabelSet
from bertkit.evaluation.results import SplitResult
from bertkit.report.content import ReportContent, ReportSplit
from bertkit.report.page import render, write_report
from bertkit.tasks.base import Example, Prediction

VOID = {"meta", "link", "br", "path", "use"}
SOURCES = ("src", "srcset", "data", "action", "poster", "background", "xlink:href")


class Page(HTMLParser):
    """The elements of a page, and whether each is closed where it must be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.headings: list[int] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_page_of_each_kind_is_whole_and_loads_nothing(content: ReportContent) -> None:
    text = render(content)
    page = Page(text)
    assert page.open == []
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "object", "embed", "img", "base"}
    for tag, attributes in page.elements:
        assert not set(SOURCES) & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        if "href" in attributes:
            assert attributes["href"].startswith("#") or attributes["href"] == "data:,", (tag, attributes)
        assert "url(" not in attributes.get("style", "")
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.search(r"url\(|@import|https?:", style)
    assert len(text) < 1_500_000


def test_ids_are_unique_and_references_arrive(content: ReportContent) -> None:
    page = Page(render(content))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {each["href"][1:] for _, each in page.elements if each.get("href", "").startswith("#")}
    wanted |= {
        match
        for _, each in page.elements
        for match in re.findall(r"url\(#(.+?)\)", each.get("clip-path", ""))
    }
    assert wanted <= set(ids)


def test_headings_are_in_order_and_drawings_have_a_label(content: ReportContent) -> None:
    page = Page(render(content))
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    drawings = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert drawings
    assert all(each["role"] == "img" and len(each["aria-label"]) > 20 for each in drawings)


def test_what_users_wrote_is_text(content: ReportContent) -> None:
    text = render(content)
    assert "<script" not in text
    assert "alert(1)" in "".join(Page(text).text)
    assert "{{ 7 * 7 }}" in text
    text.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", text)


def test_the_same_content_makes_the_same_page(make_content: Callable[..., ReportContent]) -> None:
    assert render(make_content()) == render(make_content())


def test_each_kind_says_what_a_reader_looks_for(content: ReportContent) -> None:
    titles = set(re.findall(r"<h3>(.+?)</h3>", render(content)))
    assert any("ardest errors" in title for title in titles)
    problem = content.splits[0].problem
    if problem != "regression":
        assert any(title.startswith("By ") for title in titles)
    wanted = {
        "single_label": {"Confusions", "Precision and recall", "Calibration", "Suspected label errors"},
        "multi_label": {"Missed and added", "Precision and recall", "Calibration", "Suspected label errors"},
        "regression": {"Agreement", "Suspected label errors"},
        "tags": {"Confusions"},
        "frames": {"Intents: confusions", "Slots: confusions", "Intents: calibration"},
        "answers": {"By length of the answer", "Questions without an answer", "Suspected label errors"},
    }
    assert wanted[problem] | {"Length and slices"} <= titles


def test_seventy_seven_classes_are_pairs_and_not_a_matrix(make_content: Callable[..., ReportContent]) -> None:
    many = render(make_content([f"class {n}" for n in range(77)], 500))
    assert "Most frequent confusions" in many
    assert "Confusion matrix" not in many
    assert "57 more" in many
    assert "Confusion matrix" in render(make_content())


def test_the_sections_of_a_model_that_is_no_run(make_content: Callable[..., ReportContent]) -> None:
    content = replace(
        make_content(),
        log=(),
        best_step=None,
        data=(),
        settings={},
        environment={},
        published=(),
        baselines=(),
    )
    titles = re.findall(r"<h2[^>]*>(.+?)</h2>", render(content))
    assert titles == ["Scores", "validation"]
    assert "Beside others" not in render(content)


def test_a_split_whose_labels_are_hidden() -> None:
    labels = LabelSet("single_label", ("a", "b"))
    split = ReportSplit(
        SplitResult("test", 1, {}), "single_label", labels, [Example("0", ("hello",), None)],
        [Prediction("a", 0.6, {"a": 0.6, "b": 0.4})], [None],
    )  # fmt: skip
    text = render(ReportContent("run", None, "tiny", [split]))
    assert "labels hidden" in text
    assert "<h2" in text


@pytest.mark.parametrize("problem", ["single_label", "multi_label"])
def test_predictions_without_probabilities(problem: str) -> None:
    labels = LabelSet(problem, ("a", "b"))
    target, value = (0, "a") if problem == "single_label" else ((1, 0), ["a"])
    examples = [Example(str(n), ("text",), target) for n in range(3)]
    split = ReportSplit(
        SplitResult("test", 3, {}), problem, labels, examples, [Prediction(value)] * 3, [value] * 3
    )
    text = render(ReportContent("run", None, "tiny", [split]))
    assert "All 3 examples are right." in text
    assert "Calibration" not in text


def test_a_broken_log_still_draws(make_content: Callable[..., ReportContent]) -> None:
    log = [
        {"kind": "train", "step": 1, "loss": None}, {"kind": "train", "loss": 2.0}, {"kind": "other"},
        {"kind": "train", "step": 2, "loss": 1.0}, {"kind": "memory", "step": 2, "micro_batch_size": 4},
    ]  # fmt: skip
    text = render(replace(make_content(), log=log))
    assert ">Loss<" in text
    assert "4 rows are computed at once" in text


def test_the_numbers_of_the_result_are_on_the_page(make_content: Callable[..., ReportContent]) -> None:
    content = make_content()
    text = "".join(Page(render(content)).text)
    found = content.splits[0].result.scores["accuracy"]
    assert f"{100 * found.value:.2f}\N{NO-BREAK SPACE}%" in text
    assert f"{100 * found.low:.2f} to {100 * found.high:.2f}" in text
    wrong = sum(
        prediction.value != reference
        for prediction, reference in zip(
            content.splits[0].predictions, content.splits[0].references, strict=True
        )
    )
    assert f"{wrong} of 120 examples are wrong." in text
    assert "25.00" in text
    assert "90.00" in text


def test_the_first_hardest_error_is_the_surest(make_content: Callable[..., ReportContent]) -> None:
    content = make_content()
    split = content.splits[0]
    wrong = [
        (prediction.score, example.id)
        for example, prediction, reference in zip(
            split.examples, split.predictions, split.references, strict=True
        )
        if prediction.value != reference
    ]
    text = render(content)
    hardest = text[text.index("Hardest errors") :]
    assert re.findall(r"id <bdi>(.+?)</bdi>", hardest)[0] == max(wrong)[1]


def test_a_page_of_many_rows_stays_small(make_content: Callable[..., ReportContent]) -> None:
    content = make_content([f"class {n}" for n in range(20)], 20_000)
    split = content.splits[0]
    long = [replace(example, texts=("long words " * 1000,)) for example in split.examples]
    text = render(replace(content, splits=[replace(split, examples=long)] * 3))
    assert len(text.encode()) < 3_000_000


def test_it_is_written_whole_or_not_at_all(
    tmp_path: Path, make_content: Callable[..., ReportContent], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    content = make_content()
    write_report(path, content)
    assert path.read_text(encoding="utf-8") == render(content)

    def fail(_: object) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr("bertkit.report.page.render", fail)
    with pytest.raises(RuntimeError, match="broken"):
        write_report(path, content)
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert list(tmp_path.iterdir()) == [path]
