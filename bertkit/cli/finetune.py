"""`bertkit finetune`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    SkipBadRows,
    Stride,
    Text,
    TextPair,
    Window,
    as_json,
    complete_recipe,
    complete_run,
)
from bertkit.cli.waiting import wait_politely_beside_others

if TYPE_CHECKING:
    from bertkit.config.loader import LoadedRecipe

EPILOG = """Examples:

bertkit finetune sst2 --model bert-base-uncased

bertkit finetune classification --train reviews.csv --text review --label stars

bertkit finetune ner --train train.conll --eval dev.conll

bertkit finetune mnli --set train.learning_rate=3e-5 --dry-run

bertkit finetune rte --seeds 5

bertkit finetune --resume runs/latest
"""


class OnNan(StrEnum):
    """What a loss that is no number does."""

    stop = "stop"
    skip = "skip"


def finetune(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE|FILE.yaml|TASK",
            help="A recipe (see: bertkit recipes), a YAML file, "
            "or for own files classification, regression, nli, ner, qa or intent_slots.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="MODEL", help="The encoder: a Hub id, a folder, a run, or minilm."
        ),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Train on this file, folder or glob; the format is told from the content."
        ),
    ] = None,
    eval_files: Annotated[
        list[str] | None,
        typer.Option("--eval", metavar="FILE", help="Score on this file; may be given several times."),
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="FILE", help="Score this file once, after training.")
    ] = None,
    text: Text = None,
    text_pair: TextPair = None,
    label: Label = None,
    columns: Columns = None,
    labels: Labels = None,
    window: Window = None,
    stride: Stride = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any setting, as train.epochs=2; see: bertkit recipes show NAME --resolved.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Own settings (YAML) laid over the recipe.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of head, dropout and row order.")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Train N times, under --seed and those after it; give mean and deviation, keep the best.",
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Train N times, each without another part of the training rows, and score that part.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Use N rows of each split, for a smoke run.")
    ] = None,
    skip_bad_rows: SkipBadRows = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run folder; default: a new one in runs/.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on with an interrupted run.", autocompletion=complete_run),
    ] = None,
    on_nan: Annotated[
        OnNan | None,
        typer.Option("--on-nan", help="At a loss that is no number stop, or skip the step and count it."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and estimate the cost; train nothing.")
    ] = False,
    baseline: Annotated[
        bool,
        typer.Option("--baseline", help="Score the majority class and TF-IDF with a linear model beside."),
    ] = False,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
    debug: Debug = False,
    child: Annotated[bool, typer.Option("--child", hidden=True, help="One of several trainings.")] = False,
) -> None:
    """Fine-tune an encoder, score it, and leave a run folder that explains and repeats itself.

    Exit code 3 says that rows were set aside, as --skip-bad-rows allows; they are in rejected.jsonl.
    """
    from bertkit.cli.display import Display
    from bertkit.cli.resuming import check_resume, is_finished, is_repeated, recipe_of, say_finished
    from bertkit.cli.tables import print_estimate, print_finetuned
    from bertkit.config.flags import settings_from_flags
    from bertkit.config.loader import load_recipe
    from bertkit.errors import UsageError

    flags = settings_from_flags(
        model=model, train=train, evals=eval_files or (), test=test, text=text, text_pair=text_pair,
        label=label, window=window, stride=stride, limit=limit, seed=seed, columns=columns or (),
        labels=labels or (), on_nan=on_nan, skip_bad_rows=skip_bad_rows,
    )  # fmt: skip
    repeated = seeds is not None or folds is not None
    changed = bool(recipe or flags or assignments or config)
    if resume is not None:
        check_resume(resume, others=bool(out or force or dry_run or repeated), changed=changed)
        if is_finished(resume):
            return say_finished(resume, json=json)
    if recipe is None and resume is None:
        raise UsageError(
            "which recipe?",
            hint="bertkit recipes lists them; for own files: bertkit finetune classification --train FILE",
        )
    loaded = None
    if resume is None or changed:
        name = recipe or recipe_of(str(resume))
        loaded = load_recipe(name, config=config, flags=flags, assignments=assignments or ())
    if child:
        return _be_child(loaded, out or resume, resumed=resume is not None, quiet=quiet)
    if repeated or (resume is not None and is_repeated(resume)):
        from bertkit.cli import repeat

        if baseline:
            raise UsageError(
                "--baseline is scored beside one training, not beside several",
                hint="leave it out, and then: bertkit eval --baseline",
            )
        return repeat.run(
            loaded, resume, seeds=seeds, folds=folds, out=out, force=force, dry_run=dry_run,
            json=json, quiet=quiet,
        )  # fmt: skip
    wait_politely_beside_others()
    with Display(quiet=quiet or json) as display:
        from bertkit.runs.folder import check_free
        from bertkit.workflows import estimate as estimates
        from bertkit.workflows import finetune as workflow

        if resume is not None:
            result = workflow.resume(resume, recipe=loaded, baseline=baseline, listen=display)
        elif loaded is None:
            raise AssertionError("there is a recipe where no run is resumed")
        elif dry_run:
            if out is not None:
                check_free(out, force=force)
            estimate = estimates.estimate(loaded, baseline=baseline, listen=display)
            return print(as_json(estimates.as_dict(estimate))) if json else print_estimate(loaded, estimate)
        else:
            result = workflow.finetune(loaded, out=out, force=force, baseline=baseline, listen=display)
    print(as_json(result.as_dict())) if json else print_finetuned(result)
    if result.rejected:
        raise typer.Exit(3)


def _be_child(loaded: LoadedRecipe | None, path: Path | str | None, *, resumed: bool, quiet: bool) -> None:
    """Train as one of several, started by `bertkit.workflows.children`: the parent prints the result."""
    from bertkit.cli.display import Display
    from bertkit.workflows.children import as_child, without_preparation

    wait_politely_beside_others()
    with as_child(Path(str(path))), Display(quiet=quiet) as display:
        from bertkit.workflows import finetune as workflow

        listen = without_preparation(display)
        if loaded is None or resumed:
            workflow.resume(str(path), listen=listen)
        else:
            workflow.finetune(loaded, out=path, listen=listen)
