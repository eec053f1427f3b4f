"""Settings of gunicorn: as many workers as cores, each pinned to its own, each with its own model.

gunicorn reads this file as a module. Threads wait for the network and for results; one thread of each worker reads.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import logging.config
import os
import resource
import signal
import sys
from types import FrameType
from typing import Any

from serve.base.config import ServeConfig
from serve.base.logs import CONFIG
from serve.base.reload import ask_reload
from serve.base.shared_figures import forget, make_folder, remove_folder, reserve, shared_memory

_config = ServeConfig.from_environment()

# Threads for what is not counted, such as /health, while as many read as may.
SPARE_THREADS = 16
DESCRIPTORS = 8192  # as many as the system lets us have, up to this number; often the limit is set low for the old days
# Threads of a worker share one interpreter lock. The reader needs it for a moment between two lines and must not
# wait for the default of 5 ms, which is longer than a line takes.
SWITCH_SECONDS = 0.0005

wsgi_app = "serve.app:create_app()"
bind = f"{_config.host}:{_config.port}"
workers = _config.worker_count
worker_class = "serve.process.worker.WholeRequestWorker"
threads = _config.max_pending + SPARE_THREADS
worker_connections = 2000
keepalive = 15
timeout = 120  # seconds a worker may be silent; loading libraries on a crowded machine counts too
graceful_timeout = _config.deadline_ms // 1000 + 5
worker_tmp_dir = shared_memory()  # the heartbeat must not wait for a disk
control_socket_disable = True
logging.config.dictConfig(CONFIG)  # for our own lines, on standard output; gunicorn's go to standard error

_cores = sorted(os.sched_getaffinity(0))


def on_starting(server: Any) -> None:
    """On SIGHUP reload the model instead of gunicorn."""
    server.handle_hup = lambda: ask_reload(_config.state)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def when_ready(server: Any) -> None:
    """The port is ours, and no worker is there yet: make the folder in which they share their figures."""
    make_folder()


def on_exit(server: Any) -> None:
    """Leave nothing in shared memory."""
    remove_folder()


def pre_fork(server: Any, worker: Any) -> None:
    """Give the new worker the lowest place that no living worker holds."""
    taken = {other.place for other in server.WORKERS.values()}
    worker.place = next(place for place in range(len(taken) + 1) if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Pin the worker to its core, before any library counts cores; until it has handlers of its own, signals end it."""
    # The parent's handlers, inherited, would only note a SIGTERM in a queue that nobody reads here.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(OSError):  # the core may have been taken from us since; a worker must start all the same
        os.sched_setaffinity(0, {_cores[worker.place % len(_cores)]})
    reserve()
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
    with contextlib.suppress(OSError):  # which would end the server
        forget(worker.pid)
