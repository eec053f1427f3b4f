"""A result as hOCR 1.2 (kba.github.io/hocr-spec): XHTML with places in titles, as tesseract writes it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from crnn import __version__
from crnn.documents.paragraphs import Paragraph
from crnn.documents.result import Page, Result
from crnn.documents.words import Word, bounds, words_of
from crnn.documents.xml import visible
from crnn.page import LineReading

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
 <head>
  <title>{title}</title>
  <meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
  <meta name="ocr-system" content="crnn-ocr {version}"/>
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"/>
  <meta name="ocr-number-of-pages" content="{pages}"/>
 </head>
 <body>
"""


def to_hocr(result: Result) -> str:
    """The document; words that no space parts, as in Chinese, stand beside each other without one."""
    head = HEAD.format(title=escape(visible(result.name)), version=__version__, pages=len(result.pages))
    return head + "".join(_page(page, result.name) for page in result.pages) + " </body>\n</html>\n"


def _page(page: Page, name: str) -> str:
    height, width = page.size
    image = visible(name).replace("\\", "\\\\").replace('"', '\\"')
    title = f'image "{image}"; bbox 0 0 {width} {height}; ppageno {page.number - 1}'
    if page.dpi:
        title += f"; scan_res {round(page.dpi)} {round(page.dpi)}"
    blocks = "".join(_paragraph(p, page, i) for i, p in enumerate(page.paragraphs, start=1))
    return f"  <div class='ocr_page' id='page_{page.number}' title={quoteattr(title)}>\n{blocks}  </div>\n"


def _paragraph(paragraph: Paragraph, page: Page, number: int) -> str:
    box = _box(paragraph.quads)
    name = f"{page.number}_{number}"
    lines = "\n".join(_line(line, f"{name}_{i}") for i, line in enumerate(paragraph.lines, start=1))
    return (
        f"   <div class='ocr_carea' id='block_{name}' title=\"{box}\">\n"
        f"    <p class='ocr_par' id='par_{name}' title=\"{box}\">\n{lines}\n    </p>\n   </div>\n"
    )


def _line(line: LineReading, name: str) -> str:
    title = f"{_box([line.box.quad])}; x_wconf {round(100 * line.confidence)}"
    (x0, y0), (x1, y1) = line.box.quad[0].tolist(), line.box.quad[1].tolist()
    if not line.box.vertical and abs(y1 - y0) > abs(x1 - x0):  # counter-clockwise, property textangle
        title += f"; textangle {90 if y1 < y0 else 270}"
    elif not line.box.vertical and x1 < x0:
        title += "; textangle 180"
    words = "".join(_word(word, f"{name}_{i}") for i, word in enumerate(words_of(line), start=1))
    return f"     <span class='ocr_line' id='line_{name}' title=\"{title}\">{words}</span>"


def _word(word: Word, name: str) -> str:
    title = f"{_box([word.quad])}; x_wconf {round(100 * word.confidence)}"
    space = " " if word.space_before else ""
    return f"{space}<span class='ocrx_word' id='word_{name}' title=\"{title}\">{escape(visible(word.text))}</span>"


def _box(quads: Sequence[np.ndarray]) -> str:
    return "bbox {} {} {} {}".format(*bounds(quads))
