"""Makes programs of functions with Hydra: what a user got wrong ends in one line, not in a traceback."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from crnn.core.errors import UserError, exit_cleanly

CONFIGS = Path(__file__).parents[2] / "configs"

Config = TypeVar("Config")


def typed(cfg: Any, kind: type[Config]) -> Config:
    """The composed configuration as an instance of its schema; `~/` at the beginning of a value is the user's home.

    Raises:
        UserError: a key without a default was not given, or one that nobody reads was added.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import MissingMandatoryValue

    try:
        config = OmegaConf.to_object(cfg)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key or str(error).splitlines()[0]} is missing: give it as key=value") from None
    assert isinstance(config, kind)
    _check_keys(config)
    return _expand(config)


def stage(file: str, kind: type[Config]) -> Callable[[Callable[[Config], object]], Callable[[], None]]:
    """Make a function of a configuration a program, whose arguments change what configs/`file`.yaml says.

    >>> @stage("stats", StatsConfig)          # doctest: +SKIP
    ... def main(config: StatsConfig) -> None: ...
    """
    import hydra
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name=f"{file}_schema", node=kind)

    def decorate(body: Callable[[Config], object]) -> Callable[[], None]:
        @hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=file)
        @exit_cleanly()
        @functools.wraps(body)
        def task(cfg: Any) -> None:
            body(typed(cfg, kind))

        return lambda: run_stage(task)

    return decorate


def run_stage(main: Callable[[], Any]) -> None:
    """Run `main` (decorated by `hydra.main`); exit 2 with one line on a bad configuration.

    Put `@exit_cleanly()` between `@hydra.main` and the function: a `UserError` that reached Hydra would be announced
    by a line of Hydra's own first.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors come out of Hydra, which otherwise prints its own page
    try:
        main()
    except UserError as error:
        message = str(error)
    except (HydraException, OmegaConfBaseException) as error:
        message = _explain(error, sys.argv[1:])
    else:
        return
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


def _check_keys(config: Any, prefix: str = "") -> None:
    """Refuse keys that `+key=value` added to a schema: a slip of the pen would be obeyed by nobody."""
    if not dataclasses.is_dataclass(config):
        return
    known = [field.name for field in dataclasses.fields(config)]
    for key, value in vars(config).items():
        if key not in known:
            raise UserError(_unknown(key, prefix, known))
        _check_keys(value, f"{prefix}{key}.")


def _expand(value: Any) -> Any:
    """`value` with the user's home in the place of `~/`, in everything that it holds."""
    if isinstance(value, str):
        return os.path.expanduser(value) if value.startswith("~/") else value  # noqa: PTH111  (no path yet)
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if isinstance(value, dict):
        return {key: _expand(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            object.__setattr__(value, field.name, _expand(getattr(value, field.name)))
    return value


def _explain(error: Exception, arguments: list[str]) -> str:
    """What was wrong with the configuration, on one line, and what to write instead."""
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError

    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and cause.parent_node is not None:
        key = str(cause.key)
        return _unknown(
            key, str(cause.full_key).removesuffix(key), [str(known) for known in cause.parent_node if known != "hydra"]
        )
    for argument in arguments:
        if meant := _misread(argument, f"{error}\n{cause}"):
            return (
                f"{argument} holds characters that stand for something else there, such as ( ) [ ] {{ }} , = ' ~ : "
                f"write {shlex.quote(meant)}"
            )
    lines = [line.strip() for line in f"{error}\n{cause}".splitlines() if line.strip()]
    kept = list(
        dict.fromkeys(line for line in lines if not line.startswith(("full_key", "object_type", "reference_type")))
    )
    return "; ".join(kept[:3]) + " (see the keys in configs/, or run with --help)"


def _unknown(key: str, prefix: str, known: list[str]) -> str:
    """The message for a key that is not among the `known` ones."""
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {prefix}{near[0]}?" if near else f"there are {', '.join(known)}"
    return f"there is no key {prefix}{key}: {hint}"


def _misread(argument: str, message: str) -> str:
    """`argument` with quotes, if it is a key=value whose value Hydra's grammar takes for more than a text; else ""."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, given, value = argument.partition("=")
    if not given or not value or key.startswith("-"):
        return ""
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException:
        listed = value[0] + value[-1] == "[]"
        items = [_quote(item.strip()) for item in value[1:-1].split(",")] if listed else []
        return f"{key}=[{','.join(items)}]" if listed else f"{key}={_quote(value)}"
    no_text = argument in message and "to string" in message
    return f"{key}={_quote(value)}" if override.is_sweep_override() or no_text else ""


def _quote(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'
