"""Text sources to snippets: cleaning, extraction, splits, sampling, what happens when a source is missing."""

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CORPUS_LIST
from data.corpus.build import CorpusConfig, Generated, Profile, build
from data.corpus.cleaning import Cleaner
from data.corpus.extractors import EXTRACTORS, ExtractorOptions
from data.corpus.sources import KINDS, Source, check, sample
from data.packages import ARCHIVE_NOTE, PackageUnavailable, fetch

ROOT = Path(__file__).parents[2]
CHARSET = Charset.load(ROOT / "data/charsets/zh_en.txt")


def corpus_config(**changes: object) -> CorpusConfig:
    with initialize_config_dir(version_base=None, config_dir=str(ROOT / "configs")):
        config = OmegaConf.to_object(compose("corpus", [f"{key}={value}" for key, value in changes.items()]))
    assert isinstance(config, CorpusConfig)
    return config


def extract(name: str, file: Path, **options: object) -> list[str]:
    return list(EXTRACTORS[name]([file], ExtractorOptions(**options)))  # type: ignore[arg-type]


# --- cleaning


@pytest.mark.parametrize(
    ("text", "snippets"),
    [
        ("你好，世界！", ["你好，世界！"]),
        ("  two   words ", ["two words"]),
        ("前半龘，后半", ["前半", "后半"]),  # cut at the foreign character, no stray comma
        ("a café table", ["a", "table"][1:]),  # a word with a hole is no word, "a" alone is too short
        ("soft\u00adhyphen\u200b", ["softhyphen"]),
        ("1990–1995", ["1990-1995"]),
        ("……！", []),  # no letter, digit or hanzi
        ("\0值", []),
        ("ｶﾅ", []),
    ],
)
def test_snippets_are_what_the_charset_can_write(text: str, snippets: list[str]) -> None:
    assert Cleaner(CHARSET).snippets(text) == snippets


def test_full_width_letters_are_kept_in_few_lines_and_folded_in_the_others() -> None:
    cleaner = Cleaner(CHARSET)
    lines = [cleaner.snippets(f"编号ＡＢ{number}号")[0] for number in range(1000)]
    kept = [line for line in lines if "ＡＢ" in line]
    assert 50 < len(kept) < 150
    assert all("AB" in CHARSET.fold(line) for line in lines)


def test_long_text_is_cut_after_sentences() -> None:
    sentence = "天地玄黄，宇宙洪荒，日月盈昃，辰宿列张。"
    snippets = Cleaner(CHARSET).snippets(sentence * 30)
    assert "".join(snippets) == sentence * 30
    assert all(len(snippet) <= 200 and snippet.endswith("。") for snippet in snippets)


# --- extraction


def test_catalogs_give_originals_or_translations(tmp_path: Path) -> None:
    pairs = [("", "Project-Id-Version: x\n"), ("menu\4_Open %s", "打开 %s"), ("%d file\0%d files", "%d 个文件")]
    ids, texts = ([pair[side].encode() for pair in pairs] for side in (0, 1))
    tables, strings = b"", b""
    for group in (ids, texts):
        for string in group:
            tables += struct.pack("<2I", len(string), 28 + 16 * len(pairs) + len(strings))
            strings += string + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    file = tmp_path / "zh.mo"
    file.write_bytes(header + tables + strings)
    translated = extract("mo", file)
    assert translated[0] == "打开 \0"
    assert translated[1].endswith(" 个文件")
    assert extract("mo", file, side="original")[0] == "_Open \0"
    file.write_bytes(b"no catalog")
    with pytest.raises(UserError, match="not a compiled gettext catalog"):
        extract("mo", file)


def test_markup_joins_chinese_lines_and_skips_code(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        "<head><title>x</title></head><p>第一行\n  第二行 <b>加粗</b>&amp;</p><pre>code</pre><li>An\nitem</li>",
        encoding="utf-8",
    )
    assert extract("markup", file) == ["第一行第二行 加粗&", "An\nitem"]


