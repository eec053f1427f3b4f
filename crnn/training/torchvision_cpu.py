"""torchvision's transforms and image grid, also beside a CPU build of torch.

The torchvision wheel of PyPI carries operators compiled for CUDA; next to a CPU torch they cannot be loaded, and
importing torchvision then fails because it describes operators (`nms`, …) that do not exist. None of them is used
here, so declaring them is enough.
"""

from __future__ import annotations

import re
import sys

import torch

_DETECTION = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[torch.library.Library] = []  # a Library's operators vanish with it


def _import_torchvision() -> None:
    for _ in range(8):  # one missing operator is named at a time; torchvision 0.28 describes two
        try:
            import torchvision  # noqa: F401
        except RuntimeError as error:
            missing = re.match(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(missing[1] + _DETECTION)
            _declared.append(library)
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
        else:
            return


_import_torchvision()

from torchvision.transforms import v2 as transforms  # noqa: E402
from torchvision.utils import make_grid  # noqa: E402

__all__ = ["make_grid", "transforms"]
