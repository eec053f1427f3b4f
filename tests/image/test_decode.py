"""Decoding: every common kind of picture comes out upright in 8 bits; all else is refused with a reason."""

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from crnn import MOST_IMAGE_PIXELS
from crnn.image.decode import ImageError, decode_image
from crnn.image.header import ImageSize, declared_size, jpeg_scans

CASES = Path(__file__).parents[1] / "cases"

FORMATS = ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"]
UPRIGHT = np.full((20, 40, 3), 255, np.uint8)
UPRIGHT[:10, :10] = (220, 0, 0)  # a red corner at the top left (RGB)


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def has_red_corner(image: np.ndarray) -> bool:
    blue, _, red = (int(v) for v in image[4, 4])
    return red > 180 and blue < 70 and int(image[15, 30].min()) > 240


@pytest.mark.parametrize("form", FORMATS)
def test_formats(form: str) -> None:
    image = decode_image(encode(Image.fromarray(UPRIGHT), form))
    assert image.shape == (20, 40, 3)
    assert has_red_corner(image)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_pictures_upright(form: str, orientation: int) -> None:
    # What a camera stores so that the tag's operation gives UPRIGHT: the inverse operation of each tag.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](UPRIGHT)
    exif = Image.Exif()
    exif[274] = orientation
    picture = Image.fromarray(np.ascontiguousarray(stored))
    image = decode_image(encode(picture, form, exif=exif if form == "TIFF" else exif.tobytes()))
    assert image.shape == (20, 40, 3)
    assert has_red_corner(image)


@pytest.mark.parametrize("mode", ["P", "RGBA", "1", "L", "LA", "CMYK", "I;16"])
def test_pixel_kinds(mode: str) -> None:
    if mode == "I;16":
        deep = (UPRIGHT[:, :, 1].astype(np.uint16) << 8) | 0x7F
        data = cv2.imencode(".png", deep)[1].tobytes()
    else:
        data = encode(Image.fromarray(UPRIGHT).convert(mode), "JPEG" if mode == "CMYK" else "PNG")
    image = decode_image(data)
    assert image.dtype == np.uint8
    assert image[4, 4].min() < 80
    assert image[15, 30].min() > 240


def test_transparency_lies_over_white() -> None:
    pixels = np.zeros((20, 40, 4), np.uint8)  # black ink, transparent but for one corner
    pixels[:10, :10, 3] = 255
    pixels[:10, 10:20, 3] = 128
    for form in ("PNG", "WEBP"):
        image = decode_image(encode(Image.fromarray(pixels), form, **({"lossless": True} if form == "WEBP" else {})))
        assert image[4, 4].tolist() == [0, 0, 0]
        assert image[4, 14].tolist() == [127, 127, 127]
        assert image[15, 30].tolist() == [255, 255, 255]
    palette = Image.fromarray(UPRIGHT).quantize(2)
    image = decode_image(encode(palette, "GIF", transparency=palette.getpixel((4, 4))))
    assert image.min() == 255


def glyphs(ink: int, ground: tuple[int, int, int, int]) -> Image.Image:
    """Bars of gray `ink`, opaque, on `ground` (RGBA)."""
    pixels = np.full((20, 60, 4), ground, np.uint8)
    for left in range(5, 60, 10):
        pixels[4:16, left : left + 3] = (ink, ink, ink, 255)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", ["RGBA PNG", "LA PNG", "P PNG", "RGBA WEBP", "RGBA TIFF", "RGBA GIF", "P GIF"])
@pytest.mark.parametrize("ink", [255, 200, 60, 0])
def test_letters_on_nothing_stay_visible(kind: str, ink: int) -> None:
    mode, form = kind.split()
    picture = glyphs(ink, (ink, ink, ink, 0))
    options: dict[str, object] = {"lossless": True} if form == "WEBP" else {}
    if mode == "P":
        letters = picture.getchannel("A")
        picture = Image.new("P", picture.size, 1)
        picture.putpalette([ink] * 6)
        picture.paste(0, mask=letters)
        options = {"transparency": 1}
    image = decode_image(encode(picture if mode == "P" else picture.convert(mode), form, **options))
    assert abs(int(image[10, 6].max()) - ink) < 10
    assert image[10, 10].tolist() == [0 if ink >= 128 else 255] * 3


