"""The documents are right: examples print what is shown, commands and links exist, generated pages are current."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import ocrmypdf.cli
import pytest

import crnn
from crnn import __main__ as command_line
from crnn.commands.bulk import add_bulk_parser
from crnn.commands.info import add_info_parser
from crnn.commands.read import add_read_parser
from crnn.commands.serve import add_serve_parser
from serve.base.config import ServeConfig
from serve.routes.openapi import describe
from tests import stages

ROOT = Path(__file__).parent.parent
# Whose examples are run: `console` with what is shown after the command, `python` with the block `text` that follows.
RUN = ["README.md", "README.zh-CN.md", "docs/usage.md", "docs/usage.zh-CN.md", "docs/decoding.md"]
TRANSLATED = ["README", "docs/usage", "docs/server", "docs/finetuning"]
FOUND = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")]
PAGES = sorted(str(path.relative_to(ROOT)) for path in FOUND)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:ARGS=|make |python |torchrun )[^`]*)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")


@dataclass(frozen=True)
class Example:
    """What is typed, and what is shown as its output."""

    page: str
    typed: str
    shown: str


NUMBER = re.compile(r"\d+(?:\.\d+)?")
SLACK = 4.0  # pixels or per cent by which places and confidences may change with another model


def alike(printed: str, shown: str) -> bool:
    """Whether two outputs are the same but for numbers that differ a little."""
    if NUMBER.sub("0", printed) != NUMBER.sub("0", shown):
        return False
    pairs = zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True)
    return all(abs(float(one) - float(other)) <= SLACK for one, other in pairs)


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, content) of the fenced blocks of a page."""
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def console_examples() -> list[Example]:
    found: dict[str, Example] = {}
    for page in RUN:
        for language, content in blocks(page):
            if language == "console":
                parts = re.split(r"^\$ (.*)\n", content, flags=re.MULTILINE)[1:]
                session = list(zip(parts[::2], parts[1::2], strict=True))
                found.setdefault(str(session), Example(page, "\n".join(each for each, _ in session), content))
    return list(found.values())


def python_examples() -> list[Example]:
    found: dict[tuple[str, str], Example] = {}
    for page in RUN:
        for (language, typed), (following, shown) in zip(blocks(page), [*blocks(page)[1:], ("", "")], strict=True):
            if language == "python":
                assert following == "text", f"{page}: what does this print?\n{typed}"
                found.setdefault((typed, shown), Example(page, typed, shown))
    return list(found.values())


def commands() -> list[tuple[str, str]]:
    """(page, command) of the shell blocks of all pages; continued lines are one command, comments are left out."""
    found = []
    for page in PAGES:
        for language, content in blocks(page):
            if language == "sh":
                content = re.sub(r" <<'(\w+)'\n.*?^\1$", "", content, flags=re.MULTILINE | re.DOTALL)
                for line in content.replace("\\\n", " ").splitlines():
                    found += [(page, line)] if line.strip() and not line.startswith("#") else []
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a link to the documents, to write into."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("example", console_examples(), ids=lambda example: example.page)
def test_what_is_typed_prints_what_is_shown(example: Example, folder: Path) -> None:
    crnn = f'crnn() {{ {shlex.quote(sys.executable)} -m crnn "$@"; }}\n'
    script = crnn + "\n".join(f"echo {shlex.quote('$ ' + line)}\n{line}" for line in example.typed.splitlines())
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert alike(ran.stdout, example.shown), ran.stdout + ran.stderr


