"""Draws what was read on the picture of a page."""

from __future__ import annotations

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.documents.pages import PageImage
from crnn.documents.result import Result
from crnn.documents.sources import open_document

SURE, UNSURE = (30, 144, 60), (200, 30, 30)  # RGB of frames at confidence 1 and 0


def plot(result: Result, number: int = 1) -> np.ndarray:
    """Page `number` with its lines framed and the side where each begins marked: uint8 (H, W, 3) RGB.

    Raises:
        UserError: no such page, or the document is not there any more.
    """
    page = next((page for page in result.pages if page.number == number), None)
    if page is None:
        raise UserError(f"{result.name} has no page {number}")
    if result.source is None:
        raise UserError(f"{result.name}: the document was not kept, so that its pages cannot be shown")
    with open_document(result.source, result.options) as document:
        shown = next(iter(document.pages([number])), None)
    if not isinstance(shown, PageImage):
        raise UserError(f"{result.name}: page {number} cannot be shown")
    image = shown.image
    canvas = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)
    thickness = max(1, round(max(image.shape[:2]) / 1000))
    for line in page.lines:
        share = line.confidence
        color = [round(share * sure + (1 - share) * unsure) for sure, unsure in zip(SURE, UNSURE, strict=True)]
        corners = np.round(line.box.quad).astype(np.int32)
        cv2.polylines(canvas, [corners], True, color, thickness, cv2.LINE_AA)
        start, end = (corners[0], corners[1]) if line.box.vertical else (corners[0], corners[3])
        cv2.line(canvas, start.tolist(), end.tolist(), color, 3 * thickness, cv2.LINE_AA)
    return np.asarray(canvas)
