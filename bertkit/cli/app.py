"""The command `bertkit`: its verbs, and how errors reach a person."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from bertkit.cli import bench as bench_verb
from bertkit.cli import benchmark, cache, data, recipes, runs
from bertkit.cli import compare as compare_verb
from bertkit.cli import doctor as doctor_verb
from bertkit.cli import eval as eval_verb
from bertkit.cli import finetune as finetune_verb
from bertkit.cli import predict as predict_verb
from bertkit.cli.options import Debug, debug_wanted

EPILOG = """Examples:

bertkit recipes

bertkit finetune sst2 --model bert-base-uncased

bertkit finetune classification --train reviews.csv --text review --label stars

bertkit eval

bertkit predict file.jsonl
"""

app = typer.Typer(
    name="bertkit",
    help="Fine-tune, score and use BERT-type encoders.",
    epilog=EPILOG,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("finetune", epilog=finetune_verb.EPILOG)(finetune_verb.finetune)
app.command("eval", epilog=eval_verb.EPILOG)(eval_verb.evaluate)
app.command("predict", epilog=predict_verb.EPILOG)(predict_verb.predict)
app.command("bench", epilog=bench_verb.EPILOG)(bench_verb.bench)
app.command("compare", epilog=compare_verb.EPILOG)(compare_verb.compare)
app.command("doctor", epilog=doctor_verb.EPILOG)(doctor_verb.doctor)
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(cache.app, name="cache")
app.add_typer(data.app, name="data")
app.add_typer(recipes.app, name="recipes")
app.add_typer(runs.app, name="runs")


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        print(f"bertkit {version('bertkit')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Debug = False,
) -> None:
    """Fine-tune, score and use BERT-type encoders."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def _open_closed_streams() -> None:
    """Let what was closed before the start, as by `2>&-`, lead nowhere: else a file would be opened as it."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")


def main() -> None:
    """Run the command line; every error ends as a message, a hint and an exit code."""
    from bertkit.workflows.signals import raise_on_signals

    _open_closed_streams()
    raise_on_signals()
    try:
        code = app(standalone_mode=False)
        if code == 128 + signal.SIGINT:  # Typer has swallowed a Ctrl-C
            raise KeyboardInterrupt
    except BaseException as error:
        # Typer turns a broken pipe into an exit of its own.
        if isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = 0  # the reader of our output has seen enough, as in `| head`
        else:
            if debug_wanted() and isinstance(error, Exception):
                import traceback

                from bertkit.cli.printable import printable

                print(printable(traceback.format_exc(), keep_lines=True), end="", file=sys.stderr)
            from bertkit.cli.failures import exit_code_of  # not for those who only ask for help

            code = exit_code_of(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads it any more: Python would try again, and end with a code of its own
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    code = code if isinstance(code, int) else 0
    if "torch.distributed" in sys.modules and "WORLD_SIZE" in os.environ:
        # The threads of torch's store and of gloo may abort an interpreter that takes its time to end.
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
