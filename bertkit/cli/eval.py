"""`bertkit eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

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
    Text,
    TextPair,
    as_json,
    complete_recipe,
    complete_run,
)
from bertkit.cli.several import Gpus, Nproc, launch, together
from bertkit.cli.waiting import wait_politely_beside_others

EPILOG = """Examples:

bertkit eval

bertkit eval runs/latest --data new-reviews.csv --slice country

bertkit eval runs/latest --slice auto --report evaluation.html

bertkit eval runs/latest/predictions/validation.jsonl

bertkit eval squad-predictions.json --recipe squad

bertkit eval runs/cola --split test --submission for-glue

bertkit eval textattack/bert-base-uncased-MNLI --recipe mnli --split matched --json
"""


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|MODEL|FILE]",
            help="A run, a model folder, a Hub id, or a file of predictions; default: the latest run.",
            autocompletion=complete_run,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE",
            help="Score on this recipe; default: the one of the run.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="One split; default: all eval splits.")
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="FILE", help="Score on an own file.")] = None,
    text: Text = None,
    text_pair: TextPair = None,
    label: Label = None,
    columns: Columns = None,
    labels: Labels = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write one line an example: id, prediction, reference."
        ),
    ] = None,
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="Score the groups of a column, or of length, label, negation, unseen-words; auto: of all "
            "that can be told. May be given several times.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write all that was found as one page.")
    ] = None,
    baseline: Annotated[
        bool,
        typer.Option("--baseline", help="Score the majority class and TF-IDF with a linear model beside."),
    ] = False,
    submission: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write predictions as the benchmark takes them: GLUE's .tsv, SQuAD's .json."
        ),
    ] = None,
    skip_bad_rows: SkipBadRows = None,
    rejected: Rejected = None,
    nproc: Nproc = None,
    gpus: Gpus = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Score a trained model or stored predictions: with intervals, by class, published scores beside.

    Exit code 3 says that rows were set aside, as --skip-bad-rows allows.
    """
    from bertkit.cli.display import Display
    from bertkit.cli.score_tables import print_scores
    from bertkit.config.flags import settings_from_flags
    from bertkit.workflows.launch_plan import plan_launch

    flags = settings_from_flags(
        text=text, text_pair=text_pair, label=label, columns=columns or (), labels=labels or (),
        skip_bad_rows=skip_bad_rows,
    )  # fmt: skip
    stored = model is not None and Path(model).is_file()
    started = plan_launch(nproc=1 if stored else nproc, gpus=gpus)
    if not started.is_one:
        raise typer.Exit(launch(started))
    wait_politely_beside_others()
    with together() as group, Display(quiet=quiet or json or not group.is_main) as display:
        if model is not None and stored:
            _refuse_for_files(output=output, report=report, baseline=baseline, submission=submission)
            if recipe is None and data is None:
                _refuse_for_files(
                    slice=slices, text=text, text_pair=text_pair, label=label, columns=columns, labels=labels,
                    skip_bad_rows=skip_bad_rows, rejected=rejected,
                    hint="name the data that the predictions are of: --recipe NAME or --data FILE",
                )  # fmt: skip
            from bertkit.workflows.evaluate_file import evaluate_file

            result = evaluate_file(
                model,
                recipe=recipe,
                split=split,
                data=data,
                text=flags.get("task.text"),
                label=flags.get("task.label"),
                intent=flags.get("task.intent"),
                rename=flags.get("task.rename"),
                slices=slices or (),
                skip_bad_rows=flags.get("data.skip_bad_rows"),
                rejected=rejected,
                force=force,
                listen=display,
            )
        else:
            from bertkit.workflows.evaluate import evaluate as workflow

            result = workflow(
                model,
                recipe=recipe,
                split=split,
                data=data,
                text=flags.get("task.text"),
                label=flags.get("task.label"),
                intent=flags.get("task.intent"),
                rename=flags.get("task.rename"),
                predictions=output,
                slices=slices or (),
                report=report,
                baseline=baseline,
                submission=submission,
                skip_bad_rows=flags.get("data.skip_bad_rows"),
                rejected=rejected,
                force=force,
                listen=display,
            )
    if group.is_main:
        print(as_json(result.as_dict())) if json else print_scores(result)
    if result.rejected:
        raise typer.Exit(3)


def _refuse_for_files(hint: str = "name the run instead of the file", **options: Any) -> None:
    """A file of predictions holds no texts and no model: options that need them are errors."""
    from bertkit.errors import UsageError

    for name, value in options.items():
        if value:
            raise UsageError(
                f"--{name.replace('_', '-')} needs the model and its data, not predictions alone",
                hint=hint,
            )
