"""Words in the world: signs and labels seen at an angle, letters on walls, shelves of books."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.pages.camera import paste
from data.synthesis.pages.decoys import draw_decoy, qr_code
from data.synthesis.pages.elements import hand_pen, page_size, script_of, some_pen, somewhere
from data.synthesis.pages.finish import PLAIN
from data.synthesis.pages.grounds import ground, ink_for, random_color, surface
from data.synthesis.pages.icons import icon
from data.synthesis.pages.lettering import adorned, over_picture
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand
from data.synthesis.text import HANZI


def label(rand: Rand, stock: Stock, width: int, height: int) -> Sheet:
    """A sign, plate, sticker or packet's face with one to many lines."""
    sheet = Sheet(surface(width, height, rand) if rand.chance(0.35) else
                  np.full((height, width, 3), random_color(rand, (0.05, 0.98)), np.uint8), rand, stock)  # fmt: skip
    base = np.median(sheet.pixels[::8, ::8].reshape(-1, 3), axis=0)
    if float(sheet.pixels[::8, ::8].std(axis=(0, 1)).mean()) > 25:
        sheet.pixels[:] = cv2.addWeighted(sheet.pixels, 0.3, np.full_like(sheet.pixels, base.astype(np.uint8)), 0.7, 0)
    if rand.chance(0.4):
        inset = min(width, height) * rand.uniform(0.02, 0.06)
        frame = (inset, inset, width - inset, height - inset)
        sheet.rectangle(frame, None, ink_for(base, rand, 70), 1 + rand.below(5), rand.uniform(0, 30))
    if rand.chance(0.5):
        sheet.alpha = np.zeros((height, width), np.uint8)
        shape = Sheet(sheet.alpha[..., None], rand, stock)
        shape.rectangle((0, 0, width, height), (255, 255, 255), radius=min(width, height) * rand.uniform(0.05, 0.5))
    margin = min(width, height) * rand.uniform(0.06, 0.14)
    script, y = script_of(rand), margin
    right = width - margin
    if rand.chance(0.2):
        side = round(min(width * 0.3, height - 2 * margin))
        box = (round(right - side), round(margin), round(right), round(margin + side))
        (qr_code if rand.chance(0.3) else icon)(sheet.pixels, box, ink_for(base, rand, 90), rand)
        right -= side + margin
    if height > 2.2 * width and rand.chance(0.8):  # an upright sign
        pen = some_pen(rand, stock, width * rand.uniform(0.4, 0.7), "zh", ink_for(base, rand, 85), "sign")
        pen.shear, pen.stretch = 0.0, 1.0
        text = "".join(c for c in stock.words(pen.face, 20, rand) if HANZI.match(c))
        sheet.write_column(
            width / 2, margin, text[: max(1, int((height - 2 * margin) / pen.size / (1 + pen.spacing)))], pen
        )
        return sheet
    align = rand.choice((0.0, 0.5, 0.5))
    while y < height - margin - 10:
        room = height - margin - y
        size = min(room / 1.15, height * np.exp(rand.uniform(np.log(0.08), np.log(0.75))))
        use = rand.choice(("sign", "sign", "any", "hand"))
        pen = some_pen(rand, stock, max(10, size), script if rand.chance(0.8) else script_of(rand), use=use)
        if use == "hand":
            pen = hand_pen(rand, stock, max(12, size), pen.face.script, pen.ink)
        text = stock.label(pen.face, 1, 9, rand) if rand.chance(0.7) else stock.field(pen.face, rand)
        wide = pen.width(text)
        if wide > right - margin:
            pen = pen.sized(max(10, pen.size * (right - margin) / wide * 0.97))
            text = text[: pen.fit(text, right - margin)]
        own = pen.of(ink_for(base, rand, 75, 0.5))
        finish = adorned(rand, own.ink, False) if rand.chance(0.3) else PLAIN
        sheet.write(margin + align * (right - margin), y, text, own, align, finish)
        y += pen.size * rand.uniform(1.15, 1.6)
    return sheet


def signs(rand: Rand, stock: Stock) -> Sheet:
    """One to many signs and labels on a photograph or a wall, each in a plane of its own."""
    width, height = page_size(rand, 0.4)
    sheet = Sheet(ground(width, height, rand, stock, 0.75), rand, stock)
    number = rand.choice((1, 1, 2, 3, 5, 8))
    for _ in range(rand.below(3)):
        draw_decoy(sheet.pixels, somewhere(rand, width, height, 0.1, 0.4), rand)
    for _ in range(number):
        share = rand.uniform(0.15, 0.85) / np.sqrt(number)
        wide = int(width * share * rand.uniform(0.5, 1.1))
        high = int(wide * np.exp(rand.uniform(np.log(0.12), np.log(1.4))))
        if rand.chance(0.15):
            wide, high = max(40, wide // 3), int(wide * 1.2)
        wide, high = min(wide, int(width * 0.92)), min(high, int(height * 0.92))
        if wide < 40 or high < 24:
            continue
        x, y = rand.below(width - wide), rand.below(height - high)
        quad = np.array([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]], np.float32)
        lean = rand.uniform(0, 0.16) if rand.chance(0.7) else 0.0
        quad += (
            np.array([[rand.uniform(-1, 1), rand.uniform(-1, 1)] for _ in quad], np.float32) * lean * min(wide, high)
        )
        low, top = quad.min(axis=0)
        right, bottom = quad.max(axis=0)
        area = (float(low), float(top), float(right), float(bottom))
        if not sheet.free(area, 4) or min(low, top) < 0 or right > width or bottom > height:
            continue
        board = label(rand, stock, wide, high)
        paste(sheet, board, quad, shadow=rand.chance(0.4))
        sheet.reserved.append(area)
    if not sheet.quads:
        pen = some_pen(rand, stock, height * 0.08, script_of(rand), use="sign")
        over_picture(sheet, width / 2, height * 0.4, stock.label(pen.face, 2, 5, rand), pen, 0.5)
    return sheet


