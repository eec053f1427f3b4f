"""Makes the tables of settings in docs/server.md and docs/server.zh-CN.md: `python docs/make_settings.py`.

Names and defaults are those of `ServeConfig`. The English meanings come from its docstring. The Chinese ones are kept
as they are in the page; a setting without one must be translated there.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from crnn.core.shipped import DEFAULT_LANGUAGE_MODEL
from serve.base.config import PREFIX, ServeConfig

PAGE = Path(__file__).parent / "server.md"
CHINESE_PAGE = Path(__file__).parent / "server.zh-CN.md"
BEGIN, END = "<!-- settings: made by docs/make_settings.py -->\n", "<!-- end of settings -->"
HEADS = {PAGE: ("setting", "default", "meaning"), CHINESE_PAGE: ("设置", "默认", "含义")}
SHIPPED = {PAGE: "the shipped one", CHINESE_PAGE: "随附的"}


def meanings(page: Path) -> dict[str, str]:
    """What each setting means, by its name in lower case; of two that stand together in the docstring, the same."""
    if page == CHINESE_PAGE:
        rows = re.findall(rf"^\| `{PREFIX}(\w+)` \|.*?\| (.*) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
        return {name.lower(): meaning for name, meaning in rows}
    attributes = (ServeConfig.__doc__ or "").partition("Attributes:\n")[2]
    found = {}
    for entry in re.split(r"\n {8}(?! )", "\n" + attributes.rstrip())[1:]:
        names, _, text = entry.partition(": ")
        for name in names.split(", "):
            found[name] = " ".join(text.split()).replace("|", "\\|")
    return found


def table(page: Path, meaning: Mapping[str, str]) -> str:
    """The table in Markdown: one row for each setting, in the order of the class."""
    rows = [f"| {' | '.join(HEADS[page])} |", "| --- | --- | --- |"]
    for field in dataclasses.fields(ServeConfig):
        default = SHIPPED[page] if field.default == str(DEFAULT_LANGUAGE_MODEL) else _shown(field.default)
        rows.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {meaning.get(field.name, '')} |")
    return "\n".join(rows) + "\n"


def current(page: Path) -> str:
    """What the page should hold: its text with the table between its marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + table(page, meanings(page)) + END + rest.partition(END)[2]


def _shown(value: object) -> str:
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{value}`" if value else ""


if __name__ == "__main__":
    for page in HEADS:
        page.write_text(current(page), encoding="utf-8")
