"""What was read, in each format that is text."""

from __future__ import annotations

import csv
import io
import json
import math
import pickle
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from crnn.core.errors import UserError
from crnn.documents.json import page_as_json, page_of_json
from crnn.documents.result import FORMATS, Page, Result
from crnn.documents.words import words_of
from crnn.page import LineReading
from tests.documents.making import block, column, encoded, gray, line, result

MIXED = result(line("编号 A-17 of 5 <b>", 50, 40), line("second", 50, 70), column("竖排文字", 600, 50))
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def test_a_result_shows_its_text() -> None:
    assert MIXED.text.splitlines() == ["编号 A-17 of 5 <b>", "second", "竖排文字"]
    assert "1 page, 3 lines)\n编号 A-17" in repr(MIXED)
    assert repr(Result("x", error="broken")) == "Result('x', error='broken')"
    two = Result("x", (Page(1, lines=(line("one", 0, 0),)), Page(2), Page(3, lines=(line("two", 0, 0),))))
    assert two.text == "one\n\ntwo" and [len(two.pages), len(two.lines)] == [3, 2]
    assert pickle.loads(pickle.dumps(MIXED)).text == MIXED.text


def test_a_line_prints_without_the_places_of_its_characters() -> None:
    printed = repr(MIXED.lines[0])
    assert MIXED.lines[0].chars and "CharReading" not in printed and MIXED.lines[0].text in printed


def test_text_may_come_by_paragraphs() -> None:
    lines = block(["the quick brown fox jumps over", "the lazy dog and runs away to"], 50, 50)
    assert result(*lines, join=True).text == "the quick brown fox jumps over the lazy dog and runs away to"


def test_json_has_it_all() -> None:
    fields = json.loads(MIXED.to_json())
    first = fields["pages"][0]["lines"][0]
    assert (fields["name"], fields["pages"][0]["page"], first["text"]) == ("page.png", 1, "编号 A-17 of 5 <b>")
    assert first["quad"][0] == [50.0, 40.0] and first["chars"][0]["char"] == "编"
    assert json.loads(MIXED.to_jsonl()) == fields and MIXED.to_jsonl().count("\n") == 1
    failed = Result("x", (Page(1, error="damaged"),), error="broken")
    assert json.loads(failed.to_json())["pages"][0]["error"] == "damaged"


