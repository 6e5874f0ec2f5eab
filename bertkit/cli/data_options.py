"""Options of `bertkit data check` and `bertkit data preview`; they mean what they mean in `finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bertkit.cli.options import complete_recipe

Name = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE|FILE",
        help="A recipe as in finetune, or a data file: its columns tell the task.",
        autocompletion=complete_recipe,
    ),
]
TaskType = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="The task of a data file: classification, nli, ner, qa or intent_slots.",
    ),
]
Train = Annotated[str | None, typer.Option("--train", metavar="FILE", help="The training rows.")]
Evals = Annotated[
    list[str] | None,
    typer.Option("--eval", metavar="FILE", help="Rows to score; may be given several times."),
]
Test = Annotated[str | None, typer.Option("--test", metavar="FILE", help="Rows to score once, at the end.")]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="MODEL", help="The encoder whose tokenizer cuts the texts."),
]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as train.max_length=256.")
]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Own settings (YAML) laid over the recipe.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", help="Look at the first N rows of each split.")
]
