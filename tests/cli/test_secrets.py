"""Tokens and passwords, wherever they were given: in no file of a run, in nothing that is shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

TOKEN = "hf_CanaryOfTheEnvironment0123456789"
USER = "hf_CanaryOfTheUser0123456789abcdefgh"
KEY = "CanaryOfTheQuery"
CANARIES = (TOKEN, USER, KEY)
TRAIN = (
    "finetune classification --set train.max_steps=2 --set train.precision=fp32 --set data.limit=60 "
    "--set train.max_length=32"
)


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on this machine that gives out the reviews; it takes any user and any key."""
    folder = tmp_path_factory.mktemp("served")
    text = reviews.read_text(encoding="utf-8")
    (folder / "reviews.csv").write_text(text, encoding="utf-8")
    header, rest = text.split("\n", 1)
    (folder / "spoiled.csv").write_text(f"{header}\nx,y,z\n{rest}", encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{USER}:{KEY}@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(bertkit, tmp_path: Path):
    """The command line in a child process with a token in its environment; what it says holds no secret."""

    def call(*typed: str | Path, environment: dict[str, str] | None = None):
        done = bertkit(*typed, cwd=tmp_path, environment={"HF_TOKEN": TOKEN} | (environment or {}))
        for canary in CANARIES:
            assert canary not in done.stdout + done.stderr, done.stdout + done.stderr
        return done

    return call


def assert_kept_secret(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        for canary in CANARIES:
            assert canary.encode() not in path.read_bytes(), path
            assert canary not in str(path)


@pytest.mark.long_faults
def test_addresses_with_secrets(run, address: str, tiny_encoder: Path, tmp_path: Path) -> None:
    data = [
        "--set=data.skip_bad_rows=5",
        f"--train={address}/spoiled.csv?token={KEY}",
        f"--eval={address}/reviews.csv?sig={KEY}&x=1",
    ]
    done = run(*TRAIN.split(), *data, f"--eval={address}/./reviews.csv?key={KEY}", "--model", tiny_encoder)
    assert done.returncode == 3, done.stderr  # a row was set aside, which is written down with its place
    assert "data.train holds a secret" in done.stderr
    assert "http://***@127.0.0.1" in done.stderr
    (made,) = (path for path in (tmp_path / "runs").iterdir() if path.name != "latest")
    assert_kept_secret(tmp_path)
    assert "spoiled.csv?token=***:2" in (made / "rejected.jsonl").read_text(encoding="utf-8")
    assert "http://***@127.0.0.1" in (made / "recipe.yaml").read_text(encoding="utf-8")
    assert "--train=http://***@127.0.0.1" in (made / "environment.json").read_text(encoding="utf-8")
    for typed in (
        ["runs", "show", "--json"],
        ["runs", "show"],
        ["recipes", "show", f"{made}/recipe.yaml", "--resolved"],
    ):
        assert run(*typed).returncode == 0
    again = run("finetune", made / "recipe.yaml", "--out", tmp_path / "again")
    assert again.returncode == 2
    assert "the secret in this address was not stored" in again.stderr
    scored = run(
        "eval", "--data", f"{address}/reviews.csv?token={KEY}", "--report", "page.html", "-o", "lines.jsonl"
    )
    assert scored.returncode == 0, scored.stderr
    assert_kept_secret(tmp_path)


@pytest.mark.parametrize(
    "typed",
    [
        [*TRAIN.split(), "--train", "{address}/gone.csv?token=" + KEY],
        [*TRAIN.split(), "--train", f"http://{USER}@127.0.0.1:1/reviews.csv?access_token={KEY}"],
        [*TRAIN.split(), "--train", f"s3://me:{USER}/{KEY}@bucket/reviews.csv"],
        [*TRAIN.split(), "--train", f"nothing://me:{USER}@bucket/reviews.csv"],
        [*TRAIN.split(), "--seeds", "2", "--train", "{address}/reviews.csv"],
        ["finetune", "sst2", "--set", f"data.sorce=https://{USER}@h/x"],
        ["finetune", "sst2", "--model", f"https://{USER}@h/x"],
        ["eval", "--data", f"https://{USER}@h/x"],
        ["predict", f"https://{USER}@h/x"],
        ["compare", f"https://{USER}@h/x", "b"],
        ["runs", "show", USER],
        ["finetune", "sst2", f"--{USER}"],
    ],
    ids=lambda typed: " ".join(typed)[:40],
)
def test_messages_and_tracebacks(
    typed: list[str], cli, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = cli("--debug", *(part.replace("{address}", address) for part in typed))
    assert done.code == 2, done.err
    assert "Traceback" in done.err
    for canary in CANARIES:
        assert canary not in done.out + done.err, done.err
    assert list(tmp_path.iterdir()) == []


def test_hub_at_an_address_with_a_password(run, reviews: Path, tmp_path: Path) -> None:
    done = run(
        "--debug", *TRAIN.split(), "--train", reviews, "--model", "nobody/nothing",
        environment={
            "HF_ENDPOINT": f"http://{USER}:{KEY}@127.0.0.1:1", "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(tmp_path / "hub"),
        },
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "http://***@127.0.0.1:1 is out of reach" in done.stderr


def test_hub_that_refuses_a_token(run, address: str, reviews: Path, tmp_path: Path) -> None:
    """It answers 404 to everything of the Hub, whose clients name addresses and headers in their errors."""
    done = run(
        "--debug", *TRAIN.split(), "--train", reviews, "--model", "nobody/nothing",
        environment={"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub")},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" in done.stderr
    done = run(
        "--debug", "finetune", "sst2", "--model", "minilm",
        environment={"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub")},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
