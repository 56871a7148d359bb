"""Paths as label files write them: case, slashes, and whatever would leave the folder."""

from __future__ import annotations

import pytest

from iqabench.datasets.layout import Layout
from iqabench.datasets.tables import Row
from iqabench.errors import DatasetError


@pytest.fixture
def row(tmp_path) -> Row:
    return Row(tmp_path / "labels.csv", "row 7", {})


@pytest.mark.parametrize(
    "name",
    ["../x.jpg", "a/../../x.jpg", "/etc/passwd", "C:\\x.jpg", "c:x.jpg", "..\\x.jpg", "a\0b.jpg", ".", "..", "a/.."],
)
def test_out_of_the_folder(tmp_path, row, name):
    with pytest.raises(DatasetError, match=r"labels\.csv, row 7: .* leads out of the dataset's folder"):
        Layout(tmp_path).image(name, row)


@pytest.mark.parametrize("name", ["", "  "])
def test_no_name(tmp_path, row, name):
    with pytest.raises(DatasetError, match="row 7: names no image"):
        Layout(tmp_path).image(name, row)


@pytest.mark.parametrize("name", ["a/I01.bmp", "A/i01.BMP", "a\\I01.BMP", "./a//i01.bmp", "a/b/../i01.bmp"])
def test_case_and_slashes(tmp_path, draw, row, name):
    draw("a/I01.BMP")
    assert Layout(tmp_path).image(name, row) == tmp_path / "a" / "I01.BMP"


def test_the_exact_name_wins_and_ambiguity_is_an_error(tmp_path, draw, row):
    draw("I01.bmp", "i01.bmp")
    layout = Layout(tmp_path)
    assert layout.image("i01.bmp", row).name == "i01.bmp"
    with pytest.raises(DatasetError, match=r"'I01\.BMP' fits I01\.bmp and i01\.bmp alike"):
        layout.image("I01.BMP", row)


def test_folders_are_tried_in_turn(tmp_path, draw, row):
    draw("second/a.png", "third/b.png")
    layout = Layout(tmp_path)
    folders = ["first", "second", "third"]
    assert layout.image("b.png", row, folders) == tmp_path / "third" / "b.png"
    assert layout.image("c.png", row, folders) == tmp_path / "second" / "c.png"  # missing: in the first that is there


def test_files_are_not_looked_at(tmp_path, draw, row, monkeypatch):
    draw(*(f"{number}.png" for number in range(20)))
    layout = Layout(tmp_path)
    layout.image("0.png", row)
    monkeypatch.setattr("os.stat", lambda *args, **options: pytest.fail("a file was looked at"))
    monkeypatch.setattr("os.listdir", lambda *args: pytest.fail("the folder was listed again"))
    assert layout.image("19.png", row) == tmp_path / "19.png"


def test_composed_and_decomposed_accents(tmp_path, draw, row):
    draw("a\u0308.png")
    assert Layout(tmp_path).image("ä.png", row).name == "a\u0308.png"
