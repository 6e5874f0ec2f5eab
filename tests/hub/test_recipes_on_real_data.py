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
           "ag_news", "rotten_tomatoes", "sst5", "chnsenticorp"]
settings = {"model.name": "rasyosef/splade-tiny", "data.limit": 48,
            "train.epochs": 1.0, "train.max_length": 32}
found = {}
for name in RECIPES:
    result = finetune(load_recipe(name, flags=settings), out=f"runs/{name}")
    again = evaluate(f"runs/{name}")
    found[name] = {"scores": result.scores, "again": again.scores, "published": len(again.published)}
diagnostics = evaluate("runs/mnli", recipe="ax", predictions="ax.jsonl")
found["ax"] = {"scores": diagnostics.scores, "rows": diagnostics.rows}
try:
    finetune(load_recipe("ax", flags=settings))
except BertkitError as error:
    found["ax"]["refused"] = error.hint
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
    for name, result in found.items():
        if name == "ax":
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
    assert "bertkit eval" in found["ax"]["refused"]
