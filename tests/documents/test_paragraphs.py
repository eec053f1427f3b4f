"""Lines run on to paragraphs as far as they stand like one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crnn.documents.paragraphs import join_lines, paragraphs_of
from crnn.page import LineReading
from tests.documents.making import block, column, line


def texts(lines: list[LineReading]) -> list[str]:
    return [paragraph.text for paragraph in paragraphs_of(lines)]


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["one two", "three"], "one two three"),
        (["recog-", "nition of"], "recognition of"),
        (["the A-", "17"], "the A- 17"),
        (["合同编号", "甲方"], "合同编号甲方"),
        (["合同", "No. 5"], "合同No. 5"),
        ([], ""),
        (["a", "", "b"], "ab"),
    ],
)
def test_lines_are_joined_as_their_script_has_it(lines: list[str], joined: str) -> None:
    assert join_lines(lines) == joined


def test_a_short_last_line_ends_a_paragraph() -> None:
    lines = block(
        [
            "the quick brown fox jumps over",
            "the lazy dog and runs away to",
            "the woods.",
            "There it stays for the winter",
        ],
        50,
        50,
    )
    assert texts(lines) == [
        "the quick brown fox jumps over the lazy dog and runs away to the woods.",
        "There it stays for the winter",
    ]


def test_a_ragged_edge_ends_none() -> None:
    # "internationalization" had no room on the line before it.
    lines = block(["a long line that fills the width", "this one is short", "internationalization of text is"], 50, 50)
    assert len(texts(lines)) == 1


def test_an_indented_line_begins_a_paragraph() -> None:
    first = block(["  第一段的第一行写满了这一行字", "第二行也写满了整整一行的字了呢"], 40, 50)
    second = [line("第二段从这里开始写满了一行", 80, 110), line("它的第二行同样写满了整整一行字", 40, 140)]
    assert len(texts(first + second)) == 2


def test_what_stands_apart_is_apart() -> None:
    title = line("Heading of the page", 50, 20, height=40)
    body = block(["some text of the page that runs on", "and on until it is at its end now"], 50, 80)
    far = block(["a paragraph further down the page", "that runs on for a line more here"], 50, 260)
    beside = line("beside", 700, 260)
    assert [len(p.lines) for p in paragraphs_of([title, *body, *far, beside])] == [1, 2, 2, 1]


def test_items_of_a_list_are_apart() -> None:
    lines = block(
        [
            "1. first item of the list, with a",
            "second line below the first one",
            "2. second item of the same list.",
            "• third",
        ],
        50,
        50,
    )
    assert [len(p.lines) for p in paragraphs_of(lines)] == [2, 1, 1]


@pytest.mark.parametrize("turned", [90, 180, 270, 3])
def test_turned_pages_read_alike(turned: int) -> None:
    angle = np.deg2rad(turned)
    down = np.array([-np.sin(angle), np.cos(angle)]) * 30
    rows = [
        "the quick brown fox jumps over",
        "the lazy dog and runs away to",
        "the woods.",
        "There it stays for the winter",
    ]
    lines = [line(text, *(np.array([500.0, 500.0]) + i * down), turned=turned) for i, text in enumerate(rows)]
    assert [len(p.lines) for p in paragraphs_of(lines)] == [3, 1]


def test_columns_of_upright_characters_follow_from_right_to_left() -> None:
    lines = [column("春眠不觉晓处处闻啼鸟", 300 - 30 * i, 50) for i in range(3)]
    assert texts(lines) == ["春眠不觉晓处处闻啼鸟" * 3]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=8), st.integers(0, 999), st.integers(0, 999), st.integers(1, 60)))
)
def test_every_line_is_in_one_paragraph(entries: list[tuple[str, int, int, int]]) -> None:
    lines = [line(text, x, y, height) for text, x, y, height in entries]
    found = [member for paragraph in paragraphs_of(lines) for member in paragraph.lines]
    assert found == [member for member in lines if member.text.strip()]
