"""Page i of a set: a layout, what a camera or a scanner makes of it, and its lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from data.synthesis.pages import (
    camera,
    documents,
    forms,
    posters,
    programs,
    receipts,
    scenes,
    screens,
    source_code,
    tables,
    worksheets,
)
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand, cumulate

Layout = Callable[[Rand, Stock], Sheet]


@dataclass(frozen=True)
class Kind:
    """A layout, its share of the pages, and what happens to it: "print", "screen", "scene" or "none"."""

    layout: Layout
    weight: float
    medium: str


KINDS: dict[str, Kind] = {
    "article": Kind(documents.article, 7, "print"),
    "heading": Kind(documents.heading, 3, "print"),
    "contents": Kind(documents.contents, 3, "print"),
    "note": Kind(documents.note, 6, "print"),
    "columns": Kind(documents.columns, 5, "print"),
    "table": Kind(tables.table, 5, "print"),
    "form": Kind(forms.form, 4, "print"),
    "invoice": Kind(forms.invoice, 4, "print"),
    "receipt": Kind(receipts.receipt, 4, "print"),
    "till_roll": Kind(receipts.till_roll, 5, "print"),
    "card": Kind(forms.card, 3, "print"),
    "worksheet": Kind(worksheets.worksheet, 4, "print"),
    "window": Kind(screens.window, 6, "screen"),
    "web": Kind(screens.web, 5, "screen"),
    "chat": Kind(programs.chat, 4, "screen"),
    "code": Kind(source_code.code, 5, "screen"),
    "spreadsheet": Kind(programs.spreadsheet, 3, "screen"),
    "settings": Kind(programs.settings, 4, "screen"),
    "dashboard": Kind(programs.dashboard, 2, "screen"),
    "slide": Kind(posters.slide, 5, "screen"),
    "poster": Kind(posters.poster, 6, "scene"),
    "caption": Kind(posters.caption, 4, "scene"),
    "signs": Kind(scenes.signs, 11, "scene"),
    "painted": Kind(scenes.painted, 7, "scene"),
    "shelf": Kind(scenes.shelf, 2, "scene"),
    "textless": Kind(scenes.textless, 12, "scene"),
}


@dataclass(frozen=True)
class RenderedPage:
    """Attributes:
    image: uint8 (H, W, 3), BGR.
    quads: float32 (n, 4, 2), pixels, clockwise from each text's top left; see `data.synthesis.pages.pen`.
    texts: what the lines say.
    layout: one of `KINDS`.
    quality: for the JPEG it is stored as.
    """

    image: np.ndarray
    quads: np.ndarray
    texts: tuple[str, ...]
    layout: str
    quality: int


def render(seed: int, index: int, stock: Stock, layout: str | None = None) -> RenderedPage:
    """Page `index` of the set with this `seed`; the same arguments give the same pixels."""
    rand = Rand(seed, index)
    names = list(KINDS)
    chosen = names[rand.weighted(cumulate([kind.weight for kind in KINDS.values()]))]
    name = layout or chosen
    kind = KINDS[name]
    sheet = kind.layout(rand, stock)
    sheet = _seen(sheet, kind.medium, rand)
    sheet = camera.trimmed(sheet)
    sheet.pixels = _damaged(sheet.pixels, kind.medium, rand)
    quads = np.array(sheet.quads, np.float32).reshape(-1, 4, 2)
    return RenderedPage(sheet.pixels, quads, tuple(sheet.texts), name, 70 + rand.below(26))


def _seen(sheet: Sheet, medium: str, rand: Rand) -> Sheet:
    """Bent, photographed, turned."""
    if medium == "print":
        if rand.chance(0.2):
            sheet = camera.bent(sheet)
        if rand.chance(0.4):
            sheet = camera.photographed(sheet)
    elif medium == "screen" and rand.chance(0.12):
        sheet = camera.photographed(sheet)
        sheet.pixels = camera.moire(sheet.pixels, rand)
    choice = rand.random()
    if choice < 0.12:
        return camera.turned(sheet, 90.0 * (1 + rand.below(3)))
    if choice < 0.2:
        return camera.turned(sheet, rand.uniform(-180, 180))
    if choice < 0.4 and medium == "print":
        return camera.turned(sheet, rand.uniform(-6, 6))
    return sheet


def _damaged(pixels: np.ndarray, medium: str, rand: Rand) -> np.ndarray:
    """Light, lens, sensor, scanner and file."""
    clean = medium == "screen" and rand.chance(0.6)
    if clean:
        return pixels
    if medium == "print":
        pixels = camera.scanned(pixels, rand)
    if rand.chance({"print": 0.4, "screen": 0.05, "scene": 0.4}[medium]):
        pixels = camera.shaded(pixels, rand)
    if rand.chance(0.3):
        pixels = camera.blurred(pixels, rand)
    if rand.chance(0.12):
        pixels = camera.low_resolution(pixels, rand.uniform(0.55, 0.9))
    if rand.chance(0.35):
        pixels = camera.noisy(pixels, rand, rand.uniform(1, 12))
    if rand.chance(0.3):
        pixels = camera.compressed(pixels, 25 + rand.below(50))
    return pixels


def drawn_boxes(page: RenderedPage) -> np.ndarray:
    """The page with its boxes, the first corner marked; for people."""
    image = page.image.copy()
    for quad in page.quads:
        corners = quad.round().astype(np.int32)
        cv2.polylines(image, [corners], True, (0, 0, 255), 1)
        cv2.circle(image, (int(corners[0, 0]), int(corners[0, 1])), 3, (0, 200, 0), -1)
    return image
