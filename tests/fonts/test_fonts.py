"""Fonts for synthesis, on small real fonts: what a face draws, slices, bitmap fonts, lists of sources, the stage."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from PIL import ImageFont

from crnn.core.errors import UserError
from data.fonts.__main__ import table
from data.fonts.build import FontsConfig, build_fonts
from data.fonts.convert import plain_font
from data.fonts.coverage import inspect_face
from data.fonts.manifest import Face, check_lineages
from data.fonts.sources import load_sources
from data.synthesis.faces import read_faces
from tests.sources import capitals_font

DEJAVU = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


@pytest.mark.parametrize("size", [1.0, 0.75])
def test_a_face_of_capitals_is_known_by_its_shapes(tmp_path: Path, size: float) -> None:
    outline = inspect_face(capitals_font(tmp_path / "capitals.ttf", size), 0, "abcABC1")
    assert outline.capitals and sorted(outline.drawn) == sorted("abcABC1")
    for honest in ("DejaVuSans.ttf", "DejaVuSerif-BoldItalic.ttf", "DejaVuSansMono.ttf", "cmr10.ttf"):
        assert not inspect_face(DEJAVU.with_name(honest), 0, "abcABC1").capitals


def write_list(folder: Path, *entries: str) -> Path:
    path = folder / "sources.yaml"
    path.write_text("sources:\n" + "".join(f"  - {entry}\n" for entry in entries), encoding="utf-8")
    return path


def config(folder: Path, sources: Path, characters: str = " Aa1é中") -> FontsConfig:
    charset = folder / "charset.txt"
    charset.write_text("\n".join(characters) + "\n", encoding="utf-8")
    return FontsConfig(
        profile="tried",
        sources=str(sources),
        folders=[],
        charset=str(charset),
        min_coverage=0.5,
        cache=str(folder / "cache"),
        output=str(folder / "out"),
        workers=1,
    )


def latin(**changes: str) -> str:
    """A list entry for a DejaVu face, without downloading anything."""
    entry = {
        "module": "matplotlib",
        "script": "en",
        "lineage": "dejavu",
        "files": "[mpl-data/fonts/ttf/DejaVuSerif.ttf]",
    }
    return "{" + ", ".join(f"{key}: {value}" for key, value in (entry | changes).items()) + "}"


def small_font(path: Path, outlines: dict[str, list[tuple[int, int]]]) -> Path:
    """A TrueType font with a polygon (or nothing) for each character."""
    names = {ord(character): f"glyph{i}" for i, character in enumerate(outlines)}
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for character, corners in outlines.items():
        pen = TTGlyphPen(None)
        for i, corner in enumerate(corners):
            (pen.lineTo if i else pen.moveTo)(corner)
        if corners:
            pen.closePath()
        glyphs[names[ord(character)]] = pen.glyph()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Small", "styleName": "Regular"})
    builder.setupOS2(usWeightClass=700)
    builder.setupPost()
    builder.save(path)
    return path


SQUARE = [(0, 0), (0, 500), (500, 500), (500, 0)]
TRIANGLE = [(0, 0), (250, 500), (500, 0)]


def test_a_face_draws_what_its_cmap_maps() -> None:
    outline = inspect_face(DEJAVU, 0, " Aaé中文")
    assert outline.drawn == " Aaé"
    assert outline.family == "DejaVu Sans"
    assert outline.modifiers == ()


def test_blank_glyphs_and_placeholders_are_not_drawn(tmp_path: Path) -> None:
    boxes = dict.fromkeys("东国永鹰", SQUARE)
    font = small_font(tmp_path / "liar.ttf", {"A": TRIANGLE, "¥": [], " ": [], **boxes})
    outline = inspect_face(font, 0, " A¥东国永鹰")
    assert outline.drawn == " A"  # ¥ is mapped to nothing, four hanzi to one box
    assert outline.modifiers == ("bold",)


def test_of_two_characters_with_one_picture_the_first_counts(tmp_path: Path) -> None:
    font = small_font(tmp_path / "alike.ttf", {"$": TRIANGLE, "￥": TRIANGLE, "I": SQUARE, "l": SQUARE, "Ⅰ": SQUARE})
    assert inspect_face(font, 0, "$IlⅠ￥").drawn == "$Il"  # I and l are alike in honest faces


def test_a_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    with pytest.raises(UserError, match=r"broken\.ttf is not a font"):
        inspect_face(tmp_path / "broken.ttf", 0, "A")


def test_slices_are_merged_into_one_font_that_draws_the_same(tmp_path: Path) -> None:
    slices = []
    for number, text in enumerate(("ABé", "éxyz")):
        font = TTFont(DEJAVU)
        subsetter = Subsetter(Options(drop_tables=["GSUB", "GPOS", "GDEF", "MATH"], hinting=True))
        subsetter.populate(text=text)
        subsetter.subset(font)
        font.flavor = "woff2"
        slices.append(tmp_path / f"face-{number}.woff2")
        font.save(slices[-1])

    merged = plain_font(slices, tmp_path / "cache")

    assert merged == plain_font(slices, tmp_path / "cache")  # made once
    assert inspect_face(merged, 0, "ABCéxyz").drawn == "ABéxyz"
    ours, theirs = (ImageFont.truetype(str(path), 64) for path in (merged, DEJAVU))
    assert ours.getlength("ABéxyz", features=["-kern"]) == pytest.approx(
        theirs.getlength("ABéxyz", features=["-kern"]), abs=1
    )
    assert ours.getbbox("é")[3] == theirs.getbbox("é")[3]  # a composite glyph, decomposed


def test_a_webfont_is_decompressed(tmp_path: Path) -> None:
    font = TTFont(DEJAVU.with_name("cmr10.ttf"))
    font.flavor = "woff"
    font.save(tmp_path / "one.woff")
    plain = plain_font([tmp_path / "one.woff"], tmp_path / "cache")
    assert plain.suffix == ".ttf"
    assert TTFont(plain).flavor is None


def pcf_of_one_glyph(codepoint: int, rows: list[int]) -> bytes:
    """A PCF file with one glyph, 8 pixels wide: the format's least, big-endian, most significant bit first."""
    form = 4 | 8
    height = len(rows)
    tables = {
        2: struct.pack(">8x2i", height, 0),
        4: struct.pack(">i6h", 1, 0, 8, 9, height, 0, 0),
        8: struct.pack(">2i4i", 1, 0, height, 0, 0, 0) + bytes(rows),
        32: struct.pack(">5hH", codepoint & 255, codepoint & 255, codepoint >> 8, codepoint >> 8, 0, 0),
    }
    header, body, offset = b"", b"", 8 + 16 * len(tables)
    for kind, content in tables.items():
        block = struct.pack("<I", form) + content
        header += struct.pack("<4I", kind, form, len(block), offset + len(body))
        body += block
    return b"\x01fcp" + struct.pack("<I", len(tables)) + header + body


