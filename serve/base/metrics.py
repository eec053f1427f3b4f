"""Figures of the server in Prometheus's form.

Under gunicorn each worker writes its figures to files of a common folder (`serve.base.shared_figures`), and whichever
worker is asked adds them up.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from serve.base.shared_figures import VARIABLE

log = logging.getLogger("serve.base.metrics")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Collected(Collector):
    """A figure that was worked out somewhere else."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        yield self._metric


class Metrics:
    """Counters and histograms of one application."""

    def __init__(self) -> None:
        # Labels are few, and prometheus_client takes longer to look them up than to count.
        self._labeled = cache(lambda metric, *labels: metric.labels(*labels))
        self._registry = CollectorRegistry()
        r = self._registry
        self._requests = Counter("ocr_requests", "Requests answered", ["route", "status"], registry=r)
        self._seconds = Histogram("ocr_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=r)
        self._stages = Histogram("ocr_stage_seconds", "Time per stage", ["stage"], buckets=SECONDS, registry=r)
        self._batch = Histogram("ocr_batch_lines", "Lines read together", buckets=(1, 2, 4, 8, 16, 32), registry=r)
        self._cache = Counter("ocr_cache", "Look-ups in the cache", ["outcome"], registry=r)
        self._rejects = Counter("ocr_rejects", "Requests refused", ["code"], registry=r)
        self._reloads = Counter("ocr_model_reloads", "Attempts to replace the model", ["outcome"], registry=r)
        self._lines = Counter("ocr_lines", "Lines read", registry=r)
        self._depth = Gauge("ocr_queue_lines", "Lines waiting", multiprocess_mode="livesum", registry=r)
        self._pending = Gauge("ocr_pending_requests", "OCR requests held", multiprocess_mode="livesum", registry=r)

    def request(self, route: str, status: int, seconds: float) -> None:
        self._labeled(self._requests, route, str(status)).inc()
        self._labeled(self._seconds, route).observe(seconds)

    def reject(self, code: str, requests: int = 1) -> None:
        self._rejects.labels(code).inc(requests)

    def cache(self, *, hit: bool) -> None:
        self._labeled(self._cache, "hit" if hit else "miss").inc()

    def reload(self, outcome: str) -> None:
        self._reloads.labels(outcome).inc()

    def batch(self, waits: Sequence[float], seconds: float) -> None:
        """A batch was read: the seconds each of its lines waited, and the seconds reading took."""
        self._batch.observe(len(waits))
        self._lines.inc(len(waits))
        self._labeled(self._stages, "read").observe(seconds)
        for wait in waits:
            self._labeled(self._stages, "queue").observe(wait)

    def held(self, requests: int) -> None:
        self._pending.set(requests)

    def queued(self, lines: int) -> None:
        self._depth.set(lines)

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Times what happens inside as stage `name`."""
        timer: AbstractContextManager[object] = self._labeled(self._stages, name).time()
        return timer

    def exposition(self, job_pages: int = 0) -> bytes:
        """All figures of all workers as text; of this one alone where they cannot be shared.

        Args:
            job_pages: of all jobs, still to be read; they are in a queue that the workers share.
        """
        jobs = GaugeMetricFamily("ocr_job_pages", "Pages of jobs still to be read", value=job_pages)
        registry = CollectorRegistry()
        registry.register(_Collected(jobs))
        return self._figures() + generate_latest(registry)

    def _figures(self) -> bytes:
        if folder := os.environ.get(VARIABLE):
            try:
                registry = CollectorRegistry()
                MultiProcessCollector(registry, path=folder)
                return generate_latest(registry)
            except (OSError, ValueError, RuntimeError) as error:  # somebody has taken files away
                log.warning({"event": "figures_not_shared", "reason": str(error)})
        return generate_latest(self._registry)
