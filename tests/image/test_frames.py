"""How many pages or frames a picture has."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from crnn.image.frames import count_frames


def encode(frames: int, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    first, *others = [Image.fromarray(np.full((20, 40, 3), 40 * i, np.uint8)) for i in range(frames)]
    first.save(buffer, form, save_all=True, append_images=others, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_pages_and_frames_are_counted(form: str, frames: int) -> None:
    assert count_frames(encode(frames, form)) == frames


@pytest.mark.parametrize("form", ["JPEG", "BMP"])
def test_other_kinds_hold_one_picture(form: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20)).save(buffer, form)
    assert count_frames(buffer.getvalue()) == 1


def test_a_preview_is_no_page() -> None:
    preview, page = (
        Image.fromarray(np.full((20, 40), level, np.uint8)) for level in (0, 255)
    )  # as cameras and scanners add them
    buffer = io.BytesIO()
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    page.save(buffer, "TIFF", save_all=True, append_images=[preview])
    assert count_frames(buffer.getvalue()) == 1


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP", "PNG"])
def test_damage_is_harmless(form: str) -> None:
    rng, data = np.random.default_rng(0), encode(3, form)
    for _ in range(300):
        damaged = bytearray(data[: rng.integers(4, len(data) + 1)])
        for position in rng.integers(0, len(damaged), 4):
            damaged[position] = rng.integers(0, 256)
        assert count_frames(bytes(damaged)) >= 1


def test_chains_that_do_not_end_are_given_up() -> None:
    circle = b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0"
    many_blocks = b"GIF89a" + bytes(7) + b"\x21\xf9" + b"\x01a" * 8_000_000
    many_chunks = b"RIFF\0\0\0\0WEBP" + b"ANMF\0\0\0\0" * 2_000_000
    started = time.process_time()
    assert [count_frames(data) for data in (circle, many_blocks)] == [1, 1]
    assert count_frames(many_chunks) > 1000
    assert time.process_time() - started < 1
