"""Settings of gunicorn: as many workers as cores, each pinned to its own, each with its own model.

gunicorn reads this file as a module. Threads wait for the network and for results; one thread of each worker reads.
"""

from __future__ import annotations

import gc
import logging
import logging.config
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from serve.config import ServeConfig
from serve.logs import CONFIG
from serve.reload import ask_reload

_config = ServeConfig.from_environment()
_metrics = _config.state / "metrics"
# prometheus_client looks at it when it is imported, which the workers' application does later
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)

# A worker takes more connections than it has places, so that somebody is there to refuse what is too much.
SPARE_THREADS = 16
# Threads of a worker share one interpreter lock. The reader needs it for a moment between two lines and must not
# wait for the default of 5 ms, which is longer than a line takes.
SWITCH_SECONDS = 0.0005

wsgi_app = "serve.app:create_app()"
bind = f"{_config.host}:{_config.port}"
workers = _config.worker_count
worker_class = "serve.worker.RefusingWorker"
threads = _config.max_pending + SPARE_THREADS
worker_connections = 2000
keepalive = 15
timeout = 120  # seconds a worker may be silent; loading libraries on a crowded machine counts too
graceful_timeout = _config.deadline_ms // 1000 + 5
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # the heartbeat must not wait for a disk
control_socket_disable = True
logging.config.dictConfig(CONFIG)  # for our own lines, on standard output; gunicorn's go to standard error

_cores = sorted(os.sched_getaffinity(0))


def on_starting(server: Any) -> None:
    """Begin with empty figures, and on SIGHUP reload the model instead of gunicorn."""
    shutil.rmtree(_metrics, ignore_errors=True)
    _metrics.mkdir(parents=True)
    server.handle_hup = lambda: ask_reload(_config.state)


def when_ready(server: Any) -> None:
    """Let the kernel hold new connections until their request has come, so that no thread waits for it."""
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        for listener in server.LISTENERS:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)


def pre_fork(server: Any, worker: Any) -> None:
    """Give the new worker the lowest place that no living worker holds."""
    taken = {other.place for other in server.WORKERS.values()}
    worker.place = next(place for place in range(len(taken) + 1) if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Pin the worker to its core, before any library counts cores; until it has handlers of its own, signals end it."""
    # The parent's handlers, inherited, would only note a SIGTERM in a queue that nobody reads here.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    os.sched_setaffinity(0, {_cores[worker.place % len(_cores)]})
    sys.setswitchinterval(SWITCH_SECONDS)


def post_worker_init(worker: Any) -> None:
    """The worker's model is loaded: say so, the address once, and let /ready know when the worker is told to stop."""
    gc.freeze()  # what is loaded by now stays: the collector need not look through it again and again
    draining = worker.wsgi.extensions["ocr_draining"]
    stop = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        draining.set()
        stop(number, frame)  # type: ignore[operator,misc]

    signal.signal(signal.SIGTERM, drain)
    log = logging.getLogger("serve")
    if worker.age == 1:
        host, port = worker.sockets[0].getsockname()[:2]
        log.info({"event": "ready", "address": f"http://{host}:{port}", "workers": workers})
    log.info({"event": "worker_ready", "worker": worker.pid})


def worker_exit(server: Any, worker: Any) -> None:
    """Read what is still queued, then end."""
    if worker.wsgi is not None:
        worker.wsgi.extensions["ocr"].close()


def child_exit(server: Any, worker: Any) -> None:
    """Take the ended worker's gauges out of the figures; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)
