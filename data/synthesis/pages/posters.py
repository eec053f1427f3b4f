"""Words over pictures: slides, posters and captions."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.pages.decoys import draw_decoy, qr_code
from data.synthesis.pages.elements import page_size, picture, script_of, some_pen, somewhere
from data.synthesis.pages.finish import Finish
from data.synthesis.pages.grounds import ground, ink_for, random_color
from data.synthesis.pages.icons import icon
from data.synthesis.pages.lettering import adorned, over_picture
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand
from data.synthesis.text import HANZI


def slide(rand: Rand, stock: Stock) -> Sheet:
    """A title, points, a picture or a diagram, on a plain, colored or pictured ground."""
    width = 960 + rand.below(641)
    height = int(width * rand.choice((0.5625, 0.75)))
    backdrop = ground(width, height, rand, stock, 0.4)
    if rand.chance(0.6):
        backdrop = cv2.addWeighted(backdrop, 0.15, np.full_like(backdrop, rand.choice((255, 20, 235))), 0.85, 0)
    sheet = Sheet(backdrop, rand, stock)
    script = script_of(rand)
    head = some_pen(rand, stock, height * rand.uniform(0.06, 0.15), script, use=rand.choice(("any", "sign")))
    body = some_pen(rand, stock, height * rand.uniform(0.025, 0.06), script)
    margin, y = width * rand.uniform(0.04, 0.12), height * rand.uniform(0.04, 0.12)
    if rand.chance(0.3):
        sheet.rectangle((0, 0, width, y + head.size * 1.3), random_color(rand, (0.1, 0.9)))
    text = stock.label(head.face, 3, 14, rand)
    over_picture(sheet, margin, y, text[: head.fit(text, width - 2 * margin)], head)
    y += head.size * rand.uniform(1.5, 2.2)
    right = width - margin
    if rand.chance(0.5):
        right = width * rand.uniform(0.5, 0.65)
        picture(sheet, (right + margin / 2, y, width - margin / 2, height * 0.9))
    bullet = rand.chance(0.6)
    while y < height * 0.9 - body.size:
        own = body if rand.chance(0.7) else body.sized(body.size * 0.8)
        left = margin + (body.size * 1.5 if own is not body else 0)
        mean = sheet.pixels[round(y) : round(y + own.size), round(left) : round(right)].reshape(-1, 3).mean(axis=0)
        if bullet:
            box = (round(left), round(y + own.size * 0.3), round(left + own.size * 0.5), round(y + own.size * 0.8))
            icon(sheet.pixels, box, ink_for(mean, rand, 80), rand)
            left += own.size
        text = stock.words(own.face, 6 + rand.below(50), rand)
        over_picture(sheet, left, y, text[: own.fit(text, right - left)], own)
        y += own.size * rand.uniform(1.3, 2.3)
    if rand.chance(0.5):
        over_picture(sheet, width - margin, height * 0.94, str(1 + rand.below(60)), body.sized(body.size * 0.7), 1)
    return sheet


def poster(rand: Rand, stock: Stock) -> Sheet:
    """A poster, cover or advertisement: large words over a picture, bands of color, small print, a code."""
    width, height = page_size(rand, 0.7)
    sheet = Sheet(ground(width, height, rand, stock, 0.65), rand, stock)
    if rand.chance(0.4):
        top = height * rand.uniform(0, 0.8)
        band = (0, top, width, top + height * rand.uniform(0.08, 0.3))
        sheet.rectangle(band, random_color(rand))
    if rand.chance(0.3):
        draw_decoy(sheet.pixels, somewhere(rand, width, height, 0.2, 0.5), rand)
    y = height * rand.uniform(0.03, 0.25)
    align = rand.choice((0.0, 0.5, 0.5, 1.0))
    margin = width * rand.uniform(0.04, 0.12)
    x = margin + align * (width - 2 * margin)
    while y < height * 0.93:
        script = script_of(rand)
        size = height * np.exp(rand.uniform(np.log(0.012), np.log(0.16)))
        pen = some_pen(rand, stock, max(11, size), script, use=rand.choice(("sign", "sign", "any", "hand")))
        for _ in range(1 + (rand.below(5) if size < height * 0.04 else 0)):
            text = stock.label(pen.face, 2, 6 + rand.below(20), rand)
            over_picture(sheet, x, y, text[: pen.fit(text, width - 2 * margin)], pen, align)
            y += pen.size * rand.uniform(1.25, 1.6)
        y += height * rand.uniform(0.0, 0.15)
    if rand.chance(0.3):
        side = round(width * rand.uniform(0.08, 0.2))
        corner = (width - side - 8, height - side - 8)
        if sheet.free((*corner, width, height), 4):
            qr_code(sheet.pixels, (*corner, width - 8, height - 8), (0, 0, 0), rand)
    if rand.chance(0.25):
        _write_column(sheet, rand)
    return sheet


def _write_column(sheet: Sheet, rand: Rand) -> None:
    """A few hanzi from top to bottom somewhere."""
    pen = some_pen(rand, sheet.stock, sheet.height * rand.uniform(0.02, 0.09), "zh", use="sign")
    text = "".join(c for c in sheet.stock.words(pen.face, 14, rand) if HANZI.match(c))[: 3 + rand.below(8)]
    x, y = sheet.width * rand.uniform(0.06, 0.94), sheet.height * rand.uniform(0.03, 0.5)
    half, end = pen.size // 2, min(sheet.height - 1, round(y + pen.size * len(text)))
    part = sheet.pixels[round(y) : end, max(0, round(x) - half) : round(x) + half]
    if len(text) > 1 and part.size:
        pen = pen.of(ink_for(part.reshape(-1, 3).mean(axis=0), rand, 90))
        pen.shear, pen.stretch = 0.0, 1.0
        sheet.write_column(x, y, text, pen, adorned(rand, pen.ink, True))


def caption(rand: Rand, stock: Stock) -> Sheet:
    """A photograph with subtitles, a date, a caption or watermarks laid over it."""
    width, height = page_size(rand, 0.3)
    sheet = Sheet(ground(width, height, rand, stock, 0.95), rand, stock)
    script = script_of(rand)
    pen = some_pen(rand, stock, height * rand.uniform(0.022, 0.07), script)
    number = 1 + rand.below(3)
    for i in range(number):
        text = stock.words(pen.face, 4 + rand.below(34), rand)
        y = height * 0.96 - (number - i) * pen.size * 1.3
        over_picture(sheet, width / 2, y, text[: pen.fit(text, width * 0.94)], pen, 0.5)
    if rand.chance(0.5):
        date = (
            f"20{rand.below(30):02}{rand.choice('-/.')}{1 + rand.below(12):02} {rand.below(24):02}:{rand.below(60):02}"
        )
        over_picture(sheet, width * 0.97, height * 0.02, date, pen.sized(pen.size * rand.uniform(0.5, 1)), 1)
    if rand.chance(0.5):
        over_picture(sheet, width * 0.03, height * 0.03, stock.label(pen.face, 2, 8, rand), pen)
    if rand.chance(0.3):  # watermark
        own = pen.sized(height * rand.uniform(0.04, 0.1)).of((255, 255, 255))
        faint = Finish(opacity=rand.uniform(0.35, 0.6), shadow=0.03)
        sheet.write(width / 2, height * rand.uniform(0.3, 0.7), stock.label(own.face, 2, 8, rand), own, 0.5, faint)
    return sheet
