"""Characters and their ids."""

from pathlib import Path

import pytest

from crnn.core.charset import BLANK, Charset
from crnn.core.errors import UserError

SHIPPED = Path(__file__).parents[2] / "data" / "charsets" / "zh_en.txt"


def test_ids_start_behind_the_blank() -> None:
    charset = Charset("ab中")
    assert charset.encode("b中a") == [2, 3, 1]
    assert charset.decode_ids([2, BLANK, 3, 1]) == "b中a"
    assert len(charset) == 4
    assert BLANK == 0


def test_foreign_characters_are_named() -> None:
    with pytest.raises(UserError, match="label 'aXbY' uses 'XY', absent from the charset"):
        Charset("ab").encode("aXbY")
    assert Charset("ab").missing("aXb") == {"X"}
    assert "a" in Charset("ab")


@pytest.mark.parametrize(("characters", "message"), [("", "empty"), ("abcbb", "'b' more than once")])
def test_a_charset_holds_each_character_once(characters: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Charset(characters)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("０１Ａ", "01A"),  # full-width forms that are absent become the ones that are there
        ("Ａ：中", "A：中"),  # a full-width form inside the charset stays
        ("a\u3000 b \t", "a b"),
        ("é", "é"),  # stays, for `encode` to name
        ("", ""),
    ],
)
def test_labels_are_folded_into_the_charset(text: str, folded: str) -> None:
    assert Charset(" 01Aab中：").fold(text) == folded


def test_files_round_trip_and_equal_charsets_have_equal_digests(tmp_path: Path) -> None:
    charset = Charset(" ab中")
    charset.save(tmp_path / "c.txt")
    again = Charset.load(tmp_path / "c.txt")
    assert again == charset
    assert again.sha256 == charset.sha256 != Charset("ab 中").sha256


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a\nbc\n", ":2: one character a line"), (b"a\n\nb\n", ":2: one character"), (b"\xff\n", "not UTF-8")],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "c.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        Charset.load(tmp_path / "c.txt")
    with pytest.raises(UserError, match="no charset file"):
        Charset.load(tmp_path / "absent.txt")


def test_a_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbfa\nb\n")
    assert Charset.load(tmp_path / "bom.txt").characters == "ab"


def test_configurations_call_the_shipped_charsets_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Charset.load("simplified") == Charset.load(SHIPPED)


def test_the_shipped_charset_covers_what_is_printed_daily() -> None:
    charset = Charset.load(SHIPPED)
    assert len(charset) == 7326
    assert not charset.missing("合同编号 A-17，金额￥1,234.50元；电话：(010) 6655-4433。")


def test_the_traditional_charset_goes_on_where_the_simplified_one_ends() -> None:
    """A model of the smaller one keeps the rows of its head when it starts from the larger one."""
    simplified, traditional = Charset.load(SHIPPED), Charset.load(SHIPPED.with_name("zh_hant_en.txt"))
    assert traditional.characters.startswith(simplified.characters)
    assert len(traditional) == 9384
    assert not traditional.missing("臺灣觀光無聲電視，請勿觸摸龍鳳雕刻。α β Ω")
