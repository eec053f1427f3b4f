"""A result as GitHub's Markdown (github.github.com/gfm): headings, paragraphs, lists, tables, by where lines stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crnn.documents.paragraphs import ITEM, Paragraph, leveled, paragraphs_of
from crnn.documents.result import Page, Result
from crnn.page import LineReading

HEADING, TITLE = 1.35, 1.8  # times the usual height of a line from which it is a heading, and one of the first rank
HEADING_CHARS = 80  # at most
LEAST_ROWS, LEAST_COLUMNS = 3, 2  # of a table
SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")
LEADING = re.compile(r"^(\s*)([#+=-]|\d+[.)])(?=\s|$|[#=-])")
BULLET = re.compile(r"^\s*[•●○◦▪■◆‣·*–—-]\s*")
NUMBER = re.compile(r"^\s*\(?(\d{1,9})[.)、)]\s*(?!\d)")


@dataclass(frozen=True)
class Table:
    """Lines that stand in rows and columns, each row as long as there are columns."""

    rows: tuple[tuple[str, ...], ...]


def to_markdown(result: Result) -> str:
    """The pages one after the other."""
    pages = [text for page in result.pages if (text := page_markdown(page))]
    return "\n\n".join(pages) + ("\n" if pages else "")


def page_markdown(page: Page) -> str:
    """One page, blocks parted by blank rows."""
    lines = [line for line in page.lines if line.text.strip()]
    if not lines:
        return ""
    boxes = leveled(lines)
    usual = _usual_height(lines, boxes)
    parts: list[tuple[str, bool]] = []  # and whether it is an item of a list
    for block in tables_and_text(lines, boxes):
        if isinstance(block, Table):
            parts.append((_table(block), False))
        else:
            members = [lines[i] for i in block]
            parts += [_paragraph(paragraph, usual) for paragraph in paragraphs_of(members)]
    text = parts[0][0]
    for (_, was_item), (part, is_item) in pairwise(parts):
        text += ("\n" if was_item and is_item else "\n\n") + part
    return text


def _usual_height(lines: Sequence[LineReading], boxes: np.ndarray) -> float:
    """The height of a line that half the characters of the page stand in."""
    heights = boxes[:, 3] - boxes[:, 1]
    order = np.argsort(heights, kind="stable")
    counts = np.cumsum([len(lines[i].text) for i in order])
    return float(heights[order[int(np.searchsorted(counts, counts[-1] / 2))]])


def _paragraph(paragraph: Paragraph, usual: float) -> tuple[str, bool]:
    boxes = leveled(paragraph.lines)
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    text = paragraph.text
    if ITEM.match(text):
        if bullet := BULLET.match(text):
            return f"- {_escaped(text[bullet.end() :])}", True
        if number := NUMBER.match(text):
            return f"{number[1]}. {_escaped(text[number.end() :])}", True
    if height >= HEADING * usual and len(text) <= HEADING_CHARS:
        return f"{'#' if height >= TITLE * usual else '##'} {_escaped(text)}", False
    return _escaped(text), False


def _escaped(text: str) -> str:
    """`text` with what Markdown would take for its own signs shown as they are."""
    return LEADING.sub(lambda m: f"{m[1]}{m[2][:-1]}\\{m[2][-1]}", SPECIAL.sub(r"\\\1", text))


def _table(table: Table) -> str:
    rows = ["| " + " | ".join(map(_escaped, row)) + " |" for row in table.rows]
    return "\n".join([rows[0], "|" + " --- |" * len(table.rows[0]), *rows[1:]])


def tables_and_text(lines: Sequence[LineReading], boxes: np.ndarray) -> list[Table | list[int]]:
    """The lines of a page in reading order as tables and, between these, indices of other lines.

    Args:
        boxes: float64 (n, 4), see `leveled`.
    """
    blocks: list[Table | list[int]] = []
    rows = _rows(boxes)
    at = 0
    while at < len(rows):
        columns = _Columns()
        end = at
        while end < len(rows) and len(rows[end]) >= LEAST_COLUMNS and columns.take(boxes[rows[end]]):
            end += 1
        if end - at >= LEAST_ROWS:
            blocks.append(Table(tuple(columns.cells(boxes[row], [lines[i].text for i in row]) for row in rows[at:end])))
        else:
            end = max(end, at + 1)
            if not blocks or isinstance(blocks[-1], Table):
                blocks.append([])
            text = blocks[-1]
            assert isinstance(text, list)
            text += [i for row in rows[at:end] for i in row]
        at = end
    return blocks


def _rows(boxes: np.ndarray) -> list[list[int]]:
    """Lines that follow each other from left to right at one height, row by row."""
    rows: list[list[int]] = []
    for i, (left, top, _, bottom) in enumerate(boxes.tolist()):
        if rows:
            _, last_top, last_right, last_bottom = boxes[rows[-1][-1]].tolist()
            shared = min(bottom, last_bottom) - max(top, last_top)
            if left >= last_right and shared >= 0.5 * min(bottom - top, last_bottom - last_top):
                rows[-1].append(i)
                continue
        rows.append([i])
    return rows


class _Columns:
    """Spans from left to right that the cells of a table's rows share."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []
        self._bottom = 0.0

    def take(self, cells: np.ndarray) -> bool:
        """Take in a row of cells, float64 (k, 4) from left to right; False if it does not fit the rows before it."""
        height = float(np.median(cells[:, 3] - cells[:, 1]))
        if self._spans and cells[:, 1].min() - self._bottom > 3 * height:
            return False
        spans = sorted([*self._spans, *((left, right) for left, _, right, _ in cells.tolist())])
        merged: list[tuple[float, float]] = []
        for left, right in spans:
            if merged and left < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], right))
            else:
                merged.append((left, right))
        if len(merged) < max(len(self._spans), len(cells)):
            return False  # a cell stands in two columns, or two cells in one
        if self._spans and len(merged) > max(len(self._spans), len(cells)):
            return False  # it has columns of its own
        self._spans = merged
        self._bottom = float(cells[:, 3].max())
        return True

    def cells(self, boxes: np.ndarray, texts: Sequence[str]) -> tuple[str, ...]:
        """A row's texts, "" for columns that are empty in it."""
        lefts = np.array([left for left, _ in self._spans])
        row = [""] * len(lefts)
        for text, at in zip(texts, np.searchsorted(lefts, boxes[:, 0], side="right") - 1, strict=True):
            row[at] = f"{row[at]} {text}".strip()
        return tuple(row)
