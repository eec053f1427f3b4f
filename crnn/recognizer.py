"""Reads line images with an exported model: no torch, no configuration.

>>> Recognizer("model.onnx").read(Path("line.png").read_bytes()).text          # doctest: +SKIP
'合同编号 A-17'
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crnn.ctc import greedy
from crnn.decoding import Decoder
from crnn.network import Network
from crnn.pair import unpack
from crnn.preprocess import STRETCH, decode_image, from_nearer
from crnn.reading import DOUBTFUL, MARGIN, UNSURE, CharReading, Reading

__all__ = ["DEFAULT_MODEL", "CharReading", "Reading", "Recognizer"]

DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "models" / "crnn-zh-en.int8.onnx"


class Recognizer:
    """Reads lines with the model at `model` (the shipped one by default). Safe to share between threads.

    Create it after a fork: a session must not cross one.

    A pair of networks in one file (see `crnn.pair`) reads so: the general network reads each line; what it is not sure
    of the tuned one reads too, and its reading is kept where it is the surer one by a margin.

    Attributes:
        info: what the model says of itself; of a pair, what the tuned network says, which knows all the characters.
        unsure: a line with a character less probable than this is read again from nearer, and the surer reading is
            kept; 0 for never. It goes by what the network says, calibrated or not.
        max_batch: lines of one width that are read in one run, see `Network`.

    Raises:
        UserError: no such file, not one of our models, or more `threads` than there are processors.
    """

    def __init__(
        self, model: str | Path | None = None, threads: int = 1, max_batch: int = 8, unsure: float = UNSURE
    ) -> None:
        self.path = Path(model) if model is not None else DEFAULT_MODEL
        self._networks = [Network(self.path, str(self.path), threads, max_batch)]
        if second := unpack(self._networks[0].metadata):
            self._networks.append(Network(second, f"the second network in {self.path}", threads, max_batch))
        self.info = self._networks[-1].info
        self._networks[0].classes = len(self.info.charset)
        self.unsure = unsure
        self.max_batch = min(network.max_batch for network in self._networks)

    def read(self, image: np.ndarray | bytes, decode: Decoder = greedy) -> Reading:
        """Read one line, however wide.

        Args:
            image: uint8 (H, W) grey or (H, W, 3) BGR, or an encoded picture.
            decode: turns logits into characters; `crnn.decoding.make_decoder` offers a language model and more.

        Raises:
            ImageError: not a picture that can be read, or no line (1,000 times as wide as high).
        """
        return self.read_many([image], decode)[0]

    def read_many(self, images: Sequence[np.ndarray | bytes], decode: Decoder = greedy) -> list[Reading]:
        """Read many lines; each reads as it does alone, whatever its neighbours.

        Raises:
            ImageError: one of them is not a picture that can be read.
        """
        pixels = [image if isinstance(image, np.ndarray) else decode_image(image) for image in images]
        first, *others = self._networks
        readings = self._look(first, pixels, decode)
        for second in others:
            doubtful = [i for i, reading in enumerate(readings) if not reading.chars or reading.weakest < DOUBTFUL]
            others_say = self._look(second, [pixels[i] for i in doubtful], decode)
            for i, reading in zip(doubtful, others_say, strict=True):
                if reading.sureness > readings[i].sureness + MARGIN:
                    readings[i] = reading
        return readings

    def _look(self, network: Network, pixels: Sequence[np.ndarray], decode: Decoder) -> list[Reading]:
        """What one network reads, unsure lines twice."""
        readings, scores = network.read(pixels, decode)
        again = [i for i, reading in enumerate(readings) if reading.weakest < self.unsure]
        nearer, scores_nearer = network.read([from_nearer(pixels[i]) for i in again], decode, STRETCH)
        for i, reading, score in zip(again, nearer, scores_nearer, strict=True):
            if score > scores[i]:
                readings[i] = reading
        return readings

    def run(self, images: np.ndarray) -> np.ndarray:
        """The bare network, of a pair the general one: see `Network.run`."""
        return self._networks[0].run(images)
