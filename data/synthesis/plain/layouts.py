"""Eight plain kinds of pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.image.rotation import moved, rotate
from data.synthesis.plain.sheet import Page, Sheet, Typesetter

PAGE_SIZE = (1200, 1600)  # width, height: a phone's scan of A4, or 150 dpi


def single_column(t: Typesetter) -> Page:
    """A title, section heads and paragraphs of one text size."""
    width, height = PAGE_SIZE
    sheet = Sheet(width, height, (255, 255, 255))
    body, head, title = (
        t.font(int(t.rng.integers(18, 34))),
        t.font(int(t.rng.integers(34, 46))),
        t.font(int(t.rng.integers(50, 90))),
    )
    sheet.write(100, 70, t.label(5, 9), title)
    y = 110 + int(title.size * 1.3)
    while y < height - 400:
        sheet.write(100, y, t.label(6, 14), head)
        y += int(head.size * 1.7)
        bottom = y + int(t.rng.integers(4, 9)) * int(body.size * 1.6)
        sheet.paragraph((100, y, width - 100, min(bottom, height - 80)), t, body, t.rng.uniform(1.35, 1.7))
        y = bottom + int(body.size * 1.2)
    return sheet.page("single_column")


def two_columns(t: Typesetter) -> Page:
    """A paper: a title over both columns, small print, a narrow gutter."""
    width, height = PAGE_SIZE
    sheet = Sheet(width, height, (252, 252, 250))
    body, title = t.font(int(t.rng.integers(16, 24))), t.font(int(t.rng.integers(36, 56)))
    sheet.write(160, 70, t.label(8, 14), title)
    gutter, leading = int(body.size * t.rng.uniform(1.6, 2.6)), t.rng.uniform(1.35, 1.6)
    middle, top = width // 2, 120 + int(title.size * 1.4)
    sheet.paragraph((90, top, middle - gutter // 2, height - 90), t, body, leading)
    sheet.paragraph((middle + gutter // 2, top, width - 90, height - 90), t, body, leading)
    return sheet.page("two_columns")


def table(t: Typesetter) -> Page:
    """A ruled table with a dark head row; read row by row."""
    width, rows = 1200, int(t.rng.integers(10, 18))
    row_height = int(t.rng.integers(44, 64))
    sheet = Sheet(width, 260 + rows * row_height, (255, 255, 255))
    font, title = t.font(int(t.rng.integers(18, 26))), t.font(40)
    sheet.write(420, 50, t.label(5, 9), title)
    edges = [80, 180, 520, 720, 900, 1120]
    top, rule = 150, int(t.rng.integers(1, 4))
    sheet.draw.rectangle((edges[0], top, edges[-1], top + row_height), fill=(40, 70, 130))
    for row in range(rows):
        y = top + row * row_height
        ink = (255, 255, 255) if row == 0 else (20, 20, 20)
        cells = [str(row), t.label(3, 11), t.day(), t.number(), t.label(2, 5)]
        if row == 0:
            cells = ["序号", "名称", "日期", "金额", "备注"]
        for left, text in zip(edges, cells, strict=False):
            sheet.write(left + 14, y + (row_height - font.size * 1.2) / 2, text, font, ink)
    for row in range(rows + 1):
        y = top + row * row_height
        sheet.draw.line((edges[0], y, edges[-1], y), fill=(60, 60, 60), width=rule)
    for x in edges:
        sheet.draw.line((x, top, x, top + rows * row_height), fill=(60, 60, 60), width=rule)
    return sheet.page("table")


def receipt(t: Typesetter) -> Page:
    """A narrow slip: centered head, name left and price right, dashed rules, gray thermal print."""
    width, rows = 560, int(t.rng.integers(8, 16))
    font, title = t.font(int(t.rng.integers(20, 28))), t.font(42)
    pitch = int(font.size * 1.55)
    sheet = Sheet(width, 330 + (rows + 6) * pitch, (243, 241, 236))
    ink = (70, 68, 75)
    name = t.label(4, 8)
    sheet.write((width - title.getlength(name)) / 2, 40, name, title, ink)
    y = 130
    for text in (
        f"单号：{t.rng.integers(10**9, 10**10)}",
        f"日期：{t.day()} 1{t.rng.integers(0, 9)}:3{t.rng.integers(0, 9)}",
    ):
        sheet.write(36, y, text, font, ink)
        y += pitch
    for x in range(36, width - 36, 14):
        sheet.draw.line((x, y + 8, x + 8, y + 8), fill=ink, width=2)
    y += pitch // 2 + 8
    for _ in range(rows):
        price = t.number()
        sheet.write(36, y, t.label(3, 9), font, ink)
        sheet.write(width - 36 - font.getlength(price), y, price, font, ink)
        y += pitch
    for x in range(36, width - 36, 14):
        sheet.draw.line((x, y + 8, x + 8, y + 8), fill=ink, width=2)
    y += pitch // 2 + 8
    total = f"￥{t.number()}"
    sheet.write(36, y, "合计", font, ink)
    sheet.write(width - 36 - font.getlength(total), y, total, font, ink)
    sheet.write(36, y + pitch, t.label(8, 14), font, ink)
    return sheet.page("receipt")


def chat(t: Typesetter) -> Page:
    """A chat screenshot: dark head bar, round pictures, bubbles left and right, in two colors."""
    width, height = 900, 1600
    sheet = Sheet(width, height, (237, 237, 237))
    font, small, title = t.font(int(t.rng.integers(26, 34))), t.font(20), t.font(34)
    sheet.draw.rectangle((0, 0, width, 96), fill=(46, 49, 54))
    sheet.write(360, 28, t.label(4, 7), title, (245, 245, 245))
    y = 130
    while y < height - 260:
        if t.rng.random() < 0.3:
            sheet.write(
                width / 2 - 40,
                y,
                f"{t.rng.integers(10, 24)}:{t.rng.integers(10, 60)}",
                small,
                (150, 150, 150),
            )
            y += 50
        mine = t.rng.random() < 0.5
        lines = [t.label(4, 15) for _ in range(t.rng.integers(1, 4))]
        box_width = max(font.getlength(line) for line in lines) + 44
        box_height = len(lines) * font.size * 1.4 + 30
        left = width - 130 - box_width if mine else 130
        fill = (149, 236, 105) if mine else (255, 255, 255)
        face = width - 110 if mine else 30
        sheet.draw.ellipse((face, y, face + 80, y + 80), fill=tuple(int(c) for c in t.rng.integers(60, 220, 3)))
        sheet.draw.rounded_rectangle((left, y, left + box_width, y + box_height), 14, fill=fill)
        for i, line in enumerate(lines):
            sheet.write(left + 22, y + 13 + i * font.size * 1.4, line, font)
        y += int(max(box_height, 80)) + 36
    return sheet.page("chat")


def dark(t: Typesetter) -> Page:
    """A dark theme: headings in color, gray paragraphs, and a light button with dark text."""
    width, height = 1400, 1000
    sheet = Sheet(width, height, (24, 26, 31))
    body, head = t.font(int(t.rng.integers(20, 28))), t.font(44)
    sheet.write(80, 60, t.label(6, 12), head, (97, 175, 239))
    sheet.paragraph((80, 170, 900, 560), t, body, 1.6, (200, 204, 212))
    sheet.paragraph((80, 620, 1300, 860), t, body, 1.6, (152, 195, 121))
    text = t.label(2, 4)
    sheet.draw.rounded_rectangle(
        (80, 890, 80 + body.getlength(text) + 48, 890 + body.size * 2), 8, fill=(229, 192, 123)
    )
    sheet.write(104, 890 + body.size * 0.35, text, body, (30, 30, 30))
    return sheet.page("dark")


def skewed(t: Typesetter, degrees: float = 3.0) -> Page:
    """A single column, turned on the glass of the scanner, with its noise."""
    page = rotate_page(single_column(t), degrees * t.rng.choice([-1, 1]))
    return replace(page, kind="skewed", image=add_noise(page.image, t.rng, 4.0))


def shadow(t: Typesetter) -> Page:
    """A photographed column: a hand's soft shadow, light falling off to a corner, blur and noise."""
    page = single_column(t)
    height, width = page.image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    edge = (x - width * t.rng.uniform(0.3, 0.7)) + (y - height / 2) * t.rng.uniform(-0.5, 0.5)
    light = (1.0 - 0.5 / (1.0 + np.exp(-edge / t.rng.uniform(15, 60)))) * (1.0 - 0.3 * (y / height) * (x / width))
    shaded = np.clip(page.image * light[..., None], 0, 255).astype(np.uint8)
    return replace(page, kind="shadow", image=add_noise(cv2.GaussianBlur(shaded, (0, 0), 0.8), t.rng, 5.0))


KINDS: dict[str, Callable[[Typesetter], Page]] = {
    "single_column": single_column,
    "two_columns": two_columns,
    "table": table,
    "receipt": receipt,
    "chat": chat,
    "dark": dark,
    "skewed": skewed,
    "shadow": shadow,
}


def render(kind: str, seed: int, fonts: Sequence[tuple[str, int]], texts: Sequence[str]) -> Page:
    """Render page `seed` of `kind`; the same arguments give the same pixels.

    Raises:
        UserError: no such kind, or no fonts or texts.
    """
    if kind not in KINDS:
        raise UserError(f"no page kind {kind!r}: choose of {', '.join(KINDS)}")
    if not fonts or not texts:
        raise UserError("pages need at least one font and one text")
    return KINDS[kind](Typesetter(np.random.default_rng(seed), fonts, texts))


def rotate_page(page: Page, degrees: float) -> Page:
    """Turn the page and its lines about its middle, clockwise, into a picture that holds all of it."""
    image, matrix = rotate(page.image, degrees)
    return Page(page.kind, image, tuple(replace(line, quad=moved(line.quad, matrix)) for line in page.lines))


def add_noise(image: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Add a sensor's normal noise of `sigma` gray levels."""
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)
