"""A tiny encoder, tiny data, and the command line in a child process: all made here, nothing fetched."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Tiny models gain nothing from threads, and lose much to them where other processes run beside.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
HUB = Path(os.environ.get("BERTKIT_TEST_HUB", ROOT.parent / "shared" / "hub"))
GOOD = ["good", "great", "lovely", "fine", "superb"]
BAD = ["bad", "awful", "dull", "poor", "grim"]
PLAIN = [
    "the",
    "film",
    "plot",
    "actor",
    "scene",
    "is",
    "was",
    "a",
    "and",
    "very",
    "music",
    "end",
    "of",
    "this",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="session", autouse=True)
def _own_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes a cache of the person who runs it, and none reaches a network."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BERTKIT_CACHE", str(folder / "bertkit"))
        patch.setenv("HF_HOME", str(folder / "huggingface"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


def word_piece() -> Tokenizer:
    """A WordPiece tokenizer over the words of the tiny data, with single letters for all others."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = [
        *SPECIAL,
        *GOOD,
        *BAD,
        *PLAIN,
        *letters,
        *("##" + letter for letter in letters),
        ".",
        ",",
        "?",
        "!",
    ]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )  # fmt: skip
    return tokenizer


def save_tokenizer(folder: Path) -> int:
    """Write the tiny tokenizer as transformers does; returns the size of its vocabulary."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=word_piece(), unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


@pytest.fixture(scope="session")
def write_tokenizer() -> Callable[[Path], int]:
    """Writes the tiny tokenizer into a folder and returns the size of its vocabulary."""
    return save_tokenizer


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers and hidden size 32 with random weights, without a head, as a model folder."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    size = save_tokenizer(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def make_review(random_state: random.Random) -> tuple[str, str]:
    """A sentence whose adjective decides its label."""
    label = random_state.choice(["negative", "positive"])
    words = random_state.choices(PLAIN, k=random_state.randint(3, 14))
    words.insert(
        random_state.randrange(len(words)), random_state.choice(GOOD if label == "positive" else BAD)
    )
    return " ".join(words), label


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 240 different reviews with the columns `text` and `label`."""
    import csv

    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    random_state = random.Random(0)
    rows = dict(make_review(random_state) for _ in range(400))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(list(rows.items())[:240])
    return path


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is there once a hostile pickle was opened."""
    return tmp_path_factory.mktemp("marker") / "owned"


@pytest.fixture
def hostile(marker: Path) -> Callable[..., bytes]:
    """`hostile()` is a pickle that makes the marker when it is opened; of protocol 0 it is plain ASCII."""

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(marker), "w")

    def dump(protocol: int = 4) -> bytes:
        return pickle.dumps(Hostile(), protocol=protocol)

    # It is what it says it is.
    pickle.loads(dump()).close()
    marker.unlink()
    return dump


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def bertkit() -> Command:
    """Run the command line as a person does: `bertkit("eval", cwd=folder)`."""

    def run(
        *arguments: str | Path, cwd: Path, given: str | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bertkit", *map(str, arguments)], cwd=cwd, input=given,
            capture_output=True,
            text=True, check=False, timeout=600, env=os.environ | (environment or {}),
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def trained_run(
    tmp_path_factory: pytest.TempPathFactory, bertkit: Command, tiny_encoder: Path, reviews: Path
) -> Path:
    """A folder in which one run was made by the command line: `runs/latest` is there. Only read it."""
    folder = tmp_path_factory.mktemp("trained")
    done = bertkit(
        "finetune", "classification", "--train", reviews, "--model", tiny_encoder, "--set", "train.epochs=12",
        "--set", "train.batch_size=8", "--set", "train.learning_rate=1e-3",
        "--set", "train.precision=fp32", "--set", "train.max_length=32", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def hub() -> Iterator[str]:
    """The address of a loopback Hub with real data; tests that ask for it are skipped where it is absent."""
    tool = HUB.parent / "tools" / "loopback_hub.py"
    if not (HUB.is_dir() and tool.is_file()):
        pytest.skip(f"no data sets at BERTKIT_TEST_HUB ({HUB})")
    server = subprocess.Popen(
        [sys.executable, str(tool), "--root", str(HUB)],
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip().removeprefix("HF_ENDPOINT=")
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


@dataclass(frozen=True)
class Outcome:
    """What a call of the command line left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def labelled(self, label: str) -> list[str]:
        """The lines of standard error that begin with a label, without it."""
        return [line.removeprefix(label) for line in self.err.splitlines() if line.startswith(label)]


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Run `bertkit ARGUMENTS` in a folder, by default the test's own."""
    from bertkit.cli.app import main
    from bertkit.cli.options import _STATE

    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments: str | Path, cwd: Path = tmp_path) -> Outcome:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["bertkit", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Outcome(stop.value.code, printed.out, printed.err)

    yield run
    for each, handler in before.items():
        signal.signal(each, handler)
    _STATE["debug"] = False


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def open_page(page: Path, folder: Path) -> tuple[str, list[str], list[str]]:
    """The document after loading, the lines of the console, and the addresses that the page asked for."""
    network = folder / "network.json"
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={network}", "--enable-logging=stderr", "--window-size=600,900", "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    console = [line for line in done.stderr.decode(errors="replace").splitlines() if ":CONSOLE" in line]
    events = json.loads(network.read_text(encoding="utf-8"))["events"]
    parameters = [event.get("params") or {} for event in events]
    # What the browser asks for on its own account has no origin.
    asked = [
        each["url"]
        for each in parameters
        if "url" in each and each.get("initiator") not in (None, "not an origin")
    ]
    return done.stdout.decode(errors="replace"), console, asked


@pytest.fixture(scope="session")
def opened() -> Callable[[Path, Path], tuple[str, list[str], list[str]]]:
    """Opens a page in a real browser: the document, its console, and the addresses that it asked for."""
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome is installed")
    return open_page