def test_a_bitmap_font_becomes_squares(tmp_path: Path) -> None:
    (tmp_path / "dots.pcf").write_bytes(pcf_of_one_glyph(ord("中"), [0b10000001, 0b01111110]))
    plain = plain_font([tmp_path / "dots.pcf"], tmp_path / "cache")
    assert inspect_face(plain, 0, "中文").drawn == "中"
    mask = ImageFont.truetype(str(plain), 32).getmask("中", mode="1")  # 16 px for each pixel of the font
    drawn = [[bool(mask.getpixel((16 * x + 8, 16 * y + 8))) for x in range(8)] for y in range(2)]
    assert drawn == [[True] + 6 * [False] + [True], [False] + 6 * [True] + [False]]


def test_a_damaged_bitmap_font_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cut.pcf").write_bytes(pcf_of_one_glyph(65, [255])[:40])
    with pytest.raises(UserError, match="damaged"):
        plain_font([tmp_path / "cut.pcf"], tmp_path / "cache")


CROSS = [[[200, 400], [820, 420]], [[500, 800], [510, -50]]]  # the strokes of 十: points on their middles


def strokes(folder: Path, **characters: object) -> list[Path]:
    """Files of characters' strokes as Make Me a Hanzi has them."""
    files = [folder / f"{character}.json" for character in characters]
    for file, medians in zip(files, characters.values(), strict=True):
        file.write_text(json.dumps({"medians": medians}), encoding="utf-8")
    return files


def test_a_hand_writes_the_strokes_it_is_given(tmp_path: Path) -> None:
    files = strokes(tmp_path, 十=CROSS, 一=CROSS[:1])
    plain = plain_font(files, tmp_path / "cache", hand=7)
    assert inspect_face(plain, 0, "十一二").drawn == "十一"
    size = 64
    mask = ImageFont.truetype(str(plain), size).getmask("十")
    cross = np.asarray(mask).reshape(mask.size[::-1]) > 127
    across, along = cross.sum(axis=1), cross.sum(axis=0)
    assert across.max() > 0.3 * size and along.max() > 0.4 * size, "two long strokes"
    assert np.median(across) < 0.2 * size and np.median(along) < 0.2 * size, "and nothing else"


def test_each_hand_writes_its_own_way_and_the_same_again(tmp_path: Path) -> None:
    files = strokes(tmp_path, 十=CROSS)
    again, other = tmp_path / "again", tmp_path / "cache"
    pictures = [
        bytes(ImageFont.truetype(str(plain_font(files, cache, hand)), 40).getmask("十"))
        for cache, hand in ((other, 1), (again, 1), (other, 2))
    ]
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize("content", ["{", "{}", '{"medians": []}', '{"medians": [[1, 2, 3]]}', "[]"])
def test_a_file_without_strokes_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "十.json").write_text(content)
    with pytest.raises(UserError, match="does not hold the strokes of a character"):
        plain_font([tmp_path / "十.json"], tmp_path / "cache", hand=0)


