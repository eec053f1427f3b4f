"""What strangers send: damaged pictures, bombs, and whatever the schema of the API allows.

The numbers are small enough for every run; ROBUSTNESS_TESTS=full gives 10,000 pictures and 50 bombs.
"""

from __future__ import annotations

import io
import os
import random
import resource
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serve.conftest import Server, encode, line, png
from tests.serve.running import memory

pytestmark = pytest.mark.slow

FULL = os.environ.get("ROBUSTNESS_TESTS") == "full"
PICTURES = 10_000 if FULL else 600
BOMBS = 50 if FULL else 10
LETTERS = np.repeat(line("ab中")[:, :, None], 3, axis=2)
ACROSS = np.swapaxes(LETTERS, 0, 1)
# How a picture lies in the file for each orientation (EXIF 2.32, section 4.6.4): the tag says how to turn it back.
STORED = {
    1: LETTERS,
    2: LETTERS[:, ::-1],
    3: LETTERS[::-1, ::-1],
    4: LETTERS[::-1],
    5: ACROSS,
    6: ACROSS[::-1],
    7: ACROSS[::-1, ::-1],
    8: ACROSS[:, ::-1],
}

# Not among them: that whatever fits the schema is accepted. Made-up base64 is no picture.
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, depth: int, color: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bomb(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel: a few kilobytes that would decode to `width` × `height` bytes."""
    return png_of(width, height, 1, 0, zlib.compress(bytes(width // 8 + 1) * height, 9))


def with_exif(picture: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF block that says how to turn it."""
    tag = struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + tag + b"\0\0\0\0"
    return picture[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + picture[2:]


def damaged() -> Iterator[bytes]:
    """Pictures cut short, with bits flipped, and with another kind's magic bytes, without end."""
    wholes = [encode(LETTERS, extension) for extension in (".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif")]
    rng = random.Random(7)
    for whole in wholes:
        yield from (whole[:length] for length in range(0, len(whole), 64))
    while True:
        whole = bytearray(rng.choice(wholes))
        for _ in range(rng.choice((1, 8, 64))):
            whole[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.1:
            whole[:12] = rng.choice(wholes)[:12]
        yield bytes(whole)


def send(client: FlaskClient, picture: bytes) -> int:
    return client.post("/predict", data={"image": (io.BytesIO(picture), "x")}).status_code


def test_damaged_pictures_are_answered_and_leave_nothing_behind(client: FlaskClient) -> None:
    pictures = damaged()
    for _ in range(PICTURES // 4):  # libraries and pools take what they need
        send(client, next(pictures))
    before = memory([os.getpid()])
    statuses = {send(client, next(pictures)) for _ in range(PICTURES)}
    assert all(200 <= status < 300 or 400 <= status < 500 for status in statuses)
    assert memory([os.getpid()]) - before < 50
    assert send(client, png("ab")) == 200


def test_odd_but_whole_pictures(client: FlaskClient) -> None:
    gray = line("ab中")
    odd = {
        "zero bytes": b"",
        "1 × 65,535": encode(np.full((65_535, 1), 255, np.uint8)),
        "65,535 × 1": encode(np.full((1, 65_535), 255, np.uint8)),
        "65,535 × 8": encode(np.full((8, 65_535), 255, np.uint8)),
        "16 bit": encode(gray.astype(np.uint16) * 257),
        "alpha": encode(np.dstack([LETTERS, np.full(gray.shape, 255, np.uint8)])),
        "1 bit": png_of(64, 32, 1, 0, zlib.compress((b"\0" + b"\xff" * 8) * 32)),
        "no pixels": png_of(0, 0, 8, 0, zlib.compress(b"")),
        "float": encode(gray.astype(np.float32), ".tiff"),
    }
    statuses = {name: send(client, picture) for name, picture in odd.items()}
    assert all(status in (200, 400, 413, 415) for status in statuses.values()), statuses
    assert (statuses["16 bit"], statuses["alpha"], statuses["zero bytes"]) == (200, 200, 400)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_are_honored(client: FlaskClient, orientation: int) -> None:
    stored = np.ascontiguousarray(STORED[orientation])
    picture = with_exif(encode(stored, ".jpg"), orientation)
    reply = client.post("/predict", data={"image": (io.BytesIO(picture), "x.jpg")})
    assert reply.json == {"text": "ab中"}


def test_bombs_are_refused_before_they_are_decoded(client: FlaskClient) -> None:
    picture = bomb(20_000, 20_000)
    assert len(picture) < 100_000
    send(client, picture)
    before, seconds = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    for _ in range(BOMBS):
        began = time.process_time()  # of this process: what others do to the clock is not the server's fault
        assert send(client, picture) == 413
        seconds.append(time.process_time() - began)
    assert max(seconds) < 0.05
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 100


def test_whatever_the_schema_allows(serve: Server) -> None:
    """Requests made up from /openapi.json: no 5xx, and every answer as described."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", serve().application)
    tried = 0
    for result in schema.get_all_operations():

        @settings(max_examples=500 if FULL else 25, deadline=None, database=None, suppress_health_check=[*HealthCheck])
        @given(case=result.ok().as_strategy())
        def answers_as_described(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(checks=CHECKS)

        answers_as_described()
    assert tried > 100
