"""Photos with all that was made of them, to be looked at side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iqabench.report.page.pictures import Album
from iqabench.report.page.wide import Wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One source photo and the rows of its versions: the original first, then by degrader and enhancer."""

    name: str
    versions: tuple[int, ...]


def photos(table: Wide) -> list[Photo]:
    """Every source photo with more than one version."""
    found: dict[str, list[int]] = {}
    for row, content in enumerate(table.contents().tolist()):
        found.setdefault(content, []).append(row)
    images = table.images
    order = {
        name: at for at, name in enumerate(dict.fromkeys(zip(images["degrader"], images["enhancer"], strict=True)))
    }

    def place(row: int) -> tuple[bool, int]:
        key = (images["degrader"].iat[row], images["enhancer"].iat[row])
        return key != ("", ""), order[key]

    return [
        Photo(name=content.partition(":")[2] or content, versions=tuple(sorted(rows, key=place)))
        for content, rows in found.items()
        if len(rows) > 1
    ]


def hang(album: Album, table: Wide, found: Sequence[Photo], *, most: int, width: int) -> list[Photo]:
    """The photos shown: up to ``most``, spread over the run, whose versions all fit into the album."""
    if not found or most < 1:
        return []
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    shown: list[Photo] = []
    for at in chosen.tolist():
        photo = found[at]
        rows = [row for row in photo.versions if row not in album.pictures]
        fits = all(album.add(row, table.images.iloc[row], width=width) for row in photo.versions)
        if not fits and shown:  # some of a photo's versions compare with nothing
            for row in rows:
                album.remove(row)
            break
        shown.append(
            Photo(name=photo.name, versions=tuple(row for row in photo.versions if fits or row in album.pictures))
        )
    return shown
