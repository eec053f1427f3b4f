"""Words in the world: slides, posters, covers, captions over photographs, signs and labels seen at an angle."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.pages.camera import paste
from data.synthesis.pages.decoys import draw_decoy, icon, qr_code
from data.synthesis.pages.documents import hand_pen, page_size, picture, script_of, some_pen
from data.synthesis.pages.grounds import ground, ink_for, luma, random_color, surface
from data.synthesis.pages.pen import Color, Pen
from data.synthesis.pages.sheet import PLAIN, Finish, Rect, Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand
from data.synthesis.text import HANZI


def adorned(rand: Rand, ink: Color, needed: bool) -> Finish:
    """A finish for letters over a picture; one that sets them off where that is `needed`."""
    choice = rand.below(4 if needed else 8)
    rim: Color = (0, 0, 0) if luma(ink) > 127 else (255, 255, 255)
    if rand.chance(0.3):
        rim = ink_for(ink, rand, 90, 1.0)
    if choice == 0:
        return Finish(outline=rand.uniform(0.03, 0.09), rim=rim)
    if choice == 1:
        return Finish(outline=rand.uniform(0.02, 0.05), rim=rim, shadow=rand.uniform(0.03, 0.1))
    if choice == 2:
        side = tuple(int(c * 0.45) for c in ink) if luma(ink) > 100 else (190, 190, 190)
        return Finish(depth=rand.uniform(0.04, 0.14), side=side, outline=0.03 if needed else 0.0, rim=rim)
    if choice == 3:
        return Finish(shadow=rand.uniform(0.02, 0.07), outline=0.025 if needed else 0.0, rim=rim)
    if choice == 4:
        return Finish(glow=rand.uniform(0.08, 0.25))
    if choice == 5:
        return Finish(opacity=rand.uniform(0.6, 0.95))
    return PLAIN


def over_picture(sheet: Sheet, x: float, y: float, text: str, pen: Pen, align: float = 0.0) -> Rect | None:
    """Write over whatever is there, in an ink and with a finish that show."""
    wide = pen.width(text)
    left, top = max(0, round(x - align * wide)), max(0, round(y))
    part = sheet.pixels[top : round(y + pen.size * 1.1), left : round(left + wide)]
    if not part.size:
        return None
    spread = float(cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2GRAY).std())
    mean = part.reshape(-1, 3).mean(axis=0)
    own = pen.of(ink_for(mean, sheet.rand, 85, 0.4))
    return sheet.write(x, y, text, own, align, adorned(sheet.rand, own.ink, spread > 28))


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
        draw_decoy(sheet.pixels, _somewhere(rand, width, height, 0.2, 0.5), rand)
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
        draw_decoy(sheet.pixels, _somewhere(rand, width, height, 0.1, 0.4), rand)
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


def _somewhere(rand: Rand, width: int, height: int, least: float, most: float) -> tuple[int, int, int, int]:
    wide, high = int(width * rand.uniform(least, most)), int(height * rand.uniform(least, most))
    x, y = rand.below(width - wide), rand.below(height - high)
    return x, y, x + wide, y + high


def textless(rand: Rand, stock: Stock) -> Sheet:
    """What finders take for text, on any ground, and no text at all."""
    width, height = page_size(rand, 0.5)
    sheet = Sheet(ground(width, height, rand, stock, 0.35), rand, stock)
    for _ in range(rand.choice((0, 1, 3, 6, 12))):
        draw_decoy(sheet.pixels, _somewhere(rand, width, height, 0.08, 0.6), rand)
    return sheet
