"""Fine-tune small encoders on public data and write the table of `docs/results.md`.

    python benchmarks/results.py sst2 mrpc      # run these cases, then write the table
    python benchmarks/results.py                # write the table from what was run before

Each case is one `bertkit finetune` in a process of its own, as a person would type it; what it printed
with `--json` is kept in `benchmarks/results/`. Data and encoders come from the Hub (or HF_ENDPOINT).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bertkit.config.loader import load_recipe
from bertkit.data.labels import LabelSet
from bertkit.data.reading.sources import load_split
from bertkit.evaluation.parts import parts_of
from bertkit.evaluation.scoring import shown

ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "results"
TABLE = ROOT / "docs" / "results.md"
L6 = "sentence-transformers/all-MiniLM-L6-v2"
L3 = "sentence-transformers/paraphrase-MiniLM-L3-v2"


@dataclass(frozen=True)
class Case:
    """One line of the table: recipe, encoder and the settings that differ from the recipe."""

    recipe: str
    model: str
    settings: tuple[str, ...]
    note: str = ""

    @property
    def arguments(self) -> list[str]:
        assignments = [part for setting in self.settings for part in ("--set", setting)]
        return ["finetune", self.recipe, "--model", self.model, *assignments]

    @property
    def said(self) -> str:
        """The command as one types it; what is on no public Hub lies in a folder."""
        local = (load_recipe(self.recipe).recipe.data.source or "").startswith("./")
        return " ".join(["bertkit", *self.arguments, *(["--set data.source=FOLDER"] if local else [])])


MNLI_PART = "on a part of the data, 24,631 of 392,702 training rows; 1,000 of 9,832 mismatched"
SQUAD_PART = "on a part of the data, 14,348 of 87,599 training rows"
SQUAD2_PART = "on a part of the data, 5,147 of 130,319 training rows, of which 348 have no answer"
UNCASED = "the encoder is uncased, which hides half of what makes a name"
FAST = "train.learning_rate=5e-5"
SMALL = "train.learning_rate=2e-4"
CASES = {
    "sst2": Case("sst2", L6, ("train.epochs=1", FAST)),
    "sst2-l3": Case("sst2", L3, ("train.epochs=1", FAST)),
    "mrpc": Case("mrpc", L6, ("train.epochs=3", FAST)),
    "cola": Case("cola", L6, ("train.epochs=3", FAST)),
    "stsb": Case("stsb", L6, ("train.epochs=3", FAST)),
    "mnli": Case("mnli", L6, ("train.epochs=2", FAST), MNLI_PART),
    "rotten_tomatoes": Case("rotten_tomatoes", L6, ("train.epochs=2", FAST)),
    "conll2003": Case("conll2003", L6, ("train.epochs=3", SMALL), UNCASED),
    "conll2000": Case("conll2000", L6, ("train.epochs=3", SMALL)),
    "snips": Case("snips", L6, ("train.epochs=5", SMALL)),
    "snips-intent": Case("snips-intent", L6, ("train.epochs=3", FAST)),
    "snips-slots": Case("snips-slots", L6, ("train.epochs=5", SMALL)),
    "squad": Case("squad", L6, ("train.epochs=0.6", "train.learning_rate=1e-4"), SQUAD_PART),
    "squad_v2": Case("squad_v2", L6, ("train.epochs=1", "train.learning_rate=1e-4"), SQUAD2_PART),
    "bbc-news": Case("bbc-news", "minilm", ()),
}  # fmt: skip


def run(name: str, source: str | None) -> None:
    """Train and score one case; `source` is where its rows lie, if its recipe does not say that."""
    case = CASES[name]
    elsewhere = ["--set", f"data.source={Path(source).resolve()}"] if source else []
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "bertkit",
            *case.arguments,
            *elsewhere,
            "--json",
            "--out",
            f"{folder}/run",
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder)
        environment = json.loads((Path(folder) / "run" / "environment.json").read_text(encoding="utf-8"))
        result = json.loads(done.stdout)
        types = {
            split: by_question_type(
                case.recipe, split, Path(folder) / "run" / "predictions" / f"{split}.jsonl"
            )
            for split in result["scores"]
            if "exact_match" in result["scores"][split]
        }
    del result["run"], result["seconds"]
    kept = {"result": result, "precision": environment["precision"], "packages": environment["packages"]}
    if types:
        kept["question_types"] = types
    STORE.mkdir(parents=True, exist_ok=True)
    (STORE / f"{name}.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(name, result["scores"], flush=True)


def by_question_type(recipe: str, split: str, predictions: Path) -> dict[str, tuple[int, float, float]]:
    """Number, exact match and F1 of the questions by their question word, and of those without answer."""
    data = load_recipe(recipe).recipe.data
    rows = load_split(data, data.eval[split])
    question_of = dict(zip(map(str, rows.column("id")), rows.column("question"), strict=True))
    lines = [json.loads(line) for line in predictions.read_text(encoding="utf-8").splitlines()]
    references = [[answer["text"] for answer in line["reference"]] for line in lines]
    predicted = [line["prediction"]["text"] for line in lines]
    found = parts_of(LabelSet("answers"), predicted, references, [question_of[line["id"]] for line in lines])
    assert found is not None
    return {
        group.group: (group.rows, group.scores["exact_match"].value, group.scores["answer_f1"].value)
        for group in found.groups
    }


def question_table() -> list[str]:
    """Scores by question word, of each case that answers questions."""
    lines = ["", "## By question word", "", "| recipe | split | question | rows | exact_match | answer_f1 |"]
    lines.append("|---|---|---|---|---|---|")
    for name, case in CASES.items():
        file = STORE / f"{name}.json"
        types = (
            json.loads(file.read_text(encoding="utf-8")).get("question_types", {}) if file.is_file() else {}
        )
        for split, groups in types.items():
            for group, (count, exact, f1) in sorted(groups.items(), key=lambda item: -item[1][0]):
                scores = f"{shown('exact_match', exact)} | {shown('answer_f1', f1)}"
                lines.append(f"| {case.recipe} | {split} | {group} | {count:,} | {scores} |")
    return lines if len(lines) > 5 else []


def table() -> str:
    lines = [
        "# Measured results",
        "",
        "One run each, seed 42, made by `python benchmarks/results.py` with the commands below and `--set",
        "train.batch_plan=bucketed`, the default at that time; where a note says *on a part of the data*,",
        "the source held no more, and the command trains on all there is. The scores are those of the model",
        "as saved and reloaded. Published figures are of the encoder they name, with the settings of their",
        "source (`bertkit recipes show NAME`): other encoders, a frame and no contest.",
        "",
        "| recipe | encoder | settings | training rows | split | rows | score | published |",
        "|---|---|---|---|---|---|---|---|",
    ]
    notes = []
    for name, case in CASES.items():
        file = STORE / f"{name}.json"
        if not file.is_file():
            continue
        result = json.loads(file.read_text(encoding="utf-8"))["result"]
        published = load_recipe(case.recipe).recipe.published
        first = next(iter(result["scores"]))
        for split, scores in result["scores"].items():
            for metric, value in scores.items():
                beside = "; ".join(
                    f"{entry.value:g} {entry.model.rsplit('/', 1)[-1]}" for entry in published
                    if entry.metric == metric and (entry.split or first) == split
                )  # fmt: skip
                settings = ", ".join(setting.removeprefix("train.") for setting in case.settings)
                lines.append(
                    f"| {case.recipe} | {case.model.rsplit('/', 1)[-1]} | {settings or 'as in the recipe'} | "
                    f"{result['rows']['train']:,} | {split} | {result['rows'][split]:,} | "
                    f"{metric} {shown(metric, value)} | {beside} |"
                )
        if case.note:
            notes.append(f"- {case.recipe}: {case.note}.")
    lines += ["", *notes, *question_table(), "", "## Commands", ""]
    ran = [case for name, case in CASES.items() if (STORE / f"{name}.json").is_file()]
    lines += [f"    {case.said}" for case in ran]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--source", metavar="FOLDER", help="where the rows of a case lie that no Hub has")
    given = parser.parse_args()
    for wanted in given.names:
        run(wanted, given.source)
    TABLE.write_text(table(), encoding="utf-8")
