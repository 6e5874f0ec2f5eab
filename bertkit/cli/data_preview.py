"""`bertkit data preview`."""

from __future__ import annotations

from typing import Annotated

import typer

from bertkit.cli.data_options import Assignments, Config, Evals, Model, Name, TaskType, Test, Train
from bertkit.cli.options import (
    Columns,
    Debug,
    Json,
    Label,
    Labels,
    Offline,
    Quiet,
    SkipBadRows,
    Stride,
    Text,
    TextPair,
    Window,
    as_json,
)

EPILOG = """Examples:

bertkit data preview sst2

bertkit data preview train.conll -n 1 --model bert-base-cased

bertkit data preview squad --split validation --json
"""


def preview(
    name: Name,
    count: Annotated[int, typer.Option("-n", metavar="N", min=1, help="So many examples.")] = 3,
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="train, test or the name of an eval split.")
    ] = "train",
    task: TaskType = None,
    train: Train = None,
    eval_files: Evals = None,
    test: Test = None,
    text: Text = None,
    text_pair: TextPair = None,
    label: Label = None,
    columns: Columns = None,
    labels: Labels = None,
    window: Window = None,
    stride: Stride = None,
    model: Model = None,
    assignments: Assignments = None,
    config: Config = None,
    skip_bad_rows: SkipBadRows = None,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Show a few examples as the model will see them: tokens, windows, labels."""
    from bertkit.cli.data_pieces import print_preview
    from bertkit.cli.display import Display
    from bertkit.config.flags import settings_from_flags

    flags = settings_from_flags(
        model=model, train=train, evals=eval_files or (), test=test, text=text, text_pair=text_pair,
        label=label, window=window, stride=stride, columns=columns or (), labels=labels or (),
        skip_bad_rows=skip_bad_rows,
    )  # fmt: skip
    with Display(quiet=quiet or json) as display:
        from bertkit.workflows.data_recipe import load_data_recipe
        from bertkit.workflows.preview_data import preview_data

        recipe = load_data_recipe(name, task=task, config=config, flags=flags, assignments=assignments or ())
        shown = preview_data(recipe.loaded, split=split, count=count, listen=display)
    if json:
        print(as_json({"taken": recipe.taken} | shown.as_dict()))
    else:
        print_preview(shown, taken=recipe.taken)
