"""`bertkit finetune`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
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
    complete_recipe,
    complete_run,
)
from bertkit.cli.several import (
    PANEL,
    AccelerateConfig,
    Gpus,
    Nnodes,
    NodeRank,
    Nproc,
    Rendezvous,
    launch,
    together,
)
from bertkit.cli.waiting import wait_politely_beside_others
from bertkit.processes.place import find_place, is_main_process

if TYPE_CHECKING:
    pass

EPILOG = """Examples:

bertkit finetune sst2 --model bert-base-uncased

bertkit finetune classification --train reviews.csv --text review --label stars

bertkit finetune ner --train train.conll --eval dev.conll

bertkit finetune mnli --set train.learning_rate=3e-5 --dry-run

bertkit finetune rte --seeds 5

bertkit finetune --resume runs/latest

bertkit finetune mnli --nproc 4

bertkit finetune mnli --nnodes 2 --node-rank 0 --rendezvous 10.0.0.1:29500
"""


class Strategy(StrEnum):
    """The choices of `--strategy`."""

    auto = "auto"
    ddp = "ddp"
    fsdp = "fsdp"


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
            metavar="FILE",
            help="Train on this file, folder, glob or URL; its name, else its content, tells the format.",
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
    nproc: Nproc = None,
    nnodes: Nnodes = None,
    node_rank: NodeRank = None,
    rendezvous: Rendezvous = None,
    gpus: Gpus = None,
    strategy: Annotated[
        Strategy | None,
        typer.Option(
            "--strategy",
            rich_help_panel=PANEL,
            help="Each process has the whole model (ddp) or a share of it (fsdp); auto goes by its size.",
        ),
    ] = None,
    compile_layers: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            rich_help_panel=PANEL,
            help="Compile the encoder's layers with torch.compile: for GPUs and long trainings.",
        ),
    ] = None,
    accelerate_config: AccelerateConfig = None,
    elastic: Annotated[
        bool,
        typer.Option(
            "--elastic",
            rich_help_panel=PANEL,
            help="Go on with another number of processes than the run began with.",
        ),
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
    from bertkit.cli.resuming import check_resume, is_finished, is_repeated, say_finished
    from bertkit.cli.training import Loading, be_child, train_in_group
    from bertkit.config.flags import settings_from_flags
    from bertkit.errors import UsageError
    from bertkit.workflows.launch_plan import plan_launch

    flags = settings_from_flags(
        model=model, train=train, evals=eval_files or (), test=test, text=text, text_pair=text_pair,
        label=label, window=window, stride=stride, limit=limit, seed=seed, columns=columns or (),
        labels=labels or (), on_nan=on_nan, skip_bad_rows=skip_bad_rows, strategy=strategy,
        compile_layers=compile_layers,
    )  # fmt: skip
    started = plan_launch(
        nproc=nproc, nnodes=nnodes, node_rank=node_rank, rendezvous=rendezvous, gpus=gpus,
        accelerate_config=accelerate_config,
    )  # fmt: skip
    named = {text.partition("=")[0].strip() for text in assignments or ()}
    flags = {key: value for key, value in started.settings.items() if key not in named} | flags
    repeated = seeds is not None or folds is not None
    changed = bool(recipe or flags or assignments or config)
    # Other hosts than the first may not see the run: it knows, and tells them.
    here = is_main_process() and started.host == 0
    if resume is not None and here:
        check_resume(resume, others=bool(out or force or dry_run or repeated), changed=changed)
        # With others they are told, once all have met.
        if is_finished(resume) and find_place() is None and started.hosts == 1:
            return say_finished(resume, json=json)
    if elastic and resume is None:
        raise UsageError("--elastic is for --resume", hint="leave it out")
    if recipe is None and resume is None:
        raise UsageError(
            "which recipe?",
            hint="bertkit recipes lists them; for own files: bertkit finetune classification --train FILE",
        )
    load = Loading(recipe, resume, config, flags, assignments or (), changed)
    if repeated or (resume is not None and here and is_repeated(resume)):
        if find_place() is not None or started.hosts > 1:
            raise UsageError(
                "several trainings are started by one process of one host",
                hint="start it without torchrun or srun: --nproc N gives each training its processes",
            )
        from bertkit.cli import repeat

        if elastic:
            raise UsageError("--elastic goes on with one training", hint="name it: RUN/children/NAME")
        if baseline:
            raise UsageError(
                "--baseline is scored beside one training, not beside several",
                hint="leave it out, and then: bertkit eval --baseline",
            )
        return repeat.run(
            load.here(), resume, seeds=seeds, folds=folds, out=out, force=force, dry_run=dry_run,
            json=json, quiet=quiet, nproc=nproc or (None if started.is_one else started.processes),
        )  # fmt: skip
    if not (started.is_one or dry_run):
        if here:
            load.here()  # what is wrong with it is said before anything is started
        from bertkit.workflows.children import as_child

        with as_child(Path(str(out or resume))) if child else nullcontext():
            code = launch(started)
        raise typer.Exit(code)
    wait_politely_beside_others()
    if child and find_place() is None:
        return be_child(load.here(), out or resume, resumed=resume is not None, quiet=quiet)
    if dry_run and not started.is_one:
        count = started.processes * started.hosts
        print(f"{count} processes would train; time and memory below are those of one", file=sys.stderr)
    with together() as group:
        say = train_in_group(
            load, group, out, force=force, baseline=baseline, elastic=elastic, dry_run=dry_run, json=json,
            quiet=quiet,
        )  # fmt: skip
    say()
