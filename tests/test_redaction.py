"""Secrets are taken out of texts; what only looks like one stays."""

from __future__ import annotations

import pytest

from bertkit.errors import DataError
from bertkit.redaction import holds_secret, is_masked, redacted, redacted_values

TOKEN = "hf_" + "aB3" * 11


@pytest.fixture(autouse=True)
def _no_secrets_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"401 for {TOKEN}.", "401 for ***."),
        (f"https://{TOKEN}@host/a.csv", "https://***@host/a.csv"),
        ("https://me:pa@ss@host:80/a.csv", "https://***@host:80/a.csv"),
        ("https://me:p/w@host/a.csv", "https://***@host/a.csv"),
        ("https:/me:word@host/a.csv", "https:/***@host/a.csv"),  # a URL that went through Path
        ("s3://AKIA1:ab/cd+e@bucket/a.csv", "s3://AKIA1:***@bucket/a.csv"),
        ("simplecache::https://me:word@host/x", "simplecache::https://***@host/x"),
        ("https://h/a?token=abc&x=1", "https://h/a?token=***&x=1"),
        ("https://h/a.csv?token=abc:12: no label", "https://h/a.csv?token=***:12: no label"),
        ("https://h/a?token=abc: no such file", "https://h/a?token=***: no such file"),
        ("https://h/a?x=1&X-Amz-Signature=ab%2Fc", "https://h/a?x=1&X-Amz-Signature=***"),
        ("https://h/a?X-Amz-Security-Token=abc", "https://h/a?X-Amz-Security-Token=***"),
        ("https://h/a?sv=2&sig=abc%3D", "https://h/a?sv=2&sig=***"),
        ("https://h/a?api%5Fkey=abc", "https://h/a?api%5Fkey=***"),
        ("a.csv?AWSAccessKeyId=abc", "a.csv?AWSAccessKeyId=***"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer ***'}"),
        ("authorization: Basic bWU6d29yZA==", "authorization: Basic ***"),
        ("(b'authorization', b'Bearer abc')", "(b'authorization', b'Bearer ***')"),
        ("sent Bearer abcdefghijklmnopq", "sent Bearer ***"),
    ],
)
def test_secrets(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown
    assert holds_secret(text) and not holds_secret(shown)


@pytest.mark.parametrize(
    "text",
    [
        "reviews.csv:12: the row has 1 field, the header has 2",
        "hf://datasets/nyu-mll/glue@main/sst2/train.parquet",
        "abfs://container@account.dfs.core.windows.net/a.csv",
        "https://host:8080/a@b/c.csv",
        "http://[::1]:8080/a@b",
        "https://h/a?keyword=x&page=2&tokenizer=fast",
        "hf_hub_download(repo_id)",
        "the basic settings of bearer bonds",
        "train.epochs=3; seed=4",
        "",
    ],
)
def test_no_secrets(text: str) -> None:
    assert redacted(text) == text


def test_values_of_variables_that_are_named_like_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "correct-Horse-7")
    monkeypatch.setenv("MY_API_KEY", "correct-Horse-7-battery")
    monkeypatch.setenv("DB_PASSWORD", "short1")
    monkeypatch.setenv("OTHER_TOKEN", "classification")  # an ordinary word: recipes hold it
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true-or-FALSE")
    assert redacted("a correct-Horse-7-battery, a correct-Horse-7") == "a ***, a ***"
    for text in ("short1", "classification", "true-or-FALSE"):
        assert redacted(text) == text


def test_values_inside_of_structures() -> None:
    value = {"command": ["bertkit", f"--train=https://{TOKEN}@h/a"], TOKEN: {"seed": 42, "x": None}, "y": 0.5}
    assert redacted_values(value) == {
        "command": ["bertkit", "--train=https://***@h/a"],
        "***": {"seed": 42, "x": None},
        "y": 0.5,
    }


def test_masked_addresses_are_known() -> None:
    for url in (f"https://{TOKEN}@h/a.csv", "https://h/a?token=abc", "s3://a:b@c/d"):
        assert not is_masked(url)
        assert is_masked(redacted(url))
    assert not is_masked("https://h/a***b.csv")


def test_errors_hold_no_secret_wherever_they_are_shown() -> None:
    error = DataError(f"https://{TOKEN}@h/a: no such file", hint=f"try https://{TOKEN}@h")
    assert TOKEN not in f"{error} {error.args} {error.message} {error.hint}"
