"""A result as ALTO 4.4 (loc.gov/standards/alto): the XML in which libraries and archives keep what was read."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from crnn import __version__
from crnn.documents.paragraphs import Paragraph
from crnn.documents.result import Page, Result
from crnn.documents.words import bounds, words_of
from crnn.documents.xml import visible
from crnn.page import LineReading

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-4.xsd">
 <Description>
  <MeasurementUnit>pixel</MeasurementUnit>
  <sourceImageInformation><fileName>{name}</fileName></sourceImageInformation>
  <Processing ID="reading">
   <processingSoftware><softwareName>crnn-ocr</softwareName><softwareVersion>{version}</softwareVersion>\
</processingSoftware>
  </Processing>
 </Description>
 <Layout>
"""


def to_alto(result: Result) -> str:
    """The document; places in pixels of each page's picture."""
    head = HEAD.format(name=escape(visible(result.name)), version=__version__)
    pages = result.pages or (Page(1),)  # the schema wants one even of a document that could not be read
    return head + "".join(map(_page, pages)) + " </Layout>\n</alto>\n"


def _page(page: Page) -> str:
    height, width = page.size
    name = f"page_{page.number}"
    blocks = "".join(_block(p, f"{page.number}_{i}") for i, p in enumerate(page.paragraphs, start=1))
    size = f'HEIGHT="{height}" WIDTH="{width}"'
    turned = f' ROTATION="{page.turned}"' if page.turned else ""
    space = f'   <PrintSpace HPOS="0" VPOS="0" {size}>\n{blocks}   </PrintSpace>\n'
    return f'  <Page ID="{name}" PHYSICAL_IMG_NR="{page.number}" {size}{turned}>\n{space}  </Page>\n'


def _block(paragraph: Paragraph, name: str) -> str:
    lines = "".join(_line(line, f"{name}_{i}") for i, line in enumerate(paragraph.lines, start=1))
    return f'    <TextBlock ID="block_{name}" {_place(paragraph.quads)}>\n{lines}    </TextBlock>\n'


def _line(line: LineReading, name: str) -> str:
    parts: list[str] = []
    right = 0
    for number, word in enumerate(words_of(line), start=1):
        left, top, word_right, bottom = bounds([word.quad])
        if word.space_before and parts:
            parts.append(f'<SP WIDTH="{max(0, left - right)}" HPOS="{right}" VPOS="{top}"/>')
        content = quoteattr(visible(word.text), {'"': "&quot;"})
        place = f'HPOS="{left}" VPOS="{top}" WIDTH="{word_right - left}" HEIGHT="{bottom - top}"'
        parts.append(f'<String ID="word_{name}_{number}" CONTENT={content} {place} WC="{word.confidence:.3f}"/>')
        right = word_right
    points = " ".join(f"{max(0, round(x))},{max(0, round(y))}" for x, y in line.box.quad.tolist())
    shape = f'<Shape><Polygon POINTS="{points}"/></Shape>'
    head = f'     <TextLine ID="line_{name}" {_place([line.box.quad])}>'
    return f"{head}{shape}{''.join(parts)}</TextLine>\n"


def _place(quads: Sequence[np.ndarray]) -> str:
    left, top, right, bottom = bounds(quads)
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'
