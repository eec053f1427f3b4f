"""Pages of tasks."""

from __future__ import annotations

import dataclasses

from data.synthesis.pages.elements import (
    hand_pen,
    light_paper,
    numbered,
    page_size,
    picture,
    script_of,
    some_pen,
    title,
)
from data.synthesis.pages.grounds import ink_for, photograph
from data.synthesis.pages.pen import Pen
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock, drawable
from data.synthesis.rand import Rand


def worksheet(rand: Rand, stock: Stock) -> Sheet:
    """A page of tasks: numbered lines, blanks, small drawings, answers by hand."""
    width, height = page_size(rand, 0.8)
    sheet = light_paper(width, height, rand, stock)
    script = script_of(rand)
    pen = some_pen(rand, stock, rand.uniform(14, 30), script, ink_for(sheet.pixels[0, 0], rand, 110, 0.0))
    hand = hand_pen(rand, stock, pen.size * 1.3, script, ink_for(sheet.pixels[0, 0], rand, 80, 0.9))
    margin, y = width * 0.07, height * 0.04
    y = title(sheet, margin, y, width - margin, pen.size * 1.6, script) + pen.size
    for number in range(1, 60):
        if y > height - 3 * pen.size:
            break
        if rand.chance(0.15):
            head = numbered(stock.words(pen.face, 24, rand), number, rand)
            bold = dataclasses.replace(pen, bold=0.03)
            sheet.write(margin, y, head[: bold.fit(head, width * 0.85)], bold)
            y += pen.size * 1.8
        text = f"{number}. {stock.words(pen.face, 30, rand)}"
        sheet.write(margin, y, text[: pen.fit(text, width * rand.uniform(0.5, 0.85))], pen)
        y += pen.size * rand.uniform(1.5, 2)
        if rand.chance(0.3):
            y = choices(sheet, margin + 2 * pen.size, y, width - margin, pen)
        elif rand.chance(0.4):
            answer = stock.label(hand.face, 2, 9, rand)
            sheet.write(margin + 3 * pen.size, y, answer[: hand.fit(answer, width * 0.7)], hand)
            y += hand.size * 1.5
        if rand.chance(0.15):
            side = width * rand.uniform(0.15, 0.4)
            picture(sheet, (width - margin - side, y, width - margin, min(height - 6, y + side * 0.7)))
            y += side * 0.75
    if rand.chance(0.3):
        cut = photograph(width, max(20, height // 9), rand, stock)
        if cut is not None and y < height - cut.shape[0]:
            sheet.pixels[height - cut.shape[0] :] = cut
    return sheet


def choices(sheet: Sheet, left: float, y: float, right: float, pen: Pen) -> float:
    """The answers to choose from, A to D in a row, in two rows or below each other; returns where they end."""
    rand, stock = sheet.rand, sheet.stock
    across = rand.choice((4, 4, 2, 1))
    room = (right - left) / across
    mark = rand.choice(("{}. ", "{}、", "({}) ", "{}) "))
    for number in range(4):
        text = mark.format("ABCD"[number]) + (
            stock.label(pen.face, 1, 10, rand) if rand.chance(0.5) else stock.field(pen.face, rand)
        )
        text = drawable(text, pen.face)
        sheet.write(left + number % across * room, y, text[: pen.fit(text, room - pen.size)], pen)
        if number % across == across - 1:
            y += pen.size * 1.7
    return y
