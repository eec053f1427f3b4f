"""Printed and written pages: articles, letters, contents, notes by hand, and columns from top to bottom."""

from __future__ import annotations

import numpy as np

from data.synthesis.pages.decoys import draw_decoy
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
from data.synthesis.pages.grounds import ink_for, random_color
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock, drawable
from data.synthesis.rand import Rand
from data.synthesis.text import HANZI


def article(rand: Rand, stock: Stock) -> Sheet:
    """A title, heads, one to three columns, pictures, a page number; now and then footnotes and a running head."""
    width, height = page_size(rand, 0.85)
    sheet = light_paper(width, height, rand, stock)
    script = script_of(rand)
    columns = (1, 1, 2, 2, 3)[rand.below(5)]
    ink = ink_for(sheet.pixels[0, 0], rand, 110, 0.1)
    body = some_pen(rand, stock, rand.uniform(10, 28) if columns == 1 else rand.uniform(9, 20), script, ink)
    head = some_pen(rand, stock, body.size * rand.uniform(1.1, 1.8), script, ink_for(sheet.pixels[0, 0], rand, 80))
    note = body.sized(body.size * 0.8)
    margin = width * rand.uniform(0.04, 0.13)
    y, bottom = height * rand.uniform(0.02, 0.07), height * rand.uniform(0.9, 0.97)
    if rand.chance(0.4):  # running head
        sheet.write(margin, y, stock.label(body.face, 4, 14, rand), note)
        sheet.write(width - margin, y, str(1 + rand.below(400)), note, align=1)
        y += 2 * note.size
        if rand.chance(0.6):
            sheet.rule(margin, y, width - margin, y, ink)
            y += note.size
    if rand.chance(0.7):
        y = title(sheet, margin, y, width - margin, body.size * rand.uniform(1.6, 5), script) + body.size
    if rand.chance(0.7):
        number = str(1 + rand.below(400))
        sheet.write(
            width / 2, bottom + 0.3 * body.size, rand.choice((number, f"- {number} -", f"· {number} ·")), note, 0.5
        )
    if rand.chance(0.3):  # footnotes
        lines = 1 + rand.below(4)
        top = bottom - lines * 1.5 * note.size
        sheet.rule(margin, top - 4, margin + width * 0.25, top - 4, ink)
        for i in range(lines):
            text = f"{i + 1} " + stock.words(note.face, 60, rand)
            sheet.write(margin, top + i * 1.5 * note.size, text[: note.fit(text, width - 2 * margin)], note)
        bottom = top - note.size
    gutter = body.size * rand.uniform(1.6, 3)
    room = (width - 2 * margin - (columns - 1) * gutter) / columns
    leading, justified = rand.uniform(1.02, 2.0), rand.chance(0.6)
    indent = rand.choice((0.0, 0.0, 2.0))
    ruled = columns > 1 and rand.chance(0.2)
    counted, heads = rand.chance(0.5), rand.below(9)
    for column in range(columns):
        left, at = margin + column * (room + gutter), y
        if ruled and column:
            sheet.rule(left - gutter / 2, y, left - gutter / 2, bottom, ink)
        while at < bottom - 3 * body.size:
            choice = rand.random()
            if choice < 0.15:
                picture(sheet, (left, at, left + room, min(bottom, at + room * rand.uniform(0.3, 0.7))))
                at += room * 0.72
                sheet.write(left + room / 2, at, stock.label(note.face, 5, 12, rand), note, align=0.5)
                at += 2 * note.size
            if choice > 0.6:
                text = stock.words(head.face, 14, rand)
                if counted:
                    heads += 1
                    text = drawable(numbered(text, heads, rand), head.face)
                sheet.write(left, at, text[: head.fit(text, room)], head)
                at += head.size * 1.7
            end = min(bottom, at + body.size * leading * (3 + rand.below(16)))
            at = sheet.paragraph((left, at, left + room, end), body, leading, justified, indent)
            at += body.size * rand.uniform(0.2, 1.5)
    return sheet


def heading(rand: Rand, stock: Stock) -> Sheet:
    """A title page: few words, up to a third of the page high."""
    width, height = page_size(rand, 0.5)
    sheet = light_paper(width, height, rand, stock)
    if rand.chance(0.5):
        sheet.pixels[:] = random_color(rand, (0.05, 0.95))
    y = height * rand.uniform(0.05, 0.3)
    for _ in range(1 + rand.below(4)):
        script = script_of(rand)
        size = height * np.exp(rand.uniform(np.log(0.03), np.log(0.33)))
        pen = some_pen(rand, stock, size, script, ink_for(sheet.pixels[0, 0], rand, 90), rand.choice(("any", "sign")))
        text = stock.words(pen.face, 20, rand)
        text = text[: min(max(1, pen.fit(text, width * 0.92)), 2 + rand.below(18))]
        sheet.write(width / 2, y, text, pen, 0.5)
        y += pen.size * rand.uniform(1.2, 2.2)
        if y > height * 0.85:
            break
    return sheet


