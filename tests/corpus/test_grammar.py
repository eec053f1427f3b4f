"""Generated lines: numerals as a cashier writes them, a grammar that is complete, the same lines for the same seed."""

import random
import re
from pathlib import Path

import pytest

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from data.corpus.grammar import SYMBOL, TERMINALS, BorrowedText, Writer, generate, load_grammar
from data.corpus.numerals import digit_by_digit, identity_check, spell, spell_money

CHARSET = Charset.load(Path(__file__).parents[2] / "data/charsets/zh_en.txt")


@pytest.mark.parametrize(
    ("number", "words", "formal"),
    [
        (0, "零", "零"),
        (12, "十二", "壹拾贰"),
        (105, "一百零五", "壹佰零伍"),
        (10050, "一万零五十", "壹万零伍拾"),
        (20010, "二万零一十", "贰万零壹拾"),
        (100000001, "一亿零一", "壹亿零壹"),
        (1234567890, "十二亿三千四百五十六万七千八百九十", "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾"),
    ],
)
def test_numbers_in_words(number: int, words: str, formal: str) -> None:
    assert spell(number) == words
    assert spell(number, formal=True) == formal


def test_every_number_has_words_of_its_own() -> None:
    numbers = [
        *range(20000),
        *range(990_000, 1_010_000),
        *(10**power + 10**small for power in range(12) for small in range(power)),
    ]
    assert len({spell(number) for number in set(numbers)}) == len(set(numbers))


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (120000, "壹仟贰佰元整"),
        (120050, "壹仟贰佰元伍角整"),
        (123456, "壹仟贰佰叁拾肆元伍角陆分"),
        (100005, "壹仟元零伍分"),
        (5, "伍分"),
        (0, "零元整"),
    ],
)
def test_money_in_words(fen: int, words: str) -> None:
    assert spell_money(fen) == words


def test_years_and_identity_numbers() -> None:
    assert digit_by_digit(2023) == "二〇二三"
    assert identity_check("11010519491231002") == "X"  # the example of GB 11643


def test_every_symbol_of_the_grammar_exists_and_every_rule_is_used() -> None:
    grammar = load_grammar()
    kinds = {"forms", "mixed", "slips"}
    used = set().union(*(grammar[kind] for kind in kinds))
    for symbol, alternatives in grammar.items():
        for alternative in alternatives:
            assert isinstance(alternative, str), f"{symbol}: {alternative!r} must be quoted"
            for name, argument in SYMBOL.findall(alternative):
                assert not name or name in grammar or name in TERMINALS, f"{symbol}: {name}"
                used |= {name, argument}
    assert set(grammar) - used == kinds


def test_the_words_of_the_grammar_can_be_written_in_the_charset() -> None:
    for symbol, alternatives in load_grammar().items():
        for alternative in alternatives:
            assert not CHARSET.missing(CHARSET.fold(SYMBOL.sub("", alternative))), f"{symbol}: {alternative}"


@pytest.mark.parametrize("kind", ["forms", "mixed", "slips"])
def test_lines_depend_on_the_seed_alone(kind: str) -> None:
    lines = generate(kind, 300, "1 train")
    assert lines == generate(kind, 300, "1 train")
    assert lines != generate(kind, 300, "1 test")


def test_forms_cover_the_shapes_of_papers_and_receipts() -> None:
    text = "\n".join(generate("forms", 5000, "1"))
    for shape in (
        r"\d{4}年\d{1,2}月\d{1,2}日",
        r"二〇[〇一二三].年.+月",
        r"[¥￥]\d",
        r"人民币.*[佰仟万拾].*元",
        r"\d{17}[\dX]",
        r"\(0\d{2,3}\)\d{8}",
        r"\d{4} \d{4} \d{4} \d{4}",
        r"纳税人识别号[:：]",
        r"\d%",
        r"℃",
        r"[\w.]+@[\w.]+",
        r"[０-９]",
    ):
        assert re.search(shape, text), shape


def test_generated_lines_borrow_the_words_of_the_corpus() -> None:
    borrowed = BorrowedText.choose({"name": ["麒麟"], "prose": ["天地玄黄，宇宙洪荒。"]})
    text = "\n".join(generate("mixed", 500, "1", borrowed))
    assert "麒麟" in text
    assert "天地玄黄" in text
    assert "文字" not in text


def test_an_unknown_symbol_is_named() -> None:
    with pytest.raises(UserError, match="priec"):
        Writer(random.Random(1), {"line": ["{priec}元"]}, BorrowedText()).expand("line")
