"""What pictures of screens are made of: themes, pictograms, buttons, dialogs, and areas filled with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.synthesis.pages.decoys import chart
from data.synthesis.pages.elements import picture, script_of, some_pen
from data.synthesis.pages.grounds import ink_for, random_color
from data.synthesis.pages.icons import icon
from data.synthesis.pages.pen import Color, Pen
from data.synthesis.pages.sheet import Rect, Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand


@dataclass(frozen=True)
class Theme:
    """Colors of a program, and its letters."""

    paper: Color
    panel: Color
    accent: Color
    pen: Pen
    hint: Pen

    @classmethod
    def draw(cls, rand: Rand, stock: Stock, size: float) -> Theme:
        """Light or dark by chance; hints have little contrast."""
        dark = rand.chance(0.4)
        level = rand.below(50) if dark else 255 - rand.below(20)
        paper = tuple(int(np.clip(level + rand.uniform(-6, 6), 0, 255)) for _ in range(3))
        shift = rand.choice((-14, -8, 10, 22) if dark else (-30, -16, -8, 0))
        panel = tuple(int(np.clip(c + shift, 0, 255)) for c in paper)
        pen = some_pen(rand, stock, size, script_of(rand), ink_for(paper, rand, 120, 0.1))
        pen.shear, pen.stretch = 0.0, 1.0
        hint = pen.of(towards(paper, pen.ink, rand.uniform(0.28, 0.6)))
        return cls(paper, panel, random_color(rand, (0.3, 0.65)), pen, hint)

    def on(self, color: Color, rand: Rand) -> Pen:
        """The pen in an ink that shows on `color`."""
        return self.pen.of(ink_for(color, rand, 100, 0.0))


def towards(paper: Color, ink: Color, share: float) -> Color:
    """The color that lies a `share` of the way from `paper` to `ink`."""
    return tuple(round(p + share * (i - p)) for p, i in zip(paper, ink, strict=True))


def symbol(sheet: Sheet, x: float, y: float, side: float, ink: Color) -> None:
    """A pictogram `side` pixels wide, now and then on a colored tile."""
    rand = sheet.rand
    box = (round(x), round(y), round(x + side), round(y + side))
    if rand.chance(0.25):
        tile = random_color(rand, (0.3, 0.7))
        sheet.rectangle(box, tile, radius=side * rand.uniform(0, 0.5))
        ink, inset = (255, 255, 255), round(side * 0.2)
        box = (box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset)
    if box[2] <= sheet.width and box[3] <= sheet.height and box[2] - box[0] > 5:
        icon(sheet.pixels, box, ink, rand)


def button(sheet: Sheet, x: float, y: float, text: str, theme: Theme) -> float:
    """A button, filled, framed or bare, with or without a pictogram; returns its right edge."""
    rand, pen = sheet.rand, theme.pen
    pad, high = pen.size * rand.uniform(0.3, 1), pen.size * rand.uniform(1.3, 2.1)
    mark = rand.chance(0.3)
    wide = pen.width(text) + 2 * pad + (1.3 * pen.size if mark else 0)
    if x + wide > sheet.width:
        return x
    fill = rand.choice((theme.accent, theme.panel, None))
    own = theme.on(fill, rand) if fill is not None else pen
    sheet.rectangle(
        (x, y, x + wide, y + high), fill, theme.hint.ink if rand.chance(0.5) else fill, 1, rand.uniform(0, 0.5) * high
    )
    if mark:
        symbol(sheet, x + pad, y + (high - pen.size) / 2, pen.size, own.ink)
    sheet.write(x + pad + (1.3 * pen.size if mark else 0), y + (high - pen.size) / 2, text, own)
    return x + wide


def screen_size(rand: Rand) -> tuple[int, int]:
    """Width and height of a computer's or a telephone's screen."""
    long = 960 + rand.below(641)
    if rand.chance(0.35):
        return int(long * rand.uniform(0.45, 0.6)), long
    return long, int(long * rand.uniform(0.5, 0.75))


def message(sheet: Sheet, box: Rect, theme: Theme) -> None:
    """A dialog in `box`, which holds no lines yet."""
    rand, stock, pen = sheet.rand, sheet.stock, theme.pen
    left, top, right, bottom = box
    em = pen.size
    sheet.rectangle(box, theme.paper, theme.hint.ink, 1, rand.uniform(0, em))
    big = pen.sized(em * rand.uniform(1, 1.4))
    if rand.chance(0.4):
        symbol(sheet, left + em, top + 0.6 * em, 1.6 * em, theme.accent)
    text = stock.label(pen.face, 2, 9, rand)
    sheet.write(left + 3.4 * em, top + 0.7 * em, text[: big.fit(text, right - left - 6 * em)], big)
    sheet.paragraph((left + em, top + 3 * em, right - em, bottom - 3 * em), pen, rand.uniform(1.3, 1.7))
    x = left + em
    for _ in range(1 + rand.below(3)):
        x = button(sheet, x, bottom - 2.6 * em, stock.label(pen.face, 1, 3, rand), theme) + em
        if x > right - 5 * em:
            break


def _fields(sheet: Sheet, box: Rect, theme: Theme) -> float:
    """Names with boxes to fill in. Returns where they end."""
    rand, stock, pen = sheet.rand, sheet.stock, theme.pen
    left, y, right, bottom = box
    em = pen.size
    for _ in range(1 + rand.below(5)):
        if y > bottom - 2 * em:
            break
        text = stock.label(pen.face, 2, 5, rand)
        sheet.write(left, y + 0.3 * em, text[: pen.fit(text, (right - left) * 0.28)], pen)
        x = left + (right - left) * 0.3
        sheet.rectangle((x, y, x + (right - left) * 0.45, y + 1.7 * em), theme.panel, theme.hint.ink)
        if rand.chance(0.6):
            text = stock.label(pen.face, 2, 8, rand)
            text = text[: pen.fit(text, (right - left) * 0.43 - em)]
            sheet.write(x + 0.5 * em, y + 0.3 * em, text, rand.choice((pen, theme.hint)))
        y += 2.4 * em
    return y


def _cards(sheet: Sheet, box: Rect, theme: Theme) -> float:
    """Cards side by side, with a picture or a figure each. Returns where they end."""
    rand, stock, pen = sheet.rand, sheet.stock, theme.pen
    left, y, right, bottom = box
    em = pen.size
    number = 1 + rand.below(5)
    wide, high = (right - left) / number, em * rand.uniform(4, 10)
    if y + high < bottom:
        for i in range(number):
            card = (left + i * wide + 4, y, left + (i + 1) * wide - 4, y + high)
            sheet.rectangle(card, theme.panel, radius=rand.uniform(0, em))
            own = theme.on(theme.panel, rand)
            if rand.chance(0.5):
                picture(sheet, (card[0], y, card[2], y + high - 2.6 * em))
                text = stock.label(pen.face, 2, 9, rand)
                sheet.write(card[0] + 0.5 * em, y + high - 2 * em, text[: own.fit(text, wide - 1.5 * em)], own)
            else:
                large = own.sized(em * rand.uniform(1, 2.5))
                text = stock.field(pen.face, rand)
                sheet.write(card[0] + 0.7 * em, y + 0.6 * em, text[: large.fit(text, wide - 2 * em)], large)
                text = stock.label(pen.face, 2, 6, rand)
                text = text[: pen.fit(text, wide - 2 * em)]
                sheet.write(card[0] + 0.7 * em, y + high - 1.6 * em, text, theme.hint)
    y += high + em
    return y


def _rows(sheet: Sheet, box: Rect, theme: Theme) -> float:
    """Rows of a name and a value. Returns where they end."""
    rand, stock, pen = sheet.rand, sheet.stock, theme.pen
    left, y, right, bottom = box
    em = pen.size
    for _ in range(2 + rand.below(6)):
        if y > bottom - 2 * em:
            break
        if rand.chance(0.5):
            symbol(sheet, left, y, em, theme.accent)
        sheet.write(left + 1.7 * em, y, stock.label(pen.face, 2, 12, rand), pen)
        sheet.write(right, y, stock.field(pen.face, rand), theme.hint, 1)
        y += em * 1.9
        sheet.rule(left, y - 0.4 * em, right, y - 0.4 * em, theme.panel)
    return y


def fill_area(sheet: Sheet, box: Rect, theme: Theme) -> None:
    """Fields, cards, paragraphs, pictures and diagrams from top to bottom."""
    rand, stock, pen = sheet.rand, sheet.stock, theme.pen
    left, y, right, bottom = box
    em = pen.size
    while y < bottom - 3 * em:
        choice = rand.below(7)
        if choice == 0:
            head = pen.sized(em * rand.uniform(1.2, 2.4))
            text = stock.label(pen.face, 3, 12, rand)
            sheet.write(left, y, text[: head.fit(text, right - left)], head)
            y += head.size * 1.6
        elif choice == 1:
            y = (
                sheet.paragraph(
                    (left, y, right, min(bottom, y + em * (3 + rand.below(9)))), pen, rand.uniform(1.2, 1.8)
                )
                + em
            )
        elif choice == 2:
            y = _fields(sheet, (left, y, right, bottom), theme)
        elif choice == 3:
            x = left
            for _ in range(1 + rand.below(5)):
                x = button(sheet, x, y, stock.label(pen.face, 1, 4, rand), theme) + em * rand.uniform(0.4, 2)
                if x > right - 8 * em:
                    break
            y += 2.8 * em
        elif choice == 4:
            y = _cards(sheet, (left, y, right, bottom), theme)
        elif choice == 5:
            y = _rows(sheet, (left, y, right, bottom), theme)
        else:
            high = em * rand.uniform(4, 12)
            if y + high < bottom:
                area = (round(left), round(y), round(left + (right - left) * rand.uniform(0.3, 1)), round(y + high))
                chart(sheet.pixels, area, theme.accent, rand)
                sheet.reserved.append(area)
            y += high + em
