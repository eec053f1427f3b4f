"""The page's files, as far as they can be judged without a browser."""

import re
from pathlib import Path

CSS = Path(__file__).parents[2] / "serve" / "static" / "page.css"


def test_what_is_hidden_is_not_shown_by_bootstraps_classes() -> None:
    """`.d-flex` and `.d-block` are `!important`, so `hidden` must be, too: the empty page has no toolbar."""
    rule = re.search(r"(^|[\n}])([^{}]*)\{\s*display:\s*none\s*!important;?\s*\}", CSS.read_text())
    assert rule is not None
    assert "[hidden]" in re.split(r"[\s,]+", rule[2])
