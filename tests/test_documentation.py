"""What the documents tell a reader to type works: examples give what is shown, commands and links exist."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from crnn import __main__ as command_line
from crnn.commands.bulk import add_bulk_parser
from crnn.commands.info import add_info_parser
from crnn.commands.read import add_read_parser
from crnn.commands.serve import add_serve_parser

ROOT = Path(__file__).parent.parent
# Whose examples are run: `console` with what is shown after the command, `python` with the block `text` that follows.
RUN = ["README.md", "README.zh-CN.md", "docs/usage.md", "docs/usage.zh-CN.md"]
PAGES = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
        elif name.startswith("python"):
            module = words[2] if words[1:2] == ["-m"] else ""
            if module and importlib.util.find_spec(module) is None:
                return f"no module {module}"
            if not module and words[1:] and words[1] not in ("-", "-c") and not (ROOT / words[1]).exists():
                return f"no script {words[1]}"
    return ""


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist_with_their_options(page: str) -> None:
    for where, command in commands():
        if where == page:
            try:
                assert not complaint(command), command
            except SystemExit:
                pytest.fail(f"crnn refuses: {command}")


@pytest.mark.parametrize("page", RUN[2:])
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
    with pytest.raises(SystemExit):
        complaint("crnn read page.jpg --color")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    for targets in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        target = next(filter(None, targets)).partition("#")[0]
        if target and "://" not in target and not target.startswith("mailto:"):
            assert ((ROOT / page).parent / target).exists(), target


def test_the_two_languages_show_the_same_commands() -> None:
    for english, chinese in (RUN[:2], RUN[2:]):
        shown = [
            [re.sub(r"\s+#.*", "", content) for language, content in blocks(page) if language == "sh"]
            for page in (english, chinese)
        ]
        assert shown[0] == shown[1], english
