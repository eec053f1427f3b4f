"""Words in the world: slides, posters, covers, captions over photographs, signs and labels seen at an angle."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.dice import Dice
from data.synthesis.pages.camera import paste
from data.synthesis.pages.decoys import draw_decoy, icon, qr_code
from data.synthesis.pages.documents import hand_pen, page_size, picture, script_of, some_pen
from data.synthesis.pages.grounds import ground, ink_for, luma, random_color, surface
from data.synthesis.pages.pen import Color, Pen
from data.synthesis.pages.sheet import PLAIN, Finish, Rect, Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.text import HANZI


def adorned(dice: Dice, ink: Color, needed: bool) -> Finish:
    """A finish for letters over a picture; one that sets them off where that is `needed`."""
    choice = dice.below(4 if needed else 8)
    rim: Color = (0, 0, 0) if luma(ink) > 127 else (255, 255, 255)
    if dice.chance(0.3):
        rim = ink_for(ink, dice, 90, 1.0)
    if choice == 0:
        return Finish(outline=dice.uniform(0.03, 0.09), rim=rim)
    if choice == 1:
        return Finish(outline=dice.uniform(0.02, 0.05), rim=rim, shadow=dice.uniform(0.03, 0.1))
    if choice == 2:
        side = tuple(int(c * 0.45) for c in ink) if luma(ink) > 100 else (190, 190, 190)
        return Finish(depth=dice.uniform(0.04, 0.14), side=side, outline=0.03 if needed else 0.0, rim=rim)
    if choice == 3:
        return Finish(shadow=dice.uniform(0.02, 0.07), outline=0.025 if needed else 0.0, rim=rim)
    if choice == 4:
        return Finish(glow=dice.uniform(0.08, 0.25))
    if choice == 5:
        return Finish(opacity=dice.uniform(0.6, 0.95))
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
    own = pen.of(ink_for(mean, sheet.dice, 85, 0.4))
    return sheet.write(x, y, text, own, align, adorned(sheet.dice, own.ink, spread > 28))


def slide(dice: Dice, stock: Stock) -> Sheet:
    """A title, points, a picture or a diagram, on a plain, colored or pictured ground."""
    width = 960 + dice.below(641)
    height = int(width * dice.choice((0.5625, 0.75)))
    backdrop = ground(width, height, dice, stock, 0.4)
    if dice.chance(0.6):
        backdrop = cv2.addWeighted(backdrop, 0.15, np.full_like(backdrop, dice.choice((255, 20, 235))), 0.85, 0)
    sheet = Sheet(backdrop, dice, stock)
    script = script_of(dice)
    head = some_pen(dice, stock, height * dice.uniform(0.06, 0.15), script, use=dice.choice(("any", "sign")))
    body = some_pen(dice, stock, height * dice.uniform(0.025, 0.06), script)
    margin, y = width * dice.uniform(0.04, 0.12), height * dice.uniform(0.04, 0.12)
    if dice.chance(0.3):
        sheet.rectangle((0, 0, width, y + head.size * 1.3), random_color(dice, (0.1, 0.9)))
    text = stock.label(head.face, 3, 14, dice)
    over_picture(sheet, margin, y, text[: head.fit(text, width - 2 * margin)], head)
    y += head.size * dice.uniform(1.5, 2.2)
    right = width - margin
    if dice.chance(0.5):
        right = width * dice.uniform(0.5, 0.65)
        picture(sheet, (right + margin / 2, y, width - margin / 2, height * 0.9))
    bullet = dice.chance(0.6)
    while y < height * 0.9 - body.size:
        own = body if dice.chance(0.7) else body.sized(body.size * 0.8)
        left = margin + (body.size * 1.5 if own is not body else 0)
        mean = sheet.pixels[round(y) : round(y + own.size), round(left) : round(right)].reshape(-1, 3).mean(axis=0)
        if bullet:
            box = (round(left), round(y + own.size * 0.3), round(left + own.size * 0.5), round(y + own.size * 0.8))
            icon(sheet.pixels, box, ink_for(mean, dice, 80), dice)
            left += own.size
        text = stock.words(own.face, 6 + dice.below(50), dice)
        over_picture(sheet, left, y, text[: own.fit(text, right - left)], own)
        y += own.size * dice.uniform(1.3, 2.3)
    if dice.chance(0.5):
        over_picture(sheet, width - margin, height * 0.94, str(1 + dice.below(60)), body.sized(body.size * 0.7), 1)
    return sheet


def poster(dice: Dice, stock: Stock) -> Sheet:
    """A poster, cover or advertisement: large words over a picture, bands of color, small print, a code."""
    width, height = page_size(dice, 0.7)
    sheet = Sheet(ground(width, height, dice, stock, 0.65), dice, stock)
    if dice.chance(0.4):
        top = height * dice.uniform(0, 0.8)
        band = (0, top, width, top + height * dice.uniform(0.08, 0.3))
        sheet.rectangle(band, random_color(dice))
    if dice.chance(0.3):
        draw_decoy(sheet.pixels, _somewhere(dice, width, height, 0.2, 0.5), dice)
    y = height * dice.uniform(0.03, 0.25)
    align = dice.choice((0.0, 0.5, 0.5, 1.0))
    margin = width * dice.uniform(0.04, 0.12)
    x = margin + align * (width - 2 * margin)
    while y < height * 0.93:
        script = script_of(dice)
        size = height * np.exp(dice.uniform(np.log(0.012), np.log(0.16)))
        pen = some_pen(dice, stock, max(11, size), script, use=dice.choice(("sign", "sign", "any", "hand")))
        for _ in range(1 + (dice.below(5) if size < height * 0.04 else 0)):
            text = stock.label(pen.face, 2, 6 + dice.below(20), dice)
            over_picture(sheet, x, y, text[: pen.fit(text, width - 2 * margin)], pen, align)
            y += pen.size * dice.uniform(1.25, 1.6)
        y += height * dice.uniform(0.0, 0.15)
    if dice.chance(0.3):
        side = round(width * dice.uniform(0.08, 0.2))
        corner = (width - side - 8, height - side - 8)
        if sheet.free((*corner, width, height), 4):
            qr_code(sheet.pixels, (*corner, width - 8, height - 8), (0, 0, 0), dice)
    if dice.chance(0.25):
        _write_column(sheet, dice)
    return sheet


def _write_column(sheet: Sheet, dice: Dice) -> None:
    """A few hanzi from top to bottom somewhere."""
    pen = some_pen(dice, sheet.stock, sheet.height * dice.uniform(0.02, 0.09), "zh", use="sign")
    text = "".join(c for c in sheet.stock.words(pen.face, 14, dice) if HANZI.match(c))[: 3 + dice.below(8)]
    x, y = sheet.width * dice.uniform(0.06, 0.94), sheet.height * dice.uniform(0.03, 0.5)
    half, end = pen.size // 2, min(sheet.height - 1, round(y + pen.size * len(text)))
    part = sheet.pixels[round(y) : end, max(0, round(x) - half) : round(x) + half]
    if len(text) > 1 and part.size:
        pen = pen.of(ink_for(part.reshape(-1, 3).mean(axis=0), dice, 90))
        pen.shear, pen.stretch = 0.0, 1.0
        sheet.write_column(x, y, text, pen, adorned(dice, pen.ink, True))


def caption(dice: Dice, stock: Stock) -> Sheet:
    """A photograph with subtitles, a date, a caption or watermarks laid over it."""
    width, height = page_size(dice, 0.3)
    sheet = Sheet(ground(width, height, dice, stock, 0.95), dice, stock)
    script = script_of(dice)
    pen = some_pen(dice, stock, height * dice.uniform(0.022, 0.07), script)
    number = 1 + dice.below(3)
    for i in range(number):
        text = stock.words(pen.face, 4 + dice.below(34), dice)
        y = height * 0.96 - (number - i) * pen.size * 1.3
        over_picture(sheet, width / 2, y, text[: pen.fit(text, width * 0.94)], pen, 0.5)
    if dice.chance(0.5):
        date = (
            f"20{dice.below(30):02}{dice.choice('-/.')}{1 + dice.below(12):02} {dice.below(24):02}:{dice.below(60):02}"
        )
        over_picture(sheet, width * 0.97, height * 0.02, date, pen.sized(pen.size * dice.uniform(0.5, 1)), 1)
    if dice.chance(0.5):
        over_picture(sheet, width * 0.03, height * 0.03, stock.label(pen.face, 2, 8, dice), pen)
    if dice.chance(0.3):  # watermark
        own = pen.sized(height * dice.uniform(0.04, 0.1)).of((255, 255, 255))
        faint = Finish(opacity=dice.uniform(0.35, 0.6), shadow=0.03)
        sheet.write(width / 2, height * dice.uniform(0.3, 0.7), stock.label(own.face, 2, 8, dice), own, 0.5, faint)
    return sheet


def label(dice: Dice, stock: Stock, width: int, height: int) -> Sheet:
    """A sign, plate, sticker or packet's face with one to many lines."""
    sheet = Sheet(surface(width, height, dice) if dice.chance(0.35) else
                  np.full((height, width, 3), random_color(dice, (0.05, 0.98)), np.uint8), dice, stock)  # fmt: skip
    base = np.median(sheet.pixels[::8, ::8].reshape(-1, 3), axis=0)
    if float(sheet.pixels[::8, ::8].std(axis=(0, 1)).mean()) > 25:
        sheet.pixels[:] = cv2.addWeighted(sheet.pixels, 0.3, np.full_like(sheet.pixels, base.astype(np.uint8)), 0.7, 0)
    if dice.chance(0.4):
        inset = min(width, height) * dice.uniform(0.02, 0.06)
        frame = (inset, inset, width - inset, height - inset)
        sheet.rectangle(frame, None, ink_for(base, dice, 70), 1 + dice.below(5), dice.uniform(0, 30))
    if dice.chance(0.5):
        sheet.alpha = np.zeros((height, width), np.uint8)
        shape = Sheet(sheet.alpha[..., None], dice, stock)
        shape.rectangle((0, 0, width, height), (255, 255, 255), radius=min(width, height) * dice.uniform(0.05, 0.5))
    margin = min(width, height) * dice.uniform(0.06, 0.14)
    script, y = script_of(dice), margin
    right = width - margin
    if dice.chance(0.2):
        side = round(min(width * 0.3, height - 2 * margin))
        box = (round(right - side), round(margin), round(right), round(margin + side))
        (qr_code if dice.chance(0.3) else icon)(sheet.pixels, box, ink_for(base, dice, 90), dice)
        right -= side + margin
    if height > 2.2 * width and dice.chance(0.8):  # an upright sign
        pen = some_pen(dice, stock, width * dice.uniform(0.4, 0.7), "zh", ink_for(base, dice, 85), "sign")
        pen.shear, pen.stretch = 0.0, 1.0
        text = "".join(c for c in stock.words(pen.face, 20, dice) if HANZI.match(c))
        sheet.write_column(
            width / 2, margin, text[: max(1, int((height - 2 * margin) / pen.size / (1 + pen.spacing)))], pen
        )
        return sheet
    align = dice.choice((0.0, 0.5, 0.5))
    while y < height - margin - 10:
        room = height - margin - y
        size = min(room / 1.15, height * np.exp(dice.uniform(np.log(0.08), np.log(0.75))))
        use = dice.choice(("sign", "sign", "any", "hand"))
        pen = some_pen(dice, stock, max(10, size), script if dice.chance(0.8) else script_of(dice), use=use)
        if use == "hand":
            pen = hand_pen(dice, stock, max(12, size), pen.face.script, pen.ink)
        text = stock.label(pen.face, 1, 9, dice) if dice.chance(0.7) else stock.field(pen.face, dice)
        wide = pen.width(text)
        if wide > right - margin:
            pen = pen.sized(max(10, pen.size * (right - margin) / wide * 0.97))
            text = text[: pen.fit(text, right - margin)]
        own = pen.of(ink_for(base, dice, 75, 0.5))
        finish = adorned(dice, own.ink, False) if dice.chance(0.3) else PLAIN
        sheet.write(margin + align * (right - margin), y, text, own, align, finish)
        y += pen.size * dice.uniform(1.15, 1.6)
    return sheet