def test_a_window_with_transparent_corners_lies_over_its_own_ground() -> None:
    for ink, paper in ((0, 255), (255, 0)):
        pixels = np.array(glyphs(ink, (paper, paper, paper, 255)))
        pixels[:3, :3, 3] = 0
        assert decode_image(encode(Image.fromarray(pixels), "PNG"))[0, 0].tolist() == [paper] * 3


def test_a_picture_that_nobody_could_see_is_taken_as_opaque() -> None:
    pixels = np.zeros((20, 40, 4), np.uint8)
    assert decode_image(encode(Image.fromarray(pixels), "PNG")).max() == 0


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_several_counts(form: str) -> None:
    first, second = Image.fromarray(UPRIGHT), Image.fromarray(255 - UPRIGHT)
    data = encode(first, form, save_all=True, append_images=[second])
    assert has_red_corner(decode_image(data))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("keep", [0.5, 0.95])
def test_cut_files_are_refused(form: str, keep: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8))
    data = encode(noise, form)
    with pytest.raises(ImageError):
        decode_image(data[: int(len(data) * keep)])


@pytest.mark.parametrize("form", FORMATS)
def test_no_damage_crashes(form: str) -> None:
    rng = np.random.default_rng(1)
    data = bytearray(encode(Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8)), form))
    for _ in range(150):
        damaged = bytearray(data)
        for position in rng.integers(0, min(len(data), 400), 4):
            damaged[position] = rng.integers(0, 256)
        try:
            image = decode_image(bytes(damaged))
        except ImageError:
            continue
        assert image.dtype == np.uint8


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello" * 20, "not an image"),
        (b"\x89PNG\r\n\x1a\n", "its header cannot be read"),
        (b"%PDF-1.7", "not an image"),
    ],
)
def test_junk_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode_image(data)


@pytest.mark.parametrize("bits", [1, 8, 10, 12, 16])
@pytest.mark.parametrize("form", [".png", ".tiff"])
def test_sixteen_bit_pictures_use_the_bits_they_have(bits: int, form: str) -> None:
    deep = np.full((20, 40), 2**bits - 1, np.uint16)
    deep[:10, :10] = 0
    image = decode_image(cv2.imencode(form, deep)[1].tobytes())
    assert image[4, 4] == 0
    assert image[15, 30] == (255 if bits >= 8 else 1)


def test_color_and_transparency_may_use_another_number_of_bits() -> None:
    deep = np.full((20, 40, 4), 1023, np.uint16)
    deep[:, :, 3] = 65535
    deep[:10, :10, :3] = 0
    assert has_corner(decode_image(cv2.imencode(".png", deep)[1].tobytes()))


def has_corner(image: np.ndarray) -> bool:
    return image[4, 4].max() == 0 and image[15, 30].min() == 255


@pytest.mark.parametrize("case", ["gray16_8bit.tif", "gray16_10bit.png", "white_on_transparent.png"])
def test_cases_have_contrast(case: str) -> None:
    image = decode_image((CASES / case).read_bytes())
    assert np.ptp(image) > 200


