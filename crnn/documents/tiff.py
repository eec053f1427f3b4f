"""The pages of a TIFF file, each decoded by itself: a file of a thousand takes no more memory than its largest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crnn.documents.pages import BadPage, PageImage
from crnn.documents.resolution import tiff_dpi
from crnn.image.decode import ImageError, decode_image
from crnn.image.frames import tiff_pages
from crnn.image.header import TIFF_ORDERS


class TiffDocument:
    """A TIFF file of any number of pages."""

    warning = ""

    def __init__(self, data: bytes, max_pixels: int) -> None:
        self._data = data
        self._max_pixels = max_pixels
        self._offsets = tiff_pages(data)
        self.count = max(1, len(self._offsets))

    def __enter__(self) -> TiffDocument:
        return self

    def __exit__(self, *_: object) -> None:
        self._data = b""

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[PageImage | BadPage]:
        order = TIFF_ORDERS[self._data[:4]]
        for number in numbers if numbers is not None else range(1, self.count + 1):
            data = self._data
            if len(self._offsets) > 1:
                offset = self._offsets[number - 1]
                if offset >= len(data):
                    yield BadPage(number, "the TIFF file is cut short: this page is missing, and any after it")
                    continue
                # Decoders read the first page: point the header at the one that is wanted.
                data = data[:4] + offset.to_bytes(4, order) + data[8:]
            try:
                yield PageImage(number, decode_image(data, self._max_pixels), tiff_dpi(data))
            except ImageError as error:
                yield BadPage(number, str(error))
