"""Reads line images with an exported model.

>>> Recognizer("model.onnx").read(Path("line.png").read_bytes()).text          # doctest: +SKIP
'合同编号 A-17'
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, overload

import numpy as np

from crnn.core.errors import UserError
from crnn.core.reading import (
    MIN_DOMAIN_LOGIT,
    RETRY_BELOW,
    RETRY_MEAN,
    SECOND_MODEL_BELOW,
    SWITCH_MARGIN,
    CharReading,
    Reading,
    is_pattern,
)
from crnn.core.shipped import DEFAULT_MODEL
from crnn.decoding.ctc import greedy
from crnn.decoding.decoder import METHODS, DecodeOptions, Decoder, make_decoder
from crnn.image.margins import Crop, without_margins
from crnn.image.preprocess import (
    CROP_STRETCH,
    PAD_STRETCH,
    crop_vertically,
    decode_image,
    line_gray,
    pad_vertically,
    scaled_width,
)
from crnn.recognition.allowance import Allowance
from crnn.recognition.ensemble import unpack
from crnn.recognition.session import OnnxSession, Pass

__all__ = ["Allowance", "CharReading", "Reading", "Recognizer"]


class Recognizer:
    """Reads lines with the model at `model` (the shipped one by default). Safe to share between threads.

    Create it after a fork: a session must not cross one.

    A file may hold an ensemble of two networks (see `crnn.recognition.ensemble`). The general network reads every line.
    The fine-tuned one also reads lines of which the general one is unsure and lines that look like its domain, and the
    reading with the better score is kept. The more a line looks like the domain, the smaller the lead it needs.

    Attributes:
        info: the model's description; of an ensemble, that of the fine-tuned network, which knows all the characters.
        unsure: a line with a character less probable than this is read again with padding above and below, and if that
            gives another text a third time, cropped: what two of three passes agree on is kept, else the surest; 0 for
            never. The network's own probability counts, whether it is calibrated or not. A line whose characters are
            less probable than `RETRY_MEAN` on average is read once: another pass would not make it clear.
        max_batch: lines of one width that are read in one run, see `OnnxSession`.
        decode: the decoder where a reading names none: the beam with the shipped language model. It is made when it is
            first used; another may be put in its place.

    Raises:
        UserError: no such file, not one of our models, or more `threads` than there are processors.
    """

    def __init__(
        self, model: str | Path | None = None, threads: int = 1, max_batch: int = 8, unsure: float = RETRY_BELOW
    ) -> None:
        self.path = Path(model) if model is not None else DEFAULT_MODEL
        self._sessions = [OnnxSession(self.path, str(self.path), threads, max_batch)]
        if second := unpack(self._sessions[0].metadata):
            self._sessions.append(OnnxSession(second, f"the second network in {self.path}", threads, max_batch))
        self.info = self._sessions[-1].info
        self._sessions[0].classes = len(self.info.charset)
        self.unsure = unsure
        self.max_batch = min(session.max_batch for session in self._sessions)

    @cached_property
    def decode(self) -> Decoder:
        return make_decoder(self.info.charset, DecodeOptions())

    def read(self, image: np.ndarray | bytes, decode: Decoder | str | None = None) -> Reading:
        """Read one line, however wide.

        Args:
            image: uint8 (H, W) gray or (H, W, 3) BGR, or an encoded picture, of several the first.
            decode: turns logits into characters: "greedy" for the fastest way, or what
                `crnn.decoding.decoder.make_decoder` makes of hot words and more; by default as `self.decode` does.

        Raises:
            ImageError: not a picture that can be read, or no line (1,000 times as wide as high).
            UserError: a name that is none of `crnn.decoding.decoder.METHODS`.
        """
        return self.read_many([image], decode)[0]

    @overload
    def read_many(
        self,
        images: Sequence[np.ndarray | bytes],
        decode: Decoder | str | None = None,
        *,
        return_exceptions: Literal[False] = False,
        allowance: Allowance | None = None,
    ) -> list[Reading]: ...

    @overload
    def read_many(
        self,
        images: Sequence[np.ndarray | bytes],
        decode: Decoder | str | None = None,
        *,
        return_exceptions: bool,
        allowance: Allowance | None = None,
    ) -> list[Reading | Exception]: ...

    def read_many(
        self,
        images: Sequence[np.ndarray | bytes],
        decode: Decoder | str | None = None,
        *,
        return_exceptions: bool = False,
        allowance: Allowance | None = None,
    ) -> list[Reading] | list[Reading | Exception]:
        """Read many lines; each reads as it does alone, whatever its neighbors.

        Args:
            images, decode: see `read`.
            return_exceptions: what goes wrong with one image stands in its place among the readings, and the others
                are read all the same, as with `asyncio.gather`.
            allowance: of the page whose lines these are, shared by all of them; None reads all again that are unsure.

        Raises:
            ImageError, UserError: see `read`; the first that an image meets, unless they are returned.
        """
        decoder = self._decoder(decode)
        allowance = allowance or Allowance(math.inf)
        read = self._read_each if return_exceptions else self._read
        return read(images, decoder, allowance)

    def _decoder(self, decode: Decoder | str | None) -> Decoder:
        if decode is None or decode == METHODS[0]:
            return self.decode
        if decode == "greedy":
            return greedy
        if isinstance(decode, str):
            raise UserError(f"unknown decoding method {decode!r}: choose one of {', '.join(METHODS)}")
        return decode

    def _read_each(
        self, images: Sequence[np.ndarray | bytes], decode: Decoder, allowance: Allowance
    ) -> list[Reading | Exception]:
        try:
            return [*self._read(images, decode, allowance)]
        except Exception as error:  # whatever it was, it is the matter of one image
            if len(images) == 1:
                return [error]
            middle = len(images) // 2
            halves = images[:middle], images[middle:]
            return [reading for half in halves for reading in self._read_each(half, decode, allowance)]

    def _read(self, images: Sequence[np.ndarray | bytes], decode: Decoder, allowance: Allowance) -> list[Reading]:
        grays = [line_gray(image if isinstance(image, np.ndarray) else decode_image(image)) for image in images]
        crops = [without_margins(gray) for gray in grays]
        pixels = [crop.of(gray) for crop, gray in zip(crops, grays, strict=True)]
        readings = self._read_crops(pixels, decode, allowance)
        return [_in_picture(reading, crop) for reading, crop in zip(readings, crops, strict=True)]

    def _read_crops(self, pixels: Sequence[np.ndarray], decode: Decoder, allowance: Allowance) -> list[Reading]:
        general, *tuned = self._sessions
        passes = self._read_with(general, pixels, decode, allowance)
        readings = [first.reading for first in passes]
        for session in tuned:
            asked = [i for i, first in enumerate(passes) if _asks_second_model(first)]
            again = self._read_with(session, [pixels[i] for i in asked], decode, allowance)
            for i, second in zip(asked, again, strict=True):
                lead = max(0.0, SWITCH_MARGIN - passes[i].domain_logit)
                if second.reading.selection_score > readings[i].selection_score + lead:
                    readings[i] = second.reading
        return readings

    def _read_with(
        self, session: OnnxSession, pixels: Sequence[np.ndarray], decode: Decoder, allowance: Allowance
    ) -> list[Pass]:
        """What one network reads, with test-time augmentation of the lines it is unsure of: these are read once more
        with padding above and below, and those that then have another text a third time, cropped."""

        def may_read_again(line: int) -> bool:
            spec = session.info.canvas
            return allowance.take(scaled_width(pixels[line], spec) / spec.max_width)

        firsts = session.read(pixels, decode)
        unsure = [i for i, first in enumerate(firsts) if _may_gain(first.reading, self.unsure)]
        passes = {i: [firsts[i]] for i in unsure if may_read_again(i)}
        padded = session.read([pad_vertically(pixels[i]) for i in passes], decode, PAD_STRETCH)
        for i, one in zip(passes, padded, strict=True):
            passes[i].append(one)
        differ = [i for i, (first, second) in passes.items() if _letters(first) != _letters(second)]
        disagreeing = [i for i in differ if may_read_again(i)]
        cropped = session.read([crop_vertically(pixels[i]) for i in disagreeing], decode, CROP_STRETCH)
        for i, one in zip(disagreeing, cropped, strict=True):
            passes[i].append(one)
        settled = {i: replace(_agreed(passes[i]), domain_logit=firsts[i].domain_logit) for i in passes}
        return [settled.get(i, first) for i, first in enumerate(firsts)]

    def run(self, images: np.ndarray) -> np.ndarray:
        """The bare network, of an ensemble the general one: see `OnnxSession.run`."""
        return self._sessions[0].run(images)


def _in_picture(reading: Reading, crop: Crop) -> Reading:
    """The reading of a part of a picture with its characters where they stand in the whole."""
    middle = (crop.top + crop.bottom) / 2
    return reading.placed([CharReading(c.char, c.confidence, crop.left + c.x, middle) for c in reading.chars])


def _may_gain(reading: Reading, least: float) -> bool:
    return reading.weakest < least and reading.mean >= RETRY_MEAN and not is_pattern(reading.text)


def _letters(one: Pass) -> str:
    return one.reading.text.replace(" ", "")


def _agreed(passes: Sequence[Pass]) -> Pass:
    """The surest reading among those that most passes share, ignoring spaces; empty readings do not vote."""
    votes = Counter(filter(None, map(_letters, passes)))
    most = max(votes.values(), default=0)
    return max((one for one in passes if votes[_letters(one)] == most), key=lambda one: one.score)


def _asks_second_model(first: Pass) -> bool:
    """Whether the second network of an ensemble reads a line too, after what the general one made of it."""
    unsure = first.reading.weakest < SECOND_MODEL_BELOW or not first.reading.chars
    return first.domain_logit > 0 or (unsure and first.domain_logit > MIN_DOMAIN_LOGIT)