def painted(rand: Rand, stock: Stock) -> Sheet:
    """Letters set right on a wall or a photograph, in perspective, without a board."""
    width, height = page_size(rand, 0.4)
    sheet = Sheet(ground(width, height, rand, stock, 0.6), rand, stock)
    for _ in range(2 + rand.below(9)):
        script = script_of(rand)
        size = max(14.0, height * np.exp(rand.uniform(np.log(0.02), np.log(0.28))))
        use = rand.choice(("sign", "sign", "any", "hand"))
        pen = some_pen(rand, stock, size, script, use=use)
        text = stock.label(pen.face, 2, 8, rand)
        text = text[: max(1, pen.fit(text, width * 0.8))]
        wide, high = int(pen.width(text) + size), int(size * 1.9)
        if wide >= width or high >= height:
            continue
        x, y = rand.below(width - wide), rand.below(height - high)
        lean = rand.uniform(0, 0.22)
        quad = np.array([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]], np.float32)
        quad += np.array([[rand.uniform(-0.5, 0.5), rand.uniform(-1, 1)] for _ in quad], np.float32) * lean * high
        low, top = quad.min(axis=0)
        right, bottom = quad.max(axis=0)
        if not sheet.free((float(low), float(top), float(right), float(bottom)), 2):
            continue
        if min(low, top) < 0 or right > width or bottom > height:
            continue
        part = sheet.pixels[y : y + high, x : x + wide]
        gray = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2GRAY)
        pen = pen.of(ink_for(part.reshape(-1, 3).mean(axis=0), rand, 85, 0.5))
        finish = adorned(rand, pen.ink, float(gray.std()) > 28)
        # Coverage is what differs between letters on black and on white.
        black = Sheet.blank(wide, high, (0, 0, 0), rand, stock)
        mark = black.write(wide / 2, 0.4 * size, text, pen, 0.5, finish)
        if mark is None:
            continue
        white = Sheet.blank(wide, high, (255, 255, 255), rand, stock)
        white.write(wide / 2, 0.4 * size, text, pen, 0.5, finish)
        through = (white.pixels.astype(np.int16) - black.pixels).mean(axis=2)
        black.alpha = np.clip(255 - through, 0, 255).astype(np.uint8)
        weight = np.maximum(black.alpha, 1)[..., None].astype(np.float32) / 255
        black.pixels = np.clip(black.pixels / weight, 0, 255).astype(np.uint8)
        paste(sheet, black, quad)
    if not sheet.quads:
        pen = some_pen(rand, stock, height * 0.06, "zh", use="sign")
        over_picture(sheet, width / 2, height * 0.5, stock.label(pen.face, 2, 5, rand), pen, 0.5)
    return sheet


def shelf(rand: Rand, stock: Stock) -> Sheet:
    """Books or packets side by side: titles that run down or up their backs, or from top to bottom in hanzi."""
    width, height = page_size(rand, 0.4)
    sheet = Sheet(ground(width, height, rand, stock, 0.5), rand, stock)
    bottom = height * rand.uniform(0.75, 0.98)
    up = 3 if rand.chance(0.2) else 1  # most publishers let them run down
    x = width * rand.uniform(0, 0.2)
    while x < width * rand.uniform(0.8, 1.0):
        wide, high = width * rand.uniform(0.03, 0.12), height * rand.uniform(0.5, 0.74)
        top = bottom - high
        color = random_color(rand, (0.08, 0.95))
        sheet.rectangle((x, top, min(width, x + wide), bottom), color)
        sheet.rule(x, top, x, bottom, (30, 30, 30))
        script = script_of(rand)
        y, end = top + high * rand.uniform(0.03, 0.12), bottom - high * 0.05
        while y < end - 2 * wide and x + wide < width:
            size = wide * rand.uniform(0.3, 0.75)
            pen = some_pen(
                rand, stock, max(9, size), script, ink_for(color, rand, 80, 0.4), rand.choice(("any", "sign"))
            )
            text = stock.label(pen.face, 2, 12, rand)
            if script == "zh" and rand.chance(0.6):
                pen.shear, pen.stretch = 0.0, 1.0
                text = "".join(c for c in text if HANZI.match(c))[: int((end - y) / pen.size / (1 + pen.spacing))]
                place = sheet.write_column(x + wide / 2, y, text, pen) if text else None
            else:
                text = text[: pen.fit(text, end - y)]
                place = sheet.write(x + (wide - pen.size) / 2, y, text, pen, turns=up)
            y = (place[3] if place else y + wide) + high * rand.uniform(0.04, 0.3)
        x += wide + (rand.uniform(0, 0.1) * width if rand.chance(0.2) else 1)
    return sheet


def textless(rand: Rand, stock: Stock) -> Sheet:
    """What finders take for text, on any ground, and no text at all."""
    width, height = page_size(rand, 0.5)
    sheet = Sheet(ground(width, height, rand, stock, 0.35), rand, stock)
    for _ in range(rand.choice((0, 1, 3, 6, 12))):
        draw_decoy(sheet.pixels, somewhere(rand, width, height, 0.08, 0.6), rand)
    return sheet
