"""Predictions in the form in which benchmarks take them: the archive of the GLUE site, the JSON of SQuAD.

Pure: predictions in, the content of files out, and a checker that knows the rules.

GLUE takes a zip archive with one file a test set, all eleven of them, in no folder. Each has the header
`index<TAB>prediction` and a line an example in the order of the test set, numbered from 0. QNLI, RTE, MNLI
and AX want label names, the others numbers, STS-B one from 0 to 5. The site counts the rows ("not all ids
present in task ..."), and refuses an archive that lacks a file or holds an empty one.
Sources: FAQ 1 of https://gluebenchmark.com/faq, its sample https://gluebenchmark.com/assets/CBOW.zip, what
nyu-mll/jiant (`write_strict_glue_format`) and keras-hub (examples/glue_benchmark) upload, and
nyu-mll/GLUE-baselines, issue 14. Row counts: the test splits of nyu-mll/glue.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bertkit.errors import DataError
from bertkit.tasks.base import Example, Prediction

HEADER = "index\tprediction"
# STS-B: the range of the scores, and digits behind the point.
LOWEST, HIGHEST, DIGITS = 0.0, 5.0, 3
# The oldest time a zip archive can hold: the same predictions give the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)

_ENTAILMENT = {name: name for name in ("entailment", "not_entailment")}
_INFERENCE = {name: name for name in ("entailment", "neutral", "contradiction")}


def _numbered(*names: str) -> dict[str, str]:
    return {name: str(number) for number, name in enumerate(names)}


@dataclass(frozen=True)
class GlueFile:
    """One file of a GLUE submission.

    Attributes:
        name: of the file, as the site wants it.
        config: of the data set nyu-mll/glue; the recipes are called so too.
        split: the split to predict.
        rows: how many examples it has.
        labels: by the label names of the recipe, what the site wants; empty where it wants a number.
    """

    name: str
    config: str
    split: str
    rows: int
    labels: Mapping[str, str]

    @property
    def allowed(self) -> frozenset[str]:
        """What may stand behind the tab; empty where it is a number."""
        return frozenset(self.labels.values())


GLUE_FILES: tuple[GlueFile, ...] = (
    GlueFile("CoLA.tsv", "cola", "test", 1_063, _numbered("unacceptable", "acceptable")),
    GlueFile("SST-2.tsv", "sst2", "test", 1_821, _numbered("negative", "positive")),
    GlueFile("MRPC.tsv", "mrpc", "test", 1_725, _numbered("not_equivalent", "equivalent")),
    GlueFile("STS-B.tsv", "stsb", "test", 1_379, {}),
    GlueFile("QQP.tsv", "qqp", "test", 390_965, _numbered("not_duplicate", "duplicate")),
    GlueFile("MNLI-m.tsv", "mnli", "test_matched", 9_796, _INFERENCE),
    GlueFile("MNLI-mm.tsv", "mnli", "test_mismatched", 9_847, _INFERENCE),
    GlueFile("QNLI.tsv", "qnli", "test", 5_463, _ENTAILMENT),
    GlueFile("RTE.tsv", "rte", "test", 3_000, _ENTAILMENT),
    GlueFile("WNLI.tsv", "wnli", "test", 146, _numbered("not_entailment", "entailment")),
    GlueFile("AX.tsv", "ax", "test", 1_104, _INFERENCE),
)
_BY_NAME = {file.name: file for file in GLUE_FILES}


def glue_files(config: str | None) -> tuple[GlueFile, ...]:
    """The files that the site wants of one config of nyu-mll/glue, as `mnli`; none for another name."""
    return tuple(file for file in GLUE_FILES if file.config == config)


def glue_tsv(file: GlueFile, examples: Sequence[Example], predictions: Sequence[Prediction]) -> str:
    """The content of one file of a GLUE submission, sorted by the examples' own numbers.

    Args:
        file: which one.
        examples: of its split; their ids are their numbers in it (the column `idx`).
        predictions: one an example: a label name of the recipe, or a number.

    Raises:
        DataError: an id that is no number or comes twice, or a label that the site does not know.
    """
    lines: dict[int, str] = {}
    for example, prediction in zip(examples, predictions, strict=True):
        if not example.id.isdecimal() or int(example.id) in lines:
            what = "comes twice" if example.id.isdecimal() else "is no number"
            raise DataError(
                f"{file.name} numbers its rows: the id {example.id!r} {what}",
                hint="take the rows of nyu-mll/glue, which are numbered in the column idx",
            )
        lines[int(example.id)] = _written(file, prediction)
    body = "".join(f"{number}\t{lines[number]}\n" for number in sorted(lines))
    return f"{HEADER}\n{body}"


def _written(file: GlueFile, prediction: Prediction) -> str:
    if not file.labels:
        value = float(prediction.value)
        if value != value:
            raise DataError(f"{file.name}: a prediction is nan", hint="train the model again")
        return f"{min(max(value, LOWEST), HIGHEST):.{DIGITS}f}"
    written = file.labels.get(str(prediction.value))
    if written is None:
        raise DataError(
            f"{file.name} takes {', '.join(file.labels)}, not {prediction.value!r}",
            hint=f"predict with a model that was trained with the recipe {file.config}",
        )
    return written


def pack_submission(contents: Mapping[str, str]) -> bytes:
    """A zip archive of text files by name; the same contents give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def check_submission(archive: bytes) -> list[str]:
    """What the GLUE site would refuse or misread in an archive: a sentence a file, none if all is right."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            names = opened.namelist()
            contents = {name: opened.read(name) for name in names}
    except zipfile.BadZipFile:
        return ["it is no zip archive"]
    faults = [f"{name} is missing" for name in _BY_NAME if name not in contents]
    faults += [f"{name} is there {names.count(name)} times" for name in contents if names.count(name) > 1]
    for name, content in contents.items():
        file = _BY_NAME.get(name)
        faults += [f"{name} is none of its files"] if file is None else check_tsv(file, content)
    return faults


def check_tsv(file: GlueFile, content: bytes | str, *, whole: bool = True) -> list[str]:
    """What is wrong with one file: at most one sentence, about the first fault.

    Args:
        file: which one it shall be.
        content: as written.
        whole: it shall hold all rows of the test set; false for some of them, in their order.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError:
        return [f"{file.name} is not UTF-8 text"]
    return [f"{file.name}: {fault}" for fault in _faults(file, text, whole)][:1]


