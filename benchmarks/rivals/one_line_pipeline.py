"""The script that a person would write to label a file: measured as a whole process.

python benchmarks/rivals/one_line_pipeline.py FILE MODEL
"""

import json
import sys
from pathlib import Path

from transformers import pipeline  # noqa: TID253 (a script of its own)

classify = pipeline("text-classification", model=sys.argv[2], device="cpu")
rows = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
for row, found in zip(rows, classify([row["sentence"] for row in rows]), strict=True):
    print(json.dumps({**row, "prediction": found["label"]}))
