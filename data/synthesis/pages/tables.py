"""Tables of text: rows and columns with rules, stripes and heads."""

from __future__ import annotations

import numpy as np

from data.synthesis.pages.elements import light_paper, page_size, script_of, some_pen, title
from data.synthesis.pages.grounds import ink_for, random_color
from data.synthesis.pages.pen import Pen
from data.synthesis.pages.sheet import Rect, Sheet
from data.synthesis.pages.stock import Stock, drawable
from data.synthesis.rand import Rand

NARROW = (
    "0123456789",
    "12",
    "ABCDEF",
    "XNEFRY",
    "是否",
    "有无",
    "个台箱盒件套支",
    "YN",
)  # columns of single characters


def draw_table(sheet: Sheet, box: Rect, pen: Pen, fill: float = 0.85) -> float:
    """Rows and columns inside `box`, a share `fill` of the cells filled; returns the lower edge.

    Rules stand anywhere between a cell's edge and its letters; head rows are colored, rows striped.
    """
    rand, stock = sheet.rand, sheet.stock
    left, top, right, bottom = box
    row_height = pen.size * rand.uniform(0.95, 2.4)
    weights = np.array([rand.uniform(0.4, 1.6) for _ in range(2 + rand.below(7))])
    edges = left + np.concatenate([[0.0], np.cumsum(weights / weights.sum())]) * (right - left)
    rows = max(1, min(int((bottom - top) / row_height), 2 + rand.below(30)))
    paper_color = sheet.pixels[min(sheet.height - 1, round(top)), round(left)].copy()
    rule = ink_for(paper_color, rand, 25, 0.4)
    headed, zebra = rand.chance(0.5), rand.chance(0.3)
    head_color = random_color(rand, (0.15, 0.85))
    head_pen = pen.of(ink_for(head_color, rand, 90, 0.1))
    stripe = tuple(int(c) for c in np.clip(paper_color.astype(int) + rand.choice((-14, 14, -24)), 0, 255))
    style = rand.choice(("all", "all", "rows", "frame", "none"))
    thick = 1 + (rand.below(3) if rand.chance(0.3) else 0)
    end = top + rows * row_height
    aligns = [rand.choice((0.0, 0.0, 0.5, 1.0)) for _ in weights]
    narrow = [rand.choice(NARROW) if rand.chance(0.25) else "" for _ in weights]
    inset = rand.uniform(0.1, 0.6) * pen.size
    for row in range(rows):
        y = top + row * row_height
        band = (left, y, right, y + row_height)
        if headed and row == 0:
            sheet.rectangle(band, head_color)
        elif zebra and row % 2:
            sheet.rectangle(band, stripe)
    if style in ("all", "rows"):
        for row in range(rows + 1):
            sheet.rule(left, top + row * row_height, right, top + row * row_height, rule, thick)
    if style == "all":
        for x in edges:
            sheet.rule(x, top, x, end, rule, thick)
    if style == "frame":
        sheet.rectangle((left, top, right, end), None, rule, thick)
    lift = (row_height - pen.size) / 2 + rand.uniform(-0.05, 0.05) * pen.size
    for row in range(rows):
        own = head_pen if headed and row == 0 else pen
        for column, align in enumerate(aligns):
            if not rand.chance(1.0 if headed and row == 0 else fill):
                continue
            room = edges[column + 1] - edges[column] - 2 * inset
            if row == 0:
                text = stock.label(own.face, 1, 6, rand)
            elif narrow[column]:
                text = drawable(rand.choice(narrow[column]), own.face)
            else:
                text = stock.field(own.face, rand)
            text = text[: own.fit(text, room)].strip()
            if text and any(c.isalnum() for c in text):
                sheet.write(edges[column] + inset + align * room, top + row * row_height + lift, text, own, align)
    return end


def table(rand: Rand, stock: Stock) -> Sheet:
    """One or more tables with titles and remarks."""
    width, height = page_size(rand, 0.5)
    sheet = light_paper(width, height, rand, stock)
    script = script_of(rand)
    pen = some_pen(rand, stock, rand.uniform(10, 28), script, ink_for(sheet.pixels[0, 0], rand, 100, 0.1))
    margin, y = width * rand.uniform(0.02, 0.08), height * rand.uniform(0.02, 0.06)
    while y < height - 5 * pen.size:
        if rand.chance(0.6):
            y = title(sheet, margin, y, width - margin, pen.size * rand.uniform(1, 1.8), script) + 0.4 * pen.size
        y = draw_table(sheet, (margin, y, width - margin, height - 10), pen, rand.uniform(0.3, 1.0)) + pen.size
        if rand.chance(0.5):
            y = sheet.paragraph((margin, y, width - margin, min(height - 8, y + 4 * pen.size)), pen, 1.4) + pen.size
    return sheet
