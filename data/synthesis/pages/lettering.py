"""Letters over pictures, in inks and with finishes that show."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.pages.finish import PLAIN, Finish
from data.synthesis.pages.grounds import ink_for, luma
from data.synthesis.pages.pen import Color, Pen
from data.synthesis.pages.sheet import Rect, Sheet
from data.synthesis.rand import Rand


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
