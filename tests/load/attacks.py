"""Requests made to cost much or to break something, for a soak; each goes over a connection of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from tests.image.test_decode import progressive_jpeg
from tests.load.client import Task, multipart

CASES = Path(__file__).parents[1] / "cases"
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
OPTIONS = '{"cache": false}'
DRIP_SECONDS = 1.0  # between two bytes of a slow header


def attacks() -> Iterator[Task]:
    """All of them in turn, without end."""
    return itertools.cycle([Task(request, hostile=True) for request in _requests()])


def _requests() -> list[bytes]:
    rng = np.random.default_rng(0)
    blank = np.full((5000, 5000), 255, np.uint8)
    noise = rng.integers(0, 256, (1500, 1500, 3)).astype(np.uint8)
    bomb, static = (cv2.imencode(".png", image)[1].tobytes() for image in (blank, noise))
    bands, zigzag = ((CASES / name).read_bytes() for name in ("bands1000.png", "zig2000.png"))
    pictures = [bands, zigzag, bomb, static, progressive_jpeg(3000, 10_000), static[: len(static) // 2]]
    batch = {"images": [base64.b64encode(bands).decode()] * 16, "options": {"deadline_ms": 500, "cache": False}}
    box = {"picture": base64.b64encode(bands).decode(), "box": [-1e6, -1e6, 1e9, 1e9], "text": "x"}
    return [
        *(multipart(picture, options=OPTIONS) for picture in pictures),
        HEAD + b"Content-Length: " + b"9" * 4301 + b"\r\n\r\n",
        HEAD + b"Content-Length: 99999999999\r\n\r\n" + bytes(100_000),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"186a0\r\n" + bytes(100_000) + b"\r\n") * 3 + b"0\r\n\r\n",
        HEAD + b"Origin: http://[\r\nContent-Length: 2\r\n\r\n{}",
        HEAD.replace(b"localhost", b"attacker.example") + b"Content-Length: 2\r\n\r\n{}",
        HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        _json("/predict", b'{"image": ' + b"9" * 500 + b"}"),
        _json("/predict", b"[" * 100_000),
        _json("/api/v1/ocr/batch", json.dumps(batch).encode()),
        _json("/api/v1/corrections", json.dumps(box).encode()),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.bytes(500) + b"\r\n\r\n",  # TLS where none is spoken
    ]


def _json(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def drip_headers(url: str, connections: int) -> None:
    """Hold so many connections open by a byte a second each, until it is cancelled; those closed are opened again."""
    address = urlsplit(url)

    async def drip() -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(address.hostname, address.port)
                try:
                    for byte in itertools.chain(HEAD + b"X-Slow: ", itertools.repeat(ord("x"))):
                        writer.write(bytes([byte]))
                        await writer.drain()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(reader.read(1), DRIP_SECONDS)
                            break  # answered, or closed
                finally:
                    writer.close()
            await asyncio.sleep(DRIP_SECONDS)

    await asyncio.gather(*(drip() for _ in range(connections)))
