"""The log, the card and the fingerprint of a run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bertkit.runs.card import SHOWN_LABELS, CardFacts, model_card
from bertkit.runs.environment import fingerprint
from bertkit.runs.log import RunLog, trim_log


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_log_is_one_record_a_line_and_goes_on(tmp_path: Path) -> None:
    for step in (1, 2):
        with RunLog(tmp_path / "log.jsonl", tmp_path / "events", warn=pytest.fail) as log:
            log.write("train", step, {"loss": float("nan") if step == 2 else 0.5, "best": True})
            assert len(records(tmp_path / "log.jsonl")) == step  # readable while it grows
    assert records(tmp_path / "log.jsonl")[1] == {"kind": "train", "step": 2, "loss": None, "best": True}
    assert len(list((tmp_path / "events").iterdir())) == 2


def test_an_evaluation_that_is_done_again_is_not_in_the_log_twice(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    kinds = [("train", 1), ("eval", 1), ("train", 2), ("eval", 2)]
    whole = [json.dumps({"kind": kind, "step": step}) + "\n" for kind, step in kinds]
    path.write_text("".join(whole), encoding="utf-8")
    trim_log(path, step=2, judged_step=1)  # saved between the step and its evaluation
    assert path.read_text(encoding="utf-8") == "".join(whole[:3])


@pytest.mark.parametrize("place", ["log.jsonl", "events"])
def test_a_log_that_cannot_be_written_is_said_once_and_stops_nothing(tmp_path: Path, place: str) -> None:
    if place == "events":
        (tmp_path / place).write_text("a file where the folder should be", encoding="utf-8")
    else:
        (tmp_path / place).mkdir()
    said: list[str] = []
    with RunLog(tmp_path / "log.jsonl", tmp_path / "events", warn=said.append) as log:
        for step in (1, 2, 3):
            log.write("train", step, {"loss": 0.5})
    assert len(said) == 1 and "goes on without its log" in said[0]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a disk that is always full is of Linux")
def test_a_log_on_a_full_disk_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    with RunLog(Path("/dev/full"), tmp_path / "events", warn=said.append) as log:
        log.write("train", 1, {"loss": 0.5})
        log.write("train", 2, {"loss": 0.5})
    assert len(said) == 1 and "No space left" in said[0]


def test_trimming_drops_what_follows_the_step_and_half_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    whole = [json.dumps({"kind": "train", "step": step}) + "\n" for step in (1, 2, 3)]
    path.write_text("".join(whole) + '{"kind": "tr', encoding="utf-8")
    trim_log(path, step=2, judged_step=0)
    assert path.read_text(encoding="utf-8") == "".join(whole[:2])
    trim_log(tmp_path / "missing.jsonl", step=2, judged_step=0)
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]


def card(**changed: object) -> str:
    facts: dict[str, object] = {
        "title": "run",
        "recipe": "sst2",
        "base_model": "bert",
        "data": "own files",
        "problem": "single_label",
        "pipeline": "text-classification",
        "labels": ["a", "b"],
        "text": ["text"],
        "lengths": "Texts are cut at 128 tokens.",
        "max_length": 128,
        "rows": {"train": 1000, "validation": 10},
        "scores": {"validation": {"accuracy": "90.00"}},
        "settings": {"epochs": 3},
        "versions": {"torch": "2", "absent": None},
    }
    return model_card(CardFacts(**(facts | changed)))  # type: ignore[arg-type]


def test_card_says_scores_rows_and_settings() -> None:
    text = card()
    assert "| validation | 10 | accuracy 90.00 |" in text
    assert "Trained on 1,000 rows." in text
    assert "| epochs | 3 |" in text
    assert "torch 2." in text and "absent" not in text
    assert """echo '{"text": "..."}' | bertkit predict""" in text


def test_card_says_what_was_fitted_and_who_knows_it() -> None:
    (line,) = (line for line in card(calibration="temperature 1.63").splitlines() if "temperature" in line)
    assert line == "- Calibrated: temperature 1.63. A plain pipeline knows nothing of this."
    assert "Calibrated" not in card()


def test_labels_and_names_cannot_act() -> None:
    hostile = "<script>alert(1)</script>|`x`\n# [click](javascript:x)\x1b[31m &lt;"
    text = card(
        labels=[hostile],
        title=hostile,
        data=hostile,
        recipe=hostile,
        settings={"a": hostile},
        scores={hostile: {"accuracy": "1"}},
        text=["it's"],
    )
    acting = re.sub("`[^`\n]*`", "", text.replace("\\`", ""))  # between backticks all is only shown
    assert "<script>" not in acting
    assert "\x1b" not in text
    assert "\n# [" not in acting and "[click](" not in acting
    assert "&amp;lt;" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert [row.replace("\\|", "").count("|") for row in rows] == [4, 4, 4, 3, 3, 3]
    # The name of a column with a quote stays one word of the shell.
    import shlex

    command = next(line for line in text.splitlines() if "echo" in line)
    assert json.loads(shlex.split(command)[1]) == {"it's": "..."}


def test_front_matter_is_yaml_whatever_the_model_is_called() -> None:
    import yaml

    front = card(base_model='a: "b"\n---').split("---\n")[1]
    assert yaml.safe_load(front)["base_model"] == 'a: "b"\n---'


def test_many_labels_are_counted_and_not_all_listed() -> None:
    text = card(labels=[f"label{n}" for n in range(1000)])
    assert f"label{SHOWN_LABELS - 1}, ... (1,000 labels)" in text
    assert "label999" not in text


def test_fingerprint_tells_order_and_borders_of_parts() -> None:
    different = [["ab", "c"], ["a", "bc"], ["c", "ab"], ["abc"], ["ab", "c", ""], [], [""], ["ab\ud800"]]
    assert len({fingerprint(parts) for parts in different}) == len(different)
    assert fingerprint(iter(["ab", "c"])) == fingerprint(["ab", "c"])
