"""Writes every reading of every line as a TSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crnn.datasets.labeled import CATEGORY_SEPARATOR, LabeledLine
from crnn.evaluation.report.report import Subject


def write_predictions(path: Path, lines: Sequence[LabeledLine], subjects: Sequence[Subject]) -> None:
    """Write columns `file`, `category`, `text`, then for each subject its reading and its confidence."""
    header = ["file", "category", "text"]
    for subject in subjects:
        header += [subject.name, f"{subject.name}:confidence"]
    with path.open("w", encoding="utf-8") as table:
        print(*header, sep="\t", file=table)
        for position, line in enumerate(lines):
            cells = [line.name, CATEGORY_SEPARATOR.join(line.categories), line.text]
            for subject in subjects:
                guess = subject.guesses[position]
                cells += [guess.text, f"{guess.confidence:.4f}"]
            print(*map(_cell, cells), sep="\t", file=table)


def _cell(text: str) -> str:
    """`text` without the characters that would break the table."""
    return " ".join(text.split()) if any(c in text for c in "\t\r\n") else text
