"""Makes the table of settings in docs/server.md from the docstring of `ServeConfig`: `python docs/make_settings.py`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from crnn.core.shipped import DEFAULT_LANGUAGE_MODEL
from serve.base.config import PREFIX, ServeConfig

PAGE = Path(__file__).parent / "server.md"
BEGIN, END = "<!-- settings: made by docs/make_settings.py -->\n", "<!-- end of settings -->"


def meanings() -> dict[str, str]:
    """What each setting means, from the docstring; of two that stand together, the same."""
    attributes = (ServeConfig.__doc__ or "").partition("Attributes:\n")[2]
    found = {}
    for entry in re.split(r"\n {8}(?! )", "\n" + attributes.rstrip())[1:]:
        names, _, text = entry.partition(": ")
        for name in names.split(", "):
            found[name] = " ".join(text.split())
    return found


def table() -> str:
    """The table in Markdown: one row a setting, in the order of the class."""
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for field in dataclasses.fields(ServeConfig):
        default = "the shipped one" if field.default == str(DEFAULT_LANGUAGE_MODEL) else _shown(field.default)
        meaning = meanings()[field.name].replace("|", "\\|")
        rows.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _shown(value: object) -> str:
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{value}`" if value else ""


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
