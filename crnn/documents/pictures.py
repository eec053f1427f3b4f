"""Pictures as documents: one encoded picture, an array or a PIL image, and the frames of an animation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.documents.pages import BadPage, PageImage, on_white
from crnn.documents.resolution import picture_dpi
from crnn.image.decode import ImageError, check_size, decode_image
from crnn.image.frames import count_frames
from crnn.image.header import avif_size, declared_size

if TYPE_CHECKING:
    from PIL import Image

MOST_FRAMES = 1000  # of an animation that are read
BATCH_PIXELS = 100_000_000  # of frames that are decoded at once: each batch is decoded from the animation's beginning
ARRAYS = "a uint8 array (H, W), (H, W, 3) or (H, W, 4)"


class PictureDocument:
    """A document of one page: `image` uint8 (H, W) or (H, W, 3) BGR."""

    warning = ""
    count = 1

    def __init__(self, image: np.ndarray, dpi: float = 0.0) -> None:
        self._page = PageImage(1, image, dpi)

    def __enter__(self) -> PictureDocument:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[PageImage | BadPage]:
        if numbers is None or 1 in numbers:
            yield self._page


def encoded_picture(data: bytes, max_pixels: int) -> PictureDocument:
    """The document of an encoded picture.

    Raises:
        ImageError: see `crnn.image.decode.decode_image`.
    """
    return PictureDocument(decode_image(data, max_pixels), picture_dpi(data))


def array_picture(array: np.ndarray, rgb: bool, max_pixels: int) -> PictureDocument:
    """The document of an array of pixels, uint8 (H, W), (H, W, 3) or (H, W, 4); `rgb` or else BGR.

    Raises:
        ImageError: another array.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    right_shape = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not right_shape or not array.size:
        raise ImageError(f"cannot read an array of {array.dtype} {array.shape}: give {ARRAYS}")
    check_size(array.shape[1], array.shape[0], max_pixels)
    if rgb and array.ndim == 3:
        order = [2, 1, 0] if array.shape[2] == 3 else [2, 1, 0, 3]
        array = array[:, :, order]
    if array.ndim == 3 and array.shape[2] == 4:
        array = on_white(array)
    return PictureDocument(np.ascontiguousarray(array))


def pil_picture(image: Image.Image, max_pixels: int) -> PictureDocument:
    """The document of a PIL image, upright by its EXIF tag.

    Raises:
        ImageError: it has too many pixels, or none.
    """
    from PIL import ImageOps

    check_size(image.width, image.height, max_pixels)
    image = ImageOps.exif_transpose(image)
    if image.mode in ("1", "L"):
        return array_picture(np.asarray(image.convert("L")), False, max_pixels)
    if image.mode.startswith(("I", "F")):  # 16 bits and more: the whole range that is in use becomes 0 … 255
        deep = np.asarray(image, np.float32)
        low, high = float(deep.min()), float(deep.max())
        gray = (deep - low) * (255 / max(high - low, 1.0))
        return array_picture(gray.astype(np.uint8), False, max_pixels)
    has_alpha = "A" in image.mode or "transparency" in image.info
    pixels = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
    return array_picture(pixels, True, max_pixels)


def heif_picture(data: bytes, max_pixels: int) -> PictureDocument:
    """The document of a HEIC, HEIF or AVIF picture, the first of several.

    Raises:
        UserError: pillow-heif is needed and is not installed.
        ImageError: it is damaged or too large.
    """
    if data[8:12] in (b"avif", b"avis"):
        if size := avif_size(data):
            check_size(size.width, size.height, max_pixels)
        image = _decoded_by_opencv(data)
    else:
        try:
            import pillow_heif
        except ImportError:
            raise UserError("HEIC needs pillow-heif: pip install 'crnn-ocr[heic]'") from None
        try:
            picture = pillow_heif.open_heif(BytesIO(data), bgr_mode=True, convert_hdr_to_8bit=True)
            check_size(picture.size[0], picture.size[1], max_pixels)
            image = np.asarray(picture)
        except (ValueError, RuntimeError, EOFError, SyntaxError, OSError) as error:
            if isinstance(error, ImageError):
                raise
            raise ImageError(f"the HEIC picture cannot be decoded: {error}") from None
    return array_picture(image, False, max_pixels)


def _decoded_by_opencv(data: bytes) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ImageError(f"the image cannot be decoded: {error.err or error}") from None
    if image is None:
        raise ImageError("the image is damaged: its pixels cannot be decoded")
    return np.asarray(image)


class AnimationDocument:
    """An animated GIF, WebP or PNG: each frame is a page, as it looks on the screen."""

    def __init__(self, data: bytes, max_pixels: int) -> None:
        size = declared_size(data)
        if size is None:
            raise ImageError("the image is damaged: its header cannot be read")
        check_size(size.width, size.height, max_pixels)
        frames = count_frames(data)
        self._data = np.frombuffer(data, np.uint8)
        self._batch = max(1, BATCH_PIXELS // (size.width * size.height))
        self.count = min(frames, MOST_FRAMES)
        self.warning = f"only the first {MOST_FRAMES} of {frames} frames are read" if frames > MOST_FRAMES else ""

    def __enter__(self) -> AnimationDocument:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[PageImage | BadPage]:
        wanted = set(numbers) if numbers is not None else set(range(1, self.count + 1))
        last = max(wanted, default=0)
        for start in range(0, last, self._batch):
            if wanted.isdisjoint(range(start + 1, start + self._batch + 1)):
                continue
            frames = self._frames(start)
            for number in range(start + 1, min(start + self._batch, last) + 1):
                if number not in wanted:
                    continue
                if number - start > len(frames):
                    yield BadPage(number, "the image is damaged: this frame cannot be decoded")
                else:
                    yield PageImage(number, frames[number - start - 1])

    def _frames(self, start: int) -> list[np.ndarray]:
        try:
            _, animation = cv2.imdecodeanimation(self._data, start, self._batch)
        except cv2.error:
            return []
        return [on_white(frame) if frame.shape[2] == 4 else frame for frame in animation.frames]
