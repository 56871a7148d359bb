"""Pictures small enough to be carried inside the page, up to a budget of bytes."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from PIL import Image, features

from iqabench.errors import ImageError
from iqabench.images import read_image

_KEY = 16  # bytes around each picture in the page


@dataclass(slots=True)
class Album:
    """Images by their row, as data URIs, ``room`` bytes of them at most. ``missing`` says why one cannot be had."""

    folder: Path
    room: int
    used: int = 0
    pictures: dict[int, str] = field(default_factory=dict)
    missing: dict[int, str] = field(default_factory=dict)
    full: bool = False

    def add(self, row: int, image: pd.Series, *, width: int) -> bool:
        """Whether the picture of ``image`` (its file, status and reason) is in the album, or cannot be had at all; not
        where it found no room."""
        if row in self.pictures or row in self.missing:
            return True
        if self.full:
            return False
        try:
            if image["status"] != "done":
                raise ImageError(image["reason"] or "not made")
            made = encode(self.folder / image["image"], width)
        except ImageError as error:
            self.missing[row] = error.message
            return True
        if self.used + len(made) + _KEY > self.room:
            self.full = True
            return False
        self.used += len(made) + _KEY
        self.pictures[row] = made
        return True

    def remove(self, row: int) -> None:
        """Take a picture out again."""
        if row in self.pictures:
            self.used -= len(self.pictures.pop(row)) + _KEY


def encode(path: Path, width: int, quality: int = 72) -> str:
    """The image, at most ``width`` pixels wide, as a data URI. Raises ImageError."""
    if not path.is_file():
        raise ImageError(f"{path}: is not there any more.")
    picture = Image.fromarray(read_image(path))
    if picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    form = "webp" if features.check("webp") else "jpeg"
    file = io.BytesIO()
    picture.save(file, format=form, quality=quality)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"
