"""What a domain's lines say: the user's text, some general text, and sentences for new characters."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CORPUS_LIST
from crnn.datasets.label_table import BOM
from crnn.finetuning.before_after_report import FEW_TEXTS
from data.corpus.cleaning import Cleaner
from data.synthesis.text import HANZI

# Kinds of the synthesis; "forms" and "slips" come as they were written.
OWN, EVEN, CHINESE, LATIN = "forms", "slips", "prose", "english"
EVEN_LINES = 15_000  # of characters in disorder: more than a fine-tune draws
EVEN_GENERAL = 0.6  # of them, of the general text's characters, which are more
GENERAL_SNIPPETS = 20_000  # read of the general corpus at most: more than a fine-tune can draw


@dataclass(frozen=True)
class DomainText:
    """Snippets by split (train, test) and kind; `apart`: the user's text is not the same in both splits."""

    texts: dict[tuple[str, str], list[str]]
    apart: bool = True

    def kinds(self, split: str) -> list[str]:
        """Kinds that have text in `split`."""
        return [kind for part, kind in self.texts if part == split]

    def save(self, folder: Path) -> None:
        """Write it as a corpus that the synthesis reads."""
        shutil.rmtree(folder, ignore_errors=True)
        counts: Counter[str] = Counter()
        for (split, kind), snippets in self.texts.items():
            (folder / split).mkdir(parents=True, exist_ok=True)
            (folder / split / f"{kind}.txt").write_text("\n".join(snippets) + "\n", encoding="utf-8")
            if split == "train":
                counts.update("".join(snippets))
        (folder / CORPUS_LIST).write_text(json.dumps({"counts": counts}, ensure_ascii=False), encoding="utf-8")


def read_own_text(path: Path) -> list[str]:
    """Lines of a text file, each once.

    Raises:
        UserError: no such file, not UTF-8, or empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").replace(BOM, "").splitlines()
    except OSError as error:
        raise UserError(f"text={path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"text={path} is not UTF-8: convert it first") from None
    kept = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not kept:
        raise UserError(f"text={path} holds no text")
    return kept


def gather(
    own: Sequence[str], general: Path, charset: Charset, new: Sequence[str], planted: int, held_out: float, seed: int
) -> DomainText:
    """Everything the domain's lines may say, all of it inside `charset`.

    Args:
        own: the user's lines; may be empty.
        general: folder of the general corpus.
        charset: what the faces draw.
        new: characters the start model lacks.
        planted: sentences made for each new character.
        held_out: share of the user's lines that only test lines say.

    Raises:
        UserError: the faces can draw none of the user's lines.
    """
    cleaner = Cleaner(charset)
    texts: dict[tuple[str, str], list[str]] = {}
    mine = [snippet for line in own for snippet in cleaner.snippets(line)]
    if own and not mine and not new:
        raise UserError("the fonts can draw none of the text's lines: do text and fonts belong together?")
    different = list(dict.fromkeys(mine))
    share = share_held_out(held_out, map(_share, different))
    for snippet in different:
        texts.setdefault(("test" if _share(snippet) < share else "train", OWN), []).append(snippet)
    apart = not mine or len({split for split, _ in texts}) == 2
    if not apart:  # too few to hold any out: both sides say all
        texts["train", OWN], texts["test", OWN] = list(different), list(different)
    for split in ("train", "test"):
        snippets = _general(general / split, cleaner, seed)
        for kind, chosen in (
            (CHINESE, [s for s in snippets if HANZI.search(s)]),
            (LATIN, [s for s in snippets if not HANZI.search(s)]),
        ):
            if chosen:
                texts[(split, kind)] = chosen
        if mine and split == "train":
            texts[(split, EVEN)] = evenly(texts[(split, OWN)], snippets, charset, seed)
        sentences = plant(new, snippets, charset, planted if split == "train" else max(1, planted // 8), seed)
        if sentences:
            texts.setdefault((split, OWN), []).extend(sentences)
    return DomainText(texts, apart)


def share_held_out(share: float, digests: Iterable[float]) -> float:
    """The share to hold out: more than asked for, up to half, where it would leave fewer than `FEW_TEXTS` to judge by.

    It never rises when digests join: what was trained on in one round is not tested on in a later, larger one.

    Args:
        digests: of each text or picture, a number in [0, 1); those below the share are held out.
    """
    least = sorted(digests)[FEW_TEXTS : FEW_TEXTS + 1]
    return max(share, min(0.5, *least, 0.5)) if share else 0.0


def plant(new: Sequence[str], snippets: Sequence[str], charset: Charset, each: int, seed: int) -> list[str]:
    """`each` short texts for every new character: general text in which it stands in place of another character.

    Old characters around it keep the network from reading the new one everywhere.
    """
    rng = random.Random(seed)
    hosts = [s for s in snippets if HANZI.search(s)] or list(snippets) or ["".join(charset.characters[:10])]
    known = [c for c in new if c in charset]
    sentences = []
    for character in known:
        for _ in range(each):
            host = rng.choice(hosts)
            length = rng.randint(2, 10)
            start = rng.randrange(max(1, len(host) - length))
            part = list(host[start : start + length].strip() or host)
            places = rng.sample(range(len(part)), min(2, len(part)))
            part[places[0]] = character
            if rng.random() < 0.5:  # two new ones in a line: they are told apart from each other, too
                part[places[-1]] = rng.choice(known)
            sentences.append("".join(part))
    return [s for s in sentences if s == charset.fold(s)]


def evenly(own: Sequence[str], general: Sequence[str], charset: Charset, seed: int) -> list[str]:
    """Short texts of the characters of `own`, and more of those of `general`, in disorder: each as often as any other.

    A character that the text has once is else seen once where another is seen a thousand times; the lines that the
    domain will yet write hold characters that its text has not; and the same lines over and over are learned by heart.
    """
    rng = random.Random(seed)
    repertoires = [sorted(set("".join(texts)) - {" "}) for texts in (own, general or own)]
    decks: list[list[str]] = [[], []]
    sentences = []
    for _ in range(EVEN_LINES):
        which = int(rng.random() < EVEN_GENERAL)
        length = rng.randint(4, 16)
        while len(decks[which]) < length:
            decks[which] += rng.sample(repertoires[which], len(repertoires[which]))
        sentences.append("".join(decks[which][:length]))
        del decks[which][:length]
    return [s for s in sentences if s == charset.fold(s)]


def _general(folder: Path, cleaner: Cleaner, seed: int) -> list[str]:
    """A sample of the corpus, as far as the faces can draw it."""
    lines: list[str] = []
    for file in sorted(folder.glob("*.txt")):
        lines += file.read_text(encoding="utf-8").splitlines()
    random.Random(seed).shuffle(lines)
    found: Iterable[str] = (s for line in lines[:GENERAL_SNIPPETS] for s in cleaner.snippets(line))
    return list(dict.fromkeys(found))


def _share(text: str) -> float:
    """Number in [0, 1) that depends on the text alone: it never changes sides from round to round."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