def test_tsv_has_a_row_a_line() -> None:
    rows = list(csv.DictReader(io.StringIO(MIXED.to_tsv()), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows[1]["text"] == "second" and (rows[1]["left"], rows[1]["top"], rows[1]["height"]) == ("50", "70", "20")
    assert len(result(line("a\tb\nc", 0, 0)).to_tsv().splitlines()) == 2


def test_words_stand_where_they_are_printed() -> None:
    words = words_of(line("编号 A-17 of", 100, 40))
    assert [(word.text, word.space_before) for word in words] == [("编号", False), ("A-17", True), ("of", True)]
    lefts = [float(word.quad[0, 0]) for word in words]
    assert lefts == pytest.approx([100, 150, 200], abs=6)
    assert words[-1].quad[1, 0] == pytest.approx(220)
    down = words_of(column("竖排 AB", 10, 20))
    assert down[1].quad[0] == pytest.approx([10, 80], abs=1) and down[1].quad[2] == pytest.approx([30, 120])


def test_words_of_a_line_without_characters_share_its_length() -> None:
    bare = LineReading("one two", 0.9, 0.5, line("one two", 0, 0).box, ())
    assert [word.text for word in words_of(bare)] == ["one", "two"]
    assert words_of(LineReading(" ", 0.9, 0.5, bare.box, ())) == []


def test_hocr_is_xhtml_with_places() -> None:
    root = ElementTree.fromstring(MIXED.to_hocr())
    places = {
        kind: [e for e in root.iter() if e.get("class") == kind] for kind in ("ocr_page", "ocr_line", "ocrx_word")
    }
    assert "bbox 0 0 800 1000; ppageno 0" in places["ocr_page"][0].get("title", "")
    lines = ["".join(element.itertext()) for element in places["ocr_line"]]
    assert lines == MIXED.text.splitlines()
    assert [e.text for e in places["ocrx_word"]][:3] == ["编号", "A-17", "of"]
    for element in [*places["ocr_line"], *places["ocrx_word"]]:
        left, top, right, bottom = map(int, re.findall(r"bbox (\d+) (\d+) (\d+) (\d+)", element.get("title", ""))[0])
        assert left < right and top < bottom
    assert len({e.get("id") for e in root.iter() if e.get("id")}) == sum(e.get("id") is not None for e in root.iter())
    meta = {e.get("name"): e.get("content") for e in root.iter(f"{XHTML}meta")}
    assert meta["ocr-system"] and "ocrx_word" in str(meta["ocr-capabilities"])


def test_alto_has_what_its_schema_demands() -> None:
    root = ElementTree.fromstring(MIXED.to_alto())
    assert [child.tag for child in root] == [f"{ALTO}Description", f"{ALTO}Layout"]
    assert root.findtext(f"{ALTO}Description/{ALTO}MeasurementUnit") == "pixel"
    page = root.find(f"{ALTO}Layout/{ALTO}Page")
    assert page is not None and page.get("PHYSICAL_IMG_NR") == "1" and page.get("ID")
    for text_line in root.iter(f"{ALTO}TextLine"):
        kinds = [child.tag.removeprefix(ALTO) for child in text_line]
        assert kinds[0] == "Shape" and re.fullmatch("(String(SP)?)+", "".join(kinds[1:]))
    strings = list(root.iter(f"{ALTO}String"))
    assert [s.get("CONTENT") for s in strings][:3] == ["编号", "A-17", "of"]
    assert all(float(s.get("WIDTH", 0)) > 0 and 0 <= float(s.get("WC", -1)) <= 1 for s in strings)
    unread = ElementTree.fromstring(Result("a.pdf", error="damaged").to_alto())
    assert [page.get("PHYSICAL_IMG_NR") for page in unread.iter(f"{ALTO}Page")] == ["1"]


# Of the elements of ALTO 4.4 that are written here: attributes they must have, attributes they may have, and children.
PLACE = "HPOS VPOS WIDTH HEIGHT"
ALTO_RULES = {
    "alto": ("", "schemaLocation", "Description Layout "),
    "Description": ("", "", "MeasurementUnit sourceImageInformation (Processing )+"),
    "MeasurementUnit": ("", "", ""),
    "sourceImageInformation": ("", "", "fileName "),
    "fileName": ("", "", ""),
    "Processing": ("ID", "", "processingSoftware "),
    "processingSoftware": ("", "", "softwareName softwareVersion "),
    "softwareName": ("", "", ""),
    "softwareVersion": ("", "", ""),
    "Layout": ("", "", "(Page )+"),
    "Page": ("ID PHYSICAL_IMG_NR", "HEIGHT WIDTH ROTATION", "(PrintSpace )?"),
    "PrintSpace": ("", PLACE, "(TextBlock )*"),
    "TextBlock": ("ID", PLACE, "(TextLine )+"),
    "TextLine": ("", f"ID {PLACE}", "(Shape )?(String (SP )?)+"),
    "Shape": ("", "", "Polygon "),
    "Polygon": ("POINTS", "", ""),
    "String": ("CONTENT", f"ID WC {PLACE}", ""),
    "SP": ("", PLACE, ""),
}
SEVERAL = Result(
    "a.pdf",
    (
        Page(1, (800, 600), (line("one two", 0, 0), line("三", 0, 50)), turned=90),
        Page(3, (800, 600), (column("竖排", 500, 50), line("odd \x00&<", -5, -7), line("\u3000", 3, 300))),
        Page(4, (800, 600)),
        Page(5, error="damaged"),
    ),
)


@pytest.mark.parametrize("given", [MIXED, SEVERAL, Result("a.pdf", error="damaged")], ids=["mixed", "several", "none"])
def test_alto_keeps_to_its_schema(given: Result) -> None:
    names = []
    for element in ElementTree.fromstring(given.to_alto()).iter():
        must, may, children = ALTO_RULES[element.tag.removeprefix(ALTO)]
        attributes = {name.rpartition("}")[2]: value for name, value in element.items()}
        assert set(must.split()) <= attributes.keys() <= {*must.split(), *may.split()}, element.tag
        assert re.fullmatch(children, "".join(f"{child.tag.removeprefix(ALTO)} " for child in element)), element.tag
        for name in attributes.keys() & {*PLACE.split(), "WC", "ROTATION", "PHYSICAL_IMG_NR"}:
            assert math.isfinite(float(attributes[name])), "a number"
        assert 0 <= float(attributes.get("WC", 0)) <= 1
        assert re.fullmatch(r"(\d+,\d+( |$))*", attributes.get("POINTS", ""))
        names += [attributes["ID"]] if "ID" in attributes else []
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", name) for name in names)


def test_xml_survives_any_text() -> None:
    odd = result(line("a\x00&\ud800\"'<]]>", 0, 0), name='we"ird\udcff&.png')
    ElementTree.fromstring(odd.to_hocr())
    ElementTree.fromstring(odd.to_alto())


def test_markdown_has_headings_paragraphs_and_lists() -> None:
    lines = [
        line("Title", 50, 20, height=44),
        *block(["the quick brown fox jumps over", "the lazy dog."], 50, 90),
        *block(["• one *star*", "• two", "3. three"], 50, 200),
    ]
    assert result(*lines).to_markdown() == (
        "# Title\n\nthe quick brown fox jumps over the lazy dog.\n\n- one \\*star\\*\n- two\n3. three\n"
    )
    assert result(line("# 5 no heading", 0, 0)).to_markdown() == "\\# 5 no heading\n"


def test_markdown_has_a_table_where_rows_and_columns_stand_in_line() -> None:
    rows = [["品名", "数量", "单价"], ["苹果 | 红", "3", "4.50"], ["梨", "", "2.00"], ["合计", "13", "33.50"]]
    cells = [line(t, 50 + 200 * x, 50 + 30 * y) for y, row in enumerate(rows) for x, t in enumerate(row) if t]
    text = result(line("发票", 50, 10), *cells, line("谢谢惠顾", 50, 200)).to_markdown()
    assert text == (
        "发票\n\n| 品名 | 数量 | 单价 |\n| --- | --- | --- |\n| 苹果 \\| 红 | 3 | 4.50 |\n| 梨 |  | 2.00 |\n"
        "| 合计 | 13 | 33.50 |\n\n谢谢惠顾\n"
    )
    two_rows = [line(t, x, y) for y in (50, 80) for x, t in ((50, "a"), (300, "b"))]
    assert "|" not in result(*two_rows).to_markdown()


def test_two_columns_of_text_are_no_table() -> None:
    left = block([f"left column line {i}" for i in range(4)], 50, 50)
    right = block([f"right column line {i}" for i in range(4)], 450, 50)
    text = result(*left, *right).to_markdown()
    assert "|" not in text and text.index("left column line 3") < text.index("right column line 0")


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "pdf"])
def test_files_are_saved_by_their_ending(form: str, tmp_path: Path) -> None:
    path = MIXED.save(tmp_path / f"out{FORMATS[form][0]}")
    assert "second" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the ending must say the format"):
        MIXED.save(tmp_path / "out.docx")
    with pytest.raises(UserError, match="cannot be written"):
        MIXED.save(tmp_path / "nowhere" / "out.txt")


