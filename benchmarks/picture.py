"""Draw docs/finetune.svg: a real run of the demo, as a terminal shows it.

python benchmarks/picture.py
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bertkit import finetune
from bertkit.cli.display import Display
from bertkit.cli.tables import print_finetuned

TARGET = Path(__file__).parents[1] / "docs" / "finetune.svg"


def main() -> None:
    console = Console(record=True, force_terminal=True, width=100, file=io.StringIO(), highlight=False)
    console.print(Text("$ bertkit finetune bbc-news", style="bold"))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with Display(console=console) as display:
            result = finetune("bbc-news", listen=display)
        print_finetuned(result, console)
        os.chdir(TARGET.parent)
    console.save_svg(str(TARGET), title="bertkit")


if __name__ == "__main__":
    main()
