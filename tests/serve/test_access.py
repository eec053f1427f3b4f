"""API keys, origins, rates, places and headers."""

import io
import threading
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from serve.middleware.ratelimit import RateLimit
from tests.serve.conftest import Server, png


def read(client: FlaskClient, **headers: str) -> int:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    data = {"image": (io.BytesIO(png("ab")), "a.png")}
    return client.post("/predict", data=data, headers=names).status_code


def test_with_keys_only_those_who_have_one_may_read(serve: Server) -> None:
    client = serve(api_keys="first,second")
    assert read(client) == 401
    assert read(client, X_API_Key="wrong") == 401
    assert read(client, X_API_Key="second") == 200
    assert read(client, Authorization="Bearer first") == 200
    assert read(client, X_API_Key="schlüssel") == 401


def test_with_keys_the_page_and_the_probes_stay_open(serve: Server) -> None:
    client = serve(api_keys="key")
    assert [client.get(path).status_code for path in ("/", "/docs", "/health", "/ready", "/openapi.json")] == [200] * 5
    assert [client.get(path).status_code for path in ("/metrics", "/api/v1/model")] == [401] * 2


def test_a_client_above_its_rate_is_told_when_to_come_again(serve: Server) -> None:
    client = serve(rate_per_minute=6, rate_burst=2)
    assert [read(client), read(client)] == [200, 200]
    refused = client.post("/predict")
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert client.get("/health").status_code == 200


def test_rates_are_counted_together_by_all_who_share_the_file(tmp_path: Path) -> None:
    first, second = (RateLimit(tmp_path / "clients.sqlite", per_minute=60, burst=3) for _ in range(2))
    assert [limit.wait("a") for limit in (first, second, first)] == [0, 0, 0]
    assert 0 < second.wait("a") <= 1
    assert second.wait("b") == 0


def test_pages_of_other_sites_may_not_call(client: FlaskClient) -> None:
    assert read(client, Origin="http://elsewhere.example") == 403
    assert read(client, Origin="null") == 403
    assert read(client, Origin="http://localhost") == 200


def test_pages_of_configured_sites_may(serve: Server) -> None:
    client = serve(cors_origins="https://ours.example")
    assert read(client, Origin="https://ours.example") == 200
    preflight = client.options("/api/v1/ocr", headers={"Origin": "https://ours.example"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://ours.example"
    assert "Access-Control-Allow-Origin" not in client.get("/health", headers={"Origin": "https://x.example"}).headers


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://a]b", "//", "\x00"])
def test_an_origin_that_is_none_is_refused(client: FlaskClient, origin: str) -> None:
    assert read(client, Origin=origin) == 403


def test_a_local_server_has_no_other_names(client: FlaskClient) -> None:
    """Another site's page may have its own name point here: then its origin and the host agree."""
    for host in ("localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "LOCALHOST"):
        assert read(client, Host=host) == 200
    for host in ("evil.example", "evil.example:5000", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        assert read(client, Host=host, Origin=f"http://{host}") == 403
        assert client.get("/metrics", headers={"Host": host}).status_code == 403
        assert client.get("/health", headers={"Host": host}).status_code == 200


def test_a_server_in_the_network_answers_to_the_names_it_is_given(serve: Server) -> None:
    named = serve(host="0.0.0.0", public=1, allowed_hosts="ocr.example, other.example")
    assert [read(named, Host=host) for host in ("ocr.example", "Other.Example:8080", "evil.example")] == [200, 200, 403]
    assert read(serve(host="0.0.0.0", public=1), Host="anything.example") == 200
    assert read(serve(trusted_proxies=1), Host="anything.example") == 200


def test_a_key_has_one_allowance_whichever_header_it_comes_in(serve: Server) -> None:
    client = serve(api_keys="key", rate_per_minute=6, rate_burst=2)
    assert [read(client, X_API_Key="key"), read(client, Authorization="Bearer key")] == [200, 200]
    assert [read(client, X_API_Key="key"), read(client, Authorization="Bearer key")] == [429, 429]


def test_every_answer_carries_safe_headers(client: FlaskClient) -> None:
    for path in ("/", "/nothing", "/health"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_full_server_refuses_with_429_and_frees_its_places(serve: Server) -> None:
    client = serve(max_pending=1)
    app, entered, go_on = client.application, threading.Event(), threading.Event()
    service = app.extensions["ocr"]
    read_really = service.read

    def read_slowly(*arguments: object) -> object:
        entered.set()
        assert go_on.wait(10)
        return read_really(*arguments)

    service.read = read_slowly
    statuses: list[int] = []
    slow = threading.Thread(target=lambda: statuses.append(read(app.test_client())))
    slow.start()
    assert entered.wait(10)
    refused, umi = client.post("/predict"), client.post("/api/ocr")
    go_on.set()
    slow.join()
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "queue_full")
    assert refused.headers["Retry-After"] == "1"
    assert (umi.status_code, umi.json["code"]) == (429, 429)
    assert statuses == [200]
    assert read(client) == 200
