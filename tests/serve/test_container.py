"""The steps of the Dockerfile as far as they go without an engine: the context, the package, the start, the probe."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serve.running import ROOT, RunningServer

pytestmark = pytest.mark.slow
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_package_alone_serves_the_page(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, site = tmp_path / "context", tmp_path / "site"
    for name in re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, context / name, symlinks=True)
        else:
            shutil.copy(ROOT / name, context / name)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", site, "."]
    subprocess.run(command, cwd=context, check=True)
    assert (site / "crnn/models/crnn-zh-en.int8.onnx").is_file()
    monkeypatch.setenv("PYTHONPATH", str(site))
    with RunningServer(tmp_path, model, folder_of_code=tmp_path, workers=1) as server:
        for path in ("/static/page.js", "/static/page.css", "/docs", "/"):
            subprocess.run(["curl", "-sf", "-o", os.devnull, server.url + path], check=True)
        probe = re.search(r'CMD \["python", "-c", "(.+)"\]\n', DOCKERFILE)
        assert probe is not None
        here = probe[1].replace("http://127.0.0.1:5000", server.url)
        subprocess.run([sys.executable, "-c", here], check=True)
        server.process.send_signal(signal.SIGTERM)
        assert server.stop() == 0


def test_the_image_runs_as_nobody_special_and_is_probed() -> None:
    final = DOCKERFILE.split("FROM ")[-1]
    user = re.search(r"^USER (\d+)$", final, re.MULTILINE)
    assert user is not None and int(user[1]) > 1000
    assert f"useradd --uid {user[1]}" in final
    assert "HEALTHCHECK" in final
    assert "EXPOSE 5000" in final
    assert re.search(r'^CMD \["python", "-m", "serve"\]$', final, re.MULTILINE)  # the exec form: gets the signals


def test_the_base_image_is_the_same_in_a_year() -> None:
    base, *others = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11-slim@sha256:[0-9a-f]{64}", base)
    assert set(others) == {"base"}


def test_the_linter_has_nothing_to_say() -> None:
    subprocess.run([Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"], check=True)


def test_what_the_image_copies_is_in_the_context() -> None:
    allowed = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        sources = [word for word in shlex.split(line)[:-1] if not word.startswith("--")]
        assert set(sources) <= allowed
