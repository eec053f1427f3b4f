"""Names of the files that one part of the project writes and another reads."""

from __future__ import annotations

# In the folder of a run, artifacts/NAME.
CHECKPOINT = "checkpoint.pt"
MODEL = "model.onnx"
INT8_MODEL = "model.int8.onnx"
HISTORY = "history.jsonl"  # one validation a line
CHARSET = "charset.txt"  # of a fine-tune: the start model's characters, then new ones
DOMAIN = "domain.json"  # what a fine-tune was prepared from
BEFORE_AFTER = "before_after.json"  # what it gained and lost

# In the folder of a set.
REJECTS = "rejects.tsv"  # lines that were left out, and why
PAGE_LIST = "pages.jsonl"  # pages with the places of their lines
FONT_LIST = "fonts.json"  # faces that lines can be drawn with
CORPUS_LIST = "corpus.json"  # texts by kind
