"""Whether a scorer was trained on the photos it now judges: by dataset, and by split where both sides say which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iqabench.text import amount

Mask = NDArray[np.bool_]

_PHOTOS = {"auiqa": ("koniq10k",), "koniq": ("koniq10k",)}
"""Datasets made of another's photos, or known by another name."""
_ALIASES = {
    "paq2piq": "flive",
    "livechallenge": "clive",
    "livec": "clive",
    "liveinthewild": "clive",
    "koniq": "koniq10k",
    "kadid": "kadid10k",
    "liver2": "live",
}
_SPLITS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test", "testing": "test"}
_WHEN = re.compile(r"\[([^\]=]+)=([^\]]*)\]")
_SPLIT_WORDS = re.compile(r"\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Seen:
    """Training data that holds photos among those judged, and which of the judged images those are (n,).

    ``split`` is the part that the scorer says it was trained on, empty where it says none; ``known`` whether the
    images say which part they belong to. Where they do not, all of them are marked.
    """

    dataset: str
    images: Mask
    split: str = ""
    known: bool = True

    def words(self, among: Mask) -> str:
        """What to say of the images ``among``; empty where none of them was seen."""
        count, total = int((self.images & among).sum()), int(among.sum())
        if not count:
            return ""
        if not self.split:
            return self.dataset if count == total else f"{self.dataset} ({count} of {total} images)"
        if not self.known:
            return f"{self.dataset} ({self.split}; which of these images is not known)"
        return f"{self.dataset} ({self.split}; {count} of {amount(total, 'image')})"


def photos_of(dataset: str, others: Iterable[str] = ()) -> tuple[str, ...]:
    """The datasets whose photos ``dataset`` holds, itself first."""
    return tuple(dict.fromkeys((dataset, *others, *_PHOTOS.get(_plain(dataset), ()))))


def applying(training: Sequence[str], params: Mapping[str, object]) -> tuple[str, ...]:
    """The declared ``training`` data of the variant with ``params``: ``"SPAQ [weights=spaq]"`` holds for that alone."""
    kept = []
    for text in training:
        when = _WHEN.findall(text)
        if all(str(params.get(name.strip(), "")) == value.strip() for name, value in when):
            kept.append(" ".join(_WHEN.sub("", text).split()))
    return tuple(kept)


def seen(training: Sequence[str], photos: Sequence[str], images: pd.DataFrame, splits: Sequence[str]) -> list[Seen]:
    """Which of ``images`` (a row each, of one dataset) are among the ``training`` data.

    ``photos`` names the datasets that their photos belong to, the one they were read as first; its official split
    stands in the column that ``splits`` names. Names are compared without case and punctuation. A training datum may
    name its part in parentheses: ``"KonIQ-10k (training)"``.
    """
    judged = {_plain(name): at for at, name in reversed(list(enumerate(photos))) if name}
    everything = np.ones(len(images), dtype=bool)
    found = []
    for text in training:
        name = re.split(r"[(\[]", text)[0].strip()
        if _plain(name) not in judged:
            continue
        words = " ".join(_SPLIT_WORDS.findall(text)).casefold()
        parts = {_SPLITS[word] for word in re.findall(r"[a-z]+", words) if word in _SPLITS}
        if not parts:
            found.append(Seen(name, everything))
            continue
        said = ", ".join(sorted(parts, key=("train", "val", "test").index))
        column = splits[0] if len(splits) == 1 and judged[_plain(name)] == 0 else ""
        labels = images[column].fillna("").astype(str) if column in images else pd.Series("", index=images.index)
        if not column or not (labels != "").any():
            found.append(Seen(name, everything, said, known=False))
            continue
        own = labels.map(lambda label: _SPLITS.get(label.casefold(), label.casefold()))
        found.append(Seen(name, own.isin([*parts, ""]).to_numpy(dtype=bool), said))
    return found


def _plain(name: str) -> str:
    plain = "".join(char for char in name.casefold() if char.isalnum())
    return _ALIASES.get(plain, plain)
