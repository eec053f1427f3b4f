"""Makes the README's picture of photographs: signs in the street, and what is read in them.

Writes docs/photographs.jpg. Run `make fonts` once, then `python docs/make_photographs.py`. The photographs are samples
of OpenCV's module `text` (Apache-2.0), in Debian's package opencv-doc; the shipped models were not trained on them.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from make_example import face
from PIL import Image, ImageDraw

from crnn import OCR
from crnn.documents.result import Result
from data.packages import fetch

HERE = Path(__file__).parent
PACKAGE, FOLDER = "opencv-doc", "usr/share/doc/opencv-doc/examples/text"
SHOWN = ("scenetext01.jpg", "scenetext02.jpg", "scenetext03.jpg")
PHOTOGRAPH = (330, 248)  # pixels each is shown in: width, height
ROWS, ROW = 8, 24  # lines of text below each, and pixels of a line


def panel(result: Result) -> np.ndarray:
    """A photograph with the lines framed, and their text below it: uint8 (H, W, 3), RGB."""
    width, height = PHOTOGRAPH
    framed = result.plot()
    scale = max(width / framed.shape[1], height / framed.shape[0])
    seen = cv2.resize(framed, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (seen.shape[0] - height) // 2, (seen.shape[1] - width) // 2
    text = Image.new("RGB", (width, ROWS * ROW + 16), (255, 255, 255))
    draw = ImageDraw.Draw(text)
    for number, line in enumerate(result.lines[:ROWS]):
        draw.text((8, 8 + number * ROW), line.text, font=face(18), fill=(20, 20, 20))
    return np.vstack([seen[top : top + height, left : left + width], np.asarray(text)])


def main() -> None:
    folder = fetch("apt", PACKAGE, HERE.parent / "artifacts/cache/packages") / FOLDER
    ocr = OCR()
    for path in sorted(folder.glob("scenetext0?.jpg")):
        print(f"{path.name}: {' | '.join(ocr(path).text.splitlines())}")
    gap = np.full((PHOTOGRAPH[1] + ROWS * ROW + 16, 12, 3), 255, np.uint8)
    panels = [part for name in SHOWN for part in (gap, panel(ocr(folder / name)))][1:]
    Image.fromarray(np.hstack(panels)).save(HERE / "photographs.jpg", quality=85)


if __name__ == "__main__":
    main()
