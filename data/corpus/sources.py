"""One body of text: where it is, how it is read, and which share of it is kept."""

import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING

from crnn.core.errors import UserError
from data.corpus.cleaning import Cleaner
from data.corpus.extractors import EXTRACTORS, ExtractorOptions
from data.packages import archive_name, fetch

KINDS = ("prose", "ui", "address", "name", "definition", "english", "forms", "mixed", "traditional", "slips")
SPLITS = ("test", "train")  # in this order: what both hold stays in test
SCARCE = 40  # a character seen less often in a source: all its snippets are kept, a plain share would lose it


@dataclass
class Source:
    """Text with one license, wholly train or wholly test. Exactly one of `package` and `path` is given."""

    package: str = ""  # "pip:jieba", "sdist:...", "apt:...", "npm:..."
    path: str = ""  # the user's own file or folder
    files: list[str] = field(default_factory=lambda: ["**/*.txt"])  # globs inside the package or folder
    extractor: str = "lines"
    options: ExtractorOptions = field(default_factory=ExtractorOptions)
    replace: dict[str, str] = field(default_factory=dict)  # regular expression -> replacement, before cleaning
    kind: str = MISSING
    split: str = "train"
    charset: str = ""  # path, where the source is written in more characters than the profile's
    limit: int = 0  # characters to keep at most, spread over the source; 0 = all
    license: str = MISSING


@dataclass(frozen=True)
class SourceText:
    """The snippets kept of a source, and the archive they come from ("" for the user's own files)."""

    snippets: list[str]
    archive: str


def check(name: str, source: Source) -> None:
    """Raise UserError with what is wrong in the description of a source."""
    for key, value, allowed in (
        ("extractor", source.extractor, EXTRACTORS),
        ("kind", source.kind, KINDS),
        ("split", source.split, SPLITS),
    ):
        if value not in allowed:
            raise UserError(f"text source {name!r}: {key} {value!r} is not one of {', '.join(allowed)}")
    if bool(source.package) == bool(source.path):
        raise UserError(f"text source {name!r} needs either a package or a path")
    for pattern in (*source.replace, source.options.pattern):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UserError(f"text source {name!r}: {pattern!r} is no regular expression: {error}") from None


def read(source: Source, cleaner: Cleaner, cache: Path, seen: Collection[str] = ()) -> SourceText:
    """Fetch, extract, clean and sample one source, without the snippets already `seen`.

    Raises:
        UserError: the source cannot be had or read, or gives no text.
    """
    folder, archive = _locate(source, cache)
    if folder.is_file():
        files = [folder]
    else:
        files = sorted({file for glob in source.files for file in folder.glob(glob) if file.is_file()})
    if not files:
        raise UserError(f"no file matches {', '.join(source.files)}")
    found = dict.fromkeys(_snippets(files, source, cleaner))
    snippets = sample([snippet for snippet in found if snippet not in seen], source.limit)
    if not snippets:
        raise UserError(f"{len(files)} files hold no new text that the charset can write")
    return SourceText(snippets, archive)


def sample(snippets: list[str], limit: int) -> list[str]:
    """About `limit` characters' worth: those with a character scarce among them, and of the rest a share.

    Each snippet's own hash decides, so that the choice is stable and spread over the source.
    """
    total = sum(map(len, snippets))
    if not limit or total <= limit:
        return snippets
    counts = Counter("".join(snippets))
    scarce = {character for character, count in counts.items() if count < SCARCE}
    kept = sum(len(snippet) for snippet in snippets if not scarce.isdisjoint(snippet))
    share = max(limit - kept, 0) / max(total - kept, 1)
    return [s for s in snippets if not scarce.isdisjoint(s) or zlib.crc32(s.encode()) < share * 2**32]


def _locate(source: Source, cache: Path) -> tuple[Path, str]:
    if source.package:
        kind, _, name = source.package.partition(":")
        folder = fetch(kind, name, cache)
        return folder, archive_name(folder)
    path = Path(source.path).expanduser()
    if not path.exists():
        raise UserError(f"there is no {path}")
    return path, ""


def _snippets(files: list[Path], source: Source, cleaner: Cleaner) -> Iterator[str]:
    replacements = [(re.compile(pattern), new) for pattern, new in source.replace.items()]
    for text in EXTRACTORS[source.extractor](files, source.options):
        for pattern, new in replacements:
            text = pattern.sub(new, text)
        yield from cleaner.snippets(text)
