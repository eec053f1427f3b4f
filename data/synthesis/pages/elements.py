"""What most pages are made of: sizes, pens, papers, titles and pictures."""

from __future__ import annotations

import numpy as np

from data.synthesis.pages.decoys import draw_decoy
from data.synthesis.pages.grounds import ink_for, paper, photograph, random_color
from data.synthesis.pages.pen import Color, Pen
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand


def page_size(rand: Rand, upright: float = 0.75) -> tuple[int, int]:
    """Width and height, the longer side 960 to 1600 pixels."""
    long = 960 + rand.below(641)
    short = int(long * rand.uniform(0.56, 0.8))
    return (short, long) if rand.chance(upright) else (long, short)


def script_of(rand: Rand) -> str:
    return "zh" if rand.chance(0.65) else "en"


def some_pen(rand: Rand, stock: Stock, size: float, script: str, ink: Color = (20, 20, 20), use: str = "any") -> Pen:
    """A pen with a face for `script`; now and then slanted, bold, narrow or wide."""
    return Pen(
        stock.face(script, rand, use),
        max(7, round(size)),
        ink,
        spacing=rand.uniform(0, 0.15) if rand.chance(0.15) else 0.0,
        bold=rand.uniform(0.01, 0.05) if rand.chance(0.12) else 0.0,
        shear=rand.uniform(0.1, 0.3) if rand.chance(0.07) else 0.0,
        stretch=rand.uniform(0.75, 1.3) if rand.chance(0.12) else 1.0,
    )


def hand_pen(rand: Rand, stock: Stock, size: float, script: str, ink: Color) -> Pen:
    """A pen that writes unevenly."""
    return Pen(
        stock.face(script, rand, "hand"), max(12, round(size)), ink,
        spacing=rand.uniform(-0.08, 0.12), sway=rand.uniform(0.01, 0.06), jitter=rand.uniform(0.0, 0.06),
        shear=rand.uniform(-0.1, 0.25), stretch=rand.uniform(0.8, 1.2), bold=rand.uniform(-0.005, 0.03),
    )  # fmt: skip


def light_paper(width: int, height: int, rand: Rand, stock: Stock) -> Sheet:
    """A sheet of white, tinted or real paper."""
    if rand.chance(0.3):
        return Sheet(paper(width, height, rand), rand, stock)
    white = (255, 255, 255) if rand.chance(0.6) else random_color(rand, (0.85, 0.99), 0.6)
    return Sheet.blank(width, height, white, rand, stock)


def numbered(text: str, number: int, rand: Rand) -> str:
    """`text` as a head with its number, in one of the ways that documents count."""
    chinese = "一二三四五六七八九十"[(number - 1) % 10]
    ways = (
        "{c}、",
        "{c}、",
        "（{c}）",
        "第{c}章 ",
        "第{c}条 ",
        "{n}. ",
        "{n}、",
        "{n}.{m} ",
        "({n}) ",
        "{n}）",
        "§{n} ",
    )
    return rand.choice(ways).format(c=chinese, n=number, m=1 + rand.below(9)) + text


def title(sheet: Sheet, left: float, y: float, right: float, size: float, script: str) -> float:
    """One to three centered or flush lines of a large face; returns where they end."""
    rand, stock = sheet.rand, sheet.stock
    ink = ink_for(np.median(sheet.pixels[::16, ::16].reshape(-1, 3), axis=0), rand, 90)
    pen = some_pen(rand, stock, size, script, ink, "sign" if rand.chance(0.2) else "any")
    align = rand.choice((0.0, 0.5, 0.5))
    x = left + align * (right - left)
    for _ in range(1 + rand.below(3)):
        text = stock.words(pen.face, 6 + rand.below(24), rand)
        sheet.write(x, y, text[: pen.fit(text, right - left)], pen, align)
        y += pen.size * 1.35
        if rand.chance(0.3):
            pen = pen.sized(pen.size * 0.6)
    return y


def picture(sheet: Sheet, box: tuple[float, float, float, float]) -> None:
    """A photograph or a drawing without text inside `box`, where nothing will be written."""
    left, top, right, bottom = (round(v) for v in box)
    if right - left < 24 or bottom - top < 24 or not sheet.free(box):
        return
    rand = sheet.rand
    image = photograph(right - left, bottom - top, rand, sheet.stock) if rand.chance(0.5) else None
    part = sheet.pixels[top:bottom, left:right]
    if image is not None:
        part[:] = image[: part.shape[0], : part.shape[1]]
    else:
        draw_decoy(sheet.pixels, (left, top, right, bottom), rand)
    sheet.reserved.append(box)


def somewhere(rand: Rand, width: int, height: int, least: float, most: float) -> tuple[int, int, int, int]:
    """A box (left, top, right, bottom) whose sides are from `least` to `most` of a page's."""
    wide, high = int(width * rand.uniform(least, most)), int(height * rand.uniform(least, most))
    x, y = rand.below(width - wide), rand.below(height - high)
    return x, y, x + wide, y + high
