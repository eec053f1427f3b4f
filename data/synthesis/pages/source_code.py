"""Pictures of an editor or a terminal: lines of colored words."""

from __future__ import annotations

import numpy as np

from data.synthesis.pages.elements import some_pen
from data.synthesis.pages.grounds import ink_for
from data.synthesis.pages.pen import Color, Pen
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock, drawable
from data.synthesis.pages.widgets import Theme, screen_size
from data.synthesis.rand import Rand

BRACKETS = ("{", "}", "}", "{", "[", "]", ")", "});", "};", "},", "({", "end")
TOKENS = ("{", "}", "=", "(", ")", ";", ",", "+", "-", "|", "&&", "i", "x", "n", "a", "0", "1", "2", "'m'", "é", "ü")


def code(rand: Rand, stock: Stock) -> Sheet:
    """An editor or a terminal: lines of colored words, numbers at the left, indents."""
    width, height = screen_size(rand)
    theme = Theme.draw(rand, stock, rand.uniform(10, 22))
    sheet = Sheet.blank(width, height, theme.paper, rand, stock)
    pen = some_pen(rand, stock, theme.pen.size, "en" if rand.chance(0.7) else "zh", theme.pen.ink)
    pen.shear, pen.stretch = 0.0, 1.0
    em = pen.size
    inks = [ink_for(theme.paper, rand, 60, 1.0) for _ in range(5)]
    numbered, tabs = rand.chance(0.6), rand.chance(0.5)
    y = em * 0.5
    if tabs:
        sheet.rectangle((0, 0, width, 2 * em), theme.panel)
        x = float(em)
        for _ in range(1 + rand.below(5)):
            place = sheet.write(
                x, 0.5 * em, stock.label(pen.face, 2, 6, rand), theme.on(theme.panel, rand).sized(em * 0.9)
            )
            x = (place[2] if place else x) + 3 * em
        y = 2.4 * em
    if rand.chance(0.3):
        high = height * rand.uniform(0.1, 0.25)
        sheet.rectangle((0, height - high, width, height), theme.panel)
        sheet.paragraph(
            (em, height - high + em / 2, width * 0.8, height - 4), theme.on(theme.panel, rand).sized(em), 1.3
        )
        bottom = height - high
    else:
        bottom = height
    margin, leading, gap = em * (3.5 if numbered else 0.6), rand.uniform(1.02, 1.7), rand.uniform(0.8, 1.7)
    indent, space, line = 0, pen.width(" ") or em / 2, 1 if rand.chance(0.4) else 1 + rand.below(900)
    while y < bottom - 1.5 * em:
        if numbered:
            sheet.write(margin - gap * em, y, str(line), theme.hint.sized(em), 1)
        line += 1
        indent = max(0, min(6, indent + rand.choice((-1, 0, 0, 0, 1))))
        choice = rand.random()
        if choice < 0.12:  # brackets alone
            sheet.write(margin + indent * 2 * em, y, rand.choice(BRACKETS), pen.of(rand.choice(inks)))
        elif choice < 0.88:
            colored_line(sheet, margin + indent * 2 * em, y, pen, inks, space, rand)
        y += em * leading
    return sheet


def colored_line(sheet: Sheet, x: float, y: float, pen: Pen, inks: list[Color], space: float, rand: Rand) -> None:
    """One line of code: written whole, then words painted over in colors."""
    words = []
    if rand.chance(0.15):  # single signs with spaces between them, such as "{ a } = { 1 } ;"
        words = [
            token for token in (rand.choice(TOKENS) for _ in range(3 + rand.below(12))) if drawable(token, pen.face)
        ]
    for _ in range(1 + rand.below(7) if not words else 0):
        word = sheet.stock.label(pen.face, 1, 5, rand).replace(" ", rand.choice("_."))
        word += rand.choice(("", "", "", "(", ")", "):", " =", ";", ",", "()", "[0]", " ==", " {", '"', "->"))
        words.append("".join(c for c in word if c == " " or not pen.face.lacks(c)))
    if rand.chance(0.12):
        words = ["//" if rand.chance(0.5) else "#", sheet.stock.words(pen.face, 30, rand)]
    text = " ".join(words)
    text = text[: pen.fit(text, sheet.width - x - pen.size)].strip()
    place = sheet.write(x, y, text, pen)
    if place is None:
        return
    part = sheet.pixels[round(place[1]) : round(place[3]), round(place[0]) : round(place[2])]
    paper = sheet.pixels[round(place[1]) - 1, round(place[0]) - 1].astype(np.float32)
    share = np.abs(part - paper).sum(axis=2) / max(1.0, float(np.abs(np.array(pen.ink) - paper).sum()))
    at = 0.0
    for word in words:
        wide = pen.width(word) + space
        section = slice(max(0, round(at)), max(0, round(at + wide)))
        ink = np.array(rand.choice(inks), np.float32)
        if rand.chance(0.6):
            part[:, section] = np.clip(paper + (ink - paper) * np.clip(share[:, section, None], 0, 1), 0, 255)
        at += wide