@pytest.mark.parametrize("example", python_examples(), ids=lambda example: example.page)
def test_python_prints_what_is_shown(example: Example, folder: Path) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example.typed, example.page, "exec"), {"__name__": "example"})
    assert alike(printed.getvalue(), example.shown), printed.getvalue()


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of one of the commands of `crnn`; of `crnn` itself for any other word."""
    add = {"read": add_read_parser, "serve": add_serve_parser, "info": add_info_parser, "bulk": add_bulk_parser}.get(
        command
    )
    return add(argparse.ArgumentParser().add_subparsers()) if add else command_line._plain_parser()


MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


def posted(words: list[str]) -> str:
    """What is wrong with a request to the server, given as curl's arguments, "" for nothing."""
    url = urlsplit(words[-1] if "://" in words[-1] else f"http://{words[-1]}")
    described = describe(ServeConfig())
    if url.path not in described["paths"]:
        return f"no route {url.path}"
    post = described["paths"][url.path]["post"]
    unknown = {key for key, _ in parse_qsl(url.query)} - {parameter["name"] for parameter in post.get("parameters", [])}
    form = post["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
    fields = {word.partition("=")[0] for flag, word in pairwise(words) if flag == "-F"}
    unknown |= fields - set(described["components"]["schemas"][form]["properties"])
    return f"{url.path} takes no {', '.join(sorted(unknown))}" if unknown else ""


def complaint(command: str) -> str:
    """What is wrong with a command, "" for nothing; commands of other programs are taken as they are."""
    for part in re.split(r" \| | && ", command):
        words = [word for word in shlex.split(part, comments=True) if not word.startswith("<")]
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0], re.DOTALL):
            words = words[1:]
        name = Path(words[0]).name if words else ""
        if name == "crnn":
            subcommand = words[1] if words[1:] and words[1] in command_line.COMMANDS else ""
            parser_of(subcommand).parse_args(words[2:] if subcommand else words[1:])
        elif name == "make":
            for word in words[1:]:
                variable, equals, _ = word.partition("=")
                if equals and not re.search(rf"\b{variable}\b", MAKEFILE):
                    return f"make knows no {variable}"
                if not equals and word not in TARGETS and not word.startswith("-"):
                    return f"make has no target {word}"
            for made in stages.made(words[1:]):
                for simple in stages.simple_commands(made):
                    if refusal := stages.refused(simple):
                        return refusal
        elif name == "curl":
            return posted(words[1:])
        elif name == "pytest":
            for word in words[1:]:
                if word.startswith("tests/") and not (ROOT / word).exists():
                    return f"no tests {word}"
        elif name == "torchrun" and (refusal := stages.refused(words)):
            return refusal
        elif name.startswith("python"):
            module = words[2] if words[1:2] == ["-m"] and words[2:] else ""
            if module and importlib.util.find_spec(module) is None:
                return f"no module {module}"
            if not module and words[1:] and words[1] not in ("-", "-c", "-m") and not (ROOT / words[1]).exists():
                return f"no script {words[1]}"
            if refusal := stages.refused(words):
                return refusal
            if module in PARSING:
                parsed(module, words[3:])
        elif words[:2] == ["pip", "install"]:
            package, _, extra = words[2].rstrip("]").partition("[")
            if package not in (".", PROJECT["name"]) or extra not in ("", *PROJECT["optional-dependencies"]):
                return f"what is {words[2]}?"
        elif name == "ocrmypdf":
            ocrmypdf.cli.get_options_and_plugins(words[1:])
        elif words[:3] == ["docker", "compose", "up"]:
            for variable in re.findall(r"\b([A-Z_]+)=", part):
                if f"${{{variable}:-" not in (ROOT / "compose.yaml").read_text(encoding="utf-8"):
                    return f"compose.yaml asks for no {variable}"
    return ""


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Programs with a parser of their own, and where their `main` is.
PARSING = {"serve.engine.corrections": "serve.engine.corrections", "tests.load": "tests.load.__main__"}


class Parsed(Exception):
    """A program has understood its arguments."""


def parsed(module: str, arguments: list[str]) -> None:
    """Have a program take its arguments, and no more.

    Raises:
        SystemExit: it refuses them.
    """
    parse = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *given: Any) -> None:
        parse(self, *given)
        raise Parsed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module, *arguments])
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        with pytest.raises(Parsed):
            importlib.import_module(PARSING[module]).main()


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist_with_their_options(page: str) -> None:
    for where, command in commands():
        if where == page:
            try:
                assert not complaint(command), command
            except SystemExit:
                pytest.fail(f"crnn refuses: {command}")


