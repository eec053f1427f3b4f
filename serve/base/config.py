"""Every setting of the server, from `OCR_…` environment variables."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crnn.core.cpus import available_cpus
from crnn.core.errors import UserError
from crnn.core.reading import RETRY_BELOW
from crnn.core.shipped import DEFAULT_FINDER, DEFAULT_LANGUAGE_MODEL, DEFAULT_MODEL

PREFIX = "OCR_"
MEGA = 1_000_000


@dataclass(frozen=True)
class ServeConfig:
    """Settings of the server; each is set by the variable `OCR_` + its name in capitals.

    Attributes:
        model: the .onnx file to serve; empty for the shipped one.
        finder: the .onnx file that finds the lines of a page; empty for the shipped one.
        language_model: the file for beam search, the shipped one or one made with `make lm`; empty for none.
        state_dir: folder for what is kept between requests (cache, corrections, the last good model); empty for the
            default. If it cannot be written, the server still reads, without these.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        public: 1 lets a server without keys listen where others can reach it; 0 refuses to start so.
        workers: number of processes, each on its own core; 0 for one on each core of the container.
        max_batch: most lines of one width that are read together; 1 reads line by line.
        unsure: lines with a character less probable than this are read again, twice at most; 0 reads each line once.
        max_delay_ms: a line waits at most this long for its turn while fuller batches go first.
        max_pending: most requests in a worker (arriving, waiting or being read); others are refused with 429.
        max_queued_lines: most lines in a worker; a request that would exceed them is refused with 429.
        deadline_ms: longest time to answer, milliseconds; a request may ask for less, never for more.
        patience_seconds: how long a client may take for its headers, pause in its body, or leave its answer waiting.
        max_bytes: most bytes of one picture.
        max_pixels: most pixels of one picture (a photo of 24 megapixels passes).
        max_lines: most lines read in one picture.
        max_batch_images: most pictures in one batch request.
        document_bytes: most bytes of one document.
        sync_pages: most pages of a document that is read while its client waits; longer ones become jobs.
        jobs: most documents that wait or are read as jobs; others are refused with 429.
        job_pages: most pages of one document.
        job_bytes: most bytes on disk for the documents and results of all jobs.
        job_hours: hours after which a job is deleted with its document and its result.
        cache_mb: megabytes of results kept, shared by the workers; 0 for no cache.
        api_keys: keys that clients must send, comma-separated; empty for an open service.
        rate_per_minute: OCR requests that a client may make in a minute; 0 for no limit.
        rate_burst: requests that a client may make at once before the rate counts.
        trusted_proxies: number of reverse proxies in front of the server, whose X-Forwarded-For is trusted.
        cors_origins: comma-separated origins of other sites' pages that may call the API; empty for none.
        allowed_hosts: comma-separated names under which the server may be addressed, without ports; empty for any name,
            or, where it listens on this machine alone and no proxy is trusted, for this machine's addresses.
        corrections_limit: most corrections kept.
        corrections_mb: most megabytes of corrections kept.
        watch_seconds: how often a worker looks for a changed file of these models or a SIGHUP; 0 for never.
    """

    model: str = ""
    finder: str = ""
    language_model: str = str(DEFAULT_LANGUAGE_MODEL)
    state_dir: str = "artifacts/serve"
    host: str = "127.0.0.1"
    port: int = 5000
    public: int = 0
    workers: int = 0
    max_batch: int = 8
    unsure: float = RETRY_BELOW
    max_delay_ms: int = 50
    max_pending: int = 96
    max_queued_lines: int = 600
    deadline_ms: int = 10_000
    patience_seconds: float = 10.0
    max_bytes: int = 16 * MEGA
    max_pixels: int = 25 * MEGA
    max_lines: int = 500
    max_batch_images: int = 32
    document_bytes: int = 64 * MEGA
    sync_pages: int = 4
    jobs: int = 100
    job_pages: int = 2000
    job_bytes: int = 2000 * MEGA
    job_hours: float = 24.0
    cache_mb: int = 256
    api_keys: str = ""
    rate_per_minute: int = 0
    rate_burst: int = 20
    trusted_proxies: int = 0
    cors_origins: str = ""
    allowed_hosts: str = ""
    corrections_limit: int = 100_000
    corrections_mb: int = 1000
    watch_seconds: float = 1.0

    def __post_init__(self) -> None:
        at_least_one = (
            "max_batch",
            "max_pending",
            "max_queued_lines",
            "deadline_ms",
            "patience_seconds",
            "max_bytes",
            "max_pixels",
            "max_lines",
            "max_batch_images",
            "document_bytes",
            "sync_pages",
            "job_pages",
            "rate_burst",
        )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            least = 1 if field.name in at_least_one else 0
            if isinstance(value, int | float) and value < least:
                raise UserError(f"{PREFIX}{field.name.upper()}={value}: must be at least {least}")
        if self.port > 65_535:
            raise UserError(f"{PREFIX}PORT={self.port}: a port is at most 65535")
        if not (self.is_loopback or self.keys or self.public):
            raise UserError(
                f"{PREFIX}HOST={self.host}: others would reach a server that asks for no key; "
                f"set {PREFIX}API_KEYS=SECRET, or {PREFIX}PUBLIC=1 to serve anybody"
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ServeConfig:
        """Settings of `environment`; what is not set keeps its default.

        Raises:
            UserError: an `OCR_…` variable that is no setting, or a value of the wrong kind.
        """
        kinds: dict[str, Callable[[str], object]] = {
            field.name: type(getattr(cls, field.name)) for field in dataclasses.fields(cls)
        }
        values: dict[str, object] = {}
        for variable, text in environment.items():
            if not variable.startswith(PREFIX):
                continue
            name = variable.removeprefix(PREFIX).lower()
            if name not in kinds:
                known = ", ".join(PREFIX + known.upper() for known in kinds)
                raise UserError(f"unknown setting {variable}: the settings are {known}")
            if name in ("state_dir", "host") and not text.strip():
                continue  # empty would mean the current folder, or every interface: nobody asks for those so
            try:
                values[name] = kinds[name](text)
            except ValueError:
                raise UserError(f"{variable}={text!r}: expected a number") from None
        return cls(**values)  # type: ignore[arg-type]

    @property
    def state(self) -> Path:
        return Path(self.state_dir)

    @property
    def model_file(self) -> Path:
        return Path(self.model) if self.model else DEFAULT_MODEL

    @property
    def finder_file(self) -> Path:
        return Path(self.finder) if self.finder else DEFAULT_FINDER

    @property
    def language_model_file(self) -> Path | None:
        return Path(self.language_model) if self.language_model else None

    @property
    def worker_count(self) -> int:
        return self.workers or available_cpus()

    @property
    def is_loopback(self) -> bool:
        """Whether it listens on this machine alone."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key.strip() for key in self.api_keys.split(",") if key.strip())

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(host.strip().lower() for host in self.allowed_hosts.split(",") if host.strip())

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip())
