"""Whether a scorer was trained on the photos it now judges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def photos_of(dataset: str, others: Iterable[str] = ()) -> tuple[str, ...]:
    """The datasets whose photos ``dataset`` holds, itself first."""
    return tuple(dict.fromkeys((dataset, *others, *_PHOTOS.get(_plain(dataset), ()))))


def trained_on(training: Sequence[str], photos: Sequence[str]) -> list[str]:
    """Those of the declared ``training`` data that are among ``photos``, compared without case and punctuation."""
    judged = {_plain(name) for name in photos if name}
    return [name for name in training if _plain(name.partition("(")[0]) in judged]


def _plain(name: str) -> str:
    plain = "".join(char for char in name.casefold() if char.isalnum())
    return _ALIASES.get(plain, plain)
