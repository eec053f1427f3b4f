"""Reads text out of files of one format each: plain text, JSON, catalogs, mark-up, manual pages, docstrings, faker.

An extractor takes files and options and yields raw strings; it neither cleans, cuts nor filters by a charset. A NUL
in a string marks a hole (a placeholder such as `%s` whose value is unknown): the text is cut there.
"""

import ast
import gzip
import importlib
import json
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from crnn.core.errors import UserError

HOLE = "\0"
INLINE = frozenset(
    "a abbr acronym app b bdi cite cmd code command em emphasis file filename gui guibutton guiicon guilabel guimenu "  # noqa: SIM905
    "guimenuitem guiseq i img input kbd key keycap keyseq link literal output q quote s small span strong sub sup sys "
    "tt u ulink var xref".split()
)
SKIPPED = frozenset({"script", "style", "pre", "programlisting", "screen", "head", "info", "nav"})
WIDE = "\u2e80-\u9fff\uff00-\uffef"  # characters beside which a line break of the source means no space


@dataclass
class ExtractorOptions:
    """What an extractor may be told; the corpus' YAML gives these keys beside each source."""

    encoding: str = "utf-8"
    pattern: str = ""  # matches: a regular expression whose groups are the text
    join: str = ""  # json: joins the keys that lead to a string with the string
    side: str = "translation"  # mo: "translation" or "original"
    locale: str = "zh_CN"  # faker
    providers: list[str] = field(default_factory=list)  # faker: names of its generators, e.g. address
    count: int = 0  # faker: strings per generator
    seed: int = 0  # faker


Extractor = Callable[[Sequence[Path], ExtractorOptions], Iterator[str]]


def lines(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Each line of plain text."""
    for file in files:
        yield from _read(file, options.encoding).splitlines()


def matches(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Each match of `pattern` in plain text: its groups joined; `^` and `$` match at every line."""
    pattern = re.compile(options.pattern, re.MULTILINE)
    for file in files:
        for match in pattern.finditer(_read(file, options.encoding)):
            yield "".join(group or "" for group in match.groups())


def json_strings(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Each string of a JSON document, after the keys that lead to it, joined by `join`."""
    for file in files:
        try:
            document = json.loads(_read(file, options.encoding))
        except json.JSONDecodeError as error:
            raise UserError(f"{file} is not JSON: {error}") from None
        yield from _strings(document, "", options.join)


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
    """Originals or translations of compiled gettext catalogs (format: GNU gettext manual, section "MO files")."""
    if options.side not in ("original", "translation"):
        raise UserError(f"side must be 'original' or 'translation', not {options.side!r}")
    for file in files:
        for original, text in _catalog(file):
            if original:  # the empty one leads to the header
                for form in (original if options.side == "original" else text).split("\0"):  # plural forms
                    for line in form.rpartition("\4")[2].splitlines():  # "\4" ends a context
                        yield _fill(re.sub(r"</?[a-zA-Z][^<>]*>", "", line))


def _catalog(file: Path) -> Iterator[tuple[str, str]]:
    data = file.read_bytes()
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(data[:4])
    if order is None:
        raise UserError(f"{file} is not a compiled gettext catalog")
    count, originals, translations = struct.unpack_from(f"{order}3I", data, 8)
    for i in range(count):
        pair = []
        for table in (originals, translations):
            length, start = struct.unpack_from(f"{order}2I", data, table + 8 * i)
            pair.append(data[start : start + length].decode("utf-8", "replace"))
        yield pair[0], pair[1]


def _fill(text: str) -> str:
    """Put a number where a program would put one, a hole where it would put words."""
    text = re.sub(r"%(\d+\$)?[-+ 0]*\d*(\.\d+)?(l|ll|z|h)?[dui]", lambda m: str(zlib.crc32(text.encode()) % 120), text)
    text = re.sub(r"%(\d+\$)?[-+ 0]*\d*(\.\d+)?[fgs]|%\(\w+\)[sd]|%\d|\$\(?\w+\)?\|?|\$\{\w+\}|%[A-Z]{3,}", HOLE, text)
    return re.sub(r"\{[\w.:]*\}", HOLE, text)


def markup(files: Sequence[Path], options: ExtractorOptions) -> Iterator[str]:
    """Block by block the text of HTML, XHTML, DocBook or Mallard."""
    for file in files:
        parser = _Blocks()
        parser.feed(_read(file, options.encoding))
        parser.close()
        yield from parser.texts()


class _Blocks(HTMLParser):
    """Collects text; every tag that is not inline leaves a hole, at which blocks are parted."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.skipping = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if not self.skipping and tag in SKIPPED:
            self.skipping = tag
        if tag not in INLINE:
            self.pieces.append(HOLE)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skipping:
            self.skipping = ""
        if tag not in INLINE:
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
        try:
            tree = ast.parse(_read(file, options.encoding))
        except SyntaxError as error:
            raise UserError(f"{file} is not Python: {error}") from None
        for node in ast.walk(tree):
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
    return data.decode(encoding, "replace").removeprefix("\ufeff")


EXTRACTORS: dict[str, Extractor] = {
    "lines": lines,
    "matches": matches,
    "json": json_strings,
    "mo": mo,
    "markup": markup,
    "man": man,
    "docstrings": docstrings,
    "faker": faker,
}
