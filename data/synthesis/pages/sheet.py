"""A page under construction: pixels, and the lines that stand on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from data.synthesis.pages.finish import PLAIN, Finish, adorn, blend
from data.synthesis.pages.pen import PADDING, Block, Color, Pen, set_column, set_line
from data.synthesis.pages.stock import JOINED, Stock, cut
from data.synthesis.rand import Rand

Rect = tuple[float, float, float, float]  # left, top, right, bottom
ASCENT = 0.86  # of the em box above the baseline
LEAST_CONTRAST = 24  # gray levels between ink and ground in some channel; less, and nobody would see the line


@dataclass
class Sheet:
    """Attributes:
    pixels: uint8 (H, W, 3), BGR.
    rand: the page's source of chance.
    stock: faces and texts.
    quads: float32 (4, 2) for each line, see `data.synthesis.pages.pen`.
    texts: what they say.
    alpha: uint8 (H, W), what there is of the sheet; None: all.
    reserved: parts where nothing is written.
    """

    pixels: np.ndarray
    rand: Rand
    stock: Stock
    quads: list[np.ndarray] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    alpha: np.ndarray | None = None
    reserved: list[Rect] = field(default_factory=list)
    _boxes: list[Rect] = field(default_factory=list)

    @classmethod
    def blank(cls, width: int, height: int, color: Color, rand: Rand, stock: Stock) -> Sheet:
        return cls(np.full((height, width, 3), color, np.uint8), rand, stock)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    def write(
        self, x: float, y: float, text: str, pen: Pen, align: float = 0.0, finish: Finish = PLAIN, turns: int = 0
    ) -> Rect | None:
        """Write a line, the upper edge of its em box at y, beginning (align 0), centered (.5) or ending (1) at x.

        With `turns` it is turned by so many quarters clockwise, and (x, y) is the upper left corner of its box.
        Returns its box; None, and nothing is drawn, where it has no ink, or would leave the sheet, touch another line,
        or hardly be seen.
        """
        block = set_line(text.strip(), pen, self.rand)
        if block is None:
            return None
        if turns:
            block = _turned(block, turns)
            return self._put(block, round(x), round(y), text.strip(), pen, finish, turns)
        left = x - align * (block.box[2] + block.box[0])
        return self._put(block, round(left), round(y + ASCENT * pen.size), text.strip(), pen, finish)

    def write_column(self, x: float, y: float, text: str, pen: Pen, finish: Finish = PLAIN) -> Rect | None:
        """Write from top to bottom, the middle of the column's upper edge at (x, y); returns as `write` does."""
        block = set_column(text, pen, self.rand)
        return None if block is None else self._put(block, round(x), round(y), text, pen, finish)

    def paragraph(self, box: Rect, pen: Pen, leading: float, justified: bool = False, indent: float = 0.0) -> float:
        """Fill `box` with lines `leading` em apart; some end early, as paragraphs do. Returns where they end."""
        left, top, right, bottom = box
        room = right - left
        text, y, first = "", top, True
        latin = pen.face.script == "en"
        while y + pen.size <= bottom and room > 2 * pen.size:
            if not text:
                words = (40 if latin else 16) * (1 + self.rand.below(12))
                text, first = self.stock.words(pen.face, words, self.rand), True
            begin = left + (indent * pen.size if first else 0.0)
            number = pen.fit(text, right - begin)
            if number < 2:
                text, y = "", y + leading * pen.size
                continue
            line = text if number == len(text) else _broken(text, number)
            rest = text[len(line) :].strip()
            if justified and rest and len(line) > 8:
                spare = (right - begin - pen.width(line)) / (len(line) - 1) / pen.size
                spread = Pen(
                    pen.face, pen.size, pen.ink, pen.spacing + min(spare, 0.12), pen.sway, pen.jitter, pen.bold
                )
                spread._glyphs = pen._glyphs
                self.write(begin, y, line, spread)
            else:
                self.write(begin, y, line, pen)
            text, first = rest, False
            y += leading * pen.size
        return y

    def rectangle(
        self, box: Rect, fill: Color | None = None, border: Color | None = None, thick: int = 1, radius: float = 0
    ) -> None:
        """Draw a rectangle with corners of `radius` pixels; none that would cover a line."""
        left, top, right, bottom = (round(v) for v in box)
        if right - left < 2 or bottom - top < 2 or (fill is not None and self._covers(box)):
            return
        r = int(min(radius, (right - left) / 2, (bottom - top) / 2))
        if r < 2:
            if fill is not None:
                cv2.rectangle(self.pixels, (left, top), (right - 1, bottom - 1), fill, -1)
            if border is not None:
                cv2.rectangle(self.pixels, (left, top), (right - 1, bottom - 1), border, thick)
            return
        outline = rounded(left, top, right - 1, bottom - 1, r)
        if fill is not None:
            cv2.fillPoly(self.pixels, [outline], fill, cv2.LINE_AA)
        if border is not None:
            cv2.polylines(self.pixels, [outline], True, border, thick, cv2.LINE_AA)

    def rule(self, x0: float, y0: float, x1: float, y1: float, color: Color, thick: int = 1, dash: int = 0) -> None:
        """A line, dashed where `dash` pixels are given."""
        if not dash:
            cv2.line(self.pixels, (round(x0), round(y0)), (round(x1), round(y1)), color, thick)
            return
        steps = max(1, round(np.hypot(x1 - x0, y1 - y0) / dash))
        points = np.linspace((x0, y0), (x1, y1), 2 * steps + 1)
        for a, b in zip(points[::2], points[1::2], strict=False):
            cv2.line(self.pixels, (round(a[0]), round(a[1])), (round(b[0]), round(b[1])), color, thick)

    def free(self, box: Rect, margin: float = 0.0) -> bool:
        """Whether no line and no reserved part touches `box`."""
        left, top, right, bottom = box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin
        return not any(
            left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
            for other in (*self._boxes, *self.reserved)
        )

    def _covers(self, box: Rect) -> bool:
        return any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in self._boxes)

    def add(self, quad: np.ndarray, text: str) -> None:
        """Note a line that is on the pixels already."""
        self.quads.append(quad.astype(np.float32))
        self.texts.append(text)
        low, high = quad.min(axis=0), quad.max(axis=0)
        self._boxes.append((float(low[0]), float(low[1]), float(high[0]), float(high[1])))

    def _put(self, block: Block, x: int, y: int, text: str, pen: Pen, finish: Finish, turns: int = 0) -> Rect | None:
        left, top, right, bottom = (v + d for v, d in zip(block.box, (x, y, x, y), strict=True))
        if left < 1 or top < 1 or right > self.width - 1 or bottom > self.height - 1:
            return None
        if not self.free((left + 1, top + 1, right - 1, bottom - 1)):
            return None
        x, y = x + block.x, y + block.y
        if x < 0 or y < 0 or x + block.mask.shape[1] > self.width or y + block.mask.shape[0] > self.height:
            return None
        under = self.pixels[y : y + block.mask.shape[0] : 2, x : x + block.mask.shape[1] : 2].reshape(-1, 3)
        if finish is PLAIN and np.abs(under.mean(axis=0) - pen.ink).max() < LEAST_CONTRAST:
            return None
        if finish is not PLAIN:
            adorn(self.pixels, block.mask, x, y, pen, finish)
        part = self.pixels[y : y + block.mask.shape[0], x : x + block.mask.shape[1]]
        blend(part, block.mask, pen.ink, finish.opacity)
        pad = PADDING * min(right - left, bottom - top)
        box = (left - pad, top - pad, right + pad, bottom + pad)
        corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]], np.float32)
        self.quads.append(np.roll(corners, -turns, axis=0))
        self.texts.append(text)
        self._boxes.append((left, top, right, bottom))
        return left, top, right, bottom


