"""Makes the pictures of the README and of the page: a photograph of a receipt, one line of it, and what is read in it.

Writes docs/example.jpg, docs/line.png, docs/example-read.jpg and serve/static/example.webp. Run `make fonts` once, then
`python docs/make_example.py`. The receipt is invented, and drawn in a face that the shipped models were not trained on.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from crnn import OCR
from crnn.documents.result import Result

HERE = Path(__file__).parent
ON_PAGE = HERE.parent / "serve/static/example.webp"  # what the server's page offers to try, small
FONTS = HERE.parent / "artifacts/fonts/full/fonts.json"
FACE = "fandolhei-regular"
SIZE = (620, 640)  # of the photograph: width, height
PAPER = (460, 560)
CORNERS = [[104, 34], [548, 66], [526, 616], [64, 584]]  # of the paper in the photograph, clockwise from its top left
ROWS = [
    ("春和茶馆 Spring Tea House", "", 32),
    ("杭州市西湖区龙井路 18 号", "", 22),
    ("Tel 0571-8796 3320", "", 22),
    ("2026-11-28 14:35", "No. 004217", 22),
    ("", "", 0),
    ("龙井茶 Longjing tea", "68.00", 24),
    ("桂花糕 × 2", "36.00", 24),
    ("Sparkling water", "15.00", 24),
    ("", "", 0),
    ("合计 Total", "¥119.00", 30),
    ("微信支付 WeChat Pay", "119.00", 22),
    ("谢谢惠顾，欢迎再来！", "", 24),
]


def face(size: int) -> ImageFont.FreeTypeFont:
    faces = json.loads(FONTS.read_text(encoding="utf-8"))["faces"]
    chosen = next(each for each in faces if each["id"] == FACE)
    return ImageFont.truetype(str(FONTS.parent / chosen["path"]), size, index=chosen["index"])


def receipt() -> np.ndarray:
    """The receipt as it is printed: uint8 (H, W, 3), RGB."""
    width, height = PAPER
    image = Image.new("RGB", (2 * width, 2 * height), (248, 247, 242))  # twice as large, for smooth letters
    draw = ImageDraw.Draw(image)
    y = 40
    for left, right, size in ROWS:
        if not size:
            draw.line((60, y + 20, 2 * width - 60, y + 20), fill=(90, 90, 90), width=3)
            y += 44
            continue
        font = face(2 * size)
        x = 60 if right else (2 * width - font.getlength(left)) / 2
        draw.text((x, y), left, font=font, fill=(38, 38, 44))
        draw.text((2 * width - 60 - font.getlength(right), y), right, font=font, fill=(38, 38, 44))
        y += round(2 * size * 1.9)
    return np.asarray(image)


def table(rng: np.random.Generator) -> np.ndarray:
    """A table of wood: uint8 (H, W, 3), RGB."""
    width, height = SIZE
    grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), sigmaX=60, sigmaY=1.2)
    grain = grain / np.abs(grain).max()
    return np.clip(np.array([128, 88, 58]) * (1 + 0.25 * grain[..., None]), 0, 255).astype(np.uint8)


def photograph(paper: np.ndarray) -> np.ndarray:
    """The receipt on a table, seen from an angle under a lamp: uint8 (H, W, 3), RGB."""
    rng = np.random.default_rng(7)
    height, width = paper.shape[:2]
    own = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(own, np.array(CORNERS, np.float32))
    seen = cv2.warpPerspective(paper, matrix, SIZE, flags=cv2.INTER_AREA)
    cover = cv2.warpPerspective(np.full((height, width), 1, np.float32), matrix, SIZE, flags=cv2.INTER_LINEAR)
    shadow = cv2.GaussianBlur(np.roll(cover, (8, 10), (0, 1)), (0, 0), 8)[..., None]
    image = table(rng) * (1 - 0.5 * shadow)
    image += (seen - image) * cover[..., None]
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    light = 1.04 - 0.42 * np.hypot(x / SIZE[0] - 0.3, y / SIZE[1] - 0.2)
    image = image * light[..., None] * np.array([1.0, 0.98, 0.93]) + rng.normal(0, 3, image.shape)
    return np.asarray(cv2.GaussianBlur(np.clip(image, 0, 255).astype(np.uint8), (0, 0), 0.6))


def panel(result: Result) -> np.ndarray:
    """The photograph with the lines framed, and the text of each at its height: uint8 (H, W, 3), RGB."""
    framed = result.plot()
    text = Image.new("RGB", (SIZE[0] - 40, SIZE[1]), (255, 255, 255))
    draw = ImageDraw.Draw(text)
    left = min(float(line.box.quad[0, 0]) for line in result.lines)
    for line in result.lines:
        x, y = line.box.quad[0]
        draw.text((24 + float(x) - left, float(y)), line.text, font=face(22), fill=(20, 20, 20))
    return np.hstack([framed, np.asarray(text)])


def main() -> None:
    example = HERE / "example.jpg"
    paper = receipt()
    cv2.imwrite(str(HERE / "line.png"), cv2.cvtColor(paper[150:234:2, 100:-100:2], cv2.COLOR_RGB2GRAY))
    picture = cv2.cvtColor(photograph(paper), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(example), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    cv2.imwrite(str(ON_PAGE), picture, [cv2.IMWRITE_WEBP_QUALITY, 50])
    result = OCR()(example)
    print(result.text)
    Image.fromarray(panel(result)).save(HERE / "example-read.jpg", quality=85)


if __name__ == "__main__":
    main()
