"""Uses the installed package as somebody would who has nothing else: run by tests/test_wheel.py, in an empty folder.

Needs what the package itself depends on and nothing of this repository. Prints what was read, in three ways.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import urllib.request
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

PACKAGES = ("crnn-ocr", "numpy", "onnxruntime", "opencv-python-headless")
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # of <linux/sockios.h> and <linux/if.h>


def raise_loopback() -> None:
    """A network namespace begins without even 127.0.0.1."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def draw(path: Path, text: str) -> None:
    picture = np.full((64, 36 * len(text)), 255, np.uint8)
    cv2.putText(picture, text, (16, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 0, 3, cv2.LINE_AA)
    cv2.imwrite(str(path), picture)


def ask_a_server(picture: bytes) -> str:
    """What `python -m serve` answers to one request, on a port that is free."""
    settings = {"OCR_PORT": "0", "OCR_WORKERS": "1"}
    command = [sys.executable, "-m", "serve"]
    server = subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        address = next(json.loads(line)["address"] for line in server.stdout if '"ready"' in line)
        body = json.dumps({"image_base64": base64.b64encode(picture).decode()}).encode()
        request = urllib.request.Request(f"{address}/api/v1/ocr", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
        server.send_signal(signal.SIGTERM)
        server.stdout.read()
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.stdout.close()
    return str(answer["text"])


def main() -> None:
    if "--offline" in sys.argv:
        raise_loopback()
    from crnn.recognizer import Recognizer

    picture = Path("line.png")
    draw(picture, "Invoice 2024")
    command = [Path(sys.executable).with_name("crnn"), picture]
    print("command:", subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    print("python:", Recognizer().read(picture.read_bytes()).text)
    print("server:", ask_a_server(picture.read_bytes()))
    print("with: Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in PACKAGES))


if __name__ == "__main__":
    main()
