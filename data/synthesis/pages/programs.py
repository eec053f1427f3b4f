"""Pictures of programs: chats, spreadsheets, a telephone's lists, diagrams."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.pages.decoys import chart
from data.synthesis.pages.elements import picture
from data.synthesis.pages.grounds import ground, ink_for, random_color
from data.synthesis.pages.icons import icon
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.pages.widgets import Theme, screen_size, symbol, towards
from data.synthesis.rand import Rand


def chat(rand: Rand, stock: Stock) -> Sheet:
    """Bubbles left and right, portraits, times, an entry line."""
    width, height = screen_size(rand)
    if width > height and rand.chance(0.7):
        width, height = height, width
    theme = Theme.draw(rand, stock, rand.uniform(18, 32) * width / 800)
    sheet = Sheet.blank(width, height, theme.panel, rand, stock)
    em, pen = theme.pen.size, theme.pen
    sheet.rectangle((0, 0, width, 3 * em), theme.paper)
    symbol(sheet, em, em, em, pen.ink)
    sheet.write(width / 2, em, stock.label(pen.face, 2, 8, rand), pen, 0.5)
    mine = random_color(rand, (0.4, 0.8))
    y = 3.6 * em
    while y < height - 7 * em:
        if rand.chance(0.25):
            sheet.write(width / 2, y, f"{rand.below(24)}:{rand.below(60):02}", theme.hint.sized(em * 0.75), 0.5)
            y += 1.6 * em
        own = rand.chance(0.5)
        fill = mine if own else theme.paper
        bubble = theme.on(fill, rand)
        room = width * rand.uniform(0.45, 0.68)
        side = 2.2 * em
        text = stock.words(pen.face, 2 + rand.below(60), rand)
        lines: list[str] = []
        while text and len(lines) < 5:
            number = max(1, bubble.fit(text, room))
            lines.append(text[:number].strip())
            text = text[number:]
        wide = max(bubble.width(line) for line in lines) + 1.4 * em
        high = len(lines) * 1.35 * em + 0.9 * em
        left = width - side - 1.4 * em - wide if own else side + 1.4 * em
        face = width - side - 0.7 * em if own else 0.7 * em
        tile = (round(face), round(y), round(face + side), round(y + side))
        sheet.rectangle(tile, random_color(rand, (0.2, 0.8)), radius=side * rand.choice((0.1, 0.5)))
        if rand.chance(0.5):
            icon(sheet.pixels, (tile[0] + 4, tile[1] + 4, tile[2] - 4, tile[3] - 4), (240, 240, 240), rand)
        if rand.chance(0.15):
            high = max(high, 5 * em)
            if y + high < height - 4 * em:
                picture(sheet, (left, y, left + max(wide, 6 * em), y + high))
        else:
            sheet.rectangle((left, y, left + wide, y + high), fill, radius=em * rand.uniform(0.2, 0.9))
            for i, line in enumerate(lines):
                sheet.write(left + 0.7 * em, y + 0.45 * em + i * 1.35 * em, line, bubble)
        y += max(high, side) + em * rand.uniform(0.6, 1.5)
    sheet.rectangle((0, height - 3 * em, width, height), theme.paper)
    sheet.rectangle((3 * em, height - 2.4 * em, width - 5 * em, height - 0.6 * em), theme.panel, radius=em * 0.5)
    if rand.chance(0.5):
        sheet.write(3.6 * em, height - 2 * em, stock.label(pen.face, 2, 6, rand), theme.hint)
    for x in (em, width - 4 * em, width - 2 * em):
        symbol(sheet, x, height - 2.1 * em, 1.2 * em, pen.ink)
    return sheet


def spreadsheet(rand: Rand, stock: Stock) -> Sheet:
    """Cells with letters and numbers of columns and rows, many empty."""
    width, height = screen_size(rand)
    theme = Theme.draw(rand, stock, rand.uniform(10, 19))
    sheet = Sheet.blank(width, height, theme.paper, rand, stock)
    pen, em = theme.pen, theme.pen.size
    high = em * rand.uniform(0.95, 1.8)
    top = 0.0
    if rand.chance(0.7):
        top = em * 4
        sheet.rectangle((0, 0, width, top), theme.panel)
        x = float(em)
        for _ in range(3 + rand.below(6)):
            place = sheet.write(x, 0.4 * em, stock.label(pen.face, 1, 3, rand), theme.on(theme.panel, rand))
            x = (place[2] if place else x) + 2 * em
        for at in np.arange(em, width - 3 * em, 2 * em):
            if rand.chance(0.7):
                symbol(sheet, float(at), 2.3 * em, em * 1.2, theme.on(theme.panel, rand).ink)
    edges: list[float] = [3.2 * em]
    while edges[-1] < width:
        edges.append(edges[-1] + em * rand.uniform(2.2, 10))
    rule = ink_for(theme.paper, rand, 18, 0.0)
    rule = towards(theme.paper, rule, rand.uniform(0.12, 0.5))
    sheet.rectangle((0, top, width, top + high), theme.panel)
    sheet.rectangle((0, top, edges[0], height), theme.panel)
    for x in edges:
        sheet.rule(x, top, x, height, rule)
    filled = rand.uniform(0.15, 0.9)
    kinds = [rand.chance(0.5) for _ in edges]
    lift = (high - em) / 2
    for row, y in enumerate(np.arange(top, height - high, high)):
        sheet.rule(0, y, width, y, rule)
        if row:
            sheet.write(edges[0] / 2, y + lift, str(row), theme.hint, 0.5)
        for column in range(len(edges) - 2):
            room = edges[column + 1] - edges[column] - 0.5 * em
            if row == 0:
                sheet.write(edges[column] + room / 2, y + lift, chr(65 + column % 26), theme.hint, 0.5)
            elif rand.chance(filled):
                text = stock.field(pen.face, rand) if kinds[column] else stock.label(pen.face, 1, 5, rand)
                text = text[: pen.fit(text, room)].strip()
                if any(c.isalnum() for c in text):
                    align = 1.0 if kinds[column] else 0.0
                    sheet.write(edges[column] + 0.25 * em + align * room, y + lift, text, pen, align)
    return sheet


def settings(rand: Rand, stock: Stock) -> Sheet:
    """A telephone's list or grid of programs: pictograms with names, switches, values, a status line."""
    long = 960 + rand.below(641)
    width, height = int(long * rand.uniform(0.45, 0.6)), long
    theme = Theme.draw(rand, stock, width * rand.uniform(0.026, 0.045))
    grid = rand.chance(0.4)
    sheet = Sheet(ground(width, height, rand, stock, 0.7), rand, stock)
    if not grid:
        sheet.pixels[:] = theme.panel
    else:
        sheet.pixels[:] = cv2.addWeighted(sheet.pixels, 0.5, np.full_like(sheet.pixels, theme.paper), 0.5, 0)
    pen, em = theme.pen, theme.pen.size
    top = sheet.pixels[4, width // 2]
    small = pen.of(ink_for(top, rand, 100, 0.0)).sized(em * 0.8)
    sheet.write(0.7 * em, 0.4 * em, f"{rand.below(24)}:{rand.below(60):02}", small)
    for i in range(3):
        symbol(sheet, width - (i + 1) * 1.5 * em, 0.4 * em, em * 0.8, small.ink)
    y = 2.2 * em
    if grid:
        number = 3 + rand.below(3)
        pitch = width / number
        for y in np.arange(2.5 * em, height - pitch, pitch * 1.15):
            for i in range(number):
                side = pitch * 0.55
                x = i * pitch + (pitch - side) / 2
                sheet.rectangle((x, y, x + side, y + side), random_color(rand, (0.3, 0.9)), radius=side * 0.22)
                box = (round(x + side * 0.25), round(y + side * 0.25), round(x + side * 0.75), round(y + side * 0.75))
                icon(sheet.pixels, box, (255, 255, 255), rand)
                under = sheet.pixels[min(height - 1, round(y + side + 0.8 * em)), round(x + side / 2)]
                text = stock.label(pen.face, 2, 4, rand)
                own = pen.of(ink_for(under, rand, 110, 0.0)).sized(em * 0.85)
                sheet.write(x + side / 2, y + side + 0.3 * em, text[: own.fit(text, pitch * 0.95)], own, 0.5)
        return sheet
    big = theme.on(theme.panel, rand).sized(em * rand.uniform(1.2, 2))
    sheet.write(em, y, stock.label(pen.face, 2, 6, rand), big)
    y += big.size * 2
    pitch = em * rand.uniform(2.2, 3.6)
    two = pitch > 2.9 * em
    while y < height - pitch:
        sheet.rectangle((0, y, width, y + pitch - 1), theme.paper)
        x = float(em)
        if rand.chance(0.6):
            symbol(sheet, x, y + (pitch - 1.5 * em) / 2, 1.5 * em, theme.accent)
            x += 2.3 * em
        lift = 0.35 * em if two else (pitch - em) / 2
        sheet.write(x, y + lift, stock.label(pen.face, 2, 8, rand), pen)
        if two:
            text = stock.label(pen.face, 4, 12, rand)
            sheet.write(x, y + 1.75 * em, text[: pen.fit(text, width * 0.6)], theme.hint.sized(em * 0.8))
        end = rand.below(3)
        if end == 0:
            switch = (width - 3.2 * em, y + pitch / 2 - 0.5 * em, width - em, y + pitch / 2 + 0.5 * em)
            sheet.rectangle(switch, theme.accent, radius=em * 0.5)
            sheet.rectangle(
                (switch[2] - em, switch[1] + 2, switch[2] - 2, switch[3] - 2), (250, 250, 250), radius=em * 0.5
            )
        elif end == 1:
            sheet.write(width - 2.2 * em, y + (pitch - em) / 2, stock.label(pen.face, 1, 4, rand), theme.hint, 1)
        y += pitch + (em if rand.chance(0.2) else 0)
    return sheet


def dashboard(rand: Rand, stock: Stock) -> Sheet:
    """Diagrams with numbers at their axes and a legend."""
    width, height = screen_size(rand)
    theme = Theme.draw(rand, stock, rand.uniform(10, 18))
    sheet = Sheet.blank(width, height, theme.panel, rand, stock)
    pen, em = theme.pen, theme.pen.size
    across, down = 1 + rand.below(3), 1 + rand.below(3)
    for row in range(down):
        for column in range(across):
            left, top = column * width / across + 6, row * height / down + 6
            right, bottom = (column + 1) * width / across - 6, (row + 1) * height / down - 6
            sheet.rectangle((left, top, right, bottom), theme.paper, radius=rand.uniform(0, em))
            text = stock.label(pen.face, 3, 10, rand)
            sheet.write(left + em, top + 0.6 * em, text[: pen.fit(text, right - left - 3 * em)], pen)
            area = (round(left + 4 * em), round(top + 2.6 * em), round(right - em), round(bottom - 3.4 * em))
            if min(area[2] - area[0], area[3] - area[1]) < 60:
                continue
            chart(sheet.pixels, area, theme.hint.ink, rand)
            small = theme.hint.sized(em * rand.uniform(0.75, 1))
            unit = 10 ** rand.below(4)
            steps = 3 + rand.below(4)
            for i in range(steps):
                y = area[3] - (area[3] - area[1]) * i / (steps - 1)
                sheet.write(area[0] - 0.5 * em, y - small.size / 2, str(i * unit * 5), small, 1)
            for at in np.arange(area[0] + em, area[2] - 2 * em, em * rand.uniform(4, 8)):
                sheet.write(at, area[3] + 0.4 * em, str(2000 + rand.below(30)), small)
            x = float(area[0])
            for _ in range(rand.below(4)):
                sheet.rectangle((x, bottom - 1.4 * em, x + 0.8 * em, bottom - 0.6 * em), random_color(rand, (0.3, 0.7)))
                place = sheet.write(x + 1.1 * em, bottom - 1.6 * em, stock.label(pen.face, 1, 3, rand), small)
                x = (place[2] if place else x) + 2 * em
                if x > right - 6 * em:
                    break
            if rand.chance(0.4):
                sheet.write(left + 0.4 * em, (area[1] + area[3]) / 2, stock.label(pen.face, 1, 3, rand), small, turns=3)
    return sheet