def signs(dice: Dice, stock: Stock) -> Sheet:
    """One to many signs and labels on a photograph or a wall, each in a plane of its own."""
    width, height = page_size(dice, 0.4)
    sheet = Sheet(ground(width, height, dice, stock, 0.75), dice, stock)
    number = dice.choice((1, 1, 2, 3, 5, 8))
    for _ in range(dice.below(3)):
        draw_decoy(sheet.pixels, _somewhere(dice, width, height, 0.1, 0.4), dice)
    for _ in range(number):
        share = dice.uniform(0.15, 0.85) / np.sqrt(number)
        wide = int(width * share * dice.uniform(0.5, 1.1))
        high = int(wide * np.exp(dice.uniform(np.log(0.12), np.log(1.4))))
        if dice.chance(0.15):
            wide, high = max(40, wide // 3), int(wide * 1.2)
        wide, high = min(wide, int(width * 0.92)), min(high, int(height * 0.92))
        if wide < 40 or high < 24:
            continue
        x, y = dice.below(width - wide), dice.below(height - high)
        quad = np.array([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]], np.float32)
        lean = dice.uniform(0, 0.16) if dice.chance(0.7) else 0.0
        quad += (
            np.array([[dice.uniform(-1, 1), dice.uniform(-1, 1)] for _ in quad], np.float32) * lean * min(wide, high)
        )
        low, top = quad.min(axis=0)
        right, bottom = quad.max(axis=0)
        area = (float(low), float(top), float(right), float(bottom))
        if not sheet.free(area, 4) or min(low, top) < 0 or right > width or bottom > height:
            continue
        board = label(dice, stock, wide, high)
        paste(sheet, board, quad, shadow=dice.chance(0.4))
        sheet.reserved.append(area)
    if not sheet.quads:
        pen = some_pen(dice, stock, height * 0.08, script_of(dice), use="sign")
        over_picture(sheet, width / 2, height * 0.4, stock.label(pen.face, 2, 5, dice), pen, 0.5)
    return sheet


