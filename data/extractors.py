"""Reads text out of files of one format each: lines, JSON, gettext catalogues, mark-up, manual pages, docstrings, faker.

An extractor takes files and options and yields raw strings; it neither cleans, cuts nor filters by a charset. A NUL
in a string marks a hole (a placeholder such as `%s` whose value is unknown): the text is cut there.
"""

import ast
import gzip
import importlib
import json
import random
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from crnn.errors import UserError

HOLE = "\0"
WIDE = "\u2e80-\u9fff\uff00-\uffef"  # characters beside which a line break of the source means no space


@dataclass
class ExtractorOptions:
    """What an extractor may be told; the corpus' YAML gives these keys beside each source."""

    encoding: str = "utf-8"
    pattern: str = ""  # lines: keep only the groups this regular expression captures, joined
    join: str = ""  # json: joins the keys that lead to a string with the string
    side: str = "translation"  # mo: "translation" or "original"
    locale: str = "zh_CN"  # faker
    providers: list[str] = field(default_factory=list)  # faker: names of its generators, e.g. address
    count: int = 0  # faker: strings per generator
    seed: int = 0  # faker


Extractor = Callable[[Sequence[Path], ExtractorOptions], Iterator[str]]


def lines(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Each line of plain text; with `pattern` only what its groups capture, other lines dropped."""
    pattern = re.compile(options.pattern)
    for file in files:
        for line in _read(file, options.encoding).splitlines():
            if not options.pattern:
                yield line
            elif match := pattern.search(line):
                yield "".join(group or "" for group in match.groups())


def json_strings(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Each string of a JSON document, after the keys that lead to it, joined by `join`."""
    for file in files:
        yield from _strings(json.loads(_read(file, options.encoding)), "", options.join)


def _strings(node: object, path: str, join: str) -> Iterator[str]:
    if isinstance(node, str):
        for line in node.splitlines():
            yield path + line
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _strings(value, f"{path}{key}{join}", join)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value, path, join)


def mo(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Originals or translations of compiled gettext catalogues (format: GNU gettext manual, section "MO files")."""
    if options.side not in ("original", "translation"):
        raise UserError(f"side must be 'original' or 'translation', not {options.side!r}")
    for file in files:
        data = file.read_bytes()
        order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
        count, originals, translations = struct.unpack_from(f"{order}3I", data, 8)
        table = originals if options.side == "original" else translations
        for i in range(count):
            length, start = struct.unpack_from(f"{order}2I", data, table + 8 * i)
            id_length = struct.unpack_from(f"{order}2I", data, originals + 8 * i)[0]
            if id_length == 0:  # the header
                continue
            for form in data[start : start + length].decode("utf-8", "replace").split("\0"):
                for line in form.split("\4")[-1].splitlines():  # "\4" ends a context
                    yield _fill(re.sub(r"</?[a-zA-Z][^<>]*>", "", line))


def _fill(text: str) -> str:
    """Put numbers where a program would, holes where it would put words."""
    text = re.sub(
        r"%(\d+\$)?[-+ 0]*\d*(\.\d+)?(l|ll|z|h)?[dui]", lambda m: str(zlib.crc32(text.encode()) % 120), text
    )
    text = re.sub(
        r"%(\d+\$)?[-+ 0]*\d*(\.\d+)?[fgs]|%\(\w+\)[sd]|%\d|\$\(?\w+\)?\|?|\$\{\w+\}|%[A-Z]{3,}", HOLE, text
    )
    return re.sub(r"\{[\w.:]*\}", HOLE, text)


def markup(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Block by block the text of HTML, XHTML, DocBook or Mallard."""
    for file in files:
        parser = _Blocks()
        parser.feed(_read(file, options.encoding))
        parser.close()
        yield from parser.texts()


class _Blocks(HTMLParser):
    INLINE = set("a abbr acronym b bdi cite code command emph em file guilabel gui guiseq i img input kbd key keyseq link menuitem "
                 "q s small span strong sub sup tt u var app sys cmd output span".split())  # fmt: skip
    SKIPPED = {"script", "style", "pre", "programlisting", "screen", "head", "info", "nav"}

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.skipping = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if not self.skipping and tag in self.SKIPPED:
            self.skipping = tag
        if tag not in self.INLINE:
            self.pieces.append(HOLE)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skipping:
            self.skipping = ""
        if tag not in self.INLINE:
            self.pieces.append(HOLE)

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.pieces.append(data)

    def texts(self) -> Iterator[str]:
        for text in "".join(self.pieces).split(HOLE):
            if text.strip():
                yield re.sub(rf"(?<=[{WIDE}])\s*\n\s*(?=[{WIDE}])", "", text.strip())


def man(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Each text line of manual pages in troff's `man` or `mdoc` language; pages that only include another are empty."""
    for file in files:
        for line in _read(file, options.encoding).splitlines():
            if heading := re.match(r"\.(?:S[HShs]|[BI]) +(.*)", line):
                line = heading[1].strip(' "')
            elif line.startswith((".", "'")):
                continue
            line = re.sub(r"\\f(\[\w*\]|\(..|.)|\\s[-+]?\d|\\[&/,:%]", "", line)
            line = line.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\").replace("\\ ", " ")
            yield re.sub(r"\\(\[\w*\]|\(..|\*.|.)", HOLE, line)


def docstrings(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Paragraphs of the docstrings of Python files, without their indented examples and field lists."""
    for file in files:
        for node in ast.walk(ast.parse(_read(file, options.encoding))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                    if not paragraph.startswith((" ", ":", ".. ", ">>>")):
                        text = re.sub(r":\w+:`~?([^`<]*)[^`]*`", r"\1", paragraph).replace("``", "")
                        yield " ".join(text.split())


def faker(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """`count` strings from each of faker's generators named in `providers`; `files` hold the unpacked package."""
    roots = sorted({str(file.parent.parent) for file in files if file.match("faker/__init__.py")})
    if not roots:
        raise UserError("the faker source must name the file */faker/__init__.py or faker/__init__.py")
    sys.path.insert(0, roots[0])
    try:
        generator = importlib.import_module("faker").Faker(options.locale)
        generator.seed_instance(options.seed)
        for provider in options.providers:
            for _ in range(options.count):
                yield from str(getattr(generator, provider)()).splitlines()
    except ImportError as error:
        raise UserError(f"faker cannot be imported from its package: {error}") from None
    finally:
        sys.path.remove(roots[0])


def _read(file: Path, encoding: str) -> str:
    """The text of a file; `.gz` and the first member of a `.zip` are opened on the way."""
    if file.suffix == ".gz":
        data = gzip.decompress(file.read_bytes())
    elif file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            data = archive.read(archive.namelist()[0])
    else:
        data = file.read_bytes()
    return data.decode(encoding, "replace")


EXTRACTORS: dict[str, Extractor] = {
    "lines": lines,
    "json": json_strings,
    "mo": mo,
    "markup": markup,
    "man": man,
    "docstrings": docstrings,
    "faker": faker,
}
