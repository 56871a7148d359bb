"""Files of every odd kind in one folder: what can be used is, the rest is named, and nothing else suffers."""

from __future__ import annotations

import os
import shutil
import zlib

import numpy as np
import pytest
from PIL import Image

MEAN = "return images.double().mean(dim=(1, 2, 3))"
LONG = "long-" + "x" * 200 + ".png"
HOSTILE = [
    "-rf.png",
    "--out.png",
    "a 'quoted' \"name\".png",
    "new\nline.png",
    "\x1b[31mred\x1b[0m.png",
    "a..b..png",
    "$(touch owned).png",
    "日本語 ﷽ é.png",
    "a,b;c=d[e].png",
    os.fsdecode(b"not-utf8-\xff.png"),
    LONG,
]


@pytest.fixture
def scored(lab):
    lab.install("scorer", "zoo.mean", MEAN)
    lab.install("degrader", "noise.zoo", "return images * 0.5", facts="undone_by='dn'")
    return lab


def test_odd_and_broken_files(scored) -> None:
    folder = scored.photos(3)
    plain = Image.open(folder / "000.png")
    plain.convert("CMYK").save(folder / "cmyk.jpg")
    plain.quantize(16).save(folder / "palette.png")
    plain.convert("L").save(folder / "grey.png")
    plain.convert("RGBA").save(folder / "alpha.png")
    Image.fromarray(np.asarray(plain.convert("L")).astype(np.uint16) * 257).save(folder / "grey16.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    plain.rotate(90, expand=True).save(folder / "turned.png", exif=exif)
    Image.new("RGB", (1, 1), (255, 0, 0)).save(folder / "one.png")
    good = {"000.png", "001.png", "002.png", "cmyk.jpg", "palette.png", "grey.png", "alpha.png", "grey16.png",
            "turned.png", "one.png"}  # fmt: skip
    content = (folder / "000.png").read_bytes()
    (folder / "torn.png").write_bytes(content[: len(content) // 2])
    (folder / "empty.png").touch()
    (folder / "prose.jpg").write_text("not an image")
    bomb = bytearray(content)
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    (folder / "bomb.png").write_bytes(bomb)
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "notes.txt").write_text("passed over")
    (folder / "folder.png").mkdir()
    bad = {"torn.png": "truncated", "empty.png": "is empty", "prose.jpg": "is not an image",
           "bomb.png": "3600 megapixels, more than the limit", "pipe.png": "is not a file",
           "dangling.png": "No such file"}  # fmt: skip

    done = scored.command(
        "run", "--images", folder, "--degraders", "noise.zoo", "--iqa", "zoo.mean,fr.psnr", "--out", "run"
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    rows = scored.rows("run")
    assert {row["item"] for row in rows if row["status"] == "done"} == good
    assert len(rows) == (len(good) + len(bad)) * 3
    for name, words in bad.items():
        reasons = {row["reason"] for row in rows if row["item"] == name}
        assert len(reasons) == 1
        (reason,) = reasons
        assert reason.startswith(str(folder / name))
        assert words in reason
        assert reason in done.stdout

    means = {row["item"]: float(row["score"]) for row in rows if row["scorer"] == "zoo.mean" and not row["degrader"]
             if row["status"] == "done"}  # fmt: skip
    assert means["turned.png"] == means["alpha.png"] == means["000.png"]
    assert means["grey16.png"] == means["grey.png"]
    assert means["one.png"] == pytest.approx(1 / 3)

    shown = scored.command("show", "run")
    assert shown.returncode == 1
    assert f" {len(good)}/{len(good) + len(bad)}" in shown.stdout
    assert f"{3 * len(bad)} of {len(rows)} scores failed" in shown.stdout
    assert scored.command("run", "--images", folder, "--iqa", "zoo.mean", "--out", "run", "--json").returncode == 1


def test_hostile_names(scored) -> None:
    folder = scored.photos(1)
    template = folder / "000.png"
    for index, name in enumerate(HOSTILE):
        image = Image.open(template).copy()
        image.putpixel((0, 0), (index, 0, 0))
        image.save(template.with_name("next.png"))
        template.with_name("next.png").rename(folder / name)
    (folder / "sub").mkdir()
    (folder / "sub" / "\x1b[2Jtorn.png").write_bytes(template.read_bytes()[:100])
    (folder / "sub" / os.fsdecode(b"empty-\xfe.png")).touch()
    shutil.copytree(folder, scored.root / "other")
    done = scored.command(
        "run", "--images", "photos", "--degraders", "noise.zoo", "--iqa", "zoo.mean,fr.psnr",
        "--enhanced", "mine=other", "--out", "run",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    rows = scored.rows("run")
    failed = {row["item"] for row in rows if row["status"] == "failed"}
    assert failed == {"sub/\\x1b[2Jtorn.png", "sub/empty-\\udcfe.png"}
    assert len({row["item"] for row in rows}) == len(HOSTILE) + 3
    assert not any("\n" in row["item"] or "\n" in row["reason"] for row in rows)
    matched = {row["item"]: float(row["score"]) for row in rows if row["enhancer"] == "mine"
               if row["scorer"] == "fr.psnr" and row["status"] == "done"}  # fmt: skip
    assert len(matched) == len(HOSTILE) + 1
    assert set(matched.values()) == {80.0}
    images = list((scored.root / "run").rglob("*.png"))
    assert len(images) == len(HOSTILE) + 1
    assert all(path.name.isascii() and path.name.isprintable() for path in images)
    assert not (scored.root / "owned").exists()
    again = scored.command("run", "--images", "photos", "--iqa", "zoo.mean", "--out", "run", "--dry-run")
    assert again.returncode == 0
    shown = scored.command("show", "run")
    assert "\x1b" not in shown.stdout


def test_duplicate_names(scored) -> None:
    """The same name in two folders, in the photos and in what another tool made of them."""
    root = scored.root
    for number, name in enumerate(("a", "b")):
        scored.photos(1, folder=f"photos-{name}", seed=number)
        (root / "photos" / name).mkdir(parents=True)
        (root / "made" / name).mkdir(parents=True)
        (root / f"photos-{name}" / "000.png").rename(root / "photos" / name / "x.png")
        shutil.copy(root / "photos" / name / "x.png", root / "made" / name / "x.png")
    arguments = ("run", "--images", "photos", "--iqa", "fr.psnr,zoo.mean", "--out", "run")
    done = scored.command(*arguments, "--enhanced", "tool=made")
    assert done.returncode == 0, done.stderr
    rows = scored.rows("run")
    assert {row["item"] for row in rows} == {"a/x.png", "b/x.png"}
    assert [row["score"] for row in rows if row["scorer"] == "fr.psnr"] == ["80.0"] * 2

    # A flat folder cannot tell them apart, so it fits neither; two endings of one name are refused.
    (root / "flat").mkdir()
    shutil.copy(root / "made" / "a" / "x.png", root / "flat" / "x.png")
    done = scored.command(*arguments, "--enhanced", "tool=flat")
    assert done.returncode == 1
    assert f"{root / 'flat'}: holds no image named like a/x.png." in done.stdout
    Image.open(root / "flat" / "x.png").save(root / "made" / "a" / "x.bmp")
    (root / "made" / "a" / "x.png").rename(root / "made" / "a" / "x.tif")
    done = scored.command(*arguments, "--enhanced", "tool=made")
    assert done.returncode == 1
    assert "a/x.png fits several files in" in done.stderr
    assert "a/x.bmp and a/x.tif" in done.stderr


def test_unreadable_file(scored, as_anyone) -> None:
    folder = scored.photos(2)
    (folder / "001.png").chmod(0)
    done = scored.command("run", "--images", "photos", "--iqa", "zoo.mean", "--out", "run", **as_anyone)
    assert done.returncode == 1
    assert f"{folder / '001.png'}: cannot be opened (Permission denied)" in done.stdout, done.stdout + done.stderr
    assert [row["status"] for row in scored.rows("run")] == ["done", "failed"]


def test_nothing_to_look_at(scored) -> None:
    (scored.root / "bare").mkdir()
    for given, words in [
        (("--images", "gone"), "gone is not a folder."),
        (("--images", "bare"), "bare holds no image."),
        (("--iqa", "zoo.mean"), "There are no photos."),
    ]:
        done = scored.command("run", *given, "--iqa", "zoo.mean", "--out", "run")
        assert done.returncode in (1, 2)
        assert words in done.stderr
        assert "Traceback" not in done.stderr
