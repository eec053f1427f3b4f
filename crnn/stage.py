"""Runs a stage's Hydra main so that a user's mistake ends in one line, not a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from crnn.errors import UserError

Config = TypeVar("Config")


def typed(cfg: Any, kind: type[Config]) -> Config:
    """The composed configuration as an instance of its schema.

    Raises:
        UserError: a key without a default was not given.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import MissingMandatoryValue

    try:
        config = OmegaConf.to_object(cfg)
    except MissingMandatoryValue as error:
        raise UserError(f"{str(error).splitlines()[0]}: give it as key=value") from None
    assert isinstance(config, kind)
    return config


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
        message = _explain(error)
    else:
        return
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


def _explain(error: Exception) -> str:
    """The first lines of Hydra's own message, on one line, with a hint."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = [line.strip() for line in f"{error}\n{cause}".splitlines() if line.strip()]
    kept = list(
        dict.fromkeys(line for line in lines if not line.startswith(("full_key", "object_type", "reference_type")))
    )
    return "; ".join(kept[:3]) + " (see the keys in configs/, or run with --help)"
