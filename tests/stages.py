"""What the stages' programs would say of their arguments, found out without running them."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from crnn.core.errors import UserError
from crnn.core.stage import typed

ROOT = Path(__file__).parent.parent
CONFIG_NAME = re.compile(r'config_name="(\w+)"|^@stage\("(\w+)"', re.MULTILINE)
NEEDED = ["SOURCE=x", "DATASET=x", "PAGES=3", "LINES=3"]  # what some targets of make cannot do without


def made(words: list[str]) -> list[str]:
    """The commands that `make` would run with these arguments."""
    given = {word.partition("=")[0] for word in words}
    needed = [word for word in NEEDED if word.partition("=")[0] not in given]
    ran = subprocess.run(["make", "-n", *words, *needed], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout.replace("\\\n", " ").splitlines()


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command in a line of the shell, which may hold several."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set(";|&()<>"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def refused(words: list[str]) -> str:
    """Why a stage would not begin with these arguments; "" if it would, or if the command is not of a stage."""
    if "train.py" in words and words[0].endswith("torchrun"):
        words = ["python", *words[words.index("train.py") :]]
    if len(words) < (3 if words[1:2] == ["-m"] else 2) or not Path(words[0]).name.startswith("python"):
        return ""
    program, arguments = (words[2], words[3:]) if words[1:2] == ["-m"] else (words[1], words[2:])
    config = config_of(program.removesuffix(".py"))
    if arguments[:1] == ["--config-name"]:
        config, arguments = arguments[1], arguments[2:]
    return refusal(config, tuple(arguments)) if config else ""


@cache
def config_of(module: str) -> str:
    """The file in configs/ of a stage, whose schema is then known to Hydra; "" of other programs."""
    path = ROOT / module.replace(".", "/")
    path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    found = CONFIG_NAME.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    if found is None or path.is_relative_to(ROOT / "tests"):
        return ""
    importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return str(found[1] or found[2])


@cache
def refusal(config: str, arguments: tuple[str, ...]) -> str:
    """What is wrong with the arguments of the stage that configs/`config`.yaml is of, "" for nothing."""
    try:
        with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
            composed = compose(config, list(arguments))
            typed(composed, OmegaConf.get_type(composed) or object)
    except (UserError, HydraException, OmegaConfBaseException) as error:
        return str(error)
    return ""


def all_configs() -> list[str]:
    """Of every stage, by name."""
    paths = [*ROOT.glob("*.py"), *ROOT.glob("crnn/**/*.py"), *ROOT.glob("data/**/*.py")]
    modules = (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__") for path in paths)
    return sorted({config_of(module) for module in modules} - {""})