def test_hands_are_faces_of_one_lineage(tmp_path: Path) -> None:
    strokes(tmp_path, 十=CROSS, 一=CROSS[:1])
    entry = f"{{dir: {tmp_path}, id: hand, lineage: strokes, style: hand, hands: 3, files: ['?.json']}}"
    result = build_fonts(config(tmp_path, write_list(tmp_path, entry), characters="十一"))
    assert [(face.id, face.style, face.lineage) for face in result.faces] == [
        (f"hand-{number}", "hand", "strokes") for number in range(3)
    ]


def test_a_misspelled_key_in_the_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="linage"):
        load_sources(write_list(tmp_path, "{apt: fonts-lato, linage: lato}"))


def test_a_source_has_exactly_one_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exactly one of pip, apt"):
        load_sources(write_list(tmp_path, "{apt: fonts-lato, npm: lato}"))


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_shipped_lists_are_sound(profile: str) -> None:
    sources = load_sources(Path("configs/font_sources", f"{profile}.yaml"))
    assert {source.split for source in sources} == {"train", "test"}
    assert all(source.license != "unknown" and (source.lineage or source.slices) for source in sources)
    splits = {(source.lineage or source.place[1], source.split) for source in sources}
    assert len(splits) == len({lineage for lineage, _ in splits})


def test_the_quick_list_needs_pip_alone() -> None:
    assert {source.place[0] for source in load_sources("configs/font_sources/quick.yaml")} == {"pip", "module"}


def test_missing_sources_are_reported_and_the_rest_go_on(tmp_path: Path) -> None:
    sources = write_list(
        tmp_path,
        "{dir: /no/such/folder}",
        "{module: no_such_module_at_all}",
        latin(files="[no-such-file.ttf]"),
        latin(),
    )
    result = build_fonts(config(tmp_path, sources))
    assert [face.id for face in result.faces] == ["dejavuserif"]
    assert len(result.left_out) == 3
    assert "/no/such/folder does not exist" in result.left_out[0]
    assert "dejavuserif" in table(result.faces)


def test_the_synthesis_reads_the_manifest(tmp_path: Path) -> None:
    result = build_fonts(config(tmp_path, write_list(tmp_path, latin(exclude="é", license="Bitstream-Vera"))))
    assert result.faces[0].coverage == pytest.approx(4 / 6, abs=1e-3)
    assert result.faces[0].style == "sans"
    (face,) = read_faces(result.manifest, "train")
    assert face.missing == set("é中")
    assert ImageFont.truetype(face.path, 20, index=face.index).getname()[0] == "DejaVu Serif"


def test_own_folders_need_no_list_entry(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    small_font(own / "hanzi.ttf", {"中": SQUARE, "é": TRIANGLE, " ": []})
    small_font(own / "latin.ttf", {"A": TRIANGLE, "a": SQUARE})
    cfg = config(tmp_path, write_list(tmp_path, latin()), characters=" Aaé中")
    cfg.folders = [str(own)]
    faces = {face.id: face for face in build_fonts(cfg).faces}
    assert (faces["hanzi"].script, faces["hanzi"].missing) == ("zh", "Aa")
    assert (faces["latin"].script, faces["latin"].split) == ("en", "train")


def test_a_face_of_too_little_use_is_left_out(tmp_path: Path) -> None:
    sources = write_list(tmp_path, latin(), latin(script="zh", id="as-chinese"))
    result = build_fonts(config(tmp_path, sources, characters="A中文字典"))
    assert [face.id for face in result.faces] == ["dejavuserif"]
    assert "20% of the charset, less than min_coverage=50%" in result.left_out[0]


def test_no_face_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no usable font face at all"):
        build_fonts(config(tmp_path, write_list(tmp_path, "{dir: /no/such/folder}")))


def test_a_lineage_in_train_and_test_is_an_error(tmp_path: Path) -> None:
    sources = write_list(
        tmp_path,
        latin(),
        latin(files="[mpl-data/fonts/ttf/DejaVuSans.ttf]", split="test"),
    )
    with pytest.raises(UserError, match=r"'dejavu'.*both train and test"):
        build_fonts(config(tmp_path, sources))


def test_lineages_of_their_own_may_be_split_freely() -> None:
    def face(name: str, split: str) -> Face:
        return Face(name, "", 0, name, "sans", name, split, "en", "OFL-1.1", "apt:x", 1.0, "")

    check_lineages([face("lato", "train"), face("plex", "test")])


def test_faces_of_one_id_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="several font files have the id dejavuserif"):
        build_fonts(config(tmp_path, write_list(tmp_path, latin(), latin())))


def test_the_command_works_in_two_processes_and_warns(tmp_path: Path) -> None:
    sources = write_list(tmp_path, latin(), "{dir: /no/such/folder}")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "data.fonts",
            f"sources={sources}",
            f"output={tmp_path}",
            f"cache={tmp_path}",
            "workers=2",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "warning: left out: font folder /no/such/folder does not exist" in done.stderr
    assert "1 faces (1 en to train)" in done.stdout
