"""Estimates a character n-gram model from lines of ids; packs it, or writes it as ARPA.

Interpolated modified Kneser-Ney smoothing (Chen & Goodman 1998; Heafield et al. 2013 for the discounts and for what
becomes of the pruned mass), in numpy: ten million characters take a minute and no compiler.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crnn.core.errors import UserError
from crnn.language_model.trie import Level, quantize

UNKNOWN, BEGIN, END = 0, 1, 2  # ids that every n-gram vocabulary starts with
SPECIAL = ("<unk>", "<s>", "</s>")
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)  # for texts so small that counts of counts are zero, as lmplz has them
LN_10 = math.log(10)
NEVER = -99.0  # log10 of the probability of <s>, which is never predicted
CHUNK = 200_000  # n-grams formatted at a time
MOST_WORDS = 2**16 - 1  # that a trie's 16 bits tell apart


@dataclass
class Grams:
    """All n-grams of one length, in the order of (prefix, word).

    Attributes:
        words: int32 (M, n), the ids.
        prefix: int64 (M,), row of the first n - 1 words among the (n - 1)-grams.
        suffix: int64 (M,), row of the last n - 1 words among the (n - 1)-grams.
        counts: int64 (M,), occurrences.
        adjusted: int64 (M,), Kneser-Ney counts: distinct words before it, except where nothing can stand before.
        log_probabilities, log_backoffs: float64 (M,), base 10.
        kept: bool (M,), False where pruned.
    """

    words: np.ndarray
    prefix: np.ndarray
    suffix: np.ndarray
    counts: np.ndarray
    adjusted: np.ndarray
    log_probabilities: np.ndarray
    log_backoffs: np.ndarray
    kept: np.ndarray


def estimate(tokens: np.ndarray, vocabulary: int, order: int, prune: Sequence[int]) -> list[Grams]:
    """The model of a text.

    Args:
        tokens: int32, the lines one after the other, each as BEGIN, ids from 3 on (or UNKNOWN), END.
        vocabulary: number of ids, those of `SPECIAL` included.
        order: length of the longest n-grams.
        prune: n-grams of each length that occur so often or less are left out; never falling, 0 for single words.

    Raises:
        UserError: no text, or thresholds that do not fit.
    """
    if len(prune) != order or prune[0] != 0 or list(prune) != sorted(prune):
        raise UserError(f"prune needs {order} numbers that never fall, the first of them 0; got {list(prune)}")
    if not np.any(tokens > END):
        raise UserError("there is no text to build a language model from")
    grams = _count(tokens, vocabulary, order)
    for n, entry in enumerate(grams, start=1):
        _adjust(entry, grams[n] if n < order else None)
        entry.kept = entry.counts > prune[n - 1] if n > 1 else np.ones(len(entry.words), bool)
    lower = np.full(1, 1 / (vocabulary - 1))  # below the single words: all but <s> equally likely
    for n, entry in enumerate(grams, start=1):
        lower = _smooth(entry, lower, grams[n - 2] if n > 1 else None)
    grams[0].log_probabilities[BEGIN] = NEVER
    return grams


def _count(tokens: np.ndarray, vocabulary: int, order: int) -> list[Grams]:
    """Every distinct n-gram that lies within a line; all ids for n = 1."""
    places = np.arange(len(tokens))
    depth = places - np.maximum.accumulate(np.where(tokens == BEGIN, places, 0))  # words before it in its line
    words = np.arange(vocabulary, dtype=np.int32)[:, None]
    rows = np.zeros(vocabulary, np.int64)
    grams = [_grams(words, rows, rows, np.bincount(tokens, minlength=vocabulary))]
    current = tokens.astype(np.int64)  # row of the n-gram that ends at each place
    for n in range(2, order + 1):
        ends = places[depth >= n - 1]
        keys, first, inverse, counts = np.unique(
            current[ends - 1] * vocabulary + tokens[ends], return_index=True, return_inverse=True, return_counts=True
        )
        prefix, word = keys // vocabulary, (keys % vocabulary).astype(np.int32)
        words = np.concatenate([grams[-1].words[prefix], word[:, None]], axis=1)
        grams.append(_grams(words, prefix, current[ends[first]], counts))
        current = np.full(len(tokens), -1, np.int64)
        current[ends] = inverse
    return grams


def _grams(words: np.ndarray, prefix: np.ndarray, suffix: np.ndarray, counts: np.ndarray) -> Grams:
    nothing = np.zeros(len(words))
    return Grams(words, prefix, suffix, counts, counts, nothing, nothing.copy(), np.ones(len(words), bool))


def _adjust(entry: Grams, longer: Grams | None) -> None:
    if longer is not None:
        distinct = np.bincount(longer.suffix, minlength=len(entry.words))
        entry.adjusted = np.where(entry.words[:, 0] == BEGIN, entry.counts, distinct)
    if entry.words.shape[1] == 1:
        entry.adjusted = np.where(entry.words[:, 0] == BEGIN, 0, entry.adjusted)  # <s> is never predicted


def _discounts(adjusted: np.ndarray) -> np.ndarray:
    """What is taken off counts of 0, 1, 2, and 3 or more."""
    t1, t2, t3, t4 = (int(np.count_nonzero(adjusted == count)) for count in (1, 2, 3, 4))
    if not (t1 and t2 and t3 and t4):
        return np.array([0.0, *FALLBACK_DISCOUNTS])
    share = t1 / (t1 + 2 * t2)
    found = np.array([0.0, 1 - 2 * share * t2 / t1, 2 - 3 * share * t3 / t2, 3 - 4 * share * t4 / t3])
    return found if np.all((found[1:] > 0) & (found[1:] <= [1, 2, 3])) else np.array([0.0, *FALLBACK_DISCOUNTS])


def _smooth(entry: Grams, lower: np.ndarray, contexts: Grams | None) -> np.ndarray:
    """Fill in this length's probabilities and the backoffs of its contexts; returns the probabilities, not as logs."""
    discounts = _discounts(entry.adjusted)[np.minimum(entry.adjusted, 3)]
    size = len(lower)
    totals = np.bincount(entry.prefix, weights=entry.adjusted, minlength=size)
    # What is taken off, and all of a pruned n-gram, goes to the shorter context.
    given = np.bincount(entry.prefix, weights=np.where(entry.kept, discounts, entry.adjusted), minlength=size)
    backoffs = np.divide(given, totals, out=np.ones(size), where=totals > 0)
    own = np.divide(entry.adjusted - discounts, totals[entry.prefix], out=np.zeros(len(discounts)),
                    where=totals[entry.prefix] > 0)  # fmt: skip
    probabilities = own + backoffs[entry.prefix] * lower[entry.suffix]
    entry.log_probabilities = np.log10(np.maximum(probabilities, 10**NEVER))
    if contexts is not None:
        contexts.log_backoffs = np.log10(np.maximum(backoffs, 10**NEVER))
    return probabilities


