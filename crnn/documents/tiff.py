"""The pages of a TIFF file, each decoded by itself: a file of a thousand takes no more memory than its largest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crnn.documents.pages import BadPage, PageImage, check_size
from crnn.documents.resolution import tiff_dpi
from crnn.image.decode import ImageError, decode_image
from crnn.image.header import TIFF_ORDERS, declared_size

MOST_PAGES = 100_000  # a damaged chain of directories may be endless
SUBFILE, PREVIEW, MASK = 254, 1, 4  # TIFF 6.0: the tag, and bits of it that mark what is no page of its own


def page_offsets(data: bytes) -> list[int]:
    """Where the directory of each page stands (TIFF 6.0, section 2); previews and masks are no pages."""
    order = TIFF_ORDERS[data[:4]]

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    offsets: list[int] = []
    seen: set[int] = set()
    at = number(4, 4)
    while 0 < at < len(data) and at not in seen and len(seen) < MOST_PAGES:
        seen.add(at)
        entries = number(at, 2)
        kind = number(at + 10, 4) if number(at + 2, 2) == SUBFILE else 0  # tags ascend: this one stands first
        if not kind & (PREVIEW | MASK):
            offsets.append(at)
        at = number(at + 2 + 12 * entries, 4)
    return offsets


class TiffDocument:
    """A TIFF file of any number of pages."""

    warning = ""

    def __init__(self, data: bytes, max_pixels: int) -> None:
        self._data = data
        self._max_pixels = max_pixels
        self._offsets = page_offsets(data)
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
                # Decoders read the first page: point the header at the one that is wanted.
                data = data[:4] + self._offsets[number - 1].to_bytes(4, order) + data[8:]
            try:
                if size := declared_size(data):
                    check_size(size.width, size.height, self._max_pixels)
                yield PageImage(number, decode_image(data), tiff_dpi(data))
            except ImageError as error:
                yield BadPage(number, str(error))
