"""A picture of a run: a row a photo, with the original, degraded and enhanced side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from iqabench.errors import UsageError
from iqabench.images import read_image
from iqabench.patterns import nearest
from iqabench.report.render import format_number

_MARGIN, _FONT_SIZE, _LINE = 8, 13, 17
_KEY = ["dataset", "item", "degrader", "enhancer"]
_INK, _FAINT, _PAPER = "#1a1a1a", "#6b6b6b", "#ffffff"


def draw_grid(
    folder: Path,
    images: pd.DataFrame,
    scores: pd.DataFrame,
    models: Mapping[str, Mapping[str, Any]],
    *,
    items: Sequence[str] = (),
    rows: int = 12,
    scorers: Sequence[str] = (),
    tile: int = 256,
) -> Image.Image:
    """The picture, tiles ``tile`` pixels wide, each under its name with its scores.

    ``images`` and ``scores`` are a run's tables. ``items`` are the photos' names, by default another one for each
    row, up to ``rows`` rows; ``scorers`` the labels of the scores to print, by default up to four. Raises
    UsageError for a name that is not there.
    """
    shown = _known(scorers, list(dict.fromkeys(scores["scorer"])), "scorer") or _default_scorers(scores, models)
    chosen = _known(items, list(dict.fromkeys(images["item"])), "photo")
    numbers = scores[scores["scorer"].isin(shown) & (scores["status"] == "done")].set_index(_KEY)
    strips = [_strip(folder, block, numbers, shown, tile) for block in _blocks(images, chosen, rows)]
    sheet = Image.new("RGB", (max(strip.width for strip in strips), sum(strip.height for strip in strips)), _PAPER)
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def _blocks(images: pd.DataFrame, items: Sequence[str], rows: int) -> list[pd.DataFrame]:
    """For each row of the picture its images: the photo, what became of it under one degrader, and under none."""
    names = list(items) or list(dict.fromkeys(images["item"]))
    degraders = list(dict.fromkeys(images["degrader"][images["degrader"] != ""])) or [""]
    if items:
        pairs = [(name, degrader) for name in names for degrader in degraders]
    else:
        turns = max(len(names), len(degraders))
        pairs = [(names[turn % len(names)], degraders[turn % len(degraders)]) for turn in range(turns)]
    return [
        images[(images["item"] == name) & images["degrader"].isin(["", degrader])] for name, degrader in pairs[:rows]
    ]


def _strip(folder: Path, block: pd.DataFrame, numbers: pd.DataFrame, scorers: Sequence[str], tile: int) -> Image.Image:
    tiles = []
    for row in block.itertuples():
        key = (row.dataset, row.item, row.degrader, row.enhancer)
        here = numbers.loc[[key]] if key in numbers.index else numbers.iloc[:0]
        lines = [
            f"{scorer} {format_number(score)}" for scorer, score in zip(here["scorer"], here["score"], strict=True)
        ]
        label = row.enhancer or row.degrader or row.item
        made = folder / str(row.image) if row.status == "done" else None
        tiles.append(_tile(made, str(label), lines, len(scorers), tile))
    height = max(picture.height for picture in tiles)
    strip = Image.new("RGB", ((tile + _MARGIN) * len(tiles) + _MARGIN, height + _MARGIN), _PAPER)
    for position, picture in enumerate(tiles):
        strip.paste(picture, (_MARGIN + position * (tile + _MARGIN), _MARGIN))
    return strip


def _tile(path: Path | None, label: str, lines: Sequence[str], room: int, tile: int) -> Image.Image:
    """One image over its label and ``lines`` of scores, with room for ``room`` of them."""
    if path is not None and path.is_file():
        pixels = Image.fromarray(read_image(path))
        height = max(1, round(tile * pixels.height / pixels.width))
        enlarges = pixels.width < tile
        picture = pixels.resize((tile, height), Image.Resampling.NEAREST if enlarges else Image.Resampling.LANCZOS)
    else:
        picture = Image.new("RGB", (tile, tile * 3 // 4), "#e4e4e4")
        lines = ["not made"]
    canvas = Image.new("RGB", (tile, picture.height + _LINE * (1 + max(1, room)) + 6), _PAPER)
    canvas.paste(picture, (0, 0))
    draw = ImageDraw.Draw(canvas)
    bold, plain = ImageFont.load_default(_FONT_SIZE + 1), ImageFont.load_default(_FONT_SIZE)
    draw.text((1, picture.height + 3), _fit(draw, label, bold, tile), _INK, bold)
    for number, line in enumerate(lines, start=1):
        draw.text((1, picture.height + 4 + _LINE * number), _fit(draw, line, plain, tile), _FAINT, plain)
    return canvas


def _fit(draw: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    text = "".join(char if char.isprintable() else "?" for char in text)
    while text and draw.textlength(text, font) > width:
        text = text[:-2] + "…" if len(text) > 2 else ""
    return text


def _default_scorers(scores: pd.DataFrame, models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Up to two full-reference and two no-reference scorers."""
    labels = list(dict.fromkeys(scores["scorer"]))
    with_reference = [label for label in labels if models[label].get("reference")]
    without = [label for label in labels if label not in with_reference]
    return with_reference[:2] + without[: 4 - len(with_reference[:2])]


def _known(wanted: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    for name in wanted:
        if name not in known:
            raise UsageError(f"The run has no {what} {name!r}.", hint=nearest(name, known))
    return list(wanted)