def rounded(left: int, top: int, right: int, bottom: int, radius: int) -> np.ndarray:
    """Outline of a rectangle with round corners, int32 (n, 2)."""
    angles = np.linspace(0, np.pi / 2, 7)
    arc = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius
    turn = np.array([[0, 1], [-1, 0]])
    points = []
    for x, y in ((right - radius, bottom - radius), (left + radius, bottom - radius),
                 (left + radius, top + radius), (right - radius, top + radius)):  # fmt: skip
        points.append(arc + np.array([x, y]))
        arc = arc @ turn
    return np.rint(np.concatenate(points)).astype(np.int32)


def _turned(block: Block, turns: int) -> Block:
    """The block turned by quarters clockwise, the upper left corner of its box at the origin."""
    left, top, right, bottom = block.box
    rows, columns = block.mask.shape
    width, height = right - left, bottom - top
    x, y = block.x - left, block.y - top
    for _ in range(turns % 4):
        x, y = height - y - rows, x
        rows, columns = columns, rows
        width, height = height, width
    return Block(np.ascontiguousarray(np.rot90(block.mask, -turns)), round(x), round(y), (0.0, 0.0, width, height))


def _broken(text: str, number: int) -> str:
    line = cut(text, number)
    if not line or (text[number - 1 : number] in JOINED and len(line) < number / 2):
        return text[:number]
    return text[: text.find(line) + len(line)]
