"""Receipts: slips with names at the left and prices at the right, and the rolls of tills, whose rows nearly touch."""

from __future__ import annotations

from data.synthesis.pages.decoys import barcode, qr_code
from data.synthesis.pages.elements import script_of, some_pen
from data.synthesis.pages.grounds import paper
from data.synthesis.pages.pen import Pen
from data.synthesis.pages.sheet import Rect, Sheet
from data.synthesis.pages.stock import Stock, drawable
from data.synthesis.rand import Rand

TAXES = (("X", "N"), ("E",), ("R", "Y", "X"), ("F", "FS"), ("A", "B"), ("T",), ("*",))  # behind the prices of a receipt
CAPITAL = 0.72  # height of a capital, em, of most faces


def receipt(rand: Rand, stock: Stock) -> Sheet:
    """A narrow slip: gray thermal print, names left and prices right, dashed rules, a code at the end."""
    width = 340 + rand.below(320)
    height = int(width * rand.uniform(1.5, 3.6))
    height = min(height, 1600)
    sheet = Sheet(paper(width, height, rand) // 2 + 120, rand, stock)
    script = script_of(rand)
    level = rand.below(110)
    pen = some_pen(rand, stock, width / rand.uniform(17, 30), script, (level + 8, level, level))
    big = pen.sized(pen.size * rand.uniform(1.3, 2))
    margin, pitch = width * rand.uniform(0.03, 0.09), pen.size * rand.uniform(1.15, 1.7)
    y = height * 0.03
    for _ in range(1 + rand.below(3)):
        text = stock.label(big.face, 2, 9, rand)
        sheet.write(width / 2, y, text[: big.fit(text, width - 2 * margin)], big, 0.5)
        y += big.size * 1.4
        big = pen
    dash = rand.choice((0, 4, 8))
    taxes = rand.choice(TAXES) if rand.chance(0.35) else ()
    right = width - margin - (2.2 * pen.size if taxes else 0)
    while y < height - 5 * pitch:
        choice = rand.random()
        if choice < 0.12:
            sheet.rule(margin, y + pitch / 2, width - margin, y + pitch / 2, pen.ink, 1 + rand.below(2), dash)
        elif choice < 0.3:
            text = stock.label(pen.face, 2, 4, rand) + ":" + stock.field(pen.face, rand)
            sheet.write(margin, y, text[: pen.fit(text, width - 2 * margin)], pen)
        else:
            amount = sheet.write(right, y, f"{rand.below(30000) / 100:.2f}", pen, 1)
            if taxes and rand.chance(0.8):
                sheet.write(right + pen.size, y, rand.choice(taxes), pen)
            if amount and rand.chance(0.4):
                sheet.write(amount[0] - 3 * pen.size, y, str(1 + rand.below(9)), pen, 1)
            text = stock.label(pen.face, 2, 8, rand)
            sheet.write(margin, y, text[: pen.fit(text, width * 0.45)], pen)
        y += pitch
    if rand.chance(0.6):
        box = (round(margin * 2), round(y), round(width - 2 * margin), round(height - pitch))
        (barcode if rand.chance(0.5) else qr_code)(sheet.pixels, box, (30, 30, 30), rand)
    return sheet


def till_roll(rand: Rand, stock: Stock) -> Sheet:
    """A slip of a till: characters in a grid, capitals above all, little or no room between its rows."""
    cells = 26 + rand.below(24)
    width = 340 + rand.below(420)
    height = min(1600, int(width * rand.uniform(1.2, 3.4)))
    sheet = Sheet(paper(width, height, rand) // 2 + 120, rand, stock)
    margin = width * rand.uniform(0.02, 0.12)
    cell = (width - 2 * margin) / cells
    pitch = cell * rand.uniform(1.4, 2.4)
    level = rand.below(120)
    script = script_of(rand)
    face = stock.face(script, rand, "till" if script == "en" or rand.chance(0.5) else "any")
    pen = Pen(face, max(8, round(pitch * rand.uniform(0.62, 0.92) / CAPITAL)), (level + 8, level, level))
    if script == "zh":
        pen = pen.sized(min(pen.size, 0.95 * pitch))
    pen = _in_grid(pen, cell)
    y = height * 0.02
    for _ in range(2 + rand.below(5)):  # the shop
        y = _heading(sheet, y, pitch, pen, cell, rand)
    columns = _Columns(margin, cell, cells, rand)
    lower = rand.chance(0.2)
    while y < height - 6 * pitch:
        columns.write_row(sheet, y, pen, lower, rand)
        y += pitch * (rand.uniform(1.2, 2) if rand.chance(0.06) else 1.0)
        if rand.chance(0.05):
            sheet.rule(margin, y + pitch / 2, width - margin, y + pitch / 2, pen.ink, 1, rand.choice((0, 3, 6)))
            y += pitch
        elif rand.chance(0.04):
            y = _heading(sheet, y, pitch, pen, cell, rand)
    if rand.chance(0.7):
        box = (round(margin * 2), round(y + pitch / 2), round(width - 2 * margin), round(height - pitch))
        (barcode if rand.chance(0.6) else qr_code)(sheet.pixels, box, (30, 30, 30), rand)
    return sheet


def _in_grid(pen: Pen, cell: float) -> Pen:
    """The pen stretched so that a letter fills a cell `cell` pixels wide, and a hanzi two."""
    sample, cells = ("国", 2) if pen.face.script == "zh" else ("0", 1)
    if pen.face.lacks(sample):
        return pen
    advance = pen.glyph(sample).advance
    stretched = Pen(pen.face, pen.size, pen.ink, stretch=float(min(2.2, max(0.5, cells * cell / max(1.0, advance)))))
    stretched.spacing = (cells * cell - stretched.glyph(sample).advance) / pen.size
    return stretched


def _heading(sheet: Sheet, y: float, pitch: float, pen: Pen, cell: float, rand: Rand) -> float:
    """A line in the middle, now and then of double width or height. Returns where the next row begins."""
    high = rand.chance(0.15)
    wide = 2.0 if rand.chance(0.25) else 1.0
    large = _in_grid(pen.sized(pen.size * (2 if high else 1)), cell * wide)
    text = sheet.stock.label(large.face, 3, 12, rand)
    text = _capitals(text, large, rand.chance(0.3))
    sheet.write(sheet.width / 2, y, text[: large.fit(text, sheet.width * 0.9)], large, 0.5)
    return y + pitch * (2 if high else 1)


def _capitals(text: str, pen: Pen, lower: bool) -> str:
    return text if lower else drawable(text.upper(), pen.face)


class _Columns:
    """Where the columns of a slip stand, and what they hold."""

    def __init__(self, margin: float, cell: float, cells: int, rand: Rand) -> None:
        self.margin, self.cell, self.cells = margin, cell, cells
        self.coded = cells >= 32 and rand.chance(0.6)
        self.code = 10 + rand.below(max(1, cells // 2 - 12)) if self.coded else 0
        self.digits = 6 + rand.below(8)
        self.taxes = rand.choice(TAXES) if rand.chance(0.6) else ()
        self.price = cells - (2 + rand.below(2) if self.taxes else rand.below(2))

    def write_row(self, sheet: Sheet, y: float, pen: Pen, lower: bool, rand: Rand) -> None:
        """An article with its price, or now and then a sum, a date or a remark."""
        choice = rand.random()
        amount = f"{rand.below(30000) / 100:.2f}"
        if choice < 0.1:
            indent = rand.below(8)
            times = f"{1 + rand.below(9)} {rand.choice('@X')} {amount}"
            text = times if rand.chance(0.5) else self._name(sheet, pen, rand)
            self._put(sheet, indent, y, _capitals(text, pen, lower), self.price - 8 - indent, pen)
            return
        if choice < 0.2:
            text = self._name(sheet, pen, rand) + rand.choice((":", " #", ""))
            text += " " + sheet.stock.field(pen.face, rand)
            self._put(sheet, rand.below(3), y, _capitals(text, pen, lower), self.cells - 3, pen)
            return
        sheet.write(self._x(self.price), y, amount, pen, 1)
        if self.taxes and rand.chance(0.8):
            sheet.write(self._x(self.price + 1), y, rand.choice(self.taxes), pen)
        if choice < 0.32:  # a sum, its name close to the amount
            text = _capitals(self._name(sheet, pen, rand), pen, lower)
            text = text[: pen.fit(text, (self.price - 12) * self.cell)]
            sheet.write(self._x(self.price - 9 - rand.below(3)), y, text, pen, 1)
            return
        name = self.code - 1 if self.coded else self.price - 9
        self._put(sheet, 0, y, _capitals(self._name(sheet, pen, rand), pen, lower), name, pen)
        if self.coded:
            code = "".join(str(rand.below(10)) for _ in range(self.digits))
            place = self._put(sheet, self.code, y, code, self.price - 8 - self.code, pen)
            if place and self.taxes and self.code + self.digits + 3 < self.price - 8 and rand.chance(0.5):
                sheet.write(self._x(self.code + self.digits + 2), y, rand.choice(("F", "KI", "T", "H")), pen)

    def _name(self, sheet: Sheet, pen: Pen, rand: Rand) -> str:
        return sheet.stock.label(pen.face, 2, 9, rand)

    def _put(self, sheet: Sheet, column: int, y: float, text: str, room: int, pen: Pen) -> Rect | None:
        return sheet.write(self._x(column), y, text[: pen.fit(text, room * self.cell)], pen) if room > 0 else None

    def _x(self, column: int) -> float:
        return self.margin + column * self.cell