@pytest.mark.parametrize("page", PAGES)
def test_commands_within_sentences_exist_too(page: str) -> None:
    """They need not be whole: `…` stands for anything, and `ARGS='key=value'` for settings of some stage."""
    for command in INLINE.findall(BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))):
        typed = re.sub(r"(?<==)…", "x", " ".join(command.replace("\\\n", " ").split())).replace("…", "")
        if typed.startswith("ARGS="):
            settings = tuple(shlex.split(shlex.split(typed)[0].removeprefix("ARGS=")))
            refusals = (stages.refusal(each, settings) for each in stages.all_configs())
        else:
            refusals = (complaint(each) for each in [typed])
        assert any(not refusal or "is missing" in refusal for refusal in refusals), command


def test_modules_and_settings_that_comments_name_exist() -> None:
    named = re.compile(r"python -m ([\w.]*\w)|--config-name[ =](\w+)")
    programs = [path for package in ("crnn", "data", "serve") for path in ROOT.glob(f"{package}/**/*.py")]
    for path in [*ROOT.glob("configs/**/*.yaml"), *ROOT.glob("*.py"), *programs]:
        for module, config in named.findall(path.read_text(encoding="utf-8")):
            assert not module or importlib.util.find_spec(module), f"{path}: {module}"
            assert not config or (ROOT / "configs" / f"{config}.yaml").exists(), f"{path}: {config}"


@pytest.mark.parametrize("page", ["docs/usage.md", "docs/usage.zh-CN.md"])
def test_the_options_of_reading_are_all_described(page: str) -> None:
    known = {option for action in parser_of("read")._actions for option in action.option_strings}
    rows = re.findall(r"^\| (`-.*?) \|", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert {option for row in rows for option in re.findall(r"`(-[\w-]+)`", row)} == known - {"-h", "--help"}


def test_outputs_are_alike_where_numbers_differ_a_little() -> None:
    assert alike("99.9% [136, 55]", "98% [135, 57]")
    assert not alike("99.9% [136, 55]", "99.9% [136, 65]")
    assert not alike("茶 1", "菜 1")


def test_a_wrong_command_is_found() -> None:
    assert complaint("make brew") == "make has no target brew"
    assert complaint("make data LINE=3") == "make knows no LINE"
    assert complaint("python -m crnn.nothing") == "no module crnn.nothing"
    assert "height" in complaint("make import SOURCE=x NAME=real ARGS='seed=370 height=40'")
    assert "weights.balanc" in complaint("python -m data.converters.convert source=x name=x +weights.balanc=1")
    assert "steps" in complaint("PROCESSES=2 torchrun train.py name=x data.train=[x] steps=many")
    assert complaint("curl -F image=@page.jpg localhost:5000/predikt") == "no route /predikt"
    assert (
        complaint("curl -F picture=@page.jpg 'localhost:5000/predict?colors=1'") == "/predict takes no colors, picture"
    )
    assert complaint("pytest tests/test_nothing.py") == "no tests tests/test_nothing.py"
    with pytest.raises(SystemExit):
        complaint("crnn read page.jpg --color")


def anchors(page: Path) -> set[str]:
    """The names by which links reach the headings of a page, as GitHub and the site make them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Links of a page to files, or to headings in them, that are not there."""
    broken = []
    for targets in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        target = next(filter(None, targets))
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    assert not broken_links(ROOT / page)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Über uns, 中文\n\n[one](#über-uns-中文) [two](#elsewhere) [three](none.md) [four](https://example.org)"
    )
    assert broken_links(page) == ["#elsewhere", "none.md"]


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])  # it names what is gone
def test_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    names = re.findall(r"`((?:configs|crnn|data|deploy|docs|models|serve|tests)/[\w./-]+)`", text)
    assert not [name for name in names if not (ROOT / name).exists()]


def test_documents_link_to_nothing_outside_their_folder() -> None:
    """Or the site would have dead links: other files are named as code."""
    for page in ROOT.glob("docs/**/*.md"):
        for targets in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
            target = next(filter(None, targets))
            if "://" not in target:
                assert (page.parent / target.partition("#")[0]).resolve().is_relative_to(ROOT / "docs"), (page, target)