def test_a_plot_frames_the_lines() -> None:
    shown = result(line("abc", 10, 10), source=encoded(gray(255, (100, 200))))
    image = shown.plot()
    assert image.shape == (100, 200, 3) and (image[10, 12:38] != 255).any() and (image[60:] == 255).all()
    with pytest.raises(UserError, match="no page 2"):
        shown.plot(2)
    with pytest.raises(UserError, match="not kept"):
        MIXED.plot()


def test_errors_are_told_with_their_page() -> None:
    broken = LineReading("", 0, 0, line("x", 0, 0).box, (), "ValueError: odd")
    both = Result("x", (Page(1, lines=(broken,)), Page(2, error="damaged")))
    assert both.errors == ["page 1: a line could not be read (ValueError: odd)", "page 2: damaged"]
    assert np.isscalar(both.seconds)


def test_a_page_comes_back_from_its_json() -> None:
    lines = (
        line("合计 12", 10, 20, turned=90),
        replace(line("x", 10, 60), text="", chars=(), error="short"),
        column("竖排", 300, 20),
    )
    page = Page(3, (1000, 800), lines, 90, 150.0, ("a warning",), "an error")
    again = page_of_json(json.loads(json.dumps(page_as_json(page))))
    assert page_as_json(again) == page_as_json(page)
    assert [of.box.vertical for of in again.lines] == [False, False, True]
