"""The files that come with the package: what is read with unless something else is asked for."""

from __future__ import annotations

from pathlib import Path

# In a clone crnn/models is a link to models/, where training puts what is to be served; in a wheel it is a folder.
_MODELS = (Path(__file__).parents[1] / "models").resolve()

DEFAULT_MODEL = _MODELS / "crnn-zh-en.int8.onnx"
DEFAULT_FINDER = _MODELS / "finder.int8.onnx"
DEFAULT_LANGUAGE_MODEL = _MODELS / "lm-zh-en.npz"
