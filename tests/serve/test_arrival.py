"""Where a request ends: told from its bytes, however they come, or refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.base.errors import RequestError
from serve.process.arrival import LONGEST_HEAD, MOST_CHUNKS, Arrival, Request

LINE = b"POST /ocr?x=1 HTTP/1.1\r\nHost: localhost\r\n"
PLAIN = LINE + b"Content-Length: 4\r\n\r\nbody"
CHUNKED = LINE + b"Transfer-Encoding: chunked\r\nX: y\r\n\r\n2;a=b\r\nbo\r\n2\r\ndy\r\n0\r\nTrailer: z\r\n\r\n"


def arrival(most: int = 1000) -> Arrival:
    return Arrival(lambda path: most)


@given(st.lists(st.sampled_from([PLAIN, CHUNKED]), max_size=3), st.data())
def test_requests_in_pieces_are_those_in_one_piece(requests: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(requests)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    subject, taken = arrival(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        subject.feed(stream[begin:end])
        while (request := subject.take()) is not None:
            taken.append(request)
    assert [(request.method, request.path, request.body) for request in taken] == [("POST", "/ocr", b"body")] * len(
        requests
    )
    assert subject.size == 0


def test_a_chunked_body_gets_a_length() -> None:
    subject = arrival()
    subject.feed(CHUNKED)
    assert subject.take() == Request(LINE + b"Content-Length: 4\r\nX: y\r\n\r\n", "POST", "/ocr", b"body")


def test_no_length_is_no_body() -> None:
    subject = arrival()
    subject.feed(b"\r\nGET / HTTP/1.1\r\n\r\n")
    assert subject.take() == Request(b"GET / HTTP/1.1\r\n\r\n", "GET", "/", b"")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (LINE + b"Content-Length: " + b"9" * 4301 + b"\r\n\r\n", 400),
        (LINE + b"Content-Length: -1\r\n\r\n", 400),
        (LINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (LINE + b"Content-Length: \xb2\r\n\r\n", 400),
        (LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 400),
        (LINE + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", 400),
        (LINE + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (LINE + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbody\r\n", 400),
        (LINE + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 2000, 400),
        (LINE + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001, 413),
        (LINE + b"Content-Length: 1001\r\n\r\n", 413),
        (LINE + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
        (LINE + b"X: " + b"x" * LONGEST_HEAD, 431),
    ],
)
def test_what_is_no_request_is_refused_as_soon_as_it_shows(sent: bytes, status: int) -> None:
    subject = arrival()
    subject.feed(sent)
    with pytest.raises(RequestError) as refused:
        subject.take()
    assert refused.value.status == status


@given(st.binary(max_size=300), st.sampled_from([b"", LINE, LINE + b"Transfer-Encoding: chunked\r\n\r\n"]))
def test_whatever_comes_is_a_request_or_an_error_for_its_client(rubbish: bytes, before: bytes) -> None:
    subject = arrival()
    subject.feed(before + rubbish)
    with contextlib.suppress(RequestError):
        while subject.take() is not None:
            pass


def test_a_body_of_single_bytes_is_refused() -> None:
    subject = arrival(most=10 * MOST_CHUNKS)
    subject.feed(LINE + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (MOST_CHUNKS + 1))
    with pytest.raises(RequestError) as refused:
        subject.take()
    assert refused.value.code == "too_many_chunks"
