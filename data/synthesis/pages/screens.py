"""Pictures of screens: windows and pages of the web."""

from __future__ import annotations

import numpy as np

from data.synthesis.pages.grounds import ground, ink_for
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.pages.widgets import Theme, fill_area, message, screen_size, symbol
from data.synthesis.rand import Rand


def window(rand: Rand, stock: Stock) -> Sheet:
    """Windows over a desktop: title bar, menu, tools, a side list, fields and buttons, a status bar, a dialog."""
    width, height = screen_size(rand)
    sheet = Sheet(ground(width, height, rand, stock, 0.6), rand, stock)
    theme = Theme.draw(rand, stock, rand.uniform(10, 22))
    pen, em = theme.pen, theme.pen.size
    inset = rand.choice((0.0, 0.0, 0.05))
    left, top, right, bottom = width * inset, height * inset, width * (1 - inset), height * (1 - inset)
    sheet.rectangle((left, top, right, bottom), theme.paper)
    dialog = (0.0, 0.0, 0.0, 0.0)
    if rand.chance(0.35):
        wide, high = width * rand.uniform(0.3, 0.55), height * rand.uniform(0.2, 0.4)
        x, y = (width - wide) * rand.uniform(0.3, 0.7), (height - high) * rand.uniform(0.3, 0.7)
        dialog = (x, y, x + wide, y + high)
        sheet.reserved.append((x - em, y - em, x + wide + em, y + high + em))
    y = top
    for bar in range(1 + rand.below(3)):
        high = em * rand.uniform(1.6, 2.4)
        sheet.rectangle((left, y, right, y + high), theme.accent if bar == 0 and rand.chance(0.4) else theme.panel)
        color = tuple(int(c) for c in sheet.pixels[round(y + 2), round(left + 2)])
        own, x = theme.on(color, rand), left + em * 0.6
        if bar == 0:
            for i in range(3):
                symbol(sheet, right - (i + 1) * 1.8 * em, y + high * 0.3, em * 0.7, own.ink)
        for _ in range(rand.below(9)):
            if rand.chance(0.35 if bar < 2 else 0.7):
                symbol(sheet, x, y + (high - em) / 2, em, own.ink)
                x += 1.6 * em
            else:
                place = sheet.write(x, y + (high - em) / 2, stock.label(pen.face, 1, 5, rand), own)
                x = (place[2] if place else x) + em * rand.uniform(1.6, 2.5)
            if x > right - 10 * em:
                break
        y += high
    if rand.chance(0.6):  # side list
        edge = left + width * rand.uniform(0.14, 0.26)
        sheet.rectangle((left, y, edge, bottom), theme.panel)
        chosen, pitch = rand.below(12), em * rand.uniform(1.35, 2.3)
        for row in range(int((bottom - y - 2 * em) / pitch)):
            at = y + 0.4 * em + row * pitch
            level = em * rand.choice((0.5, 0.5, 1.6))
            if row == chosen:
                sheet.rectangle((left, at - 0.2 * em, edge, at + 1.2 * em), theme.accent)
            if rand.chance(0.7):
                own = theme.on(theme.accent, rand) if row == chosen else pen
                if rand.chance(0.6):
                    symbol(sheet, left + level, at, em, own.ink)
                    level += 1.4 * em
                text = stock.label(pen.face, 2, 10, rand)
                sheet.write(left + level, at, text[: pen.fit(text, edge - left - level - 4)], own)
        left = edge
    fill_area(sheet, (left + em, y + em, right - em, bottom - 2.2 * em), theme)
    if rand.chance(0.6):
        sheet.rectangle((left, bottom - 1.7 * em, right, bottom), theme.panel)
        for x in (left + em, (left + right) / 2, right - 9 * em):
            sheet.write(x, bottom - 1.35 * em, stock.field(pen.face, rand), theme.on(theme.panel, rand).sized(em * 0.9))
    if dialog[2]:
        sheet.reserved.pop()
        message(sheet, dialog, theme)
    return sheet


def web(rand: Rand, stock: Stock) -> Sheet:
    """A page of the web: navigation, a banner with words over a picture, columns, a footer of small hints."""
    width, height = screen_size(rand)
    theme = Theme.draw(rand, stock, rand.uniform(11, 22))
    sheet = Sheet.blank(width, height, theme.paper, rand, stock)
    em = theme.pen.size
    x = float(em)
    sheet.rectangle((0, 0, width, 2.6 * em), theme.panel)
    symbol(sheet, x, 0.6 * em, 1.4 * em, theme.accent)
    x += 2.5 * em
    for _ in range(2 + rand.below(6)):
        place = sheet.write(x, 0.8 * em, stock.label(theme.pen.face, 1, 4, rand), theme.on(theme.panel, rand))
        x = (place[2] if place else x) + 2 * em
    y = 3.0 * em
    if rand.chance(0.6):
        high = height * rand.uniform(0.15, 0.4)
        banner = ground(width, round(high), rand, stock, 0.7)
        sheet.pixels[round(y) : round(y) + banner.shape[0]] = banner[: height - round(y)]
        mean = banner.reshape(-1, 3).mean(axis=0)
        sheet.rectangle((em, y + 0.2 * high, width * 0.7, y + 0.85 * high), tuple(int(c) for c in mean))
        big = theme.pen.of(ink_for(mean, rand, 100, 0.1)).sized(high * rand.uniform(0.12, 0.3))
        text = stock.label(big.face, 3, 12, rand)
        sheet.write(2 * em, y + 0.25 * high, text[: big.fit(text, width * 0.6)], big)
        sheet.write(2 * em, y + 0.68 * high, stock.label(big.face, 4, 12, rand), big.sized(em))
        y += high + em
    number = 1 + rand.below(3)
    for i in range(number):
        wide = width / number
        fill_area(sheet, (i * wide + em, y, (i + 1) * wide - em, height - 3 * em), theme)
    for at in np.arange(em, width - 8 * em, 10 * em):
        sheet.write(float(at), height - 1.6 * em, stock.label(theme.pen.face, 2, 5, rand), theme.hint.sized(em * 0.8))
    return sheet