def painted(dice: Dice, stock: Stock) -> Sheet:
    """Letters set right on a wall or a photograph, in perspective, without a board."""
    width, height = page_size(dice, 0.4)
    sheet = Sheet(ground(width, height, dice, stock, 0.6), dice, stock)
    for _ in range(2 + dice.below(9)):
        script = script_of(dice)
        size = max(14.0, height * np.exp(dice.uniform(np.log(0.02), np.log(0.28))))
        use = dice.choice(("sign", "sign", "any", "hand"))
        pen = some_pen(dice, stock, size, script, use=use)
        text = stock.label(pen.face, 2, 8, dice)
        text = text[: max(1, pen.fit(text, width * 0.8))]
        wide, high = int(pen.width(text) + size), int(size * 1.9)
        if wide >= width or high >= height:
            continue
        x, y = dice.below(width - wide), dice.below(height - high)
        lean = dice.uniform(0, 0.22)
        quad = np.array([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]], np.float32)
        quad += np.array([[dice.uniform(-0.5, 0.5), dice.uniform(-1, 1)] for _ in quad], np.float32) * lean * high
        low, top = quad.min(axis=0)
        right, bottom = quad.max(axis=0)
        if not sheet.free((float(low), float(top), float(right), float(bottom)), 2):
            continue
        if min(low, top) < 0 or right > width or bottom > height:
            continue
        part = sheet.pixels[y : y + high, x : x + wide]
        gray = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2GRAY)
        pen = pen.of(ink_for(part.reshape(-1, 3).mean(axis=0), dice, 85, 0.5))
        finish = adorned(dice, pen.ink, float(gray.std()) > 28)
        # Coverage is what differs between letters on black and on white.
        black = Sheet.blank(wide, high, (0, 0, 0), dice, stock)
        mark = black.write(wide / 2, 0.4 * size, text, pen, 0.5, finish)
        if mark is None:
            continue
        white = Sheet.blank(wide, high, (255, 255, 255), dice, stock)
        white.write(wide / 2, 0.4 * size, text, pen, 0.5, finish)
        through = (white.pixels.astype(np.int16) - black.pixels).mean(axis=2)
        black.alpha = np.clip(255 - through, 0, 255).astype(np.uint8)
        weight = np.maximum(black.alpha, 1)[..., None].astype(np.float32) / 255
        black.pixels = np.clip(black.pixels / weight, 0, 255).astype(np.uint8)
        paste(sheet, black, quad)
    if not sheet.quads:
        pen = some_pen(dice, stock, height * 0.06, "zh", use="sign")
        over_picture(sheet, width / 2, height * 0.5, stock.label(pen.face, 2, 5, dice), pen, 0.5)
    return sheet


