"""The same faults in a training by bertkit and by transformers.Trainer: what each makes of them.

    python benchmarks/reliability.py

Each fault is put into a real training in processes of its own, and the training is resumed; its weights are
compared with those of one that nothing happened to. Writes results/reliability.json for docs/reliability.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results" / "reliability.json"
ROOT = Path(__file__).parents[1]
WORDS = "the film plot actor scene is was a and very music end of this".split()  # noqa: SIM905
GOOD, BAD = ["good", "great", "lovely", "fine", "superb"], ["bad", "awful", "dull", "poor", "grim"]
# In one row alone: whose embedding is so large that what is computed with it overflows.
RARE = "zzz"


@dataclass(frozen=True)
class Tool:
    """A way to train that can be resumed.

    Attributes:
        name: in the table.
        begin, go_on: arguments of Python, for a model, rows and a folder.
        step_sign: what a line of standard error begins with when a step, or an evaluation, is done.
        checkpoints: how its checkpoints are called.
        files: what is called how in a checkpoint: `weights`, `optimizer`, `state`, `random`, `schedule`.
    """

    name: str
    begin: Callable[[Path, Path], list[str]]
    go_on: Callable[[Path, Path], list[str]]
    step_sign: str
    checkpoints: str
    files: dict[str, str]

    def newest(self, folder: Path) -> Path:
        """Its newest checkpoint."""
        return max(folder.glob(f"run/{self.checkpoints}"), key=lambda path: int(path.name.split("-")[1]))


def _bertkit(model: Path, rows: Path) -> list[str]:
    settings = {
        "train.max_steps": 28, "train.batch_size": 16, "train.learning_rate": 1e-3, "train.precision": "fp32",
        "train.max_length": 32, "train.eval_every_steps": 5,
    }  # fmt: skip
    pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    own = ["finetune", "classification", "--train", str(rows), "--model", str(model), "--out", "run"]
    return ["-m", "bertkit", *own, *pairs]


def _trainer(model: Path, rows: Path) -> list[str]:
    return ["-m", "benchmarks.rivals.trainer_with_faults", str(model), str(rows), "run"]


TOOLS = (
    Tool(
        "bertkit",
        _bertkit,
        lambda model, rows: ["-m", "bertkit", "finetune", "--resume", "run"],
        "epoch ",
        "checkpoints/step-*",
        {
            "weights": "weights.safetensors",
            "optimizer": "optimizer.safetensors",
            "state": "state.json",
            "random": "optimizer.safetensors",
            "schedule": "state.json",
        },
    ),
    Tool(
        "Trainer",
        _trainer,
        lambda model, rows: [*_trainer(model, rows), "--resume"],
        "step ",
        "checkpoint-*",
        {
            "weights": "model.safetensors",
            "optimizer": "optimizer.pt",
            "state": "trainer_state.json",
            "random": "rng_state.pth",
            "schedule": "scheduler.pt",
        },
    ),
)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    # In the middle of the numbers, where no format would notice.
    content[len(content) * 2 // 3] ^= 0x04
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


# What is done to the newest checkpoint of a training that was killed.
DAMAGES: dict[str, tuple[str, Callable[[Path], None]] | None] = {
    "killed (SIGKILL) in the middle": None,
    "... and a byte of its newest weights flips": ("weights", flip),
    "... and its newest weights are cut short": ("weights", cut),
    "... and a byte of its newest optimizer state flips": ("optimizer", flip),
    "... and its newest optimizer state is missing": ("optimizer", Path.unlink),
    "... and its newest schedule is missing": ("schedule", Path.unlink),
    "... and its newest random state is missing": ("random", Path.unlink),
    "... and its newest state file is cut short": ("state", cut),
    "... and its newest folder is empty": (
        "folder",
        lambda folder: [f.unlink() for f in folder.iterdir()] and None,
    ),
}


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0]).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        inputs = make_inputs(Path(scratch))
        table: dict[str, dict[str, str]] = {}
        for tool in TOOLS:
            for fault, outcome in outcomes_of(tool, Path(scratch) / tool.name, inputs):
                table.setdefault(fault, {})[tool.name] = outcome
                print(f"{tool.name:8} {fault}: {outcome}", flush=True)
    from importlib.metadata import version

    versions = {name: version(name) for name in ("torch", "transformers", "accelerate")}
    FILE.write_text(json.dumps({"versions": versions, "faults": table}, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Inputs:
    """A tiny encoder, the same with a word that overflows, and rows of two labels."""

    model: Path
    poisoned: Path
    rows: Path
    rows_with_rare: Path


def make_inputs(folder: Path) -> Inputs:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *GOOD, *BAD, RARE]
    ids = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=64,
    )  # fmt: skip
    torch.manual_seed(0)
    model = BertModel(BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64,
    ))  # fmt: skip
    for name in ("model", "poisoned"):
        if name == "poisoned":
            with torch.no_grad():
                model.embeddings.word_embeddings.weight[ids[RARE], 0] = 3e38
        model.save_pretrained(folder / name)
        fast.save_pretrained(folder / name)
    chance = random.Random(0)
    rows = {}
    while len(rows) < 240:
        label = chance.choice(["negative", "positive"])
        text = " ".join(
            [
                *chance.choices(WORDS, k=chance.randint(3, 12)),
                chance.choice(GOOD if label == "positive" else BAD),
            ]
        )
        rows[text] = label
    for name, more in (("rows", {}), ("rare", {f"the film was {RARE} good": "positive"})):
        lines = [f"{text},{label}" for text, label in {**rows, **more}.items()]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return Inputs(folder / "model", folder / "poisoned", folder / "rows.csv", folder / "rare.csv")


def outcomes_of(tool: Tool, folder: Path, inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Each fault and what the tool made of it."""
    begin, go_on = tool.begin(inputs.model, inputs.rows), tool.go_on(inputs.model, inputs.rows)
    whole = fresh(folder, "whole")
    run(begin, whole, check=True)
    wanted = weights_of(whole)

    killed = fresh(folder, "killed")
    stop(begin, killed, tool, signal.SIGKILL, after=15)
    for number, (fault, damage) in enumerate(DAMAGES.items()):
        place = folder / f"damage-{number}"
        shutil.copytree(killed, place, symlinks=True)
        if damage is not None:
            role, do = damage
            newest = tool.newest(place)
            do(newest if role == "folder" else own_copy(newest / tool.files[role]))
        yield fault, judged(run(go_on, place), place, wanted)

    place = fresh(folder, "terminated")
    code = stop(begin, place, tool, signal.SIGTERM, after=17)
    lost = 17 - int(tool.newest(place).name.split("-")[1])
    yield (
        "asked to stop (SIGTERM) after step 17",
        f"{'says how to go on' if 'resume' in code.stderr else 'says nothing'}, exit code {code.returncode}, "
        f"{max(0, lost)} steps lost; {judged(run(go_on, place), place, wanted)}",
    )

    place = fresh(folder, "nan")
    done = run(tool.begin(inputs.poisoned, inputs.rows_with_rare), place)
    yield "one row makes the loss NaN", not_a_number(done, place)

    yield "two processes train into one folder", two_at_once(tool, begin, fresh(folder, "twice"), wanted)

    if (small := mounted(fresh(folder, "small"))) is not None:
        with small as disk:
            yield "the disk fills up in the middle", disk_full(tool, begin, go_on, disk, wanted)


