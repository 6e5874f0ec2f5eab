"""A report of each kind of problem, with texts that a page must not trip over. Only read them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from bertkit.config.schema import Published
from bertkit.data.answers import Answer
from bertkit.data.labels import LabelSet
from bertkit.evaluation.assessment import assess
from bertkit.evaluation.grouping import text_slices
from bertkit.report.content import Beside, ReportContent, ReportSplit
from bertkit.report.data_summary import summarise
from bertkit.tasks.base import Example, Prediction

WORDS = ("the", "film", "plot", "was", "very", "good", "bad", "awful", "music", "not", "never", "end", "this")
SCRIPT = "<script>alert(1)</script>"
NASTY = [
    f"{SCRIPT} & \"quotes\" 'x' </style></title>-->",
    "مرحبا بالعالم \u202e reversed",
    "zero\u200b\u200dwidth\u2060 \x00\x1b[31m \ud800 half",
    "x" * 3000,
    "word " * 2000,
    "",
    "$math$ \\frac{1}{2} {{ 7 * 7 }} {% raw %}",
]
Make = Callable[..., ReportContent]


def _texts(count: int) -> list[str]:
    draws = random.Random(0)
    plain = [" ".join(draws.choices(WORDS, k=draws.randint(3, 30))) for _ in range(count)]
    return [*NASTY, *plain][:count]


def _content(
    labels: LabelSet,
    metrics: Sequence[str],
    examples: list[Example],
    predictions: list[Prediction],
    references: list[Any],
    compared: tuple[Sequence[Any], Sequence[Any]],
    **more: Any,
) -> ReportContent:
    texts = [example.texts for example in examples]
    questions = [text[0] for text in texts] if labels.problem == "answers" else ()
    result = assess("validation", labels, metrics, *compared, questions=questions, groups=text_slices(texts))
    split = ReportSplit(result, labels.problem, labels, examples, predictions, references, **more)
    log = [{"kind": "train", "step": n, "epoch": n / 50, "loss": 1 / n, "learning_rate": 1e-5 * n,
            "grad_norm": 1.0, "tokens": 10} for n in range(1, 101)]  # fmt: skip
    log += [
        {"kind": "eval", "step": n, "epoch": n / 50, metrics[0]: n / 200, "best": True} for n in (50, 100)
    ]
    return ReportContent(
        title=f"run {SCRIPT}",
        recipe="reviews",
        model="tiny",
        splits=[split],
        log=log,
        best_step=50,
        data=[summarise("train", examples, references, labels.problem)],
        settings={"train": {"learning_rate": 2e-5, "early_stopping": None, "name": SCRIPT}},
        environment={"hardware": {"memory_bytes": 2**34, "gpus": []}, "command": ["bertkit", "finetune"]},
        published=[Published(model="other", metric=metrics[0], value=90.0, source=f"a paper {SCRIPT}")],
        baselines=[Beside("majority class", {"validation": {metrics[0]: 0.25}})],
        notes=[f"a note {SCRIPT} {{{{ 7 * 7 }}}}"],
    )


def single_label(names: Sequence[str] = ("bad", f"good {SCRIPT}"), count: int = 120) -> ReportContent:
    """Classes with probabilities; one label in ten is another."""
    draws = np.random.default_rng(0)
    true = draws.integers(0, len(names), count)
    logits = draws.normal(size=(count, len(names)))
    logits[np.arange(count), true] += 3
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = np.where(draws.random(count) < 0.1, draws.integers(0, len(names), count), true)
    examples = [Example(str(n), (text,), int(given[n]), row=n) for n, text in enumerate(_texts(count))]
    predictions = [
        Prediction(names[int(row.argmax())], float(row.max()), dict(zip(names, map(float, row), strict=True)))
        for row in shares
    ]
    return _content(
        LabelSet("single_label", tuple(names)), ["accuracy", "f1_macro"], examples, predictions,
        [names[n] for n in given], (shares.argmax(axis=1), given),
    )  # fmt: skip


def multi_label() -> ReportContent:
    """Three labels, decided at a half."""
    draws = np.random.default_rng(0)
    names = ("sad", "glad", f"mad {SCRIPT}")
    given = draws.random((80, 3)) < 0.4
    shares = np.clip(np.where(given, 0.7, 0.3) + draws.normal(size=(80, 3)) * 0.25, 0, 1)
    examples = [
        Example(str(n), (text,), tuple(map(int, given[n])), row=n) for n, text in enumerate(_texts(80))
    ]
    predictions = [
        Prediction(
            [name for name, share in zip(names, row, strict=True) if share >= 0.5], None,
            dict(zip(names, map(float, row), strict=True)),
        )
        for row in shares
    ]  # fmt: skip
    references = [[name for name, has in zip(names, row, strict=True) if has] for row in given]
    return _content(
        LabelSet("multi_label", names), ["f1_micro"], examples, predictions, references,
        ((shares >= 0.5).astype(int), given.astype(int)),
    )  # fmt: skip


def regression() -> ReportContent:
    """Pairs of texts; one of the numbers is far off."""
    draws = np.random.default_rng(0)
    given = draws.random(90) * 5
    found = given + draws.normal(size=90) * 0.2
    found[3] = given[3] + 9
    texts = _texts(90)
    examples = [Example(str(n), (text, texts[-n]), float(given[n]), row=n) for n, text in enumerate(texts)]
    predictions = [Prediction(float(value)) for value in found]
    return _content(
        LabelSet("regression"), ["pearson", "mse"], examples, predictions, list(map(float, given)),
        (found, given), text_names=("first", f"second {SCRIPT}"),
    )  # fmt: skip


def _entities(text: str, tags: Sequence[str], words: Sequence[tuple[int, int]], score: float | None) -> Any:
    found = []
    for tag, (start, end) in zip(tags, words, strict=True):
        if tag != "O":
            entity = {"label": tag[2:], "text": text[start:end], "start": start, "end": end}
            found.append(entity if score is None else {**entity, "score": score})
    return found


def _tagged(
    names: Sequence[str],
) -> list[tuple[Example, list[str], list[str]]]:
    """Examples with the tags of the reference and the predicted ones, of which one in eight is another."""
    draws = random.Random(1)
    found = []
    for number, text in enumerate(_texts(60)):
        words, position = [], 0
        for word in text.split(" "):
            if word:
                words.append((position, position + len(word)))
            position += len(word) + 1
        tags = [draws.choice(names) for _ in words]
        guessed = [draws.choice(names) if draws.random() < 0.125 else tag for tag in tags]
        target = tuple(names.index(tag) for tag in tags)
        found.append((Example(str(number), (text,), target, tuple(words), number), tags, guessed))
    return found


def entities() -> ReportContent:
    """Entities of one word each."""
    names = ("O", "B-PER", f"B-{SCRIPT}")
    rows = _tagged(names)
    draws = random.Random(2)
    predictions = [
        Prediction(
            _entities(example.texts[0], guessed, example.words, draws.random()), details={"tags": guessed}
        )
        for example, _, guessed in rows
    ]
    references = [_entities(example.texts[0], tags, example.words, None) for example, tags, _ in rows]
    return _content(
        LabelSet("tags", names), ["entity_f1", "tag_accuracy"], [row[0] for row in rows], predictions,
        references, ([row[2] for row in rows], [row[1] for row in rows]),
    )  # fmt: skip


def plain_tags() -> ReportContent:
    """A tag for each word."""
    rows = _tagged(("NOUN", "VERB", SCRIPT))
    predictions = [Prediction(guessed, details={"tags": guessed}) for _, _, guessed in rows]
    return _content(
        LabelSet("tags", ("NOUN", "VERB", SCRIPT)), ["tag_accuracy"], [row[0] for row in rows], predictions,
        [row[1] for row in rows], ([row[2] for row in rows], [row[1] for row in rows]),
    )  # fmt: skip


def frames() -> ReportContent:
    """An intent and slots."""
    names, intents = ("O", "B-artist"), ("play", f"stop {SCRIPT}")
    draws = random.Random(3)
    rows = _tagged(names)
    examples, predictions, references, found, wanted = [], [], [], [], []
    for example, tags, guessed in rows:
        intent, share = draws.randrange(2), draws.random()
        best = int(share > 0.5)
        shares = {intents[0]: 1 - share, intents[1]: share}
        examples.append(
            Example(example.id, example.texts, (intent, example.target), example.words, example.row)
        )
        slots = _entities(example.texts[0], guessed, example.words, 0.9)
        value = {"intent": intents[best], "slots": slots}
        predictions.append(Prediction(value, shares[intents[best]], shares, {"tags": guessed}))
        references.append(
            {"intent": intents[intent], "slots": _entities(example.texts[0], tags, example.words, None)}
        )
        found.append((intents[best], guessed))
        wanted.append((intents[intent], tags))
    return _content(
        LabelSet("frames", names, intents), ["frame_accuracy", "slot_f1"], examples, predictions, references,
        (found, wanted),
    )  # fmt: skip


def answers() -> ReportContent:
    """Questions, some without an answer."""
    draws = random.Random(4)
    examples, predictions, references = [], [], []
    for number, text in enumerate(_texts(60)):
        context = f"{text} and the answer is {' '.join(['forty'] * (number % 6 + 1))} two {SCRIPT}"
        start = context.rindex(" is ") + 4
        right = context[start : context.rindex(" two") + 4]
        given = [] if number % 5 == 0 else [Answer(right, start)]
        begin = start + draws.choice([0, 0, 0, 2, -7])
        value: dict[str, Any] = {
            "text": context[begin : start + len(right)], "start": begin, "end": start + len(right),
            "score": draws.random(),
        }  # fmt: skip
        if draws.random() < 0.2:
            value = {"text": "", "start": None, "end": None, "score": 0.4}
        examples.append(Example(str(number), (f"what is {number}? {SCRIPT}", context), given, row=number))
        predictions.append(Prediction(value, details={"no_answer_score": draws.random()}))
        references.append([{"text": answer.text, "start": answer.start} for answer in given])
    texts = [[answer["text"] for answer in reference] for reference in references]
    return _content(
        LabelSet("answers"), ["answer_f1", "exact_match"], examples, predictions, references,
        ([prediction.value["text"] for prediction in predictions], texts),
        threshold=0.5, text_names=("question", "context"),
    )  # fmt: skip


KINDS: Mapping[str, Callable[[], ReportContent]] = {
    "two classes": single_label,
    "many classes": lambda: single_label([f"a rather long name of class {n}" for n in range(77)], 400),
    "multi_label": multi_label,
    "regression": regression,
    "entities": entities,
    "plain tags": plain_tags,
    "frames": frames,
    "answers": answers,
}


@pytest.fixture(scope="session")
def make_content() -> Make:
    """A report on classes: `make_content(names=..., count=...)`."""
    return single_label


@pytest.fixture(scope="session", params=KINDS)
def content(request: pytest.FixtureRequest) -> ReportContent:
    """A report of each kind."""
    return KINDS[request.param]()
