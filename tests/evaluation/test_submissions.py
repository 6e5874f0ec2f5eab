"""Files for the GLUE site and the SQuAD scripts, and the checker that knows the site's rules."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections.abc import Callable

import pytest

from bertkit.config.catalogue import find_recipe
from bertkit.config.loader import load_recipe
from bertkit.errors import DataError
from bertkit.evaluation.submissions import (
    GLUE_FILES,
    GlueFile,
    check_submission,
    check_tsv,
    glue_files,
    glue_tsv,
    pack_submission,
    squad_no_answer_scores,
    squad_predictions,
    submission_files,
)
from bertkit.tasks.base import Example, Prediction

FILES = {file.name: file for file in GLUE_FILES}


def predicted(file: GlueFile, rows: int) -> tuple[list[Example], list[Prediction]]:
    """Examples in a wild order, and what a model might say of them."""
    random_state = random.Random(7)
    numbers = random_state.sample(range(rows), rows)
    values = [
        random_state.choice(list(file.labels)) if file.labels else random_state.uniform(-1, 6)
        for _ in numbers
    ]
    return [Example(str(number), ("x",), None) for number in numbers], [Prediction(value) for value in values]


# Most of the rows of a submission are its own; one test is enough for them.
LARGE = "QQP.tsv"


@pytest.fixture(scope="module")
def contents() -> dict[str, str]:
    """All files of a submission but the large one."""
    return {
        file.name: glue_tsv(file, *predicted(file, file.rows)) for file in GLUE_FILES if file.name != LARGE
    }


def faults_of(contents: dict[str, str]) -> list[str]:
    """What is wrong beside the large file, which is left out."""
    faults = check_submission(pack_submission(contents))
    assert faults[0] == f"{LARGE} is missing" or faults[1] == f"{LARGE} is missing"
    return [fault for fault in faults if fault != f"{LARGE} is missing"]


def test_the_site_finds_nothing_wrong_with_a_whole_submission(contents: dict[str, str]) -> None:
    large = glue_tsv(FILES[LARGE], *predicted(FILES[LARGE], FILES[LARGE].rows))
    contents = {name: contents.get(name, large) for name in FILES}
    archive = pack_submission(contents)
    assert check_submission(archive) == []
    assert archive == pack_submission(contents)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.namelist() == [
            "CoLA.tsv", "SST-2.tsv", "MRPC.tsv", "STS-B.tsv", "QQP.tsv", "MNLI-m.tsv", "MNLI-mm.tsv",
            "QNLI.tsv", "RTE.tsv", "WNLI.tsv", "AX.tsv",
        ]  # fmt: skip
        assert opened.read("WNLI.tsv").decode() == contents["WNLI.tsv"]


@pytest.mark.parametrize(
    ("name", "label", "written"),
    [
        ("CoLA.tsv", "acceptable", "1"), ("CoLA.tsv", "unacceptable", "0"), ("SST-2.tsv", "positive", "1"),
        ("MRPC.tsv", "equivalent", "1"), ("QQP.tsv", "duplicate", "1"), ("WNLI.tsv", "entailment", "1"),
        ("QNLI.tsv", "entailment", "entailment"), ("RTE.tsv", "not_entailment", "not_entailment"),
        ("MNLI-m.tsv", "contradiction", "contradiction"), ("AX.tsv", "neutral", "neutral"),
        ("STS-B.tsv", 3.14159, "3.142"), ("STS-B.tsv", -0.2, "0.000"), ("STS-B.tsv", 5.5, "5.000"),
    ],
)  # fmt: skip
def test_each_task_in_its_own_words(name: str, label: object, written: str) -> None:
    text = glue_tsv(FILES[name], [Example("0", ("x",), None)], [Prediction(label)])
    assert text == f"index\tprediction\n0\t{written}\n"


def test_rows_are_in_the_order_of_the_test_set() -> None:
    examples = [Example(number, ("x",), None) for number in ("10", "2", "0")]
    said = [Prediction(name) for name in ("positive", "negative", "positive")]
    assert glue_tsv(FILES["SST-2.tsv"], examples, said) == "index\tprediction\n0\t1\n2\t0\n10\t1\n"


def test_recipes_and_files_name_the_same_labels_in_the_same_order() -> None:
    for file in GLUE_FILES:
        recipe = load_recipe(file.config).recipe
        assert recipe.data.config == file.config
        assert list(file.labels) == (recipe.task.labels or []), file.name
        assert file.allowed == set(file.labels.values())


def test_as_many_rows_as_the_recipes_say() -> None:
    for file in GLUE_FILES:
        text = find_recipe(file.config).read_text(encoding="utf-8")
        told = re.search(r"([\d,]+) test rows", text) or re.search(r"^# ([\d,]+) rows", text, re.MULTILINE)
        if told is not None:
            assert file.rows == int(told[1].replace(",", "")), file.name
        else:
            assert file.config == "mnli"
    assert FILES["MNLI-m.tsv"].rows + FILES["MNLI-mm.tsv"].rows == 19_643, "as jiant asserts"


@pytest.mark.parametrize(
    ("identity", "label", "fault"),
    [
        ("x7", "positive", "'x7' is no number"),
        ("-1", "positive", "'-1' is no number"),
        ("1", "positive", "'1' comes twice"),
        ("0", "great", "takes negative, positive, not 'great'"),
    ],
)
def test_what_cannot_be_submitted(identity: str, label: str, fault: str) -> None:
    examples = [Example("1", ("x",), None), Example(identity, ("x",), None)]
    with pytest.raises(DataError, match=fault):
        glue_tsv(FILES["SST-2.tsv"], examples, [Prediction("positive"), Prediction(label)])


def test_nan_is_no_similarity() -> None:
    with pytest.raises(DataError, match="nan"):
        glue_tsv(FILES["STS-B.tsv"], [Example("0", ("x",), None)], [Prediction(float("nan"))])


def _lines(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda text: "\n".join(change(text.split("\n")))


def _swapped(lines: list[str]) -> list[str]:
    return [*lines[:5], lines[6], lines[5], *lines[7:]]


BROKEN = {
    "other header": ("WNLI.tsv", _lines(lambda x: ["id\tlabel", *x[1:]]), "the first line is 'id\\tlabel'"),
    "no header": ("WNLI.tsv", _lines(lambda lines: lines[1:]), "the first line is '0\\t"),
    "Windows line ends": ("WNLI.tsv", lambda text: text.replace("\n", "\r\n"), "the first line is"),
    "last row missing": ("WNLI.tsv", _lines(lambda x: [*x[:-2], ""]), "it has 145 of 146 rows"),
    "row missing": ("WNLI.tsv", _lines(lambda x: x[:9] + x[10:]), "line 10 is numbered '9', not 8"),
    "row too many": ("WNLI.tsv", lambda text: f"{text}146\t0\n", "it has 147 of 146 rows"),
    "rows not in order": ("WNLI.tsv", _lines(_swapped), "line 6 is numbered '5', not 4"),
    "numbered from 1": ("WNLI.tsv", _lines(lambda x: [x[0], *x[2:]]), "line 2 is numbered '1', not 0"),
    "name for a number": ("WNLI.tsv", _lines(lambda x: [x[0], "0\tentailment", *x[2:]]), "not 0 or 1"),
    "number for a name": ("RTE.tsv", _lines(lambda x: [x[0], "0\t1", *x[2:]]), "entailment or not_entail"),
    "hyphen for underscore": ("RTE.tsv", lambda text: text.replace("not_e", "not-e"), "'not-entailment'"),
    "three columns": ("AX.tsv", _lines(lambda x: [x[0], x[1] + "\t0.9", *x[2:]]), "line 2 predicts"),
    "no tab": ("AX.tsv", _lines(lambda x: [x[0], "0", *x[2:]]), "line 2 predicts ''"),
    "over the scale": ("STS-B.tsv", _lines(lambda x: [x[0], "0\t5.001", *x[2:]]), "a number from 0 to 5"),
    "not a number": ("STS-B.tsv", _lines(lambda x: [x[0], "0\tnan", *x[2:]]), "predicts 'nan'"),
    "last line cut": ("AX.tsv", lambda text: text[:-1], "the last line has no end"),
    "empty": ("AX.tsv", lambda text: "", "the first line is ''"),
    "header alone": ("AX.tsv", lambda text: "index\tprediction\n", "it has 0 of 1,104 rows"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_told_and_no_other(contents: dict[str, str], case: str) -> None:
    name, damage, fault = BROKEN[case]
    damaged = contents | {name: damage(contents[name])}
    assert damaged[name] != contents[name]
    (told,) = faults_of(damaged)
    assert told.startswith(f"{name}: ")
    assert fault in told


def test_an_archive_with_a_file_missing_more_or_in_a_folder(contents: dict[str, str]) -> None:
    without = {name: text for name, text in contents.items() if name != "RTE.tsv"}
    assert faults_of(without) == ["RTE.tsv is missing"]
    assert faults_of(contents | {"notes.txt": "mine"}) == ["notes.txt is none of its files"]
    inside = without | {"glue/RTE.tsv": contents["RTE.tsv"]}
    assert faults_of(inside) == ["RTE.tsv is missing", "glue/RTE.tsv is none of its files"]
    assert check_submission(b"PK no archive") == ["it is no zip archive"]
    twice = io.BytesIO(pack_submission(contents))
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("RTE.tsv", contents["RTE.tsv"])
    assert check_submission(twice.getvalue()) == [f"{LARGE} is missing", "RTE.tsv is there 2 times"]


def test_the_few_rows_of_a_smoke_run_are_checked_too() -> None:
    file = FILES["CoLA.tsv"]
    text = glue_tsv(file, *predicted(file, 5))
    assert check_tsv(file, text) == ["CoLA.tsv: it has 5 of 1,063 rows"]
    assert check_tsv(file, text, whole=False) == []
    assert check_tsv(file, text.replace("\n2\t", "\n9\t"), whole=False) == [
        "CoLA.tsv: line 5 is numbered '3', after 9"
    ]
    assert check_tsv(file, text.replace("\n4\t", "\n9\t"), whole=False) == []
    assert check_tsv(file, text.replace("\n4\t", "\n1063\t"), whole=False) != []
    assert check_tsv(file, "index\tprediction\n", whole=False) == ["CoLA.tsv: it has 0 of 1,063 rows"]
    assert check_tsv(file, b"\xff\xfe") == ["CoLA.tsv is not UTF-8 text"]


QUESTIONS = [
    Example("56be", ("who?", "Ada wrote \N{LEFT DOUBLE QUOTATION MARK}x"), None),
    Example("5705", ("y?", ""), None),
]
ANSWERS = [
    Prediction({"text": "Ada", "start": 0, "end": 3, "score": 0.9}, details={"no_answer_score": 0.25}),
    Prediction({"text": "", "start": None, "end": None, "score": 0.6}, details={"no_answer_score": 0.75}),
]


def test_squad_answers_by_question() -> None:
    assert squad_predictions(QUESTIONS, ANSWERS) == {"56be": "Ada", "5705": ""}
    assert squad_no_answer_scores(QUESTIONS, ANSWERS) == {"56be": 0.25, "5705": 0.75}
    first_version = [
        Prediction({"text": "\N{LEFT DOUBLE QUOTATION MARK}x", "start": 10, "end": 12, "score": 1.0})
    ]
    assert squad_no_answer_scores(QUESTIONS[:1], first_version) == {}
    files = submission_files("qa", None, "validation", QUESTIONS[:1], first_version)
    assert {name: json.loads(text) for name, text in files.items()} == {
        "predictions.json": {"56be": "\N{LEFT DOUBLE QUOTATION MARK}x"}
    }
    second_version = submission_files("qa", "squad_v2", "validation", QUESTIONS, ANSWERS)
    assert set(second_version) == {"predictions.json", "na_prob.json"}
    with pytest.raises(DataError, match="two questions have the id '56be'"):
        squad_predictions(QUESTIONS[:1] * 2, ANSWERS)


def test_the_files_of_one_split() -> None:
    examples, said = [Example("0", ("x",), None)], [Prediction("neutral")]
    assert submission_files("nli", "mnli", "test_mismatched", examples, said) == {
        "MNLI-mm.tsv": "index\tprediction\n0\tneutral\n"
    }
    assert [file.name for file in glue_files("mnli")] == ["MNLI-m.tsv", "MNLI-mm.tsv"]
    assert glue_files(None) == glue_files("sst5") == ()
    with pytest.raises(DataError, match="mnli, matched") as error:
        submission_files("nli", "mnli", "matched", examples, said)
    assert error.value.hint == "--split test_matched or --split test_mismatched"
    with pytest.raises(DataError, match="this data, test"):
        submission_files("classification", None, "test", examples, said)