def fresh(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    return folder / name


def own_copy(path: Path) -> Path:
    """The file with bytes of its own: it may be linked to another one."""
    copy = path.with_name(f"{path.name}.copy")
    shutil.copyfile(path, copy)
    copy.replace(path)
    return path


ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def run(arguments: list[str], folder: Path, *, check: bool = False) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise SystemExit(done.stderr)
    return done


def stop(
    arguments: list[str], folder: Path, tool: Tool, number: int, *, after: int
) -> subprocess.CompletedProcess[str]:
    """Begin, and send a signal when so many steps are done."""
    said = []
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if line.startswith(tool.step_sign) and steps_in(line) >= after:
                process.send_signal(number)
                break
        said += process.stderr
    return subprocess.CompletedProcess(arguments, process.returncode, "", "".join(said))


def steps_in(line: str) -> int:
    """Of `step 15`, and of `epoch 1.07  step 15  accuracy ...`."""
    return int(line.partition("step ")[2].split()[0])


def weights_of(folder: Path) -> str | None:
    file = folder / "run" / "model" / "model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def judged(done: subprocess.CompletedProcess[str], folder: Path, wanted: str | None) -> str:
    """What came of going on."""
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
        kind = "stops with a traceback" if "Traceback" in done.stderr else "stops, says why"
        return f"{kind}: {last[:110]}"
    said = "passed over" in done.stderr
    if weights_of(folder) == wanted:
        return "same weights as without it" + ("; the damage is named" if said else "")
    return "OTHER weights" + ("; the damage is named" if said else ", not a word")


def not_a_number(done: subprocess.CompletedProcess[str], folder: Path) -> str:
    from safetensors.torch import load_file

    if done.returncode:
        named = "row" in done.stderr and "step" in done.stderr
        return f"stops, {'names step and row' if named else 'says why'}; the weights before it are kept"
    weights = load_file(folder / "run" / "model" / "model.safetensors")
    broken = sum(not bool(tensor.isfinite().all()) for tensor in weights.values())
    return f"trains on, exit code 0; {broken} of {len(weights)} tensors of the saved model are NaN"


def two_at_once(tool: Tool, begin: list[str], folder: Path, wanted: str | None) -> str:
    with subprocess.Popen(
        [sys.executable, *begin], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as first:  # fmt: skip
        assert first.stderr is not None
        for line in first.stderr:
            if line.startswith(tool.step_sign):
                break
        first.send_signal(signal.SIGSTOP)
        second = run([*begin, *(["--force"] if tool.name == "bertkit" else [])], folder)
        first.send_signal(signal.SIGCONT)
        first.stderr.read()
    if second.returncode == 0:
        return "the second one trains, too, and writes over the first one's files, not a word"
    weights = "same" if weights_of(folder) == wanted else "OTHER"
    return f"the second one is refused; the first one: {weights} weights"


@contextmanager
def _mount(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mounted(folder: Path) -> Any:
    """A file system of 4 MB, or None where none can be mounted."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    return _mount(folder) if done.returncode == 0 else None


def disk_full(tool: Tool, begin: list[str], go_on: list[str], disk: Path, wanted: str | None) -> str:
    """Something else takes the room when two checkpoints are there; later it is given back."""
    with subprocess.Popen(
        [sys.executable, *begin], cwd=disk, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(tool.step_sign) and steps_in(line) >= 11:
                break
        process.send_signal(signal.SIGSTOP)
        free = shutil.disk_usage(disk).free
        (disk / "other").write_bytes(bytes(max(0, math.floor(free - 150_000))))
        process.send_signal(signal.SIGCONT)
        said = process.stderr.read()
    kind = "stops with a traceback" if "Traceback" in said else "stops, says why"
    (disk / "other").unlink()
    return f"{kind}; when there is room again: {judged(run(go_on, disk), disk, wanted)}"


if __name__ == "__main__":
    main()
