"""Forms: our short parser says what Werkzeug's says, or leaves the form to it."""

import io

import pytest
from flask import Request
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.formparser import FormDataParser
from werkzeug.test import EnvironBuilder

from serve.base.errors import RequestError, UnsupportedType
from serve.routes.multipart import MOST_BYTES, Form, form_of, read_plainly
from tests.load.client import BOUNDARY, multipart

PICTURE = b"\x89PNG\r\n\x1a\n\0\r\n--\xff\r\r\n"
# What forms are made of, and what nearly is.
PIECES = [
    b"--B", b"--B--", b"\r\n--B\r\n", b"\r\n--B--\r\n", b"--B\r\n", b"\r\n", b"\r", b"\n", b" ", b"--", b"-",
    b"\r\n\r\n",
    b"\n--B\n", b'Content-Disposition: form-data; name="image"; filename="a b.png"', b'"', b";", b"\\", b"%22", b"\xe4",
    b'Content-Disposition: form-data; name="options"', b'content-disposition: form-data; name="file"', b"{}", b"a",
    b"\r\nContent-Type: image/png", b"\r\nContent-Type: text/plain; charset=iso-8859-1", "中".encode(), b"\0",
    b'Content-Disposition: form-data; name="image"; filename=""', b"Content-Disposition: form-data; name=options",
    b'Content-Disposition: form-data; name="x"; filename*=utf-8\'\'a', b"\r\nX-Other: 1", b"\x0b", b"\x85",
]  # fmt: skip


def by_werkzeug(body: bytes) -> Form:
    parser = FormDataParser(lambda **_: io.BytesIO(), 2 * MOST_BYTES, max_form_parts=1000)
    _, fields, files = parser.parse(io.BytesIO(body), "multipart/form-data", len(body), {"boundary": "B"})
    given = list(files.items(multi=True))
    return Form(
        [(name, file.read()) for name, file in given], fields.to_dict(), [file.filename or "" for _, file in given]
    )


@st.composite
def nearly_forms(draw: st.DrawFn) -> bytes:
    """Forms as they should be, but for what stands where a part's name, head or content should."""
    piece = st.one_of(st.just(b""), st.sampled_from(PIECES), st.binary(max_size=4))
    body = b""
    for _ in range(draw(st.integers(0, 3))):
        name, file = draw(st.sampled_from([b"image", b"file", b"options", b"a-b.c"])), draw(st.booleans())
        head = b'Content-Disposition: form-data; name="%s"' % (name + draw(piece) if draw(st.booleans()) else name)
        head += b'; filename="%s"' % draw(piece) if file else b""
        head += draw(st.sampled_from([b"", b"\r\nContent-Type: image/png", b"\r\nA: b"]))
        content = b"".join(draw(st.lists(piece, max_size=4)))
        body += b"--B\r\n%s\r\n\r\n%s\r\n" % (head, content)
    return body + draw(st.sampled_from([b"--B--\r\n", b"--B--", b"--B-", b"--B", b"--B--\n", b"--B--a"]))


@given(st.one_of(nearly_forms(), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)))
@example(b'--B\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + PICTURE + b"\r\n--B--\r\n")
@example(b'--B\r\nContent-Disposition: form-data; name="options"\r\n\r\n\xff{}\r\n--B--')
@example(b"--B--\r\n")
def test_says_what_werkzeug_says(body: bytes) -> None:
    form = read_plainly(body, b"B")
    assert form is None or form == by_werkzeug(body)


def test_understands_what_programs_send() -> None:
    body = multipart(PICTURE).partition(b"\r\n\r\n")[2]
    assert read_plainly(body, BOUNDARY) == Form([("image", PICTURE)], {"options": '{"layout": "line"}'}, ["line.png"])
    browser = (
        b'--B\r\nContent-Disposition: form-data; name="image"; filename="my scan (1).png"\r\n'
        b"Content-Type: image/png\r\n\r\n"
        + PICTURE
        + b'\r\n--B\r\nContent-Disposition: form-data; name="options"\r\n\r\n'
        b"{}\r\n--B--\r\n"
    )
    read = read_plainly(browser, b"B")
    assert read == Form([("image", PICTURE)], {"options": "{}"}, ["my scan (1).png"]) == by_werkzeug(browser)


@pytest.mark.parametrize("name", ["scan.png", "扫描.png"])
@pytest.mark.parametrize("size", [10, MOST_BYTES])
def test_a_form_reads_alike_in_both_ways(name: str, size: int) -> None:
    data = {"image": (io.BytesIO(PICTURE + b"x" * size), name), "options": ["{}", "other"]}
    with Request(EnvironBuilder(method="POST", data=data).get_environ()) as request:
        assert form_of(request) == Form([("image", PICTURE + b"x" * size)], {"options": "{}"}, [name])
        assert form_of(request) is form_of(request)


def test_a_form_that_breaks_off_is_refused_as_such() -> None:
    builder = EnvironBuilder(method="POST", data={"options": "{}"}, content_type="multipart/form-data")
    environ = builder.get_environ()
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read()[:-5])
    with pytest.raises(RequestError, match="damaged or cut short"):
        form_of(Request({**environ, "wsgi.input_terminated": True}))


@pytest.mark.parametrize("encoding", ["gbk", "shift_jis", "latin-1", "utf-8"])
@pytest.mark.parametrize("size", [10, MOST_BYTES])
@pytest.mark.parametrize("more", [b"", b"\r\nX-Other: 1"])
def test_file_names_come_in_any_encoding(encoding: str, size: int, more: bytes) -> None:
    name = "表\u6e2c表" if encoding != "latin-1" else "Prüfung"  # in Shift-JIS it ends like a backslash
    name_bytes = name.encode(encoding, "ignore")
    head = b'--ab\r\nContent-Disposition: form-data; name="image"; filename="' + name_bytes + b'"' + more + b"\r\n\r\n"
    body = head + PICTURE + b"x" * size + b"\r\n--ab--\r\n"
    environ = EnvironBuilder(method="POST", data=body, content_type="multipart/form-data; boundary=ab").get_environ()
    read = form_of(Request(environ))
    assert read is not None and read.files == [("image", PICTURE + b"x" * size)]
    assert read.file_names == [name if encoding == "utf-8" else "file"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--ab--\r\n"),
        ("multipart/form-data; boundary=ab", b"--cd\r\n\r\nx\r\n--cd--\r\n"),
        ("multipart/form-data; boundary=ab", b"--ab\r\nno head\r\n\r\nx\r\n--ab--\r\n"),
        ("multipart/form-data; boundary=ab", b"--ab\r\n" + b"x" * 1000),
    ],
)
def test_a_damaged_form_is_called_so(kind: str, body: bytes) -> None:
    with pytest.raises(RequestError) as refusal:
        form_of(Request(EnvironBuilder(method="POST", data=body, content_type=kind).get_environ()))
    assert refusal.value.code == "bad_form"


def test_what_is_no_form_is_json_or_refused() -> None:
    assert form_of(Request(EnvironBuilder(method="POST", json={}).get_environ())) is None
    with pytest.raises(UnsupportedType):
        form_of(Request(EnvironBuilder(method="POST", data="text").get_environ()))
