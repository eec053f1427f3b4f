"""What a request can fail with: one class a status code."""

from __future__ import annotations

BUSY = "the server is busy: try again in a moment"


class RequestError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        code: short name for programs.
        message: one sentence for people.
        retry_after: seconds after which to try again, or None.
    """

    status = 400
    code = "bad_request"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.retry_after = retry_after

    def body(self) -> dict[str, object]:
        """The JSON that every error is sent as."""
        return {"status": "error", "error": {"code": self.code, "message": self.message}}


class Unauthorized(RequestError):
    status, code = 401, "unauthorized"


class Forbidden(RequestError):
    status, code = 403, "forbidden"


class NotFound(RequestError):
    status, code = 404, "not_found"


class Conflict(RequestError):
    status, code = 409, "not_done"


class TooLarge(RequestError):
    status, code = 413, "too_large"


class UnsupportedType(RequestError):
    status, code = 415, "unsupported_type"


class BadOptions(RequestError):
    status, code = 422, "bad_options"


class TooBusy(RequestError):
    status, code = 429, "queue_full"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, code=code, retry_after=retry_after)


class ClientGone(RequestError):
    """Nobody is there to be answered; 499 is nginx's number for it, so that it does not count as a server's
    error.
    """

    status, code = 499, "client_gone"


class InternalError(RequestError):
    """What nobody foresaw; whoever makes one logs the cause."""

    status, code = 500, "internal"

    def __init__(self) -> None:
        super().__init__("the server made a mistake: its log tells more")


class NotReady(RequestError):
    status, code = 503, "not_ready"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, code=code, retry_after=retry_after)


class DeadlinePassed(RequestError):
    status, code = 504, "deadline_passed"


class StorageFull(RequestError):
    status, code = 507, "storage_full"