def to_levels(grams: list[Grams], bits: int) -> list[Level]:
    """The levels of a `crnn.language_model.trie.Trie`: kept n-grams of known words; the last 1-gram is "unknown".

    Lines are scored from anywhere to anywhere, so that no n-gram with a line's beginning or end is ever asked for.

    Args:
        bits: of each probability and backoff, 1 to 8.

    Raises:
        UserError: too many words, or bits out of range.
    """
    if not 1 <= bits <= 8:
        raise UserError(f"bits={bits}: a probability has 1 to 8 bits")
    if len(grams[0].words) > MOST_WORDS:
        raise UserError(f"{len(grams[0].words):,} characters are more than the {MOST_WORDS:,} of a language model")
    first = len(SPECIAL)
    kept = [np.flatnonzero(entry.kept & (entry.words >= first).all(axis=1)) for entry in grams]
    kept[0] = np.append(kept[0], UNKNOWN)
    nothing: np.ndarray = np.empty(0)
    levels = []
    for n, (entry, rows) in enumerate(zip(grams, kept, strict=True), start=1):
        children = backoffs = nothing
        if n < len(grams):
            children = np.bincount(grams[n].prefix[kept[n]], minlength=len(entry.words))[rows]
            backoffs = entry.log_backoffs[rows] * LN_10
        levels.append(
            Level(
                (entry.words[rows, -1] - first).astype(np.uint16),
                *quantize(entry.log_probabilities[rows] * LN_10, bits),
                children.astype(np.uint16),
                *quantize(backoffs, bits),
            )
        )
    return levels


def write_arpa(grams: list[Grams], names: Sequence[str], path: Path) -> None:
    """Write the kept n-grams as ARPA text; `names` holds each id's token, `SPECIAL` first."""
    table = np.array(names, dtype=object)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {n}={int(entry.kept.sum())}\n" for n, entry in enumerate(grams, start=1))
        for n, entry in enumerate(grams, start=1):
            file.write(f"\n\\{n}-grams:\n")
            rows = np.flatnonzero(entry.kept)
            for begin in range(0, len(rows), CHUNK):
                chunk = rows[begin : begin + CHUNK]
                texts = map(" ".join, table[entry.words[chunk]].tolist())
                columns = [entry.log_probabilities[chunk].tolist(), texts]
                if n < len(grams):
                    columns.append(entry.log_backoffs[chunk].tolist())
                    file.writelines(f"{p:.6g}\t{t}\t{b:.6g}\n" for p, t, b in zip(*columns, strict=True))
                else:
                    file.writelines(f"{p:.6g}\t{t}\n" for p, t in zip(*columns, strict=True))
        file.write("\n\\end\\\n")
