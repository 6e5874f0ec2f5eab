"""Every recipe whose data is at hand, through the real Hub client: read, train a little, score, predict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

# All in one child process, because importing torch takes longer than each of these trainings, and because
# the Hub client reads HF_ENDPOINT when it is imported.
SCRIPT = """
import json
from bertkit import BertkitError, evaluate, finetune, load_recipe

RECIPES = ["sst2", "cola", "mrpc", "qqp", "stsb", "qnli", "wnli", "mnli", "multi_nli", "snli", "xnli",
           "ag_news", "rotten_tomatoes", "sst5", "chnsenticorp", "snips-intent", "semeval14-restaurants",
           "semeval14-laptops",
           "conll2003", "conll2000", "conll2000-pos", "msra_ner", "weibo_ner", "snips-slots", "snips",
           "squad", "squad_v2", "tydiqa"]
QUESTIONS = {"data.limit": 16, "train.max_length": 128, "task.stride": 32}
SNIPS, ASPECTS = {"data.source": "local/snips"}, {"data.source": "local/semeval14_aspect_term"}
# The English part of TyDi QA, in the same columns.
OTHER = {"snips": SNIPS, "snips-intent": SNIPS, "snips-slots": SNIPS,
         "semeval14-restaurants": ASPECTS, "semeval14-laptops": ASPECTS,
         "squad": QUESTIONS, "squad_v2": QUESTIONS,
         "tydiqa": QUESTIONS | {"data.source": "local/tydiqa_goldp_english", "data.config": "default"}}
settings = {"model.name": "rasyosef/splade-tiny", "data.limit": 48,
            "train.epochs": 1.0, "train.max_length": 32}
found = {}
for name in RECIPES:
    result = finetune(load_recipe(name, flags=settings | OTHER.get(name, {})), out=f"runs/{name}")
    again = evaluate(f"runs/{name}")
    found[name] = {"scores": result.scores, "again": again.scores, "published": len(again.published)}
# What has no training rows is answered by a model that was trained on something else.
for name, run, flags in (("ax", "runs/mnli", {}), ("xquad", "runs/squad", {"data.limit": 16}),
                         ("xquad", "runs/squad", {"data.limit": 16, "data.config": "xquad.de"})):
    answered = evaluate(run, recipe=load_recipe(name, flags=flags), predictions=f"{name}.jsonl",
                        force=True)
    found[name] = {"scores": answered.scores, "rows": answered.rows}
    try:
        finetune(load_recipe(name, flags=settings))
    except BertkitError as error:
        found[name]["refused"] = error.hint
print(json.dumps(found))
"""


def test_recipes_train_and_score(hub: str, tmp_path: Path) -> None:
    environment = os.environ | {
        "HF_ENDPOINT": hub,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "huggingface"),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found["mnli"]["scores"]) == {"matched", "mismatched"}
    assert set(found["stsb"]["scores"]["validation"]) == {"pearson", "spearman"}
    assert set(found["cola"]["scores"]["validation"]) == {"matthews", "accuracy"}
    assert set(found["sst5"]["scores"]) == {"validation", "test"}
    assert set(found["conll2003"]["scores"]) == {"validation", "test"}
    assert set(found["conll2000"]["scores"]) == {"validation", "test"}
    assert set(found["conll2000-pos"]["scores"]["test"]) == {"tag_accuracy", "tag_f1_macro"}
    assert set(found["snips"]["scores"]["test"]) == {"frame_accuracy", "intent_accuracy", "slot_f1"}
    assert set(found["squad"]["scores"]["validation"]) == {"answer_f1", "exact_match"}
    assert "unanswerable_accuracy" in found["squad_v2"]["scores"]["validation"]
    for name, result in found.items():
        if name in ("ax", "xquad"):
            continue
        assert result["scores"], name
        for split, scores in result["again"].items():
            assert scores == result["scores"][split], name
    assert found["mnli"]["published"] > 0
    assert found["ax"]["scores"] == {"test": {}}
    assert (
        len((tmp_path / "ax.jsonl").read_text(encoding="utf-8").splitlines())
        == found["ax"]["rows"]["test"]
        == 1104
    )
    assert set(found["xquad"]["scores"]["test"]) == {"answer_f1", "exact_match"}
    answers = [
        json.loads(line) for line in (tmp_path / "xquad.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(answers) == found["xquad"]["rows"]["test"] == 16
    assert any(right["text"] == "vier" for answer in answers for right in answer["reference"]), "German"
    assert "bertkit eval" in found["ax"]["refused"] and "bertkit eval" in found["xquad"]["refused"]
