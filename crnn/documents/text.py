"""Plain text of a result."""

from __future__ import annotations

from crnn.documents.result import Result


def to_text(result: Result) -> str:
    """A line a row, or a paragraph a row where the result joins them; a blank row between pages."""
    texts = ["\n".join(p.text for p in page.paragraphs) if result.join else page.text for page in result.pages]
    text = "\n\n".join(text for text in texts if text)
    return f"{text}\n" if text else ""
