"""Forms, invoices and cards."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.pages.decoys import barcode, qr_code
from data.synthesis.pages.elements import (
    hand_pen,
    light_paper,
    page_size,
    picture,
    script_of,
    some_pen,
    title,
)
from data.synthesis.pages.finish import blend
from data.synthesis.pages.grounds import ink_for, random_color
from data.synthesis.pages.icons import icon
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.pages.tables import draw_table
from data.synthesis.rand import Rand


def form(rand: Rand, stock: Stock) -> Sheet:
    """Names of fields with lines, boxes or nothing to fill in; some filled by hand."""
    width, height = page_size(rand, 0.7)
    sheet = light_paper(width, height, rand, stock)
    script = script_of(rand)
    ink = ink_for(sheet.pixels[0, 0], rand, 100, 0.2)
    pen = some_pen(rand, stock, rand.uniform(12, 28), script, ink)
    hand = hand_pen(rand, stock, pen.size * 1.2, script, ink_for(sheet.pixels[0, 0], rand, 90, 0.8))
    margin, y = width * rand.uniform(0.04, 0.1), height * 0.04
    y = title(sheet, margin, y, width - margin, pen.size * rand.uniform(1.3, 2.4), script) + pen.size
    across = 1 + rand.below(3)
    room, pitch = (width - 2 * margin) / across, pen.size * rand.uniform(1.7, 3)
    style = rand.choice(("line", "box", "boxes", "none"))
    filled = rand.uniform(0, 0.9)
    while y < height - 2 * pitch:
        for column in range(across):
            left = margin + column * room
            name = stock.label(pen.face, 2, 5, rand) + rand.choice((":", "：", ""))
            place = sheet.write(left, y, "".join(c for c in name if not pen.face.lacks(c)), pen)
            if place is None:
                continue
            start, end = place[2] + 0.5 * pen.size, left + room - pen.size
            if end - start < 2 * pen.size:
                continue
            if style == "line":
                sheet.rule(start, y + 1.1 * pen.size, end, y + 1.1 * pen.size, ink)
            elif style == "box":
                sheet.rectangle((start, y - 0.3 * pen.size, end, y + 1.3 * pen.size), None, ink)
            elif style == "boxes":
                for x in np.arange(start, end - pen.size, 1.2 * pen.size):
                    sheet.rectangle((x, y, x + pen.size, y + pen.size), None, ink)
            if rand.chance(filled) and style != "boxes":
                own = hand if rand.chance(0.6) else pen
                text = stock.field(own.face, rand)
                text = "".join(c for c in text if not own.face.lacks(c))
                gap = 1.2 * pen.size  # else it would read as one line with the name
                sheet.write(start + gap, y - 0.1 * pen.size, text[: own.fit(text, end - start - gap)], own)
        y += pitch
    if rand.chance(0.4):
        stamp(sheet)
    return sheet


def stamp(sheet: Sheet) -> None:
    """A translucent round or square seal over whatever is there, its inscription of a few large letters or none."""
    rand = sheet.rand
    radius = round(min(sheet.width, sheet.height) * rand.uniform(0.05, 0.13))
    x = radius + 4 + rand.below(max(1, sheet.width - 2 * radius - 8))
    y = radius + 4 + rand.below(max(1, sheet.height - 2 * radius - 8))
    mask = np.zeros((2 * radius + 8, 2 * radius + 8), np.uint8)
    middle, thick = radius + 4, max(2, radius // 14)
    if rand.chance(0.6):
        cv2.circle(mask, (middle, middle), radius, 255, thick, cv2.LINE_AA)
        if rand.chance(0.5):
            cv2.circle(mask, (middle, middle), int(radius * 0.75), 255, max(1, thick // 2), cv2.LINE_AA)
    else:
        cv2.rectangle(mask, (middle - radius, middle - radius), (middle + radius, middle + radius), 255, thick)
    scratch = np.zeros((*mask.shape, 3), np.uint8)
    if rand.chance(0.5):
        icon(scratch, (middle - radius // 3, middle - radius // 3, middle + radius // 3, middle + radius // 3),
             (255, 255, 255), rand)  # fmt: skip
    mask = np.maximum(mask, scratch[..., 0])
    part = sheet.pixels[y - middle : y - middle + mask.shape[0], x - middle : x - middle + mask.shape[1]]
    red = rand.choice(((40, 40, 200), (30, 30, 230), (160, 60, 40), (90, 40, 160)))
    blend(part, mask[: part.shape[0], : part.shape[1]], red, rand.uniform(0.4, 0.8))


def invoice(rand: Rand, stock: Stock) -> Sheet:
    """Head, parties, a table of goods, sums, a code to scan and a seal."""
    width, height = page_size(rand, 0.4)
    sheet = light_paper(width, height, rand, stock)
    script = script_of(rand)
    ink = ink_for(sheet.pixels[0, 0], rand, 90, 0.4)
    pen = some_pen(rand, stock, max(9, width * rand.uniform(0.010, 0.02)), script, ink)
    margin = width * rand.uniform(0.03, 0.08)
    y = title(sheet, width * 0.2, height * 0.03, width * 0.8, pen.size * rand.uniform(1.5, 2.6), script) + pen.size
    side = round(4.5 * pen.size)
    if rand.chance(0.6):
        corner = (round(margin), round(height * 0.03))
        code = (*corner, corner[0] + side, corner[1] + side)
        if sheet.free(code, 4):
            qr_code(sheet.pixels, code, (0, 0, 0), rand)
            sheet.reserved.append(code)
    for _ in range(2 + rand.below(4)):
        for x in (margin, width * 0.55):
            name = stock.label(pen.face, 2, 5, rand)
            text = "".join(c for c in f"{name}：{stock.field(pen.face, rand)}" if not pen.face.lacks(c))
            sheet.write(x, y, text[: pen.fit(text, width * 0.4)], pen)
        y += pen.size * 1.6
    y = draw_table(sheet, (margin, y + 4, width - margin, height * 0.8), pen, 0.8) + 0.6 * pen.size
    for _ in range(1 + rand.below(4)):
        text = f"{stock.label(pen.face, 2, 4, rand)} {rand.below(100000) / 100:.2f}"
        sheet.write(width - margin, y, text, pen.sized(pen.size * rand.uniform(1, 1.3)), 1)
        y += pen.size * 1.7
    if rand.chance(0.4) and y + 3 * pen.size < height:
        area = (round(margin), round(y), round(margin + 12 * pen.size), round(y + 2.5 * pen.size))
        if sheet.free(area):
            barcode(sheet.pixels, area, (0, 0, 0), rand)
            sheet.reserved.append(area)
    if rand.chance(0.6):
        stamp(sheet)
    return sheet


def card(rand: Rand, stock: Stock) -> Sheet:
    """An identity, member or business card: a tinted ground with guilloches, a portrait, fields and a number."""
    width = 700 + rand.below(500)
    height = int(width * rand.uniform(0.55, 0.68))
    sheet = Sheet.blank(width, height, random_color(rand, (0.6, 0.97), 0.6), rand, stock)
    base = sheet.pixels[0, 0].copy()
    if rand.chance(0.6):
        faint = tuple(int(c) for c in np.clip(base.astype(int) + rand.choice((-16, 12, -25)), 0, 255))
        x = np.arange(0, width, 4)
        for i in range(6 + rand.below(20)):
            wave = height * (i / 12) + rand.uniform(5, 40) * np.sin(x / rand.uniform(30, 120))
            cv2.polylines(sheet.pixels, [np.stack([x, wave], 1).astype(np.int32)], False, faint, 1, cv2.LINE_AA)
    script = script_of(rand)
    pen = some_pen(rand, stock, height * rand.uniform(0.045, 0.075), script, ink_for(base, rand, 90, 0.2))
    label = pen.of(ink_for(base, rand, 60, 0.8)).sized(pen.size * rand.uniform(0.7, 1))
    right = width * 0.95
    if rand.chance(0.7):
        portrait = (width * 0.68, height * 0.18, width * 0.94, height * 0.75)
        picture(sheet, portrait)
        right = width * 0.66
    y = height * 0.06
    if rand.chance(0.6):
        y = title(sheet, width * 0.06, y, right, pen.size * 1.3, script) + pen.size * 0.4
    while y < height * 0.78:
        place = sheet.write(width * 0.06, y, stock.label(label.face, 1, 3, rand), label)
        if place:
            start = max(width * 0.2, place[2] + 1.6 * pen.size)
            text = stock.label(pen.face, 2, 12, rand) if rand.chance(0.6) else stock.field(pen.face, rand)
            sheet.write(start, y, text[: pen.fit(text, right - start)], pen)
        y += pen.size * rand.uniform(1.4, 2)
    number = "".join(str(rand.below(10)) for _ in range(8 + rand.below(11)))
    sheet.write(width * rand.uniform(0.06, 0.35), height * 0.86, number, pen)
    return sheet
