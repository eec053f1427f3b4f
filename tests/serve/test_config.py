"""Settings from the environment, and what importing the server may load."""

import subprocess
import sys
from pathlib import Path

import pytest

from crnn.core.errors import UserError
from serve.base.config import ServeConfig

ROOT = Path(__file__).parents[2]


def test_reads_the_environment() -> None:
    environment = {"OCR_PORT": "0", "OCR_API_KEYS": "a, b,", "OCR_WATCH_SECONDS": "0.5", "HOME": "/"}
    config = ServeConfig.from_environment(environment)
    assert (config.port, config.keys, config.watch_seconds) == (0, ("a", "b"), 0.5)
    assert config.max_batch == ServeConfig().max_batch


def test_an_empty_folder_or_host_is_none_given() -> None:
    config = ServeConfig.from_environment({"OCR_STATE_DIR": "", "OCR_HOST": " ", "OCR_LANGUAGE_MODEL": ""})
    assert (config.state_dir, config.host) == (ServeConfig.state_dir, ServeConfig.host)
    assert config.language_model_file is None


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("OCR_PROT", "1", "unknown setting OCR_PROT"),
        ("OCR_PORT", "x", "OCR_PORT='x': expected a number"),
        ("OCR_PORT", "70000", "at most 65535"),
        ("OCR_MAX_BATCH", "0", "at least 1"),
        ("OCR_WORKERS", "-1", "at least 0"),
        ("OCR_PATIENCE_SECONDS", "0", "at least 1"),
        ("OCR_PUBLIC", "yes", "OCR_PUBLIC='yes': expected a number"),
    ],
)
def test_mistakes_are_named(variable: str, value: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        ServeConfig.from_environment({variable: value})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "[::]", "ocr.example"])
def test_who_lets_others_in_asks_for_a_key_or_says_that_he_does_not(host: str) -> None:
    with pytest.raises(UserError, match=r"OCR_HOST=.* set OCR_API_KEYS=SECRET, or OCR_PUBLIC=1 to serve anybody"):
        ServeConfig.from_environment({"OCR_HOST": host})
    for name, value in (("OCR_API_KEYS", "secret"), ("OCR_PUBLIC", "1")):
        assert ServeConfig.from_environment({"OCR_HOST": host, name: value}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_this_machine_needs_no_key(host: str) -> None:
    assert ServeConfig.from_environment({"OCR_HOST": host}).host == host


def test_a_start_that_cannot_succeed_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    mistakes = (("OCR_TYPO", "1"), ("OCR_MODEL", str(tmp_path / "none.onnx")), ("OCR_HOST", "0.0.0.0"))
    for variable, value in mistakes:
        run = subprocess.run(
            [sys.executable, "-m", "serve"], cwd=ROOT, env={variable: value}, capture_output=True, text=True
        )
        assert run.returncode == 2
        assert run.stderr.startswith("error: ")
        assert run.stderr.count("\n") == 1


def test_the_server_loads_nothing_of_training() -> None:
    code = "import sys, serve.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "onnx", "hydra", "omegaconf", "lmdb", "PIL"} & set(loaded.stdout.split())


def test_gunicorn_itself_does_not_load_what_must_not_cross_a_fork() -> None:
    code = "import sys, serve.process.gunicorn_conf, serve.process.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"onnxruntime", "cv2", "flask", "prometheus_client"} & set(loaded.stdout.split())
