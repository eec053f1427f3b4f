"""What load is made of: pictures, and requests without end. Draws its own, so that nothing need be downloaded."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import uvloop

from tests.load.attacks import attacks, drip_headers
from tests.load.client import Report, Task, closed_loop, multipart
from tests.serve.running import RunningServer, memory, open_files

WORDS = [
    "invoice",
    "total",
    "amount",
    "order",
    "2026-11-22",
    "No.",
    "40,318.50",
    "ship",
    "to",
    "name",
    "date",
    "tax",
    "paid",
    "INV-7731",
    "page",
]
PARTS = 10  # of a soak, after each of which memory and descriptors are looked at
SLOW_CONNECTIONS = 50  # held open by headers that come a byte at a time, while there are attacks
WARM_UP = 80  # pages before it: a worker's memory grows over its first forty, and then no more


def lines(folder: Path | None) -> list[bytes]:
    """Encoded line pictures: those of `folder`, or 500 that are drawn."""
    if folder is not None:
        return images(folder)
    rng, drawn = random.Random(1), []
    for _ in range(500):
        text = " ".join(rng.choices(WORDS, k=rng.randint(2, 5)))
        image = np.full((44, 24 + 17 * len(text)), 255, np.uint8)
        cv2.putText(image, text, (10, 31), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2, cv2.LINE_AA)
        drawn.append(cv2.imencode(".png", image)[1].tobytes())
    return drawn


def images(folder: Path) -> list[bytes]:
    """The encoded pictures in `folder` and below."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    return [path.read_bytes() for path in found]


def tasks(pictures: list[bytes], cached: bool) -> Iterator[Task]:
    """Requests without end; where the cache is not meant to help, it is not asked."""
    options = '{"layout": "line"}' if cached else '{"layout": "line", "cache": false}'
    return itertools.cycle([Task(multipart(picture, options=options)) for picture in pictures])


def mixed(pictures: list[bytes], hostile: float = 0.0) -> Iterator[Task]:
    """What people send all day: mostly lines, the same ones again and again, some whole pages, some rubbish.

    Args:
        hostile: share of the requests that are attacks.
    """
    rng, page_tasks, hostile_tasks = random.Random(3), pages(), attacks()
    line_tasks = tasks(pictures, cached=True)
    while True:
        kind = rng.random()
        if rng.random() < hostile:
            yield next(hostile_tasks)
        elif kind < 0.05:
            yield next(page_tasks)
        elif kind < 0.1:
            yield Task(multipart(rng.choice(pictures)[: rng.randint(0, 300)]))
        else:
            yield next(line_tasks)


def pages() -> Iterator[Task]:
    """Pages of twenty sizes, again and again."""
    return itertools.cycle([Task(multipart(page, options='{"cache": false}')) for page in drawn_pages()])


def drawn_pages() -> Iterator[bytes]:
    """Twenty of them, of different sizes."""
    rng = random.Random(4)
    return (_page(rng.randint(300, 2400), rng.randint(300, 2400)) for _ in range(20))


def _page(height: int, width: int) -> bytes:
    """An encoded page of twelve lines: each size makes the network take other pieces of memory."""
    page = np.full((900, 900), 255, np.uint8)
    for number in range(12):
        cv2.putText(page, " ".join(WORDS[number : 6 + number]), (40, 80 + 65 * number), 0, 1.0, 0, 2, cv2.LINE_AA)
    return cv2.imencode(".jpg", cv2.resize(page, (width, height)))[1].tobytes()


def soaked(
    server: RunningServer, pictures: list[bytes], seconds: float, hostile: float = 0.0
) -> Iterator[tuple[Report, float, int]]:
    """Mixed traffic from 8 clients, at most 40 requests a second, for `seconds`; after each tenth of it what was
    answered, and the workers' memory in MB and open files.

    Args:
        hostile: share of the requests that are attacks; with any, slow headers hold connections open all the while.
    """
    uvloop.run(closed_loop(server.url, itertools.islice(pages(), WARM_UP), 8, 600))
    work = mixed(pictures, hostile)
    for _ in range(PARTS):
        report = uvloop.run(_part(server.url, work, seconds / PARTS, SLOW_CONNECTIONS if hostile else 0))
        yield report, memory(server.workers()), open_files(server.workers())


async def _part(url: str, work: Iterator[Task], seconds: float, slow: int) -> Report:
    dripping = asyncio.create_task(drip_headers(url, slow))
    try:
        return await closed_loop(url, work, 8, seconds, patient=True, pause=0.2)
    finally:
        dripping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await dripping
