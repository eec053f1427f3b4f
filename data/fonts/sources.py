"""The YAML list of font sources: its form, and the files each entry gives."""

from __future__ import annotations

import importlib.util
import re
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from crnn.core.atomic import put
from crnn.core.errors import UserError
from data.fonts.convert import plain_font
from data.fonts.manifest import SCRIPTS, SPLITS
from data.packages import PackageUnavailable, fetch

PACKAGES = ("pip", "apt", "npm")  # kinds that are downloaded
FONT_FILES = ["**/*.ttf", "**/*.otf", "**/*.ttc", "**/*.woff2"]


@dataclass
class FontSource:
    """Faces of one package, installed Python module or own folder that share lineage, script, split and license.

    Exactly one of `pip`, `apt`, `npm` (packages by name), `module` (a Python package already installed) and `dir`
    (a folder) says where they are.

    Attributes:
        files: globs below that place; every file matched is a face. Default: all the fonts of the folder.
        slices: the files are slices of one face: merge them in the order of the globs.
        hands: the files hold the strokes of a character each: so many hands write a face of them (`handwriting.py`).
        index: the face inside a collection (.ttc).
        unzip: an archive inside the package that holds the fonts.
        id: of the face, if there is one only; default: the file's name.
        lineage: name of the common outlines; default: the id, that is, kin of nobody.
        script: zh, en, or empty: zh if the face draws enough of the charset.
        style: class of the letters: sans, serif, mono, slab, hand, script, display, ...
        exclude: characters that it maps and draws wrongly.
    """

    pip: str = ""
    apt: str = ""
    npm: str = ""
    module: str = ""
    dir: str = ""
    files: list[str] = field(default_factory=list)
    slices: bool = False
    hands: int = 0
    index: int = 0
    unzip: str = ""
    id: str = ""
    lineage: str = ""
    script: str = "zh"
    style: str = "sans"
    split: str = "train"
    license: str = "unknown"
    exclude: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Kind and name, for instance ("apt", "fonts-lato")."""
        given = [(kind, str(getattr(self, kind))) for kind in (*PACKAGES, "module", "dir") if getattr(self, kind)]
        if len(given) != 1:
            raise UserError(f"a font source needs exactly one of pip, apt, npm, module, dir; found {given or 'none'}")
        return given[0]


@dataclass
class SourceList:
    """A file of sources."""

    sources: list[FontSource] = field(default_factory=list)


@dataclass(frozen=True)
class Candidate:
    """Files that make up one face, not looked into yet: more than one if they are slices to be merged, or strokes that
    `hand` writes.
    """

    id: str
    files: tuple[Path, ...]
    source: FontSource
    hand: int | None = None

    def font_file(self, cache: Path) -> Path:
        """The one plain font file of the face, made in `cache` if it comes as webfont, bitmaps or strokes."""
        return plain_font(self.files, cache, self.hand)


def load_sources(path: str | Path) -> list[FontSource]:
    """Read a list of sources.

    Raises:
        UserError: no such file, or an entry with a misspelled key or an impossible value.
    """
    try:
        listed = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(SourceList), OmegaConf.load(path)))
    except FileNotFoundError:
        raise UserError(f"no list of font sources at {path}") from None
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}") from None
    assert isinstance(listed, SourceList)
    for source in listed.sources:
        kind, name = source.place
        if source.split not in SPLITS or source.script not in (*SCRIPTS, ""):
            raise UserError(
                f"{path}: {kind} {name}: split must be one of {SPLITS} and script one of {SCRIPTS}, "
                f"found {source.split!r} and {source.script!r}"
            )
    return listed.sources


def find_candidates(source: FontSource, cache: Path) -> list[Candidate]:
    """Fetch the source, if need be, and list its faces in a fixed order.

    Raises:
        PackageUnavailable: it cannot be had, or holds no file that matches.
    """
    kind, name = source.place
    folder = _folder(source, cache)
    files = list(_matches(folder, source.files or FONT_FILES))
    if not files:
        raise PackageUnavailable(f"{kind} {name}: no file matches {', '.join(source.files or FONT_FILES)}")
    name = name.rsplit("/")[-1]
    if source.hands:
        return [Candidate(f"{source.id or _slug(name)}-{n}", tuple(files), source, n) for n in range(source.hands)]
    if source.slices:
        return [Candidate(source.id or _slug(name), tuple(files), source)]
    suffix = f"-{source.index}" if source.index else ""
    one = source.id if len(files) == 1 else ""
    return [Candidate(one or _slug(file.stem) + suffix, (file,), source) for file in files]


def _folder(source: FontSource, cache: Path) -> Path:
    kind, name = source.place
    if kind in PACKAGES:
        folder = fetch(kind, name, cache / "packages")
    elif kind == "module":
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise PackageUnavailable(f"Python package {name} is not installed")
        folder = Path(spec.submodule_search_locations[0])
    else:
        folder = Path(name).expanduser().resolve()
        if not folder.is_dir():
            raise PackageUnavailable(f"font folder {name} does not exist")
    return _unzipped(folder, source.unzip, cache / "fonts" / "unzipped") if source.unzip else folder


def _unzipped(package: Path, archive: str, cache: Path) -> Path:
    folder = cache / _slug(f"{package.name}-{archive}")
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            shutil.unpack_archive(package / archive, partial, format="zip")
        except (OSError, shutil.ReadError, zipfile.BadZipFile) as error:
            raise PackageUnavailable(f"{package.name}: {archive} cannot be unpacked: {error}") from None
        put(partial, folder)
    return folder


def _matches(folder: Path, globs: Iterable[str]) -> Iterable[Path]:
    """Each matching file once, in the order of the globs, sorted inside one."""
    found = [path for glob in globs for path in sorted(folder.glob(glob)) if path.is_file()]
    return dict.fromkeys(found)


def _slug(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name).strip("-").lower()
