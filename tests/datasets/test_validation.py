"""Which lines may be trained on: every reason to leave one out, and damaged databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore, LineWriter, StoredLine
from crnn.datasets.validation import Reason, RejectedLine, line_width, require_share, validate, write_rejects
from crnn.image.header import ImageSize, intact_size

CHARSET, SPEC = Charset(" abc你好"), CanvasSpec()


def picture(width: int = 200, height: int = 40, suffix: str = ".png") -> bytes:
    noise = np.random.default_rng(width).integers(0, 255, (height, width), np.uint8)
    return cv2.imencode(suffix, noise)[1].tobytes()


def reason_of(image: bytes, label: str, verify: bool = True) -> Reason:
    with pytest.raises(RejectedLine) as caught:
        line_width(image, label, CHARSET, SPEC, 4, verify=verify)
    return caught.value.reason


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_header_tells_the_size_of_a_whole_picture_alone(suffix: str) -> None:
    image = picture(123, 45, suffix)
    assert intact_size(image) == ImageSize(width=123, height=45)
    for length in (0, 1, 7, 20, 60, len(image) // 2, len(image) - 1):
        assert intact_size(image[:length]) is None


def test_a_flipped_bit_in_a_png_is_noticed_without_decoding() -> None:
    image = bytearray(picture())
    image[len(image) // 2] ^= 1
    assert intact_size(bytes(image)) is None


def test_the_width_is_that_of_the_content_on_the_canvas() -> None:
    assert line_width(picture(200, 40), "abc", CHARSET, SPEC, 4) == 160
    assert line_width(picture(200, 40), "abc", CHARSET, SPEC, 4, verify=False) == 160
    assert line_width(picture(200, 40, ".webp"), "abc", CHARSET, SPEC, 4, verify=False) == 160


def test_each_reason_to_reject() -> None:
    assert reason_of(picture(), "") is Reason.EMPTY
    assert reason_of(picture(), "abx") is Reason.FOREIGN
    assert reason_of(b"", "abc") is Reason.IMAGE
    assert reason_of(b"no picture", "abc", verify=False) is Reason.IMAGE
    assert reason_of(picture()[:-100], "abc", verify=False) is Reason.IMAGE
    assert reason_of(picture(2000, 40), "abc") is Reason.TOO_WIDE
    # 30 px at height 32 fill one bucket of 32 px: 8 frames. A repeated character needs a blank between.
    assert line_width(picture(30, 32), "abcabcab", CHARSET, SPEC, 4) == 30
    assert reason_of(picture(30, 32), "abcabcabc") is Reason.TOO_LONG
    assert reason_of(picture(30, 32), "aaaaa") is Reason.TOO_LONG


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_a_truncated_picture_is_unreadable_not_half_black(suffix: str) -> None:
    image = picture(suffix=suffix)
    for share in (0.2, 0.5, 0.9):
        assert reason_of(image[: int(len(image) * share)], "abc") is Reason.IMAGE


def damaged_store(path: Path, info: dict[str, str]) -> LineStore:
    """2,000 lines of which every tenth is damaged in one of five ways."""
    whole = StoredLine(picture(60, 32, ".jpg"), "ab你")
    damage = [
        lambda line: replace(line, image=b""),
        lambda line: replace(line, image=line.image[: len(line.image) // 2]),
        lambda line: replace(line, image=b"\x00" * len(line.image)),
        lambda line: replace(line, label="鑫" + line.label),
        lambda line: replace(line, label="ab" * 20),
    ]
    with LineWriter(path, info) as writer:
        for i in range(2000):
            writer.append(damage[i // 10 % 5](whole) if i % 10 == 0 else whole)
    return LineStore(path)


@pytest.mark.parametrize("info", [{}, {"generator": "data.synthesis"}], ids=["foreign", "ours"])
def test_200_damaged_entries_of_2000_are_left_out_and_reported(tmp_path: Path, info: dict[str, str]) -> None:
    validated = validate(damaged_store(tmp_path / "lines", info), CHARSET, SPEC, 4)
    assert len(validated.kept) == len(validated.widths) == 1800
    assert set(validated.widths) == {60}
    assert [int(reject.source) for reject in validated.rejects] == list(range(1, 2001, 10))

    require_share(validated.rejects, 2000, 0.2, "lines")  # 10 %: training goes on
    with pytest.raises(
        UserError,
        match=r"200 of 2000 .* Commonest: unreadable image \(120, e\.g\. 1: .* raise max_reject_share",
    ):
        require_share(validated.rejects, 2000, 0.05, "lines")

    write_rejects(tmp_path / "rejects.tsv", validated.rejects)
    header, *rows = (tmp_path / "rejects.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == ["source", "text", "reason", "detail", "row"]
    assert len(rows) == 200 and rows[3].split("\t") == [
        "31",
        "鑫ab你",
        "characters outside the charset",
        "鑫",
        "",
    ]


def test_a_missing_entry_is_a_reject_not_a_crash(tmp_path: Path) -> None:
    with LineWriter(tmp_path / "lines", {}) as writer:
        for _ in range(3):
            writer.append(StoredLine(picture(), "abc"))
    import lmdb

    with lmdb.open(str(tmp_path / "lines")) as env, env.begin(write=True) as transaction:
        transaction.delete(b"image-000000002")
        transaction.put(b"label-000000003", b"\xff\xfe")
    validated = validate(LineStore(tmp_path / "lines"), CHARSET, SPEC, 4)
    assert validated.kept.tolist() == [0]
    assert [reject.reason for reject in validated.rejects] == [Reason.ENTRY, Reason.ENTRY]


def test_nothing_left_stops_whatever_share_is_allowed(tmp_path: Path) -> None:
    with LineWriter(tmp_path / "lines", {}) as writer:
        writer.append(StoredLine(b"", "abc"))
    validated = validate(LineStore(tmp_path / "lines"), CHARSET, SPEC, 4)
    with pytest.raises(UserError, match="1 of 1 lines"):
        require_share(validated.rejects, 1, 1.0, "lines")
