"""Folders of images, and files matched by name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from iqabench.datasets.folder import match_by_name, read_folder
from iqabench.errors import DatasetError
from iqabench.store import Store
from iqabench.text import decodable, printable


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_images_are_found_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.PNG", "a.jpg", "sub/a.jpg", "notes.txt", ".hidden.png", ".git/x.png", "png")
    assert [item.name for item in read_folder(tmp_path)] == ["a.jpg", "b.PNG", "sub/a.jpg"]


def test_run_folders_below_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "run/images/noise/degraded/a-1.png")
    with Store(tmp_path / "run"):
        pass
    assert [item.name for item in read_folder(tmp_path)] == ["a.png"]
    assert len(read_folder(tmp_path / "run" / "images")) == 1


def test_matching(tmp_path: Path) -> None:
    made = touch(tmp_path / "made", "a/x.png", "b/x.png", "c/deep/y.webp", "z.tif")

    def match(*names: str) -> list[str | None]:
        return [path and path.relative_to(made).as_posix() for path in match_by_name(names, made)]

    assert match("a/x.png", "b/x.png") == ["a/x.png", "b/x.png"]
    assert match("a/x.jpg") == ["a/x.png"], "the ending may differ"
    assert match("y.png", "other/z.png") == ["c/deep/y.webp", "z.tif"], "one stem, one file"
    assert match("p/z.png", "q/z.png") == [None, None], "two photos of one stem"
    assert match("none.png") == [None]
    with pytest.raises(DatasetError, match=r"x\.png fits several files in .*: a/x\.png and b/x\.png"):
        match("x.png")


def test_accents_however_written(tmp_path: Path) -> None:
    made = touch(tmp_path / "made", unicodedata.normalize("NFD", "é.png"), "new\nline.png")
    found = match_by_name([unicodedata.normalize("NFC", "é.png"), "new\\nline.png"], made)
    assert all(found)


def test_references(tmp_path: Path) -> None:
    items = read_folder(touch(tmp_path / "in", "a.png", "b.png"), references=touch(tmp_path / "ref", "a.bmp"))
    assert [item.reference and item.reference.name for item in items] == ["a.bmp", None]


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        read_folder(tmp_path / "none")
    with pytest.raises(DatasetError, match="holds no image"):
        read_folder(tmp_path)


def test_text_from_outside() -> None:
    assert printable("plain é 日本 [x]") == "plain é 日本 [x]"
    assert printable("\x1b[31m\n\t\r\x07\udcff\u202e") == r"\x1b[31m\n\t\r\x07\udcff\u202e"
    assert printable(printable("\x1b")) == printable("\x1b")
    assert decodable("a\n\udcff") == "a\n\\udcff"
