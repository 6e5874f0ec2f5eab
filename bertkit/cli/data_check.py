"""`bertkit data check`."""

from __future__ import annotations

import typer

from bertkit.cli.data_options import Assignments, Config, Evals, Limit, Model, Name, TaskType, Test, Train
from bertkit.cli.options import (
    Columns,
    Debug,
    Force,
    Json,
    Label,
    Labels,
    Offline,
    Quiet,
    Rejected,
    SkipBadRows,
    Stride,
    Text,
    TextPair,
    Window,
    as_json,
)

EPILOG = """Examples:

bertkit data check sst2

bertkit data check reviews.csv --text review --label stars

bertkit data check ner --train train.conll --eval dev.conll --model bert-base-cased

bertkit data check squad --limit 1000 --json
"""


def check(
    name: Name,
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
    limit: Limit = None,
    skip_bad_rows: SkipBadRows = None,
    rejected: Rejected = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Look at data as a training would: labels, lengths, and what is wrong, with the places.

    Exit code 2 says that no training is possible; warnings leave it at 0.
    """
    from bertkit.cli.data_tables import print_data_report
    from bertkit.cli.display import Display
    from bertkit.config.flags import settings_from_flags

    flags = settings_from_flags(
        model=model, train=train, evals=eval_files or (), test=test, text=text, text_pair=text_pair,
        label=label, limit=limit, columns=columns or (), labels=labels or (), window=window, stride=stride,
        skip_bad_rows=skip_bad_rows,
    )  # fmt: skip
    with Display(quiet=quiet or json) as display:
        from bertkit.workflows.check_data import check_data
        from bertkit.workflows.data_recipe import load_data_recipe

        recipe = load_data_recipe(name, task=task, config=config, flags=flags, assignments=assignments or ())
        report = check_data(recipe.loaded, rejected=rejected, force=force, listen=display)
    if json:
        print(as_json({"taken": recipe.taken} | report.as_dict()))
    else:
        print_data_report(report, taken=recipe.taken)
    if not report.can_train:
        raise typer.Exit(2)