def shelf(dice: Dice, stock: Stock) -> Sheet:
    """Books or packets side by side: titles that run down or up their backs, or from top to bottom in hanzi."""
    width, height = page_size(dice, 0.4)
    sheet = Sheet(ground(width, height, dice, stock, 0.5), dice, stock)
    bottom = height * dice.uniform(0.75, 0.98)
    up = 3 if dice.chance(0.2) else 1  # most publishers let them run down
    x = width * dice.uniform(0, 0.2)
    while x < width * dice.uniform(0.8, 1.0):
        wide, high = width * dice.uniform(0.03, 0.12), height * dice.uniform(0.5, 0.74)
        top = bottom - high
        color = random_color(dice, (0.08, 0.95))
        sheet.rectangle((x, top, min(width, x + wide), bottom), color)
        sheet.rule(x, top, x, bottom, (30, 30, 30))
        script = script_of(dice)
        y, end = top + high * dice.uniform(0.03, 0.12), bottom - high * 0.05
        while y < end - 2 * wide and x + wide < width:
            size = wide * dice.uniform(0.3, 0.75)
            pen = some_pen(
                dice, stock, max(9, size), script, ink_for(color, dice, 80, 0.4), dice.choice(("any", "sign"))
            )
            text = stock.label(pen.face, 2, 12, dice)
            if script == "zh" and dice.chance(0.6):
                pen.shear, pen.stretch = 0.0, 1.0
                text = "".join(c for c in text if HANZI.match(c))[: int((end - y) / pen.size / (1 + pen.spacing))]
                place = sheet.write_column(x + wide / 2, y, text, pen) if text else None
            else:
                text = text[: pen.fit(text, end - y)]
                place = sheet.write(x + (wide - pen.size) / 2, y, text, pen, turns=up)
            y = (place[3] if place else y + wide) + high * dice.uniform(0.04, 0.3)
        x += wide + (dice.uniform(0, 0.1) * width if dice.chance(0.2) else 1)
    return sheet


def _somewhere(dice: Dice, width: int, height: int, least: float, most: float) -> tuple[int, int, int, int]:
    wide, high = int(width * dice.uniform(least, most)), int(height * dice.uniform(least, most))
    x, y = dice.below(width - wide), dice.below(height - high)
    return x, y, x + wide, y + high


def textless(dice: Dice, stock: Stock) -> Sheet:
    """What finders take for text, on any ground, and no text at all."""
    width, height = page_size(dice, 0.5)
    sheet = Sheet(ground(width, height, dice, stock, 0.35), dice, stock)
    for _ in range(dice.choice((0, 1, 3, 6, 12))):
        draw_decoy(sheet.pixels, _somewhere(dice, width, height, 0.08, 0.6), dice)
    return sheet