def test_json_keys_lead_to_strings(tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    file.write_text(json.dumps({"浙江省": {"杭州市": ["西湖区", "上城区"]}}), encoding="utf-8")
    assert extract("json", file) == ["浙江省杭州市西湖区", "浙江省杭州市上城区"]
    assert extract("json", file, join="：")[0] == "浙江省：杭州市：西湖区"


def test_manual_pages_lose_their_macros(tmp_path: Path) -> None:
    file = tmp_path / "ls.1.gz"
    file.write_bytes(gzip.compress('.TH LS 1\n.SH "名称"\n\\fBls\\fR \\- 列出\n.PP\n'.encode()))
    assert extract("man", file) == ["名称", "ls - 列出"]


def test_matches_and_docstrings(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text('"""Reads :func:`a` files.\n\n    >>> x\n"""\n', encoding="utf-8")
    assert extract("docstrings", file) == ["Reads a files."]
    assert extract("matches", file, pattern=r'^"""(\w+)') == ["Reads"]


# --- sampling and splits


def test_sampling_keeps_what_is_scarce() -> None:
    snippets = [f"平凡的句子第{number}号" for number in range(1000)] + ["貔貅"]
    kept = sample(snippets, limit=2000)
    assert "貔貅" in kept
    assert 1500 < sum(map(len, kept)) < 2500
    assert kept == sample(snippets, limit=2000)


def own_corpus(tmp_path: Path, **sources: Source) -> CorpusConfig:
    return CorpusConfig(
        profile="own",
        charset=str(ROOT / "data/charsets/zh_en.txt"),
        output=str(tmp_path / "corpus"),
        cache=str(tmp_path / "cache"),
        profiles={"own": Profile(sources=list(sources), forms=Generated(200, 20))},
        sources=sources,
    )


def test_a_corpus_of_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.txt").write_text("一句中文。\n两边都有的话。\n一句中文。\n", encoding="utf-8")
    (tmp_path / "test.txt").write_text("两边都有的话。\n", encoding="utf-8")
    cfg = own_corpus(
        tmp_path,
        mine=Source(path=str(tmp_path / "train.txt"), kind="prose", license="own"),
        held_out=Source(path=str(tmp_path / "test.txt"), kind="prose", split="test", license="own"),
        gone=Source(path=str(tmp_path / "gone"), kind="ui", license="own"),
    )
    folder = build(cfg)
    assert (folder / "train/prose.txt").read_text(encoding="utf-8") == "一句中文。\n"  # once, and not what is tested
    assert (folder / "test/prose.txt").read_text(encoding="utf-8") == "两边都有的话。\n"
    described = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    assert described["counts"]["句"] >= 1
    assert set(described["counts"]) == set(CHARSET.characters)
    mine = next(source for source in described["sources"] if source["name"] == "mine")
    assert mine == {
        "name": "mine",
        "kind": "prose",
        "split": "train",
        "lines": 1,
        "characters": 5,
        "license": "own",
        "archive": "",
    }
    captured = capsys.readouterr()
    assert "warning: text source gone is left out: there is no" in captured.err
    assert "held_out" in captured.out
    for file in folder.glob("*/*.txt"):
        assert file.stem in KINDS
        for line in file.read_text(encoding="utf-8").splitlines():
            assert not CHARSET.missing(CHARSET.fold(line))


def test_a_source_may_be_written_in_more_characters_than_the_profile(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("他們說這是書。\n文人在此。\n", encoding="utf-8")
    cfg = own_corpus(
        tmp_path,
        simplified=Source(path=str(tmp_path / "text.txt"), kind="prose", license="own"),
        traditional=Source(
            path=str(tmp_path / "text.txt"),
            kind="traditional",
            charset=str(ROOT / "data/charsets/zh_hant_en.txt"),
            license="own",
        ),
    )
    folder = build(cfg)
    assert (folder / "train/prose.txt").read_text(encoding="utf-8") == "文人在此。\n"
    assert "他們說這是書。" in (folder / "train/traditional.txt").read_text(encoding="utf-8")
    counts = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))["counts"]
    assert "們" not in CHARSET and counts["們"] == 1  # rare characters are weighted by it


def test_no_source_at_all_is_an_error_and_leaves_the_old_corpus(tmp_path: Path) -> None:
    old = tmp_path / "corpus/train/prose.txt"
    old.parent.mkdir(parents=True)
    old.write_text("旧的\n", encoding="utf-8")
    (tmp_path / "corpus" / CORPUS_LIST).write_text("{}")
    cfg = own_corpus(tmp_path, gone=Source(path=str(tmp_path / "gone"), kind="ui", license="own"))
    with pytest.raises(UserError, match="none of the 1 text sources"):
        build(cfg)
    assert old.exists()


def test_what_is_no_corpus_is_not_replaced_by_one(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/novel.txt").write_text("years of work")
    source = Source(path=str(tmp_path / "corpus/novel.txt"), kind="prose", license="own")
    with pytest.raises(UserError, match=r"something else than a corpus stands at .*: choose another output"):
        build(own_corpus(tmp_path, mine=source))
    assert (tmp_path / "corpus/novel.txt").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(path="x", kind="novel", license="own"), "kind 'novel' is not one of prose"),
        (Source(path="x", kind="prose", extractor="pdf", license="own"), "extractor 'pdf'"),
        (Source(path="x", kind="prose", split="dev", license="own"), "split 'dev'"),
        (Source(kind="prose", license="own"), "either a package or a path"),
        (Source(path="x", kind="prose", license="own", replace={"(": ""}), "no regular expression"),
    ],
)
def test_a_wrong_description_is_refused(source: Source, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check("mine", source)


# --- the shipped configuration and packages


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_shipped_sources_are_well_described(profile: str) -> None:
    cfg = corpus_config(profile=profile)
    chosen = {name: cfg.sources[name] for name in cfg.profiles[profile].sources}
    for name, source in chosen.items():
        check(name, source)
        assert source.license
    assert {source.split for source in chosen.values()} == {"train", "test"}
    if profile == "quick":
        assert all(source.package.startswith("pip:") for source in chosen.values())
    assert not Charset.load(cfg.profiles[profile].charset).missing("合计¥1,234.50 OK")


def test_the_quick_charset_is_part_of_the_full_one() -> None:
    quick = Charset.load(ROOT / "data/charsets/quick.txt")
    assert quick.characters[0] == " "
    assert not CHARSET.missing(quick.characters)
    assert sum("\u4e00" <= c <= "\u9fff" for c in quick.characters) == 400


def test_an_unknown_profile_is_one_line() -> None:
    command = [sys.executable, "-m", "data.corpus.build", "profile=huge"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error: no corpus profile 'huge': choose one of quick, full" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cached_package_needs_no_network(tmp_path: Path) -> None:
    folder = tmp_path / "npm/@scope__name"
    folder.mkdir(parents=True)
    (folder / ARCHIVE_NOTE).write_text("name-1.0.tgz\n", encoding="utf-8")
    assert fetch("npm", "@scope/name", tmp_path) == folder


@pytest.mark.parametrize("name", ["../etc", "--help", "a b", ""])
def test_what_is_no_package_name_is_never_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="not a package name"):
        fetch("apt", name, tmp_path)


def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-tools"))
    with pytest.raises(PackageUnavailable, match="npm is not installed"):
        fetch("npm", "anything", tmp_path)
    assert not any((tmp_path / "npm").iterdir())  # nothing half done
