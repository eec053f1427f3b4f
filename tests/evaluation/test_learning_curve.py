from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from crnn.core.errors import UserError
from crnn.evaluation.report.learning_curve import draw, read_history


def test_curve_of_a_resumed_run(tmp_path: Path) -> None:
    records = [
        {"step": step, "lines": lines, "hours": lines / 1e5, "accuracy": {"exact_nospace": right, "cer": 1 - right}}
        for step, lines, right in ((500, 10_000, 0.2), (1000, 20_000, 0.5), (1500, 31_000, 0.1), (1000, 20_000, 0.6))
    ]
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    points = read_history(tmp_path / "history.jsonl")
    assert [(point.lines, point.exact_nospace) for point in points] == [(10_000, 0.2), (20_000, 0.6), (31_000, 0.1)]
    draw(points, tmp_path / "curve.png")
    assert cv2.imread(str(tmp_path / "curve.png")).shape[1] > 600


def test_no_history_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no history at"):
        read_history(tmp_path / "history.jsonl")
    (tmp_path / "history.jsonl").touch()
    with pytest.raises(UserError, match="no validation yet"):
        read_history(tmp_path / "history.jsonl")