def _faults(file: GlueFile, text: str, whole: bool) -> Iterator[str]:
    header, *lines = text.split("\n")
    if header != HEADER:
        yield f"the first line is {header!r}, not {HEADER!r}"
    if lines[-1:] != [""]:
        yield "the last line has no end"
    before = -1
    for number, line in enumerate(lines[:-1]):
        index, tab, value = line.partition("\t")
        if whole and index != str(number):
            yield f"line {number + 2} is numbered {index!r}, not {number}"
        elif not whole and not (index.isdecimal() and before < int(index) < file.rows):
            yield f"line {number + 2} is numbered {index!r}, after {before}"
        elif not tab or not _is_allowed(file, value):
            allowed = " or ".join(sorted(file.allowed)) or f"a number from {LOWEST:g} to {HIGHEST:g}"
            yield f"line {number + 2} predicts {value!r}, not {allowed}"
        else:
            before = int(index)
    rows = len(lines) - 1
    if (whole and rows != file.rows) or rows > file.rows or rows < 1:
        yield f"it has {rows:,} of {file.rows:,} rows"


def _is_allowed(file: GlueFile, value: str) -> bool:
    if file.labels:
        return value in file.allowed
    try:
        return value.strip() == value and LOWEST <= float(value) <= HIGHEST
    except ValueError:
        return False


def squad_predictions(examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, str]:
    """What the official scripts of SQuAD 1.1 and 2.0 read: the answer by the id of its question.

    An empty text says that there is no answer.

    Raises:
        DataError: two questions have one id.
    """
    return {
        identity: str(prediction.value["text"])
        for identity, prediction in _by_id(examples, predictions).items()
    }


def squad_no_answer_scores(
    examples: Sequence[Example], predictions: Sequence[Prediction]
) -> dict[str, float]:
    """What `--na-prob-file` of the SQuAD 2.0 script reads: by id, from 0 to 1, how much speaks for no answer.

    Empty for a model that always answers, as for SQuAD 1.1.

    Raises:
        DataError: two questions have one id.
    """
    return {
        identity: float(prediction.details["no_answer_score"])
        for identity, prediction in _by_id(examples, predictions).items()
        if "no_answer_score" in prediction.details
    }


def _by_id(examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, Prediction]:
    found: dict[str, Prediction] = {}
    for example, prediction in zip(examples, predictions, strict=True):
        if example.id in found:
            raise DataError(
                f"two questions have the id {example.id!r}", hint="give each question an id of its own"
            )
        found[example.id] = prediction
    return found


def submission_files(
    task: str, config: str | None, split: str, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> dict[str, str]:
    """The files, by name, in which a benchmark takes the predictions of one split.

    Args:
        task: the task type: `qa` gives `predictions.json`, and `na_prob.json` where there may be no answer.
        config: else the config of nyu-mll/glue, as `cola`.
        split: its split, as `test` or `test_matched`.
        examples: of that split.
        predictions: one an example.

    Raises:
        DataError: nothing takes predictions of this split, or the rows are not those of the benchmark.
    """
    if task == "qa":
        contents: dict[str, Mapping[str, object]] = {
            "predictions.json": squad_predictions(examples, predictions)
        }
        if scores := squad_no_answer_scores(examples, predictions):
            contents["na_prob.json"] = scores
        return {name: json.dumps(content) + "\n" for name, content in contents.items()}
    file = _glue_file(config, split)
    return {file.name: glue_tsv(file, examples, predictions)}


def submission_names(task: str, config: str | None, split: str) -> tuple[str, ...]:
    """The names that the files of `submission_files` may have.

    Raises:
        DataError: nothing takes predictions of this split.
    """
    return ("predictions.json", "na_prob.json") if task == "qa" else (_glue_file(config, split).name,)


def _glue_file(config: str | None, split: str) -> GlueFile:
    files = glue_files(config)
    file = next((file for file in files if file.split == split), None)
    if file is None:
        raise DataError(
            f"no benchmark takes predictions of {config or 'this data'}, {split}",
            hint=_hint(files) or "the recipes of GLUE and of question answering have such files",
        )
    return file


def _hint(files: Iterable[GlueFile]) -> str:
    return " or ".join(f"--split {file.split}" for file in files)
