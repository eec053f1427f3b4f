"""Has the pages of jobs read, one after the other, by a process that gives way to the worker that looks after it."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

from serve.base.errors import NotReady, RequestError, TooBusy
from serve.engine.job_file import DOCUMENT, Claim
from serve.engine.job_queue import LEASE_SECONDS, JobQueue
from serve.engine.options import Options
from serve.engine.patience import Draining, Patience

if TYPE_CHECKING:
    from serve.engine.documents import Documents

log = logging.getLogger("serve.engine.job_reader")

POLL_SECONDS = 0.5  # how often a worker without a page looks for one
SWEEP_SECONDS = 60.0
PAGE_SECONDS = 86_400.0  # for a page: what it may take of the processor is bounded, requests may be in its way
COMPLAIN_SECONDS = 60.0


class JobReader:
    """The thread that has pages of jobs read, one after the other, and one that keeps their leases."""

    def __init__(self, store: JobQueue, documents: Documents, draining: Draining) -> None:
        self._store, self._documents, self._draining = store, documents, draining
        self._holder = f"{os.getpid()}-{time.time_ns()}"
        self._closed, self._woken = threading.Event(), threading.Event()
        self._claim: Claim | None = None
        self._lost = False
        self._complained = self._swept = 0.0
        self._threads = [
            threading.Thread(target=self._run, name="job-reader", daemon=True),
            threading.Thread(target=self._renew, name="job-lease", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """A job has come."""
        self._woken.set()

    def close(self) -> None:
        """Give back the page that is being read, and end."""
        self._closed.set()
        self._woken.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._closed.is_set() and not self._draining.is_set():
            try:
                claim = self._store.claim(self._holder)
                if claim is not None:
                    self._read(claim)
                    continue
                if time.monotonic() - self._swept > SWEEP_SECONDS:
                    self._swept = time.monotonic()
                    self._store.sweep()
            except Exception as error:  # whatever it was, the next page is to be read
                self._complain(error)
                self._closed.wait(POLL_SECONDS)
            self._woken.wait(POLL_SECONDS)
            self._woken.clear()

    def _read(self, claim: Claim) -> None:
        started = time.monotonic()
        self._lost = False
        self._claim = claim
        told: dict[str, Any] = {"job": claim.job.id, "request_id": claim.job.request_id, "page": claim.number}
        try:
            page = self._read_page(claim)
        except (NotReady, TooBusy) as error:
            self._store.release(claim)
            log.info({"event": "job_page_given_back", **told, "reason": error.message})
            self._closed.wait(POLL_SECONDS)
        except RequestError as error:
            if error.code == "bad_document":
                self._store.fail(claim, error.message)
            log.warning({"event": "job_page_not_read", **told, "reason": error.message})
        else:
            seconds = time.monotonic() - started
            stored = self._store.store(claim, page, seconds)
            log.info({"event": "job_page", **told, "ms": round(seconds * 1000, 1), "stored": stored})
        finally:
            self._claim = None

    def _read_page(self, claim: Claim) -> bytes:
        options = Options(**claim.job.options)
        patience = Patience(PAGE_SECONDS, self._wanted, self._draining)
        document = self._store.folder(claim.job.id) / DOCUMENT
        return self._documents.read_in_background(document, claim.number, options, patience)

    def _wanted(self) -> bool:
        if self._closed.is_set():
            raise NotReady("the server is shutting down", code="draining")
        return not self._lost

    def _renew(self) -> None:
        while not self._closed.wait(LEASE_SECONDS / 3):
            claim = self._claim
            try:
                if claim is not None and not self._store.renew(claim):
                    self._lost = claim is self._claim
            except (sqlite3.Error, OSError) as error:
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Say now and then what is wrong: a disk that is full stays so for a while."""
        if time.monotonic() - self._complained > COMPLAIN_SECONDS:
            self._complained = time.monotonic()
            log.error({"event": "jobs_failed", "reason": f"{type(error).__name__}: {error}"}, exc_info=error)