def planar_tiff(bits: int) -> bytes:
    """A TIFF of 20×40 RGB pixels, all 0, with a plane for each channel."""
    plane = bytes(20 * 40 * bits // 8)
    shorts, longs = 3, 4
    tags = [
        (256, shorts, [40]), (257, shorts, [20]), (258, shorts, [bits] * 3), (259, shorts, [1]), (262, shorts, [2]),
        (273, longs, [0, 0, 0]), (277, shorts, [3]), (278, shorts, [20]), (279, longs, [len(plane)] * 3),
        (284, shorts, [2]),
    ]  # fmt: skip
    spilt = 8 + 2 + 12 * len(tags) + 4  # where the values stand that do not fit into an entry of the directory
    begin = spilt + 6 + 12 + 12
    entries, values = b"", b""
    for tag, kind, numbers in tags:
        numbers = [begin + i * len(plane) for i in range(3)] if tag == 273 else numbers
        packed = struct.pack(f"<{len(numbers)}{'H' if kind == shorts else 'I'}", *numbers)
        if len(packed) > 4:
            packed, values = struct.pack("<I", spilt + len(values)), values + packed
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + values + plane * 3


def test_what_opencv_decodes_wrongly_is_refused() -> None:
    assert decode_image(planar_tiff(bits=8)).max() == 0
    with pytest.raises(ImageError, match="separate planes"):
        decode_image(planar_tiff(bits=16))
    with pytest.raises(ImageError, match="gray TIFF with transparency"):
        decode_image(encode(glyphs(255, (255, 255, 255, 0)).convert("LA"), "TIFF"))


def test_a_jpeg_without_its_end_says_so() -> None:
    with pytest.raises(ImageError, match="cut short"):
        decode_image((CASES / "no_end_marker.jpg").read_bytes())


def test_deep_pixels_are_refused() -> None:
    with pytest.raises(ImageError, match="8 bits a channel"):
        decode_image(cv2.imencode(".tiff", np.full((20, 40), 0.5, np.float32))[1].tobytes())


def png_bomb(width: int, height: int) -> bytes:
    """A small PNG that claims (and, but for its checksum, holds) a picture of gigabytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


def test_what_has_more_pixels_than_its_header_says_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crnn.image.decode.declared_size", lambda data: ImageSize(4, 4))
    with pytest.raises(ImageError, match="more pixels than its header says"):
        decode_image(encode(Image.new("RGB", (40, 30)), "PNG"))


def test_bombs_are_refused_before_they_are_decoded() -> None:
    small = Image.new("RGB", (40, 30))
    bombs = [
        png_bomb(60_000, 60_000),
        encode(small, "JPEG").replace(struct.pack(">HH", 30, 40), struct.pack(">HH", 60_000, 60_000)),
        encode(small, "GIF").replace(struct.pack("<HH", 40, 30), struct.pack("<HH", 60_000, 60_000)),
        encode(small, "BMP").replace(struct.pack("<II", 40, 30), struct.pack("<II", 60_000, 60_000)),
        encode(Image.new("1", (8000, 8000)), "TIFF", compression="group4"),
    ]
    for bomb in bombs:
        started = time.perf_counter()
        with pytest.raises(ImageError, match="too large"):
            decode_image(bomb)
        assert time.perf_counter() - started < 0.05


def test_a_chunk_that_claims_gigabytes_is_refused_at_once() -> None:
    data = encode(Image.new("RGB", (40, 30)), "PNG")
    claim = data.replace(
        struct.pack(">I", data.index(b"IEND") - 8 - data.index(b"IDAT") - 4) + b"IDAT", b"\xb8\0\0\0IDAT"
    )
    assert claim != data
    started = time.perf_counter()
    with pytest.raises(ImageError, match="cut short"):
        decode_image(claim)
    assert time.perf_counter() - started < 0.05


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (317, 45), (1, 4000), (4000, 1)])
def test_headers_give_the_size(form: str, size: tuple[int, int]) -> None:
    for options in ({"lossless": True}, {"lossless": False}) if form == "WEBP" else ({},):
        assert declared_size(encode(Image.new("RGB", size), form, **options)) == ImageSize(*size)


def test_headers_of_turned_and_transparent_webp() -> None:
    data = encode(Image.new("RGBA", (317, 45), (0, 0, 0, 5)), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
    assert data[12:16] == b"VP8X"
    assert declared_size(data) == ImageSize(317, 45)


def progressive_jpeg(side: int, scans: int) -> bytes:
    """A progressive JPEG that goes over its pixels `scans` times more than it needs to, in 42 bytes each time."""
    whole = cv2.imencode(".jpg", np.full((side, side), 200, np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last : last + 10] + (whole[last : last + 10] + bytes(32)) * (scans - 1) + whole[-2:]


def test_scans_of_a_jpeg_are_counted_before_it_is_decoded() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    once, progressive = (
        cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_PROGRESSIVE, flag])[1].tobytes() for flag in (0, 1)
    )
    assert (jpeg_scans(once), jpeg_scans(progressive), jpeg_scans(b"\x89PNG\r\n\x1a\n\xff\xda")) == (1, 10, 0)
    assert decode_image(progressive).shape == (64, 64, 3)
    for side, scans in ((64, 300), (5000, 40)):
        began = time.process_time()
        with pytest.raises(ImageError, match="goes over its pixels"):
            decode_image(progressive_jpeg(side, scans))
        assert time.process_time() - began < 0.5


@pytest.mark.parametrize("filling", [b"\xff\x00", b"\xff\xd0", b"\xff\xfe\x00\x02", b"\xff\xda\x00\x02", b"\xff"])
def test_a_jpeg_of_nothing_but_markers_is_looked_through_quickly(filling: bytes) -> None:
    began = time.process_time()
    assert jpeg_scans(b"\xff\xd8\xff\xda\x00\x02" + filling * (8_000_000 // len(filling))) <= 10_000
    assert time.process_time() - began < 1


def test_the_size_is_the_one_that_the_decoder_goes_by() -> None:
    jpeg = cv2.imencode(".jpg", np.full((1200, 900), 255, np.uint8))[1].tobytes()
    for lone in (b"\xff\x01", b"\xff\xd0", b"\xff\xff", b"rubbish"):  # without a length: the decoder skips them
        assert declared_size(jpeg[:2] + lone + jpeg[2:]) == ImageSize(900, 1200)
    small_frame = b"\xff\xc0\x00\x11\x08\x00\x08\x00\x08\x03" + bytes(9)
    comment = b"\xff\xfe" + (len(small_frame) + 2).to_bytes(2) + small_frame
    assert declared_size(jpeg[:2] + b"\xff\xd0" + comment + jpeg[2:]) == ImageSize(900, 1200)


@pytest.mark.parametrize("order", [1, -1])
def test_a_tiff_with_a_tag_twice_is_as_large_as_the_larger_says(order: int) -> None:
    image = np.full((300, 400), 255, np.uint8)
    tiff = bytearray(cv2.imencode(".tiff", image, [cv2.IMWRITE_TIFF_COMPRESSION, 1])[1].tobytes())
    start = int.from_bytes(tiff[4:8], "little")
    count = int.from_bytes(tiff[start : start + 2], "little")
    entries = [bytes(tiff[start + 2 + 12 * i : start + 14 + 12 * i]) for i in range(count)]
    small = [struct.pack("<HHII", tag, 4, 1, 8) for tag in (256, 257)]
    doubled = [entry for pair in zip(entries[:2], small, strict=True) for entry in pair[::order]]
    doubled += entries[2:]
    directory = struct.pack("<H", len(doubled)) + b"".join(doubled) + bytes(4)
    data = bytes(tiff[:4]) + struct.pack("<I", len(tiff)) + bytes(tiff[8:]) + directory
    assert declared_size(data) == ImageSize(400, 300)


@pytest.mark.parametrize(("module", "limit"), [("crnn.finder.finder", MOST_IMAGE_PIXELS), ("serve.app", 50_000_000)])
def test_the_limit_of_pixels_is_set_before_opencv_is_loaded(module: str, limit: int) -> None:
    watch = (
        "import os, sys, importlib.abc\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'cv2': print(os.environ.get('OPENCV_IO_MAX_IMAGE_PIXELS'))\n"
        "sys.meta_path.insert(0, Watch())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENCV_IO_MAX_IMAGE_PIXELS"}
    code = watch + f"import {module}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert said.stdout.splitlines()[0] == str(limit)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_larger_pictures_are_decoded_where_that_is_asked_for(form: str) -> None:
    phone = encode(Image.new("L", (8000, 6500), 255), form, **({"progressive": True} if form == "JPEG" else {}))
    with pytest.raises(ImageError, match="the most is 50,000,000"):
        decode_image(phone)
    assert decode_image(phone, max_pixels=108_000_000).shape == (6500, 8000)


def test_a_tiff_tells_its_size_in_the_usual_types_or_is_refused() -> None:
    tiff = bytearray(encode(Image.new("L", (40, 20)), "TIFF"))
    entry = int.from_bytes(tiff[4:8], "little") + 2  # the width, which stands first
    assert int.from_bytes(tiff[entry : entry + 2], "little") == 256
    exotic = bytearray(tiff)
    exotic[entry + 2] = 16  # eight bytes, which libtiff would read
    assert declared_size(bytes(exotic)) is None
    small = tiff[entry : entry + 8] + struct.pack("<I", 8)  # the same tag once more, as usual and harmless
    exotic[entry + 24 : entry + 36] = small
    assert declared_size(bytes(exotic)) is None
