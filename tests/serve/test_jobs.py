"""Documents that are read as jobs: their progress, their result, and what becomes of them when workers die."""

from __future__ import annotations

import http.client
import io
import json
import os
import secrets
import signal
import sqlite3
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import pypdfium2
import pytest
from flask.testing import FlaskClient
from PIL import Image

from crnn.core.shipped import DEFAULT_MODEL
from crnn.image.frames import tiff_pages
from serve.base.errors import RequestError
from serve.engine import job_queue
from serve.engine.job_file import DOCUMENT, FILE, ID_BYTES, Claim
from serve.engine.job_results import JobResults
from serve.engine.jobs import SHELL_BYTES, JobStore
from serve.routes.formats import WARNING
from tests.serve.conftest import Server, bars_config, encode
from tests.serve.documents import locked, numbered, pdf, prose, tiff
from tests.serve.running import RunningServer, children, until
from tests.serve.test_api import assert_error, b64

PATH = "/api/v1/documents"
FIVE = ["ab", "cd", "ea", "中文", "b"]


@pytest.fixture(scope="module")
def client(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    state = tmp_path_factory.mktemp("state")
    server = Server(bars_config(model, state))
    yield server()
    server.close()


def send(client: FlaskClient, document: bytes, query: str = "", **headers: str) -> dict[str, Any]:
    reply = client.post(f"{PATH}?{query}", data=document, content_type="image/tiff", headers=headers)
    assert reply.status_code == 202, reply.json
    assert reply.headers["Location"] == reply.json["url"] == f"/api/v1/jobs/{reply.json['id']}"
    return reply.json


def text_of(document: bytes) -> str:
    """What a PDF says."""
    opened = pypdfium2.PdfDocument(document)
    try:
        return "".join(page.get_textpage().get_text_range() for page in opened)
    finally:
        opened.close()


def finished(client: FlaskClient, url: str, **headers: str) -> dict[str, Any]:
    until(lambda: client.get(url, headers=headers).json["status"] in ("done", "failed"), 60)
    return client.get(url, headers=headers).json


class TestFromTheClientsSide:
    def test_a_document_of_many_pages_becomes_a_job(self, client: FlaskClient) -> None:
        job = send(client, tiff(FIVE), "name=a.tif")
        assert (job["status"], job["pages"]) == ("accepted", 5)
        done = finished(client, job["url"])
        assert (done["status"], done["pages"], done["pages_done"], done["name"]) == ("done", 5, 5, "a.tif")
        assert done["created"] < time.time() < done["expires"]
        read = client.get(job["url"] + "/result").json
        assert (read["status"], read["name"], read["text"]) == ("success", "a.tif", "\n\n".join(FIVE))
        assert [page["page"] for page in read["pages"]] == [1, 2, 3, 4, 5]
        assert read["seconds"] > 0
        assert len(read["model"]["sha256"]) == 64

    def test_a_short_one_does_if_it_is_wished(self, client: FlaskClient) -> None:
        for query, headers in (("async=true", {}), ("", {"Prefer": "respond-async"})):
            job = send(client, tiff(["ab"]), query, **headers)
            finished(client, job["url"])
            assert client.get(job["url"] + "/result?format=text").data == b"ab\n"

    def test_pages_that_cannot_be_read_are_named_in_every_format(self, client: FlaskClient) -> None:
        two = tiff(["ab", "cd"])
        job = send(client, two[: tiff_pages(two)[1]], "async=true")
        finished(client, job["url"])
        for form in ("text", "md", "pdf"):
            warning = client.get(f"{job['url']}/result?format={form}").headers[WARNING]
            assert warning == "page 2: the TIFF file is cut short: this page is missing, and any after it"
        assert WARNING not in client.get(f"{job['url']}/result").headers, "JSON says so itself"

    def test_pages_are_told_of_as_they_are_read(self, client: FlaskClient) -> None:
        job = send(client, tiff(FIVE), "pages=2-3,5&async=true")
        finished(client, job["url"])
        told = client.get(job["url"] + "/pages").json
        assert [page["page"] for page in told["pages"]] == [2, 3, 5]
        assert (told["status"], told["pages_done"]) == ("done", 3)
        assert [page["text"] for page in client.get(job["url"] + "/pages?after=3").json["pages"]] == ["b"]
        assert client.get(job["url"] + "/pages?after=5").json["pages"] == []
        assert_error(client.get(job["url"] + "/pages?after=x"), 422, "bad_options")

    @pytest.mark.parametrize("name", ["text", "json", "jsonl", "tsv", "md", "hocr", "alto", "pdf"])
    def test_results_are_had_in_every_format(self, client: FlaskClient, name: str) -> None:
        job = send(client, tiff(["ab", "cd"]), "async=true&name=a.tif")
        finished(client, job["url"])
        first, again = (client.get(f"{job['url']}/result?format={name}") for _ in range(2))
        assert first.status_code == 200
        assert first.data == again.data
        assert first.data.startswith(b"%PDF-") if name == "pdf" else "cd" in first.get_data(as_text=True)

    def test_characters_may_be_left_out(self, client: FlaskClient) -> None:
        job = send(client, tiff(["ab", "cd"]), "async=true")
        finished(client, job["url"])
        short, long = (client.get(f"{job['url']}/result?chars={chars}").json for chars in ("false", "true"))
        assert "chars" not in short["pages"][0]["lines"][0]
        assert len(long["pages"][0]["lines"][0]["chars"]) == 2

    def test_changed_lines_are_in_every_format(self, client: FlaskClient) -> None:
        job = send(client, tiff(FIVE))
        finished(client, job["url"])
        edits = [{"page": 3, "line": 0, "read": "ea", "text": "changed"}]
        for name in ("text", "json", "jsonl", "tsv", "md", "hocr", "alto", "pdf"):
            reply = client.post(f"{job['url']}/result?format={name}", json={"edits": edits})
            assert reply.status_code == 200
            content = reply.data if name != "pdf" else text_of(reply.data).encode()
            assert b"changed" in content, name
            assert "中文".encode() in content
        assert b"changed" not in client.get(f"{job['url']}/result?format=text").data, "the job itself stays as it was"
        wrong = [{**edits[0], "read": "other"}]
        reply = client.post(f"{job['url']}/result?format=text", json={"edits": wrong})
        assert_error(reply, 409, "read_otherwise")
        assert_error(client.post(f"{job['url']}/result", json={"edits": "x"}), 422, "bad_options")

    def test_of_changed_results_the_last_is_kept(self, serve: Server, tmp_path: Path) -> None:
        client = serve()
        job = send(client, tiff(FIVE))
        finished(client, job["url"])

        def used() -> int:
            with closing(sqlite3.connect(tmp_path / "state" / FILE)) as database:
                return int(database.execute("SELECT bytes FROM jobs").fetchone()[0])

        before = used()
        for text in ("first", "second", "third"):
            edits = [{"page": 1, "line": 0, "read": "ab", "text": text}]
            assert text in client.post(f"{job['url']}/result?format=text", json={"edits": edits}).text
        (kept,) = tmp_path.glob("state/jobs/*/result-edited-*.text")
        assert used() == before + kept.stat().st_size

    def test_a_result_that_another_request_takes_away_is_asked_for_again(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        job = send(client, tiff(["ab"]), "async=true")
        finished(client, job["url"])
        monkeypatch.setattr(JobResults, "file", lambda *_: tmp_path / "gone")
        assert_error(client.get(f"{job['url']}/result"), 503, "not_ready")

    def test_pages_are_shown(self, client: FlaskClient) -> None:
        job = send(client, tiff(FIVE), "pages=2-3&async=true")
        reply = client.get(f"{job['url']}/pages/2/picture?side=30")
        assert (reply.status_code, reply.mimetype) == (200, "image/jpeg")
        assert cv2.imdecode(np.frombuffer(reply.data, np.uint8), 0).shape == (24, 30)  # of 48 × 60
        assert "private" in reply.headers["Cache-Control"]
        assert_error(client.get(f"{job['url']}/pages/1/picture"), 404, "not_found")
        assert_error(client.get(f"{job['url']}/pages/2/picture?side=9"), 422, "bad_options")
        assert client.get(f"{job['url']}/pages/{10**30}/picture").status_code == 404
        client.delete(job["url"])
        assert_error(client.get(f"{job['url']}/pages/2/picture"), 404, "not_found")

    def test_a_page_that_cannot_be_drawn_has_no_picture(self, serve: Server) -> None:
        pages = io.BytesIO()
        Image.new("L", (200, 200)).save(pages, "TIFF")
        job = send(client := serve(max_pixels=10_000), pages.getvalue(), "async=true")
        assert_error(client.get(f"{job['url']}/pages/1/picture"), 404, "no_picture")

    def test_a_locked_pdf_is_kept_without_its_password(self, serve: Server, tmp_path: Path) -> None:
        document = locked(pdf(prose(3), pages=5, size=(595, 842)), "geheim-4711")
        client = serve()
        job = send(client, document, "password=geheim-4711")
        assert finished(client, job["url"])["status"] == "done"
        assert not any(page.get("error") for page in client.get(f"{job['url']}/result").json["pages"])
        assert len(pypdfium2.PdfDocument(client.get(f"{job['url']}/result?format=pdf").data)) == 5
        assert client.get(f"{job['url']}/pages/5/picture").status_code == 200
        kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
        assert kept and not [path for path in kept if b"geheim-4711" in path.read_bytes()]

    def test_a_job_is_deleted_with_all_that_was_kept(self, serve: Server, tmp_path: Path) -> None:
        client = serve()
        job = send(client, tiff(FIVE))
        reply = client.delete(job["url"])
        assert (reply.status_code, reply.json) == (200, {"id": job["id"], "status": "cancelled"})
        for call in (client.get(job["url"]), client.get(job["url"] + "/result"), client.delete(job["url"])):
            assert_error(call, 404, "not_found")
        assert list((tmp_path / "state/jobs").iterdir()) == []

    def test_keys_own_their_jobs(self, serve: Server) -> None:
        client = serve(api_keys="one,two")
        job = send(client, tiff(["ab"]), "async=true", **{"X-API-Key": "one"})
        assert finished(client, job["url"], **{"X-API-Key": "one"})["status"] == "done"
        other = {"X-API-Key": "two"}
        for path in ("", "/result", "/pages"):
            assert_error(client.get(job["url"] + path, headers=other), 404, "not_found")
        assert_error(client.delete(job["url"], headers=other), 404, "not_found")
        assert_error(client.get(job["url"]), 401, "unauthorized")

    def test_ids_that_are_none(self, client: FlaskClient) -> None:
        for identity in ("x", "..", "%00", "a" * 1000):
            assert client.get(f"/api/v1/jobs/{identity}/result").status_code == 404

    def test_the_request_is_known_by_its_id_in_the_jobs_log(
        self, client: FlaskClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("INFO", logger="serve.engine.job_reader"):
            job = send(client, tiff(["ab"]), "async=true", **{"X-Request-ID": "order-7"})
            finished(client, job["url"])
            until(lambda: caplog.records, 10)
        (line,) = [record.msg for record in caplog.records if record.msg["job"] == job["id"]]
        assert (line["event"], line["request_id"], line["page"]) == ("job_page", "order-7", 1)

    def test_pages_still_to_be_read_are_a_figure(self, client: FlaskClient) -> None:
        assert "ocr_job_pages 0.0" in client.get("/metrics").get_data(as_text=True)


class TestLimits:
    def test_no_result_before_it_is_done(self, serve: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(JobStore, "claim", lambda *_: None)
        client = serve()
        job = send(client, tiff(FIVE))
        assert client.get(job["url"]).json["status"] == "waiting"
        assert_error(client.get(job["url"] + "/result"), 409, "not_done")

    def test_so_many_jobs_wait(self, serve: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(JobStore, "claim", lambda *_: None)
        client = serve(jobs=1)
        job = send(client, tiff(FIVE))
        refused = client.post(PATH, data=tiff(FIVE), content_type="image/tiff")
        assert_error(refused, 429, "jobs_full")
        assert refused.headers["Retry-After"]
        client.delete(job["url"])
        send(client, tiff(FIVE))

    def test_so_many_bytes_are_kept(self, serve: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(JobStore, "claim", lambda *_: None)
        document = tiff(FIVE)
        client = serve(job_bytes=len(document) + 5_000)
        send(client, document)
        assert_error(client.post(PATH, data=document, content_type="image/tiff"), 507, "storage_full")
        larger = tiff(numbered(100))
        assert_error(client.post(PATH, data=larger, content_type="image/tiff"), 413, "too_many_bytes")
        assert len(list((tmp_path / "state/jobs").iterdir())) == 1, "what is refused is not kept"

    def test_results_count_too(self, serve: Server) -> None:
        document = tiff(FIVE)
        client = serve(job_bytes=len(document) + 5 * SHELL_BYTES + 300)
        failed = finished(client, send(client, document)["url"])
        assert (failed["status"], failed["error"]) == (
            "failed",
            "there is no room for what was read: the server's disk is full",
        )

    def test_so_many_pages_are_read(self, serve: Server) -> None:
        client = serve(job_pages=4, sync_pages=2)
        reply = client.post(PATH, data=tiff(FIVE), content_type="image/tiff")
        assert_error(reply, 413, "too_many_pages")
        assert send(client, tiff(FIVE), "pages=1-3")["pages"] == 3

    def test_jobs_expire(self, serve: Server, tmp_path: Path) -> None:
        client = serve(job_hours=0)
        job = send(client, tiff(FIVE))
        assert_error(client.get(job["url"]), 404, "not_found")
        JobStore(tmp_path / "state", 1, 1, 1).sweep()
        assert list((tmp_path / "state/jobs").iterdir()) == []

    def test_without_a_state_folder_short_documents_are_read_all_the_same(self, serve: Server, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        client = serve(state_dir=str(tmp_path / "file" / "state"))
        assert client.post(PATH, data=tiff(["ab"]), content_type="image/tiff").json["text"] == "ab"
        reply = client.post(PATH, data=tiff(FIVE), content_type="image/tiff")
        assert_error(reply, 503, "jobs_unavailable")
        assert "OCR_STATE_DIR" in reply.json["error"]["message"]


class TestTheQueue:
    """Of two jobs of three pages, as workers see it."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> JobStore:
        return JobStore(tmp_path, most=10, most_bytes=1_000_000, hours=1)

    @staticmethod
    def add(store: JobStore, name: str, pages: int = 3) -> str:
        fields: dict[str, Any] = {"owner": "", "request_id": "", "options": {}, "model": {}}
        return store.add(b"document", range(1, pages + 1), name=name, **fields).id

    @staticmethod
    def page(claim: Claim) -> bytes:
        return json.dumps({"page": claim.number, "text": claim.holder}).encode()

    def test_jobs_take_turns(self, store: JobStore) -> None:
        self.add(store, "long")
        self.add(store, "other")
        claims = [store.claim("worker") for _ in range(7)]
        taken = [(claim.job.name, claim.number) for claim in claims if claim]
        assert taken == [("long", 1), ("other", 1), ("long", 2), ("other", 2), ("long", 3), ("other", 3)]
        assert claims[-1] is None

    def test_a_page_whose_worker_dies_is_anothers_soon_and_counts_once(
        self, store: JobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = self.add(store, "a", pages=1)
        dead = store.claim("dead")
        assert dead is not None
        assert store.claim("other") is None
        now = time.time()
        monkeypatch.setattr(job_queue.time, "time", lambda: now + job_queue.LEASE_SECONDS + 1)
        heir = store.claim("other")
        assert heir is not None and heir.number == 1
        assert not store.renew(dead)
        assert store.renew(heir)
        assert store.store(heir, self.page(heir), 1.0)
        assert not store.store(dead, self.page(dead), 1.0), "it was only slow"
        (row,) = store.rows(store.get(job, ""))
        assert json.loads(row)["text"] == "other"
        assert (store.get(job, "").status, store.get(job, "").pages_done) == ("done", 1)

    def test_a_page_that_ends_its_workers_is_given_up(self, store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
        job = self.add(store, "a", pages=2)
        now = time.time()
        for attempt in range(job_queue.ATTEMPTS):
            monkeypatch.setattr(job_queue.time, "time", lambda later=100 * attempt: now + later)
            claim = store.claim("victim")
            assert claim is not None and claim.number == 1
        monkeypatch.setattr(job_queue.time, "time", lambda: now + 1000)
        last = store.claim("other")
        assert last is not None and last.number == 2
        store.store(last, self.page(last), 1.0)
        pages = [json.loads(row) for row in store.rows(store.get(job, ""))]
        assert "begun 3 times" in pages[0]["error"]
        assert store.get(job, "").status == "done"

    def test_a_page_given_back_is_read_at_once_and_not_held_against_it(self, store: JobStore) -> None:
        self.add(store, "a", pages=1)
        for _ in range(2 * job_queue.ATTEMPTS):
            claim = store.claim("stopping")
            assert claim is not None and claim.number == 1
            store.release(claim)

    def test_what_was_deleted_is_not_stored(self, store: JobStore) -> None:
        job = self.add(store, "a")
        claim = store.claim("worker")
        assert claim is not None
        store.remove(store.get(job, ""))
        assert not store.renew(claim)
        assert not store.store(claim, self.page(claim), 1.0)
        with pytest.raises(RequestError):
            store.get(job, "")

    def test_folders_of_no_job_are_removed(self, store: JobStore, tmp_path: Path) -> None:
        job = self.add(store, "a")
        stray = tmp_path / "jobs" / secrets.token_urlsafe(ID_BYTES)
        stray.mkdir()
        (stray / DOCUMENT).touch()
        os.utime(stray, (0, 0))
        store.sweep()
        assert [folder.name for folder in (tmp_path / "jobs").iterdir()] == [job]

    def test_what_others_keep_in_a_folder_of_this_name_stays(self, store: JobStore, tmp_path: Path) -> None:
        self.add(store, "a")
        theirs = [tmp_path / "jobs" / name for name in ("applications", "applications_of_may_2024")]
        for folder in theirs:  # the second is as long as an id
            folder.mkdir()
            (folder / "letter.txt").write_text("years of work")
            os.utime(folder, (0, 0))
        (tmp_path / "jobs" / "list.txt").touch()
        os.utime(tmp_path / "jobs" / "list.txt", (0, 0))
        store.sweep()
        assert all((folder / "letter.txt").exists() for folder in theirs)

    def test_a_damaged_file_is_said_so(self, store: JobStore, tmp_path: Path) -> None:
        (tmp_path / FILE).write_bytes(b"no database" * 1000)
        with pytest.raises(RequestError, match="state folder") as error:
            self.add(store, "a")
        assert error.value.status == 503
        assert store.waiting_pages() == 0


def post(server: RunningServer, document: bytes, query: str = "") -> dict[str, Any]:
    request = urllib.request.Request(
        f"{server.url}{PATH}?{query}", data=document, headers={"Content-Type": "image/tiff"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        answer: dict[str, Any] = json.load(reply)
    return answer


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended, and that nobody asks for, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_each_page_once(server: RunningServer, url: str, texts: list[str]) -> None:
    until(lambda: server.get(url)["status"] == "done")
    read = server.get(url + "/result?chars=false")
    assert [page["page"] for page in read["pages"]] == list(range(1, len(texts) + 1))
    assert [page["text"] for page in read["pages"]] == texts


@pytest.mark.slow
def test_a_job_survives_its_workers_and_its_server(model: Path, tmp_path: Path) -> None:
    """In the middle two workers are killed, the server with all of them, and the next one stopped in good order."""
    texts = numbered(300)
    with RunningServer(tmp_path, model, workers=2) as server:
        job = post(server, tiff(texts))
        for share in (0.1, 0.25):
            until(lambda share=share: server.get(job["url"])["pages_done"] >= share * 300)
            victim = server.workers()[0]
            drawing = children(victim)
            os.kill(victim, signal.SIGKILL)
            until(lambda drawing=drawing: not any(is_alive(pid) for pid in drawing))
            until(lambda gone=victim: gone not in server.workers() and len(server.workers()) == 2)
        until(lambda: server.get(job["url"])["pages_done"] >= 120)
        workers = server.workers()
        server.stop(signal.SIGKILL)
        until(lambda: not any(is_alive(pid) for pid in workers))
    with RunningServer(tmp_path, model, workers=2) as server:
        until(lambda: server.get(job["url"])["pages_done"] >= 200)
        assert server.get(job["url"])["pages_done"] < 300
        assert server.stop() == 0
    with RunningServer(tmp_path, model, workers=2) as server:
        assert_each_page_once(server, job["url"], texts)
        with urllib.request.urlopen(server.url + job["url"] + "/result?format=pdf") as reply:
            whole = reply.read()
        assert len(whole) == int(reply.headers["Content-Length"])
        assert whole.rstrip().endswith(b"%%EOF")


@pytest.mark.slow
def test_a_result_is_sent_piece_by_piece_to_whoever_takes_his_time(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1) as server:
        job = post(server, tiff(numbered(200)))
        until(lambda: server.get(job["url"])["status"] == "done")
        with urllib.request.urlopen(server.url + job["url"] + "/result") as reply:
            parts = iter(lambda: reply.read(20_000), b"")
            slow = b"".join(part for part in parts if not time.sleep(0.005))
        assert len(json.loads(slow)["pages"]) == 200


def milliseconds(server: RunningServer, seconds: float) -> list[float]:
    """How long a line takes, sent now and then for so many seconds over connections of their own."""
    picture = np.full((48, 360), 255, np.uint8)
    cv2.putText(picture, "Total 1,234.50", (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2)
    body = json.dumps({"image_base64": b64(encode(picture)), "options": {"layout": "line", "cache": False}})
    address = urllib.parse.urlsplit(server.url)
    taken, ends = [], time.monotonic() + seconds
    while time.monotonic() < ends:
        with closing(http.client.HTTPConnection(address.hostname or "", address.port or 0)) as connection:
            began = time.perf_counter()
            connection.request("POST", "/api/v1/ocr", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            assert reply.status == 200, reply.read()
            reply.read()
            taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    return taken


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


@pytest.mark.slow
def test_a_line_hardly_waits_for_a_long_document(tmp_path: Path) -> None:
    """Figures with LATENCY_SECONDS=20; else only that nobody waits for a whole page: other tests share the machine."""
    seconds = float(os.environ.get("LATENCY_SECONDS", 4))
    with RunningServer(tmp_path, DEFAULT_MODEL, workers=2) as server:
        milliseconds(server, 1)
        idle = milliseconds(server, seconds)
        job = post(server, pdf(prose(35), pages=300, size=(595, 842)))
        until(lambda: server.get(job["url"])["pages_done"] >= 2)
        beside = milliseconds(server, seconds)
        pages = server.get(job["url"])["pages_done"]
        print(
            f"p95 {p95(idle):.1f} ms idle, {p95(beside):.1f} beside a job; median {median(idle):.1f} and "
            f"{median(beside):.1f}; {len(idle)} and {len(beside)} lines, {pages} pages meanwhile"
        )
        assert server.get(job["url"])["status"] == "running"
        assert p95(beside) <= (2 if "LATENCY_SECONDS" in os.environ else 5) * p95(idle)