def contents(rand: Rand, stock: Stock) -> Sheet:
    """Contents or a list: entries with leaders of dots, and numbers at the right."""
    width, height = page_size(rand, 0.8)
    sheet = light_paper(width, height, rand, stock)
    script = script_of(rand)
    pen = some_pen(rand, stock, rand.uniform(12, 30), script, ink_for(sheet.pixels[0, 0], rand, 100, 0.1))
    margin, y = width * rand.uniform(0.06, 0.14), height * 0.06
    y = title(sheet, margin, y, width - margin, pen.size * rand.uniform(1.3, 2.5), script) + pen.size
    leading, leaders = rand.uniform(1.3, 2.4), rand.choice((".", "-", ""))
    bullet = rand.choice(("", "", "dot", "number", "box"))
    for number in range(1, 200):
        if y > height - 2.2 * pen.size:
            break
        left = margin + pen.size * 2 * rand.below(3)
        text = stock.label(pen.face, 3, 14, rand)
        if bullet == "number":
            text = f"{number}. {text}"
        elif bullet:
            box = (left, y + 0.35 * pen.size, left + 0.4 * pen.size, y + 0.75 * pen.size)
            sheet.rectangle(
                box, pen.ink if bullet == "dot" else None, pen.ink, radius=pen.size if bullet == "dot" else 0
            )
            left += pen.size
        text = text[: pen.fit(text, width - margin - left - 5 * pen.size)]
        if written := sheet.write(left, y, text, pen):
            page = sheet.write(width - margin, y, str(1 + rand.below(900)), pen, 1) if leaders else None
            if page and page[0] - written[2] > 3 * pen.size:
                start, end, low = written[2] + pen.size, page[0] - pen.size, y + 0.85 * pen.size
                sheet.rule(start, low, end, low, pen.ink, 1, dash=2 if leaders == "." else 5)
        y += pen.size * leading
    return sheet


def note(rand: Rand, stock: Stock) -> Sheet:
    """Written by hand, on blank, ruled or squared paper; lines rise and fall."""
    width, height = page_size(rand, 0.7)
    sheet = light_paper(width, height, rand, stock)
    script = script_of(rand)
    ink = ink_for(sheet.pixels[0, 0], rand, 90, 0.7)
    pen = hand_pen(rand, stock, rand.uniform(22, 64), script, ink)
    pitch = pen.size * rand.uniform(1.15, 1.9)
    margin, top = width * rand.uniform(0.03, 0.12), height * rand.uniform(0.03, 0.12)
    rules = rand.choice(("none", "lines", "lines", "squares"))
    color = random_color(rand, (0.55, 0.85), 0.6)
    if rules != "none":
        for y in np.arange(top + pen.size * 1.05, height, pitch):
            sheet.rule(0, y, width, y, color)
        for x in np.arange(margin, width, pen.size) if rules == "squares" else []:
            sheet.rule(x, 0, x, height, color)
    y = top
    while y < height - pitch:
        text = stock.words(pen.face, 4 + rand.below(40), rand)
        left = margin + (rand.uniform(0, 2) * pen.size if rand.chance(0.4) else 0)
        sheet.write(left, y + rand.uniform(-0.06, 0.06) * pen.size, text[: pen.fit(text, width - margin - left)], pen)
        y += pitch
        if rand.chance(0.06):
            doodled = (round(margin), round(y), round(width * 0.6), round(min(height - 4, y + 3 * pitch)))
            draw_decoy(sheet.pixels, doodled, rand)
            y += 3.2 * pitch
    return sheet


def columns(rand: Rand, stock: Stock) -> Sheet:
    """Chinese from top to bottom, right to left: books, couplets, shop signs; with a title, rules, or side notes."""
    width, height = page_size(rand, 0.5)
    sheet = light_paper(width, height, rand, stock)
    if rand.chance(0.25):
        sheet.pixels[:] = random_color(rand, (0.1, 0.9))
    ink = ink_for(sheet.pixels[0, 0], rand, 90, 0.2)
    few = rand.chance(0.35)
    written = rand.chance(0.3)
    size = height * rand.uniform(0.05, 0.16) if few else rand.uniform(13, 40)
    pen = hand_pen(rand, stock, size, "zh", ink) if written else some_pen(rand, stock, size, "zh", ink)
    pen.shear, pen.stretch, pen.spacing = 0.0, 1.0, max(0.0, pen.spacing)
    margin, top, bottom = (
        size * rand.uniform(0.8, 2),
        height * rand.uniform(0.03, 0.12),
        height * rand.uniform(0.85, 0.97),
    )
    pitch = size * rand.uniform(1.3, 2.2)
    ruled, traditional = rand.chance(0.25), stock.texts.get("traditional")
    x = width - margin - size / 2
    while x > margin + size / 2:
        length = int((bottom - top) / size / (1 + pen.spacing))
        if few:
            length = min(length, 2 + rand.below(8))
        elif rand.chance(0.2):
            length = max(2, int(length * rand.random()))
        text = ""
        for _ in range(30):
            snippet = rand.choice(traditional) if traditional and rand.chance(0.4) else stock.words(pen.face, 40, rand)
            text += "".join(c for c in drawable(snippet, pen.face) if HANZI.match(c) or c in "，。、")
            if len(text) >= length:
                break
        text = text[:length].strip("，。、")
        if text:
            sheet.write_column(x, top + (0 if few or rand.chance(0.85) else 2 * size), text, pen)
        if ruled:
            sheet.rule(x - pitch / 2, top - 6, x - pitch / 2, bottom + 6, ink)
        x -= pitch * (rand.uniform(1, 3) if few else 1)
    return sheet
