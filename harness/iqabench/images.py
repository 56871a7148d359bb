"""Image files <-> arrays <-> tensors. Everything becomes 8-bit RGB, upright; nothing else leaves this room.

EXIF orientation is applied; palette, grey and CMYK become RGB; transparency is laid over white; 16 bits a
channel are reduced to 8 by rounding where Pillow gives them whole (grey), else by Pillow itself.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import struct
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from iqabench.errors import ImageError, StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

SUFFIXES = frozenset(
    {
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".webp",
        ".bmp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".gif",
        ".avif",
        ".jp2",
    }
)
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM", "GIF", "AVIF", "JPEG2000")
MAX_PIXELS = 100_000_000
"""Largest image read, unless the environment's IQABENCH_MAX_PIXELS says otherwise."""
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, OverflowError, struct.error, MemoryError)
"""What Pillow's decoders are known to raise for files that are not whole."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation, what turns the stored image upright."""
_PILLOW = threading.Lock()
"""Held where a setting of the whole process is put aside for a moment."""


def read_size(path: Path) -> tuple[int, int]:
    """(height, width) as the image will be read, from its header alone. Raises ImageError."""
    with _open(path) as image:
        width, height = image.size
        return (width, height) if _orientation(image) in (5, 6, 7, 8) else (height, width)


def read_image(path: Path) -> NDArray[np.uint8]:
    """The image as (H, W, 3) uint8. Raises ImageError for a file that is not a whole, readable image."""
    with _open(path) as image:
        try:
            turn = _UPRIGHT.get(_orientation(image))
            image.load()
            upright = image if turn is None else image.transpose(turn)
            return np.array(_to_rgb(upright))  # a dtype, even its own, would cost a second and slower copy
        except _BROKEN as error:
            raise ImageError(f"{path}: cannot be decoded ({_reason(error)}).", hint="Replace the file.") from error


def write_png(path: Path, pixels: NDArray[np.uint8], *, scratch: Path | None = None) -> None:
    """Write (H, W, 3) uint8 losslessly: whole under its name, or not at all. Raises StoreError.

    It is written in the folder ``scratch``, of the same file system, or beside its place, and then renamed.
    """
    temporary = (scratch or path.parent) / f".{path.name[:80]}.{secrets.token_hex(4)}.tmp"
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(temporary, format="PNG", compress_level=1)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written ({_reason(error)}).") from error


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in [0, 1]."""
    import torch

    return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0).contiguous().float().div_(255)


def to_pixels(image: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) in [0, 1] -> (H, W, 3) uint8, rounded to the nearest step."""
    scaled = image.detach().clamp(0, 1).mul(255).round_()
    return scaled.byte().permute(1, 2, 0).contiguous().cpu().numpy()


def _open(path: Path) -> Image.Image:
    """The image, its header read. Raises ImageError."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a named pipe would wait for ever
            raise ImageError(f"{path}: is not a file.", hint="Replace or remove it.")
        image = _open_any_size(path)
    except UnidentifiedImageError:
        what = "is empty" if found.st_size == 0 else "is not an image that can be read"
        raise ImageError(f"{path}: {what}.", hint="Replace or remove the file.") from None
    except _BROKEN as error:
        raise ImageError(f"{path}: cannot be opened ({_reason(error)}).", hint="Replace or remove the file.") from error
    pixels = image.size[0] * image.size[1]
    if pixels > int(os.environ.get("IQABENCH_MAX_PIXELS", MAX_PIXELS)):
        image.close()
        raise _too_large(path, pixels)
    return image


def _open_any_size(path: Path) -> Image.Image:
    """Only the header is read here. Pillow's own limit, warning first and lower than ours, is put aside for that
    long: the limit that holds is the one that the user can set."""
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged EXIF data
        Image.init()
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _orientation(image: Image.Image) -> int:
    """As the header says, 1 (upright) where it says nothing that can be read."""
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Not the PNG reader's own method, which would decode the whole image to look behind it.
            return int(Image.Image.getexif(image).get(0x0112, 1))
        except _BROKEN:
            return 1


def _too_large(path: Path, pixels: int) -> ImageError:
    limit = int(os.environ.get("IQABENCH_MAX_PIXELS", MAX_PIXELS)) / 1e6
    return ImageError(
        f"{path}: {pixels / 1e6:.0f} megapixels, more than the limit of {limit:.0f}.",
        hint="Make it smaller, or set IQABENCH_MAX_PIXELS.",
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I") or image.mode == "F":
        wide = np.asarray(image, dtype=np.float64)
        if not np.isfinite(wide).all():
            raise ValueError("it holds NaN or infinity")
        top = 65535.0 if image.mode != "F" or wide.max(initial=0) > 1 else 1.0
        return Image.fromarray(np.round(wide.clip(0, top) * (255 / top)).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
