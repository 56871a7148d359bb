"""Every kind of image file becomes 8-bit RGB, upright; every file that is not whole is refused by name."""

from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iqabench.errors import ImageError, StoreError
from iqabench.images import read_image, read_size, to_pixels, to_tensor, write_png

RAMP = np.linspace(0, 255, 24 * 16 * 3).astype(np.uint8).reshape(16, 24, 3)
"""Height 16, width 24."""


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_rgb_is_exact(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RAMP))
    assert read_size(path) == (16, 24)
    np.testing.assert_array_equal(read_image(path), RAMP)


def test_grey_and_palette(tmp_path: Path) -> None:
    grey = save(tmp_path / "grey.png", Image.fromarray(RAMP[..., 0]))
    np.testing.assert_array_equal(read_image(grey), np.repeat(RAMP[..., :1], 3, axis=2))
    palette = Image.fromarray(RAMP).quantize(16)
    path = save(tmp_path / "palette.png", palette)
    np.testing.assert_array_equal(read_image(path), np.asarray(palette.convert("RGB")))
    two = save(tmp_path / "two.png", Image.fromarray(RAMP[..., 0] > 100))
    assert set(np.unique(read_image(two))) == {0, 255}


def test_cmyk(tmp_path: Path) -> None:
    image = Image.new("CMYK", (24, 16), (0, 255, 255, 0))
    path = save(tmp_path / "a.tif", image)
    np.testing.assert_array_equal(read_image(path), np.broadcast_to([255, 0, 0], (16, 24, 3)))


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    rgba = Image.new("RGBA", (4, 2), (200, 100, 0, 0))
    rgba.putpixel((0, 0), (200, 100, 0, 255))
    pixels = read_image(save(tmp_path / "a.png", rgba))
    np.testing.assert_array_equal(pixels[0, 0], [200, 100, 0])
    np.testing.assert_array_equal(pixels[1, 3], [255, 255, 255])
    grey = read_image(save(tmp_path / "la.png", Image.new("LA", (4, 2), (10, 0))))
    assert (grey == 255).all()
    indexed = Image.new("P", (4, 2), 0)
    indexed.putpalette([9, 9, 9])
    assert (read_image(save(tmp_path / "p.png", indexed, transparency=0)) == 255).all()


def test_sixteen_bits(tmp_path: Path) -> None:
    wide = (np.arange(16 * 24, dtype=np.uint16) * 170).reshape(16, 24)
    for name in ("a.png", "a.tif"):
        pixels = read_image(save(tmp_path / name, Image.fromarray(wide)))
        np.testing.assert_array_equal(pixels[..., 1], np.round(wide / 257.0).astype(np.uint8))


def test_sixteen_bits_a_channel(tmp_path: Path) -> None:
    """Written by hand: Pillow does not write them. Off by no more than the rounding."""
    wide = np.linspace(0, 65535, 16 * 24 * 3).astype(">u2").reshape(16, 24, 3)
    path = tmp_path / "rgb16.png"
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 24, 16, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert np.abs(read_image(path) - wide.astype(float) / 257).max() <= 1


def test_float_tiff(tmp_path: Path) -> None:
    unit = (RAMP[..., 0] / 255).astype(np.float32)
    pixels = read_image(save(tmp_path / "a.tif", Image.fromarray(unit)))
    np.testing.assert_array_equal(pixels[..., 0], RAMP[..., 0])
    unit[0, 0] = np.nan
    with pytest.raises(ImageError, match=r"nan\.tif: cannot be decoded \(it holds NaN"):
        read_image(save(tmp_path / "nan.tif", Image.fromarray(unit)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(RAMP), exif=exif)
    turned = {
        1: RAMP,
        2: RAMP[:, ::-1],
        3: RAMP[::-1, ::-1],
        4: RAMP[::-1],
        5: RAMP.transpose(1, 0, 2),
        6: np.rot90(RAMP, -1),
        7: RAMP[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RAMP, 1),
    }[orientation]
    np.testing.assert_array_equal(read_image(path), turned)
    assert read_size(path) == turned.shape[:2]


def test_one_pixel_and_animation(tmp_path: Path) -> None:
    one = save(tmp_path / "one.png", Image.new("RGB", (1, 1), (1, 2, 3)))
    assert read_image(one).tolist() == [[[1, 2, 3]]]
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    gif = save(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(gif)[0, 0].tolist() == [255, 0, 0]


def refusal(path: Path) -> str:
    """What is said of a file when it is looked at, or else when it is read; always with its name."""
    with pytest.raises(ImageError) as caught:
        read_size(path)
        read_image(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_files_that_are_no_images(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.png", Image.fromarray(RAMP)).read_bytes()
    jpeg = save(tmp_path / "whole.jpg", Image.fromarray(RAMP)).read_bytes()
    for name, content, words in [
        ("empty.png", b"", "is empty"),
        ("text.png", b"no image at all", "is not an image that can be read"),
        ("torn.png", whole[: len(whole) // 2], "truncated"),
        ("torn.jpg", jpeg[:-40], "truncated"),
        ("script.svg.png", b"<svg/>", "is not an image"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        assert words in refusal(path), name
    assert "is not a file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    assert "is not a file" in refusal(tmp_path / "pipe.png")
    assert "No such file" in refusal(tmp_path / "gone.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    assert "No such file" in refusal(tmp_path / "dangling.png")


def bomb(path: Path, side: int) -> Path:
    """A PNG whose header claims side x side pixels, in a few bytes."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", b"x"), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.mark.filterwarnings("error")
def test_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    assert "2500 megapixels, more than the limit of 100" in refusal(bomb(tmp_path / "a.png", 50_000))
    assert "more than the limit" in refusal(bomb(tmp_path / "b.png", 10_001))
    assert read_size(bomb(tmp_path / "c.png", 9_900)) == (9_900, 9_900)  # where Pillow would warn
    monkeypatch.setenv("IQABENCH_MAX_PIXELS", "3000000000")
    assert read_size(tmp_path / "a.png") == (50_000, 50_000)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "bmp", "ppm"])
def test_damaged_files_raise_nothing_but_image_errors(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    with_exif = {"exif": exif} if suffix != "gif" else {}
    whole = save(tmp_path / f"{suffix}-whole.{suffix}", Image.fromarray(RAMP), **with_exif)
    content = whole.read_bytes()
    draw = random.Random(suffix)
    path = tmp_path / f"damaged.{suffix}"
    for _ in range(120):
        damaged = bytearray(content[: draw.randint(1, len(content))] if draw.random() < 0.3 else content)
        for _ in range(draw.randint(1, 6)):
            damaged[draw.randrange(min(len(damaged), 300))] = draw.randrange(256)
        path.write_bytes(damaged)
        try:
            size = read_size(path)
            assert read_image(path).shape == (*size, 3)
        except ImageError as error:
            assert "damaged" in str(error)


def test_written_images_are_whole_and_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.png"
    write_png(path, RAMP, scratch=tmp_path / "scratch")
    np.testing.assert_array_equal(read_image(path), RAMP)
    write_png(path, RAMP[::-1].copy())
    np.testing.assert_array_equal(read_image(path), RAMP[::-1])
    assert not list(tmp_path.rglob("*.tmp"))
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        write_png(tmp_path / "file" / "a.png", RAMP)


def test_tensors_round_trip(tmp_path: Path) -> None:
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    tensor = to_tensor(every)
    assert tensor.shape == (1, 3, 16, 16)
    assert (tensor.min().item(), tensor.max().item()) == (0, 1)
    np.testing.assert_array_equal(to_pixels(tensor[0]), every)
