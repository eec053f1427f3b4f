"""The page's files, as far as they can be judged without a browser."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "serve/static"
TEMPLATE = STATIC.parent / "templates/index.html"
MOST = 150_000  # bytes of all that a browser may fetch
LANGUAGES = ("en", "zh-CN")


def keys(language: str) -> set[str]:
    return set(re.findall(r"^\s+(\w+): [\"{]", (STATIC / f"{language}.js").read_text("utf-8"), re.MULTILINE))


def placeholders(language: str) -> dict[str, set[str]]:
    """What each text leaves to be filled in; of several forms what all have together."""
    texts = re.findall(r"^\s+(\w+): (.+),$", (STATIC / f"{language}.js").read_text("utf-8"), re.MULTILINE)
    return {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in texts}


def test_what_is_hidden_is_not_shown_by_other_rules() -> None:
    """`display: flex` of a rule would show what the attribute `hidden` hides: the empty page has no toolbar."""
    rule = re.search(r"(^|[\n}])([^{}]*)\{\s*display:\s*none\s*!important;?\s*\}", (STATIC / "page.css").read_text())
    assert rule is not None
    assert "[hidden]" in re.split(r"[\s,]+", rule[2])


def test_the_page_is_light() -> None:
    assert sum(path.stat().st_size for path in [*STATIC.rglob("*"), TEMPLATE] if path.is_file()) < MOST


def test_every_language_says_everything() -> None:
    assert keys("en") == keys("zh-CN")
    assert placeholders("en") == placeholders("zh-CN")


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_said_has_words(language: str) -> None:
    said = set(re.findall(r'data-(?:say|label)="(\w+)"', TEMPLATE.read_text()))
    said |= set(re.findall(r'tool\("[\w-]+", "(\w+)"', TEMPLATE.read_text()))
    for module in STATIC.glob("*.js"):
        said |= set(re.findall(r'(?:say|speak|label|tell)\((?:[^,"()]+(?:\([^)]*\))?, )?"(\w+)"', module.read_text()))
    said -= {"turn", "page", "point", "pick"}  # names of events
    assert said <= keys(language) and len(said) > 60


def test_text_of_documents_never_becomes_markup() -> None:
    for module in STATIC.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", module.read_text()), (
            module
        )
