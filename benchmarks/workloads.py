"""What is measured: each workload, its rivals, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["train", "predict", "encode", "start"]


@dataclass(frozen=True)
class Rival:
    """One way to do the work.

    Attributes:
        key: for results and the command line.
        name: for tables.
        module: under `benchmarks.rivals`, run as a process of its own.
        options: added to its job.
        ours: bertkit itself.
    """

    key: str
    name: str
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ours: bool = False


@dataclass(frozen=True)
class Workload:
    """One table.

    Attributes:
        name: as `train-sst2`.
        title: heading of its table.
        kind: what its rivals do.
        recipe: the rows are those of this recipe of bertkit.
        encoder: `minilm`, or `bert-base` with random weights.
        size: rows to train on, lines to predict or pairs to encode.
        quick_size: the same with `--quick`.
        rivals: in the order in which they run.
        max_length: tokens, and what `padded` pads to.
        batch_size: sequences of an optimizer step.
        warmup_steps: steps before the clock runs.
        repeats: runs of each rival in a round.
    """

    name: str
    title: str
    kind: Kind
    recipe: str
    encoder: str
    size: int
    quick_size: int
    rivals: tuple[Rival, ...]
    max_length: int = 128
    batch_size: int = 32
    warmup_steps: int = 3
    repeats: int = 1


def _trainer(key: str, name: str, **options: Any) -> Rival:
    return Rival(key, f"Trainer, {name}", "trainer", options)


def _bertkit(key: str, name: str, plan: str, precision: str = "auto") -> Rival:
    options = {"plan": plan, "precision": precision}
    return Rival(key, f"bertkit, {name}", "bertkit_training", options, ours=True)


TRAINERS = (
    _trainer("padded", "padded to the limit", padded=True),
    _trainer("dynamic", "dynamic padding"),
    _trainer("grouped", "group_by_length", grouped=True),
    _trainer("grouped-bf16", "group_by_length, bf16", grouped=True, bf16=True),
)
SIMPLETRANSFORMERS = Rival("simpletransformers", "simpletransformers", "simpletransformers_training")
OURS_TRAINING = (
    _bertkit("same", "same batches", "same"),
    _bertkit("same-fp32", "same batches, fp32", "same", "fp32"),
    _bertkit("bucketed", "batches by length", "bucketed"),
    _bertkit("tokens", "token budget", "tokens"),
)
TRAINING = (*TRAINERS, SIMPLETRANSFORMERS, *OURS_TRAINING)

WITHOUT_PARTS = (
    _bertkit("same", "same batches", "same"),
    *(
        Rival(f"without-{part}", f"without {name}", "bertkit_training", {"plan": "same", "without": part})
        for part, name in {
            "padding-free": "padding-free batches, and the layers that rest on them",
            "fused-layers": "fused layers",
            "dropout-masks": "own dropout masks",
            "groups": "groups of like length in attention",
            "first-token-only": "the last layer for first tokens alone",
            "gradients-as-rows": "gradients of tables as rows",
            "memory-kept": "memory kept between steps",
            "recurring-shapes": "numbers of tokens that recur, and float32 in short attention",
        }.items()
    ),
    Rival("without-bf16", "without bf16", "bertkit_training", {"plan": "same", "precision": "fp32"}),
)

PIPELINES = (
    Rival("pipeline-1", "pipeline, batch 1", "pipeline", {"batch_size": 1}),
    Rival("pipeline-32", "pipeline, batch 32", "pipeline", {"batch_size": 32}),
)
ENGINES = (
    Rival("onnx", "ONNX Runtime, fp32", "onnx_runtime", {"graph": "fp32"}),
    Rival("onnx-int8", "ONNX Runtime, int8", "onnx_runtime", {"graph": "int8"}),
    Rival("openvino", "OpenVINO, bf16", "open_vino"),
    Rival("openvino-128", "OpenVINO, bf16, batch 128", "open_vino", {"texts_at_once": 128}),
)
OURS_PREDICTING = (
    Rival("bertkit", "bertkit predict", "bertkit_predicting", ours=True),
    Rival(
        "bertkit-onnx", "bertkit predict --engine onnx", "bertkit_predicting", {"engine": "onnx"}, ours=True
    ),
)
PREDICTING = (*PIPELINES, *ENGINES, *OURS_PREDICTING)

ENCODING = (
    Rival("map", "run_glue's map, padded to the limit", "map_encoding"),
    Rival("map-again", "the same, found in its cache", "map_encoding", {"warm": True}),
    Rival("bertkit", "bertkit, cache empty", "bertkit_encoding", ours=True),
    Rival("bertkit-again", "bertkit, found in its cache", "bertkit_encoding", {"warm": True}, ours=True),
)
STARTING = (
    Rival("pipeline", "a script with pipeline", "one_line_pipeline"),
    Rival("bertkit", "bertkit predict", "", ours=True),
)


def _train(recipe: str, title: str, size: int, *, base: bool = False, **settings: Any) -> Workload:
    suffix, model = ("-base", "BERT-base") if base else ("", "MiniLM-L6")
    return Workload(
        name=f"train-{recipe}{suffix}",
        title=f"Training {title}, {model}",
        kind="train",
        recipe=recipe,
        encoder="bert-base" if base else "minilm",
        size=size,
        **{
            "quick_size": 32 if base else 64,
            "rivals": TRAINING,
            "warmup_steps": 2 if base else 3,
            **settings,
        },
    )


# Sizes: an unpadded bf16 training of a few seconds at least, which is minutes for the slowest rival.
WORKLOADS = {
    each.name: each
    for each in (
        _train("sst2", "SST-2", 40 * 32),
        _train("mnli", "MNLI", 24 * 32),
        _train("squad", "SQuAD", 6 * 32, quick_size=32, max_length=384, warmup_steps=2),
        _train("conll2003", "CoNLL-2003", 30 * 32),
        _train("sst2", "SST-2", 8 * 32, base=True, rivals=(*TRAINERS, *OURS_TRAINING)),
        _train("mnli", "MNLI", 4 * 32, base=True, rivals=(*TRAINERS, *OURS_TRAINING)),
        replace(
            _train("sst2", "SST-2", 40 * 32, rivals=WITHOUT_PARTS),
            name="parts-sst2",
            title="Training SST-2, MiniLM-L6, with one part left out",
        ),
        Workload(
            "predict-sst2", "Predicting SST-2, MiniLM-L6", "predict", "sst2", "minilm",
            4 * 872, 256, PREDICTING,
        ),
        Workload(
            "predict-mnli-base", "Predicting MNLI, BERT-base", "predict", "mnli", "bert-base",
            512, 96, PREDICTING,
        ),
        Workload(
            "start-predict", "Predicting one line, whole processes", "start", "sst2", "minilm",
            1, 1, STARTING, repeats=3,
        ),
        Workload(
            "encode-mnli", "Tokens of MNLI, each pair once", "encode", "mnli", "minilm",
            24_631, 6_000, ENCODING, repeats=3,
        ),
        Workload(
            "encode-mnli-whole", "Tokens of as many pairs as MNLI has, of texts that come several times",
            "encode", "mnli", "minilm", 392_702, 12_000, ENCODING,
        ),
    )
}  # fmt: skip