def test_every_document_and_every_picture_is_reached_from_the_overview() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "docs/README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        if page.suffix == ".md":
            targets = [next(filter(None, each)).partition("#")[0] for each in LINK.findall(page.read_text("utf-8"))]
            found = {(page.parent / target).resolve() for target in targets if target and "://" not in target}
            waiting += [path for path in found if path.is_file() and path not in seen]
    shown = {path for path in ROOT.glob("docs/**/*") if path.suffix in {".md", ".png", ".jpg"}}
    typed = {ROOT / "docs/example.jpg", ROOT / "docs/line.png"}  # that the examples read
    assert not shown - seen - typed


def test_the_site_lists_every_document() -> None:
    listed = set(re.findall(r": ([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")}


@pytest.mark.parametrize("name", TRANSLATED)
def test_the_two_languages_show_the_same(name: str) -> None:
    """Commands, headings, tables and figures."""
    pages = [f"{name}.md", f"{name}.zh-CN.md"]
    english, chinese = (
        [re.sub(r"\s+#.*", "", content) for language, content in blocks(page) if language == "sh"] for page in pages
    )
    assert english == chinese
    texts = [BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8")) for page in pages]
    for outline in (r"^#+ ", r"^\| ", r"^\* ", r"^\d\. "):
        english, chinese = (re.findall(outline, text, re.MULTILINE) for text in texts)
        assert english == chinese, outline
    english, chinese = (sorted(re.findall(r"\d[\d,.]*(?= %| MB| ms| 毫秒)", text)) for text in texts)
    assert english == chinese


def script(name: str) -> ModuleType:
    """A script of docs/, which is no package."""
    specification = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_of_the_api_is_current() -> None:
    api = script("make_api")
    assert api.PAGE.read_text(encoding="utf-8") == api.current(), "run: python docs/make_api.py"


def test_the_tables_of_settings_are_current_and_whole() -> None:
    settings = script("make_settings")
    for page in settings.HEADS:
        text = page.read_text(encoding="utf-8")
        assert text == settings.current(page), "run: python docs/make_settings.py"
        assert all(settings.meanings(page)[name] for name in vars(ServeConfig())), "a setting is not explained"


def test_what_has_moved_is_where_it_is_said_to_be() -> None:
    page = (ROOT / "docs/history/names.md").read_text(encoding="utf-8").partition("## Names\n")[0]
    found = []
    for row in re.findall(r"^\| `.* \| (.*) \|$", page, re.MULTILINE):
        package = ""
        for name in re.findall(r"`([a-z_.]+)`", row):
            whole = package + name if name.startswith(".") else name
            package = whole.rpartition(".")[0]
            found.append(whole if whole.startswith(("serve.", "data.")) else f"crnn.{whole.removeprefix('crnn.')}")
    assert len(found) > 100
    paths = [ROOT / name.replace(".", "/") for name in found]
    assert not [path for path in paths if not path.is_dir() and not path.with_suffix(".py").is_file()]


TICS = [
    "knows nothing",
    "spaces aside",
    "at the door",
    " a line a ",
    " lines a second",
    " drawn ",
    " sureness",
    "looks at a line",
]


@pytest.mark.parametrize("page", PAGES)
def test_shares_are_written_in_per_cent(page: str) -> None:
    text = re.sub(r"`[^`\n]*`", "", BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8")))
    assert not re.findall(r"(?<![\w.])\.\d+", text), "write 92.9 %, not .929"


@pytest.mark.parametrize("page", [page for page in PAGES if "history" not in page and page != "docs/api.md"])
def test_the_words_are_those_of_the_field(page: str) -> None:
    text = BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8")).lower()
    assert not [tic for tic in TICS if tic in text]


def test_all_pages_are_of_this_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The project's own file takes it from the package; the command prints it; the log of changes has its day first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "crnn.__version__"}
    with pytest.raises(SystemExit):
        command_line._plain_parser().parse_args(["--version"])
    assert capsys.readouterr().out == f"crnn-ocr {crnn.__version__}\n"
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {crnn.__version__}\n" in citation
    changes = re.findall(r"^## (.*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    day = changes[0].removeprefix(f"[{crnn.__version__}] - ")
    assert date.fromisoformat(day)
    assert f"\ndate-released: {day}\n" in citation
